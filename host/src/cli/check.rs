//! `tandem check`: what a component is, and whether Tandem can run it.

use std::path::{Path, PathBuf};

use miette::{Report, miette};
use tandem_strategy::{Engine, EngineLimits, Report as Component, inspect};
use tandem_words::{Isolation, Manifest};

use super::{LogArguments, Verdict};

/// Loads a component as `tandem run` would, without a call: is it a strategy of this release's contract, does it import
/// nothing that strategies do not have, can it be compiled, does it say what it is? Exit code 1: Tandem cannot run it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem check target/wasm32-unknown-unknown/release/first_menu.wasm")]
pub struct Arguments {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        check(&self.file)
    }
}

/// Prints what the component is (stdout), or why it cannot be run (stderr).
///
/// # Errors
/// The file cannot be read, or this machine cannot run any component.
pub(super) fn check(file: &Path) -> miette::Result<Verdict> {
    let bytes = std::fs::read(file).map_err(|cause| {
        miette!(
            help = "`tandem build` in the strategy's project makes a component and prints its path",
            "cannot read {}: {cause}",
            file.display()
        )
    })?;
    let engine = Engine::new(EngineLimits::default()).map_err(Report::msg)?;
    match inspect(&engine, &bytes) {
        Ok(component) => {
            print!("{}", describe(file, &component));
            Ok(Verdict::Good)
        }
        Err(wrong) => {
            eprintln!("{:?}", miette!("{} cannot be run: {wrong}", file.display()));
            Ok(Verdict::Bad)
        }
    }
}

fn describe(file: &Path, component: &Component) -> String {
    let Manifest { name, version, .. } = &component.manifest;
    let mut lines = vec![
        format!("{}: good", file.display()),
        format!("  strategy     {name} {version}"),
        format!("  size         {}", kilobytes(component.bytes)),
        format!("  version      {} (SHA-256)", component.version),
        format!("  sessions     {}", sessions(&component.manifest)),
        format!("  uses         {}", list(&component.imports)),
    ];
    if !component.wasi.is_empty() {
        lines.push(format!("  virtual WASI {}", list(&component.wasi)));
    }
    for parameter in &component.manifest.parameters {
        let default = parameter.default.as_ref().map_or_else(|| "must be given".into(), |default| format!("default {default:?}"));
        lines.push(format!("  parameter    {}: {} ({default})", parameter.name, parameter.description));
    }
    lines.join("\n") + "\n"
}

fn sessions(manifest: &Manifest) -> String {
    let persist = if manifest.persist { "persisted, every step" } else { "not persisted" };
    let isolation = match manifest.isolation {
        Isolation::Shared => "many in one instance",
        Isolation::OwnInstance => "each in an instance of its own",
    };
    format!("{persist}; {isolation}")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// `127.0 KB`, of 1,000 bytes.
fn kilobytes(bytes: usize) -> String {
    format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_strategy_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("welcome.wasm");
        std::fs::write(&file, tandem_strategies::strategy("welcome").unwrap().wasm).unwrap();
        assert_eq!(check(&file).unwrap(), Verdict::Good);
    }

    #[test]
    fn what_is_no_strategy_is_bad_and_what_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("text.wasm");
        std::fs::write(&file, "no wasm").unwrap();
        assert_eq!(check(&file).unwrap(), Verdict::Bad);
        assert!(check(&folder.path().join("gone.wasm")).unwrap_err().help().is_some());
    }

    #[test]
    fn sizes_are_shown_in_kilobytes() {
        assert_eq!(kilobytes(130_003), "130.0 KB");
        assert_eq!(kilobytes(999), "0.9 KB");
    }
}
