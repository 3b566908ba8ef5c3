//! `cargo xtask sim`.

use crate::{
    Done,
    command::{cargo, run},
    setup,
};

/// Builds the simulation with every planted bug in it (nothing else is ever built so) and calls it.
pub fn sim(arguments: &[String]) -> Done {
    // Every fiftieth seed plays components.
    setup::setup(&[])?;
    let build = ["run", "--release", "--package", "tandem-simulation", "--features", "planted-bugs", "--"];
    run(cargo(&build).args(arguments))
}
