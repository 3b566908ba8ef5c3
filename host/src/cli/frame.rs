//! The frame around the commands: groups in the help, errors that say what to do, exit codes.

use std::{ffi::OsString, process::ExitCode};

use clap::{Command, CommandFactory, FromArgMatches};

use super::{Cli, GROUPS};

/// What became of a command that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All is well: exit code 0.
    Good,
    /// The work was done, and its result is bad, as already said: a refused component, a failed scenario. Exit code 1.
    Bad,
}

/// Below the options of `tandem --help`.
const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  done, and the result is bad: a component refused, a scenario failed, a mistake found
  2  the command line itself is wrong
  3  could not be done: a file, a tool or a port is missing; the message says which, and what to do

`tandem help COMMAND` explains a command and shows examples.";

/// Declares the commands: module, variant and dispatch of each, and the groups of the help.
macro_rules! commands {
    ($($group:literal: [$(#[doc = $about:literal] $module:ident: $name:ident),* $(,)?]),* $(,)?) => {
        $($(mod $module;)*)*

        /// Host routing strategies for contact centres: sandboxed, durable, step by step.
        #[derive(Debug, clap::Parser)]
        #[command(name = "tandem", version, propagate_version = true, arg_required_else_help = true)]
        pub struct Cli {
            #[command(flatten)]
            pub(super) logs: $crate::cli::LogArguments,
            #[command(subcommand)]
            pub(super) command: Commands,
        }

        /// One variant a command.
        #[derive(Debug, clap::Subcommand)]
        #[allow(clippy::large_enum_variant, reason = "there is one of it in a process")]
        pub enum Commands {
            $($(
                #[doc = $about]
                $name($module::Arguments),
            )*)*
        }

        impl Commands {
            pub(super) fn run(self, logs: &$crate::cli::LogArguments) -> miette::Result<$crate::cli::Verdict> {
                match self {
                    $($(Commands::$name(arguments) => arguments.run(logs),)*)*
                }
            }
        }

        /// The groups of the help: heading, modules.
        pub(super) const GROUPS: &[(&str, &[&str])] = &[$(($group, &[$(stringify!($module)),*])),*];
    };
}
pub(super) use commands;

/// The program: reads the command line, runs the command, tells errors on stderr.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// As [`main`], with a command line of the caller's.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = command().try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(told) => {
            // Help and version come this way too, with code 0. Nothing can be done when the terminal is gone.
            let _ = told.print();
            return if told.exit_code() == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match cli.command.run(&cli.logs) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::from(1),
        Err(report) => {
            eprintln!("{report:?}");
            ExitCode::from(3)
        }
    }
}

/// The command line, with commands grouped by who uses them (clap itself knows one list only).
fn command() -> Command {
    let command = Cli::command();
    let mut template = String::from("{about-with-newline}\n{usage-heading} {usage}\n");
    let width = command.get_subcommands().map(|sub| sub.get_name().len()).max().unwrap_or_default();
    for (heading, names) in GROUPS.iter().filter(|(_, names)| !names.is_empty()) {
        template += &format!("\n{heading}:\n");
        for sub in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            template += &format!("  {:width$}  {about}\n", sub.get_name());
        }
    }
    template += "\nOptions:\n{options}{after-help}";
    command.help_template(template).after_help(AFTER_HELP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_is_in_the_help_and_shows_examples() {
        let mut command = command();
        let help = command.render_help().to_string();
        let groups: Vec<_> = GROUPS.iter().flat_map(|(_, names)| *names).collect();
        assert_eq!(groups.len(), command.get_subcommands().filter(|sub| sub.get_name() != "help").count());
        for name in groups {
            assert!(help.contains(&format!("\n  {name} ")), "{name} is missing in\n{help}");
            let sub = command.find_subcommand_mut(name).unwrap();
            let long = sub.render_long_help().to_string();
            assert!(long.contains("Examples:") && long.contains(&format!("tandem {name}")), "no examples for {name}:\n{long}");
        }
    }

    #[test]
    fn a_wrong_command_line_is_code_2_and_help_is_code_0() {
        let code = |line: &str| format!("{:?}", run(line.split(' ').map(OsString::from)));
        assert_eq!(code("tandem --help"), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code("tandem frobnicate"), format!("{:?}", ExitCode::from(2)));
        assert_eq!(code("tandem config check --config /nowhere/tandem.toml"), format!("{:?}", ExitCode::from(3)));
    }
}
