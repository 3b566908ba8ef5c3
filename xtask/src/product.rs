//! The product and the programs that judge it, built and called.

use std::{path::PathBuf, process::Command};

use crate::{
    Done,
    command::{cargo, run, top},
    setup,
};

/// Who has programs here. All are always chosen together, and `--bin` says which is built: cargo gives their dependencies the same
/// features then, and compiles wasmtime once for all of them, instead of once for each.
const TOGETHER: [&str; 3] = ["tandem", "tandem-oracle", "tandem-simulation"];

/// Builds `tandem` with its strategies and SDKs, and `tandem-oracle`, which judges its runs, beside it.
pub fn build() -> Result<PathBuf, String> {
    programs(&["tandem", "tandem-oracle"], &[])
}

/// Builds these programs, with more arguments for cargo, and says where the first one is.
pub fn programs(names: &[&str], more: &[&str]) -> Result<PathBuf, String> {
    setup::setup(&[])?;
    let mut build = cargo(&["build", "--release"]);
    build.args(TOGETHER.iter().flat_map(|package| ["--package", package]));
    run(build.args(names.iter().flat_map(|name| ["--bin", name])).args(more))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top().join("target"), |folder| top().join(folder));
    Ok(target.join("release").join(names.first().copied().unwrap_or_default()))
}

/// `tandem NAME ARGUMENTS` in the folder where the chore was called.
pub fn call(name: &str, arguments: &[String]) -> Done {
    let tandem = build()?;
    run(Command::new(tandem).arg(name).args(arguments))
}
