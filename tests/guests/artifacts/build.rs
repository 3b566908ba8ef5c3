//! Compiles the guests and writes what `src/lib.rs` includes.

use std::process::ExitCode;

use tandem_guest_build::{Error, Place, exit, test_guests};

fn main() -> ExitCode {
    exit(embed())
}

fn embed() -> Result<(), Error> {
    let place = Place::from_env()?;
    place.watch();
    // The scripts of the guest `simulated`.
    println!("cargo::rerun-if-changed={}", place.root.join("tests/simulation/scripts").display());
    test_guests(&place)
}
