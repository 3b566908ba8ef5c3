//! What can go wrong.

use std::{io, path::PathBuf, process::ExitStatus};

/// Why a demo came to no result. Children are dead when it is told; their logs stay where the message says.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The demo's own files.
    #[error("{}: {source}; see to the disk, or choose another folder with --keep", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program is missing.
    #[error("{} is missing: {what}; build it with: cargo build --release -p {package}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What it does.
        what: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// A child could not be started.
    #[error("{name} cannot be started: {source}")]
    Start {
        /// Which child.
        name: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A child ended when it should not have.
    #[error("{name} ended by itself ({status}); the end of its log {}:\n{tail}", log.display())]
    Ended {
        /// Which child.
        name: &'static str,
        /// How.
        status: ExitStatus,
        /// Where its log is.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Nothing moved for too long.
    #[error("{name} hangs: {what} did not happen within {seconds} s; the end of its log {}:\n{tail}", log.display())]
    Hung {
        /// Which child.
        name: &'static str,
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
        /// Where its log is.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The control port.
    #[error("the switch's control port: {0}")]
    Control(String),
    /// What the oracle wrote.
    #[error("the oracle's report {}: {why}", path.display())]
    Report {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl DemoError {
    /// For `map_err`.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> DemoError {
        let path = path.into();
        move |source| DemoError::Io { path, source }
    }
}
