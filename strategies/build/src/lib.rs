//! Compiles the guests of a folder to components, once, for the build script of the crate that embeds them.
//!
//! A folder of guests holds one crate in each sub-folder, named like it. The crates are built by one nested `cargo build` for
//! `wasm32-unknown-unknown` with the profile `guest`, in `guests/` of the workspace's own target folder: what two build scripts need
//! is compiled once, and the outer build's lock is not waited for.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod compile;
mod folder;
mod place;
mod write;

pub use compile::compile;
pub use folder::{Guest, Scenarios, guests};
pub use place::Place;
pub use write::{sdk_files, strategies, test_guests};

use std::{io, path::PathBuf, process::ExitCode};

/// Why guests cannot be embedded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not run by cargo.
    #[error("{0} is not set; this is for build scripts")]
    NoBuildScript(&'static str),
    /// The build script's crate is not in this workspace.
    #[error("no folder above {0} holds Cargo.lock; keep the crate inside the workspace")]
    NoWorkspace(PathBuf),
    /// A sub-folder is not a guest.
    #[error("{folder} is no guest: {missing} is missing; add it, or remove the folder")]
    NoGuest {
        /// The sub-folder.
        folder: PathBuf,
        /// What it lacks.
        missing: &'static str,
    },
    /// A strategy without tests.
    #[error("strategy {name} has no scenario: put one at least into {folder}, as NAME.scenario")]
    NoScenario {
        /// The strategy.
        name: String,
        /// Where a scenario belongs.
        folder: PathBuf,
    },
    /// A scenario that cannot fail.
    #[error("{0} expects nothing, so it tests nothing: write a line such as `expect play \"welcome\"`, or remove the file")]
    ExpectsNothing(PathBuf),
    /// The standard library for Wasm is not installed.
    #[error("rustc has no standard library for wasm32-unknown-unknown in {0}; run `cargo xtask setup`")]
    NoWasmStd(PathBuf),
    /// The nested build failed, and has said why.
    #[error("the guests in {0} do not compile; their compiler's message, in this output, says why")]
    Compile(PathBuf),
    /// A file that cannot be read or written, a program that cannot be started.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Error {
    /// For `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |error| Error::Io { path, error }
    }
}

/// Ends a build script: cargo shows the error as its own.
pub fn exit(result: Result<(), Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}
