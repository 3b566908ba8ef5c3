//! `tandem test`.

mod junit;
mod run;
mod show;
mod suites;

use std::path::PathBuf;

use miette::{IntoDiagnostic, WrapErr, bail};

use super::{LogArguments, Verdict};

/// Plays scenario files: callers in virtual time, on a simulated switch, with what the strategy must do.
///
/// Each scenario is played four ways, with the same expectations: alone; with its session restored after every step; among 50 others
/// in the same instance; and with a host that dies with every step. `docs/scenarios.md` of Tandem explains the language.
///
/// PATH is a strategy's project, a folder of several, or scenario files; the component is what `tandem build` made of the project. In
/// a folder of several, and where nothing is built, a project with the name of a built-in strategy is tested with that. Exit code 1:
/// a scenario failed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem test                                # the project of this folder
  tandem test scenarios/menu.scenario -v     # one file, with everything that happened in the call
  tandem test --filter host                  # scenarios whose name contains `host`
  tandem test --component menu.wasm scenarios
  tandem test --builtin --junit report.xml   # the built-in strategies")]
pub struct Arguments {
    /// Projects, folders of projects, scenario files
    #[arg(value_name = "PATH", conflicts_with = "builtin")]
    paths: Vec<PathBuf>,
    /// Test this component, whatever the project's name
    #[arg(long, value_name = "FILE.wasm", conflicts_with = "builtin")]
    component: Option<PathBuf>,
    /// Test the built-in strategies with their own scenarios
    #[arg(long)]
    builtin: bool,
    /// Only scenarios with this in STRATEGY/NAME
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// What is drawn: when the others call, and at which side of its commit the host dies
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Write a JUnit report, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show what happened in each call
    #[arg(long, short)]
    verbose: bool,
}

impl Arguments {
    pub(super) fn run(self, logs: &LogArguments) -> miette::Result<Verdict> {
        // What strategies and dying hosts log belongs into the timelines.
        if logs.log.is_some() {
            logs.start(None)?;
        }
        let suites = match self.builtin {
            true => suites::built_in(),
            false => suites::find(&self.paths, self.component.as_deref())?,
        };
        let results = run::run(&suites, self.filter.as_deref(), self.seed)?;
        if let Some(filter) = self.filter.filter(|_| results.iter().all(|suite| suite.scenarios.is_empty())) {
            bail!(help = "it looks for a part of STRATEGY/NAME, as results show them", "no scenario has {filter:?} in its name");
        }
        print!("{}", show::results(&results, self.verbose));
        if let Some(path) = &self.junit {
            let written = junit::report(&results).and_then(|text| std::fs::write(path, text).into_diagnostic());
            written.wrap_err_with(|| format!("the report {} cannot be written", path.display()))?;
        }
        Ok(if results.iter().all(run::SuiteResult::is_good) { Verdict::Good } else { Verdict::Bad })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_every_built_in_strategy_passes_in_every_way() {
        let results = run::run(&suites::built_in(), None, 1).unwrap();
        assert!(results.iter().all(run::SuiteResult::is_good), "{}", show::results(&results, false));
        let scenarios: usize = results.iter().map(|suite| suite.scenarios.len()).sum();
        assert!(results.len() >= 3 && scenarios >= 18, "{scenarios}");
        assert!(results.iter().flat_map(|suite| &suite.scenarios).all(|scenario| scenario.plays.len() == 4));
    }
}
