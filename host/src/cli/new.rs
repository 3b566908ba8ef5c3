//! `tandem new`: an author's first project, with all that it needs.

use std::{
    io,
    path::{Path, PathBuf},
};

use miette::{Report, bail, miette};

use super::{LogArguments, Verdict};

/// Writes a new strategy's project: a sample that greets, asks and routes, its scenario, options to run it on the simulated
/// switch, and the SDK. It needs neither this program's repository nor anything published.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem new --lang rust first-menu
  cd first-menu && tandem build && tandem test")]
pub struct Arguments {
    /// The language to write it in
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// The project's folder; its last part is the strategy's name
    #[arg(value_name = "NAME")]
    folder: PathBuf,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Language {
    /// Rust: event style in the sample, straight-line style in sdk/README.md
    Rust,
}

/// Files of the project and what stands in them, `{{name}}` and `{{crate}}` to be filled in.
const TEMPLATE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../templates/rust/Cargo.toml.in")),
    (".cargo/config.toml", include_str!("../../templates/rust/dot-cargo/config.toml")),
    (".gitignore", include_str!("../../templates/rust/gitignore")),
    ("README.md", include_str!("../../templates/rust/README.md")),
    ("src/lib.rs", include_str!("../../templates/rust/src/lib.rs")),
    ("scenarios/menu.scenario", include_str!("../../templates/rust/scenarios/menu.scenario")),
    ("scenarios/silent.scenario", include_str!("../../templates/rust/scenarios/silent.scenario")),
    ("tandem.toml", include_str!("../../templates/rust/tandem.toml")),
];

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        let Language::Rust = self.lang;
        let name = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        fit_for_a_name(name)?;
        if self.folder.read_dir().is_ok_and(|mut files| files.next().is_some()) || self.folder.is_file() {
            bail!(help = "choose another name, or remove it", "{} is already there", self.folder.display());
        }
        for (path, text) in TEMPLATE {
            let text = text.replace("{{name}}", name).replace("{{crate}}", &name.replace('-', "_"));
            write(&self.folder.join(path), text.as_bytes())?;
        }
        for (path, contents) in tandem_strategies::SDK_RUST {
            write(&self.folder.join("sdk").join(path), contents)?;
        }
        println!("{} is written: src/lib.rs is the strategy, README.md says how to go on. Now:\n", self.folder.display());
        println!("  cd {}\n  tandem build\n  tandem test", self.folder.display());
        Ok(Verdict::Good)
    }
}

/// Names that cargo, or the project itself, needs for something else.
const TAKEN: &[&str] = &["alloc", "core", "proc-macro", "sdk", "serde", "std", "tandem-sdk", "test", "wit-bindgen"];

fn fit_for_a_name(name: &str) -> miette::Result<()> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('-') && !name.contains("--");
    if !begins || !name.chars().all(letters) || name.len() > 64 {
        bail!(
            help = "a name begins with a letter and has up to 64 small letters, digits and single hyphens: first-menu",
            "{name:?} cannot be a strategy's name"
        );
    }
    if TAKEN.contains(&name) {
        bail!(help = "choose another one: my-{name}", "the name {name:?} is taken by Rust or by the project itself");
    }
    Ok(())
}

fn write(path: &Path, contents: &[u8]) -> miette::Result<()> {
    let written = match path.parent() {
        Some(folder) => std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, contents)),
        None => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    };
    written.map_err(|cause| -> Report {
        miette!(help = "see that the folder may be written, and that the disk has room", "cannot write {}: {cause}", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn new(folder: PathBuf) -> miette::Result<Verdict> {
        Arguments { lang: Language::Rust, folder }.run(&LogArguments::default())
    }

    #[test]
    fn a_new_project_is_whole_and_bears_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("first-menu");
        new(project.clone()).unwrap();
        for (path, _) in TEMPLATE {
            let text = std::fs::read_to_string(project.join(path)).unwrap();
            assert!(!text.contains("{{"), "{path} has a place that was not filled in");
        }
        let options = std::fs::read_to_string(project.join("tandem.toml")).unwrap();
        assert!(Options::parse(&options, "tandem.toml").unwrap().warnings.is_empty());
        assert!(options.contains("release/first_menu.wasm"));
        assert!(project.join("sdk/Cargo.toml").is_file() && project.join("sdk/src/lib.rs").is_file());
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("first-menu");
        std::fs::create_dir(&project).unwrap();
        std::fs::write(project.join("mine"), "precious").unwrap();
        assert!(new(project.clone()).unwrap_err().to_string().contains("already there"));
        assert_eq!(project.read_dir().unwrap().count(), 1);
    }

    #[test]
    fn names_that_cannot_be_are_refused_with_one_that_can() {
        for name in ["", "First", "1st", "a b", "a_b", "-a", "a-", "a--b", "ümlaut", "test", "serde", &"a".repeat(65)] {
            let report = fit_for_a_name(name).unwrap_err();
            assert!(report.help().is_some(), "{name}: {report}");
        }
        assert!(fit_for_a_name("first-menu2").is_ok());
    }
}
