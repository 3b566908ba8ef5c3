//! Structured logs on stderr: for people, or one JSON object a line.

use std::io::IsTerminal as _;

use miette::{IntoDiagnostic, WrapErr, miette};
use tracing_subscriber::{EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::options::{Log, LogFormat};

/// What the command line says about logs; it wins over `[log]`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LogArguments {
    /// What to log: a level (error, warn, info, debug, trace), or directives such as info,tandem::session=debug
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Logs")]
    pub log: Option<String>,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT", help_heading = "Logs")]
    pub log_format: Option<LogFormat>,
}

impl LogArguments {
    /// Starts logging, once in a process. `file`: the section of the options file, where there is one. What comes back changes it.
    ///
    /// # Errors
    /// The level cannot be read, or logging has already begun.
    pub fn start(&self, file: Option<&Log>) -> miette::Result<Logging> {
        let (filter, format) = self.chosen(file)?;
        let (filter, handle) = reload::Layer::new(filter);
        let lines = tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
        let begun = match format {
            LogFormat::Json => tracing_subscriber::registry().with(filter).with(lines.json().flatten_event(true)).try_init(),
            LogFormat::Text => tracing_subscriber::registry().with(filter).with(lines).try_init(),
        };
        begun.into_diagnostic().wrap_err("logging cannot begin")?;
        Ok(Logging { filter: handle, arguments: self.clone() })
    }

    fn chosen(&self, file: Option<&Log>) -> miette::Result<(EnvFilter, LogFormat)> {
        let default = Log::default();
        let file = file.unwrap_or(&default);
        let level = self.log.as_ref().unwrap_or(&file.level);
        let filter = EnvFilter::try_new(level).map_err(|cause| {
            miette!(
                help = "write error, warn, info, debug or trace, or directives: info,tandem::session=debug",
                "cannot read the log level {level:?}: {cause}"
            )
        })?;
        Ok((filter, self.log_format.unwrap_or(file.format)))
    }
}

/// Logging that has begun.
#[derive(Debug, Clone)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    arguments: LogArguments,
}

impl Logging {
    /// Logs as this section of the options file says, from now on; the command line still wins.
    ///
    /// # Errors
    /// The level cannot be read.
    pub fn set(&self, file: &Log) -> miette::Result<()> {
        let (filter, _) = self.arguments.chosen(Some(file))?;
        self.filter.reload(filter).into_diagnostic().wrap_err("the level cannot be changed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_wins_over_the_file() {
        let file = Log { format: LogFormat::Json, level: "warn".into() };
        let line = LogArguments { log: Some("debug".into()), log_format: Some(LogFormat::Text) };
        let shown = |chosen: (EnvFilter, LogFormat)| (chosen.0.to_string(), chosen.1);
        assert_eq!(shown(LogArguments::default().chosen(None).unwrap()), ("info".into(), LogFormat::Text));
        assert_eq!(shown(LogArguments::default().chosen(Some(&file)).unwrap()), ("warn".into(), LogFormat::Json));
        assert_eq!(shown(line.chosen(Some(&file)).unwrap()), ("debug".into(), LogFormat::Text));
    }

    #[test]
    fn a_wrong_level_is_an_error_that_shows_right_ones() {
        let line = LogArguments { log: Some("tandem=loud".into()), log_format: None };
        let report = line.chosen(None).unwrap_err();
        assert!(report.to_string().contains("loud") && report.help().is_some_and(|help| help.to_string().contains("debug")));
    }
}
