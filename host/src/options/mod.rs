//! `tandem.toml`: read, checked, typed.
//!
//! One file, the same on every instance. [`Options::load`] gives options that are right in themselves and warnings about what one
//! should know; a mistake comes with its place in the file and what to write instead. What an option means stands in one
//! place, [`table::OPTIONS`]; `docs/options.md` is made from it, and a test compares its defaults with the real ones.
//!
//! ```
//! let text = r#"
//!     cluster.name = "cc1"
//!     persistence.store = "none"
//!     node = [{ id = 101, a = {} }]
//!     switch.main.url = "ws://127.0.0.1:7400"
//! "#;
//! let loaded = tandem::options::Options::parse(text, "tandem.toml").map_err(|wrong| format!("{wrong:?}"))?;
//! assert_eq!(loaded.options.limits.requests_per_step, 256);
//! # Ok::<(), String>(())
//! ```

mod changes;
mod cross;
mod fingerprint;
mod problem;
mod sections;
pub mod table;
pub mod values;
mod walk;

#[cfg(test)]
mod document;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use miette::NamedSource;
use serde::Deserialize;
use toml::{Spanned, de::DeTable};

pub use problem::{OptionsError, Problem};
pub use sections::{
    Cluster, FencingBy, Instance, Lease, Limits, Log, LogFormat, Node, Options, Orchestration, Parameter, Persistence, RoutingPoint,
    Sessions, Switch, Tls,
};

/// Options, and what one should know about them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Ready to use.
    pub options: Options,
    /// Each is a warning.
    pub warnings: Vec<Problem>,
}

impl Options {
    /// Reads a file and checks it, the files that it names included.
    ///
    /// # Errors
    /// The file is missing, unreadable, or wrong in one or more places.
    pub fn load(path: &Path) -> Result<Loaded, OptionsError> {
        let text = std::fs::read_to_string(path).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => OptionsError::Missing { path: path.into() },
            _ => OptionsError::Unreadable { path: path.into(), cause },
        })?;
        read(&text, path, true)
    }

    /// Checks a text without a look at the disk. `name` stands in messages, and paths start at its folder.
    ///
    /// # Errors
    /// The text is wrong in one or more places.
    pub fn parse(text: &str, name: &str) -> Result<Loaded, OptionsError> {
        read(text, Path::new(name), false)
    }
}

fn read(text: &str, path: &Path, look_at_disk: bool) -> Result<Loaded, OptionsError> {
    let name = path.display().to_string();
    let source = NamedSource::new(&name, Arc::<str>::from(text)).with_language("toml");
    let wrong = |mut problems: Vec<Problem>| {
        problems.sort_by_key(Problem::offset);
        Err(OptionsError::Wrong { name: name.clone(), problems })
    };
    let syntax = |error: &toml::de::Error| {
        let help = match error.message() {
            "duplicate key" => "this name is given twice: write each section and each key once",
            _ => "text goes in quotes, a section is [name], several of a kind are [[name]]",
        };
        Problem::new(&source, error.span(), error.message()).help(help)
    };

    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return wrong(errors.iter().map(syntax).collect());
    }
    let problems = walk::walk(&root, &source);
    if !problems.is_empty() {
        return wrong(problems);
    }
    let mut options = match typed(&root) {
        Ok(options) => options,
        Err(error) => return wrong(vec![syntax(&error)]),
    };
    options.settle(path.parent().unwrap_or(Path::new("")));
    let mut problems = cross::cross_check(&options, &root, &source);
    if look_at_disk {
        problems.extend(cross::check_files(&options, &root, &source));
    }
    let (warnings, errors): (Vec<_>, Vec<_>) = problems.into_iter().partition(Problem::is_warning);
    if errors.is_empty() { Ok(Loaded { options, warnings }) } else { wrong(errors) }
}

fn typed(root: &Spanned<DeTable<'_>>) -> Result<Options, toml::de::Error> {
    Options::deserialize(toml::de::Deserializer::from(root.clone()))
}
