//! `tandem bench`.

use std::{fs, path::PathBuf, time::Duration};

use miette::{Context, IntoDiagnostic};

use super::{LogArguments, Verdict};
use crate::lab::bench::{self, BenchOptions};

/// Measures speed and size on this machine: durable steps, CPU time of a step, a guest's call, each beside a bare loop.
///
/// Times on a busy machine say little; the ratios to the bare loops of the same run say more. docs/performance.md explains
/// the figures.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem bench
  tandem bench --json figures.json --runs 5 --seconds 5
  tandem bench --only kill --only planned --runs 10")]
pub struct Arguments {
    /// Write the figures here too, as one JSON object
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Runs of each measurement; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// How long one measurement takes
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    seconds: u64,
    /// Measure this part only; may be given several times
    #[arg(long, value_name = "PART", value_parser = clap::builder::PossibleValuesParser::new(bench::parts()))]
    only: Vec<String>,
    /// Be the switch of a measurement with so many sessions (for the bench itself)
    #[arg(long, value_name = "SESSIONS", hide = true, requires = "payload")]
    as_switch: Option<u32>,
    /// What an event carries (for the bench itself)
    #[arg(long, hide = true)]
    payload: Option<String>,
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        if let (Some(sessions), Some(payload)) = (self.as_switch, &self.payload) {
            bench::serve(sessions, payload)?;
            return Ok(Verdict::Good);
        }
        // Beside the working directory, not in a memory file system: syncs must cost what they cost.
        let folder = PathBuf::from(format!(".tandem-bench-{}", std::process::id()));
        fs::create_dir_all(&folder).into_diagnostic().wrap_err("the bench cannot write in this folder")?;
        let options = BenchOptions { time: Duration::from_secs(self.seconds), runs: self.runs.max(1) };
        let figures = bench::run(options, &self.only, &folder, |what| eprintln!("measuring: {what}"));
        let _ = fs::remove_dir_all(&folder);
        let figures = figures?;
        for (key, value) in &figures.0 {
            let target = bench::TARGETS.iter().find(|(of, _)| of == key).map_or("", |(_, target)| target);
            println!("{}", format!("{key:<28} {value:>14.3}  {target}").trim_end());
        }
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&figures).into_diagnostic()?;
            fs::write(path, text).into_diagnostic().wrap_err_with(|| format!("{} cannot be written", path.display()))?;
        }
        Ok(Verdict::Good)
    }
}
