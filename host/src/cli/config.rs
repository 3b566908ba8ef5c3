//! `tandem config check`.

use std::path::PathBuf;

use miette::{IntoDiagnostic, Report, WrapErr};

use super::{LogArguments, Verdict};
use crate::options::{Loaded, Options, OptionsError};

/// Looks into options files.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem config check                          # tandem.toml of this folder
  tandem config check --config /etc/tandem.toml
  tandem config check --show                   # with every value that counts, defaults included")]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Find mistakes in an options file, and what one should know about it
    ///
    /// Reads the file as `tandem run` would: unknown names, values out of range, files that are not there, options that do not fit
    /// together. Nothing is started or written. Exit code 1: it has mistakes.
    #[command(after_long_help = "\
Examples:
  tandem config check
  tandem config check --config /etc/tandem.toml --show")]
    Check {
        /// The options file
        #[arg(long, value_name = "FILE", default_value = "tandem.toml")]
        config: PathBuf,
        /// Print every value that counts, defaults included, as a tandem.toml
        #[arg(long)]
        show: bool,
    },
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        let Verb::Check { config, show } = self.verb;
        match Options::load(&config) {
            Ok(Loaded { options, warnings }) => {
                for warning in &warnings {
                    eprintln!("{:?}", Report::new(warning.clone()));
                }
                if show {
                    let text = toml::to_string(&options).into_diagnostic().wrap_err("the options cannot be printed")?;
                    println!("{text}");
                } else {
                    println!("{}: good ({})", config.display(), summary(&options, warnings.len()));
                }
                Ok(Verdict::Good)
            }
            Err(wrong @ OptionsError::Wrong { .. }) => {
                eprintln!("{:?}", Report::new(wrong));
                Ok(Verdict::Bad)
            }
            Err(other) => Err(other.into()),
        }
    }
}

fn summary(options: &Options, warnings: usize) -> String {
    let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    format!(
        "cluster {}, store {}, {}, {}, {}",
        options.cluster.name,
        options.persistence.store(),
        count(options.switches.len(), "switch").replace("switchs", "switches"),
        count(options.routing_points.len(), "routing point"),
        count(warnings, "warning"),
    )
}
