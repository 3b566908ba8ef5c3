//! Compiles the strategies and writes what `src/lib.rs` includes.

use std::process::ExitCode;

use tandem_guest_build::{Error, Guest, Place, compile, exit, sdk_files, strategies};

fn main() -> ExitCode {
    exit(embed())
}

fn embed() -> Result<(), Error> {
    let place = Place::from_env()?;
    place.watch();
    sdk_files(&place)?;
    strategies(&place)?;
    let for_bench = ["bench", "listener"];
    for_bench.iter().for_each(|name| println!("cargo::rerun-if-changed=../../tests/guests/{name}"));
    compile(&place, &for_bench.map(|name| Guest { name: name.to_owned(), scenarios: Vec::new() }))
}
