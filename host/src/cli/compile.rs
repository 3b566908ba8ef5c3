//! `tandem compile`: what `tandem run` calls to compile a component in a process of its own.

use std::path::PathBuf;

use super::{LogArguments, Verdict};

/// How `tandem run` calls it.
pub(super) const NAME: &str = "compile";

/// Compiles a component for this machine. `tandem run` does this by itself, in a process of its own, and keeps the result.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem compile menu.wasm menu.cwasm")]
pub struct Arguments {
    /// The component
    component: PathBuf,
    /// Where the result goes
    compiled: PathBuf,
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        tandem_strategy::compile_to(&self.component, &self.compiled).map_err(miette::Report::msg)?;
        Ok(Verdict::Good)
    }
}
