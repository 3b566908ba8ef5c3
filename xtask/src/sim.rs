//! `cargo xtask sim`.

use std::process::Command;

use crate::{Done, command::run, product};

/// Builds the simulation with every planted bug in it (nothing else is ever built so) and calls it.
pub fn sim(arguments: &[String]) -> Done {
    let simulation = product::programs(&["tandem-simulation"], &["--features", "tandem-simulation/planted-bugs"])?;
    run(Command::new(simulation).args(arguments))
}
