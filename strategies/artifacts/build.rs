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
    println!("cargo::rerun-if-changed=../../tests/guests/bench");
    compile(&place, &[Guest { name: "bench".to_owned(), scenarios: Vec::new() }])
}
