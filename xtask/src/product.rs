//! The product, built and called.

use std::{path::PathBuf, process::Command};

use crate::{
    Done,
    command::{cargo, run, top},
    setup,
};

/// Builds `tandem` with its strategies and SDKs, and `tandem-oracle`, which judges its runs, beside it.
pub fn build() -> Result<PathBuf, String> {
    setup::setup(&[])?;
    run(&mut cargo(&["build", "--release", "--package", "tandem", "--package", "tandem-oracle"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top().join("target"), |folder| top().join(folder));
    Ok(target.join("release/tandem"))
}

/// `tandem NAME ARGUMENTS` in the folder where the chore was called.
pub fn call(name: &str, arguments: &[String]) -> Done {
    let tandem = build()?;
    run(Command::new(tandem).arg(name).args(arguments))
}
