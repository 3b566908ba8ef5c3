//! The built-in strategies, compiled once, here, for the product, the demo and the tests; and the files of the Rust SDK, which
//! `tandem new` writes into an author's project.

/// A built-in strategy.
#[derive(Debug, Clone, Copy)]
pub struct Strategy {
    /// As in `builtin:NAME`.
    pub name: &'static str,
    /// The component.
    pub wasm: &'static [u8],
    /// Its scenario tests: file name and text, in order of the names; one at least.
    pub scenarios: &'static [(&'static str, &'static str)],
}

mod generated {
    use super::Strategy;

    include!(concat!(env!("OUT_DIR"), "/strategies.rs"));
    include!(concat!(env!("OUT_DIR"), "/sdk_rust.rs"));
}

/// All of them, in order of their names.
pub const ALL: &[Strategy] = generated::ALL;

/// The files of `guest-sdk/rust`, path and content; `wit/` stands in it as a plain folder.
pub const SDK_RUST: &[(&str, &[u8])] = generated::SDK_RUST;

/// The strategy of a name.
pub fn strategy(name: &str) -> Option<&'static Strategy> {
    ALL.iter().find(|strategy| strategy.name == name)
}

/// What `tandem bench` runs: `tests/guests/bench`, one request a step.
pub const BENCH_GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/bench.wasm"));

/// What it starts again after a kill: `tests/guests/listener`, which is not persisted.
pub const RESTARTED_GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/listener.wasm"));
