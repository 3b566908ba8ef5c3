//! `tandem build`: an author's project to a checked component.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use miette::{IntoDiagnostic, WrapErr, bail, miette};
use serde::Deserialize;

use super::{LogArguments, Verdict, check};

const TARGET: &str = "wasm32-unknown-unknown";

/// Builds a strategy's project for Wasm (release), then checks the component as `tandem check` does.
///
/// Uses the cargo that is installed; what is missing is named with the one command that installs it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem build                    # the project of this folder
  tandem build strategies/menu    # another one
  tandem build -- --offline       # what follows -- goes to cargo")]
pub struct Arguments {
    /// The project's folder
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Given to `cargo build` as it is
    #[arg(last = true, value_name = "CARGO OPTIONS")]
    cargo: Vec<String>,
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        if !self.folder.join("Cargo.toml").is_file() {
            bail!(
                help = "go to a strategy's folder, or name it: tandem build FOLDER. `tandem new --lang rust NAME` makes one",
                "there is no Cargo.toml in {}, so there is nothing to build",
                self.folder.display()
            );
        }
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        target_is_installed(&self.folder)?;
        let built = build(&cargo, &self.folder, &self.cargo)?;
        if built.is_empty() {
            bail!(
                help = "a strategy's Cargo.toml has a section [lib] with crate-type = [\"cdylib\"]",
                "cargo has built no component in {}",
                self.folder.display()
            );
        }
        let mut verdict = Verdict::Good;
        for path in built {
            if check::check(&path)? == Verdict::Bad {
                verdict = Verdict::Bad;
            }
        }
        Ok(verdict)
    }
}

/// Whether rustc, as chosen in this folder, has a standard library for Wasm.
fn target_is_installed(folder: &Path) -> miette::Result<()> {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder).output();
    let asked = asked.map_err(|cause| {
        miette!(help = "install Rust with rustup, and see that `rustc --version` works in this shell", "rustc cannot be started: {cause}")
    })?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&asked.stdout).trim());
    let has_std = std::fs::read_dir(&libraries)
        .is_ok_and(|mut files| files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-"))));
    if has_std {
        return Ok(());
    }
    Err(miette!(
        help = "install it once: rustup target add {TARGET}\n(where rustup may not download, `cargo xtask setup` in Tandem's repository builds it from the distribution's source package)",
        "Rust's standard library for {TARGET} is not installed (looked in {})",
        libraries.display()
    ))
}

/// A line of cargo's messages.
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    filenames: Vec<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

/// The components of this line.
fn components(line: &str) -> Vec<PathBuf> {
    let Ok(message) = serde_json::from_str::<Message>(line) else { return Vec::new() };
    let is_component = message.target.is_some_and(|target| target.crate_types.iter().any(|kind| kind == "cdylib"));
    let wasm = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wasm");
    message.filenames.into_iter().filter(|path| is_component && wasm(path)).collect()
}

fn build(cargo: &Path, folder: &Path, more: &[String]) -> miette::Result<Vec<PathBuf>> {
    let mut child = Command::new(cargo)
        .args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"])
        .args(more)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|cause| {
            miette!(
                help = "install Rust with rustup, and see that `cargo --version` works in this shell",
                "cargo cannot be started: {cause}"
            )
        })?;
    let mut built = Vec::new();
    if let Some(messages) = child.stdout.take() {
        for line in BufReader::new(messages).lines() {
            built.extend(components(&line.into_diagnostic().wrap_err("cargo's messages cannot be read")?));
        }
    }
    let status = child.wait().into_diagnostic().wrap_err("cargo got lost")?;
    if !status.success() {
        bail!(help = "cargo's messages above say what is wrong in the strategy", "the build in {} failed ({status})", folder.display());
    }
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strategys_component_is_taken_from_cargos_messages() {
        let artifact = |kind: &str, file: &str| {
            format!(r#"{{"reason":"compiler-artifact","target":{{"crate_types":["{kind}"]}},"filenames":["{file}"]}}"#)
        };
        assert_eq!(components(&artifact("cdylib", "/x/menu.wasm")), [PathBuf::from("/x/menu.wasm")]);
        for other in
            [artifact("lib", "/x/libserde.rlib"), artifact("cdylib", "/x/menu.d"), r#"{"reason":"build-finished"}"#.into(), "text".into()]
        {
            assert!(components(&other).is_empty(), "{other}");
        }
    }

    #[test]
    fn a_folder_without_a_project_is_told_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Arguments { folder: folder.path().into(), cargo: Vec::new() };
        let report = arguments.run(&LogArguments::default()).unwrap_err();
        assert!(report.to_string().contains("Cargo.toml") && report.help().is_some_and(|help| help.to_string().contains("tandem new")));
    }
}
