//! Compiles the guests and writes what `src/lib.rs` includes.

use std::process::ExitCode;

use tandem_guest_build::{Error, Place, exit, test_guests};

fn main() -> ExitCode {
    exit(embed())
}

fn embed() -> Result<(), Error> {
    let place = Place::from_env()?;
    place.watch();
    test_guests(&place)
}
