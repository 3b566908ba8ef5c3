//! Who calls: generated, or of a call trace.

use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use flate2::read::MultiGzDecoder;
use miette::{Context, IntoDiagnostic, bail, miette};
use tandem_gateway::simulated::{
    AgentPlan,
    callers::{CallerPlan, Dialled, Generator, Trace, TraceOptions, trace},
};

use super::{
    scenario,
    values::{Agents, Presses, Share},
};
use crate::options::{RoutingPoint, values::duration};

/// Where a generated run begins: a Monday morning. Reason: runs of one seed are alike whenever they are made.
const MONDAY: &str = "2026-03-02T09:00:00";

/// Bad rows that are named; more are counted.
const NAMED_ROWS: usize = 10;

/// The flags.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Callers")]
pub struct CallerArguments {
    /// Callers an hour, on average, at random
    #[arg(long, value_name = "NUMBER", default_value_t = 200.0, conflicts_with = "trace")]
    calls_per_hour: f64,
    /// For how many hours of switch time callers arrive; of a trace: how many are taken (all, unless given)
    #[arg(long, value_name = "NUMBER")]
    hours: Option<f64>,
    /// When it begins: 1999-01-05, 1999-01-05T08:00:00 or now
    ///
    /// Of a trace: the first arrival that is taken. Generated callers begin at 2026-03-02T09:00:00, unless told otherwise.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// How callers share among the routing points (all alike, unless given)
    #[arg(long, value_name = "NUMBER=WEIGHT", value_delimiter = ',', conflicts_with = "trace")]
    mix: Vec<Share>,
    /// What callers of a routing point press where keys are asked for, and how often; can be given several times
    #[arg(long, value_name = "NUMBER=KEYS:WEIGHT,…", conflicts_with = "trace")]
    digits: Vec<Presses>,
    /// How long callers wait for a person, on average
    #[arg(long, value_name = "DURATION", default_value = "120s", value_parser = duration, conflicts_with = "trace")]
    patience: Duration,
    /// How long they talk with one, on average
    #[arg(long, value_name = "DURATION", default_value = "180s", value_parser = duration, conflicts_with = "trace")]
    talk: Duration,
    /// Play the calls of a file, CSV or its .gz, instead of generated ones; whoever served in it is on duty
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Play the caller's part of a scenario file; can be given several times, and they call one after the other
    #[arg(long, value_name = "FILE", conflicts_with_all = ["trace", "calls_per_hour", "hours", "mix", "digits", "patience", "talk"])]
    scenario: Vec<PathBuf>,
    /// The routing point that the callers of a trace dial (the first of the options file, unless given)
    #[arg(long, value_name = "NUMBER", requires = "trace")]
    dials: Option<String>,
}

/// Callers, and what comes with them.
#[derive(Debug)]
pub struct Callers {
    pub callers: Vec<CallerPlan>,
    /// On duty by the trace.
    pub agents: Vec<AgentPlan>,
    /// There by the scenarios.
    pub more_agents: Vec<Agents>,
    /// Switch time at the beginning.
    pub start: u64,
    /// About what was left out of a trace.
    pub notes: Vec<String>,
}

impl CallerArguments {
    /// The callers of a seed, for these routing points.
    pub fn callers(&self, seed: u64, points: &[&RoutingPoint]) -> miette::Result<Callers> {
        match &self.trace {
            Some(path) => self.of_trace(path, seed, points),
            None if self.scenario.is_empty() => self.generated(seed, points),
            None => {
                let start = instant(self.from.as_deref().unwrap_or(MONDAY))?;
                let (callers, more_agents) = scenario::callers(&self.scenario, seed, start)?;
                for caller in &callers {
                    known(&caller.dials, points)?;
                }
                Ok(Callers { callers, agents: Vec::new(), more_agents, start, notes: Vec::new() })
            }
        }
    }

    fn generated(&self, seed: u64, points: &[&RoutingPoint]) -> miette::Result<Callers> {
        let start = instant(self.from.as_deref().unwrap_or(MONDAY))?;
        for number in self.mix.iter().map(|share| &share.number).chain(self.digits.iter().map(|presses| &presses.number)) {
            known(number, points)?;
        }
        let usual = Generator::default();
        let usual_presses = usual.dialled.iter().flat_map(|dialled| dialled.presses.clone()).collect::<Vec<_>>();
        let dialled = points.iter().filter_map(|point| {
            let weight = match self.mix.as_slice() {
                [] => 1,
                mix => mix.iter().find(|share| share.number == point.number)?.weight,
            };
            let presses = self.digits.iter().find(|presses| presses.number == point.number);
            let presses = presses.map_or_else(|| usual_presses.clone(), |presses| presses.choices.clone());
            Some(Dialled { weight, at_prompts: true, ..Dialled::new(&point.number, presses) })
        });
        let generator = Generator {
            seed,
            starts_at_ms: start,
            duration_ms: self.hours()?.map_or(usual.duration_ms, |hours| (hours * 3_600_000.0) as u64),
            calls_per_hour: self.calls_per_hour,
            dialled: dialled.collect(),
            mean_patience_ms: millis(self.patience),
            mean_service_ms: millis(self.talk),
            ..usual
        };
        let callers = generator.callers().into_diagnostic()?.collect();
        Ok(Callers { callers, agents: Vec::new(), more_agents: Vec::new(), start, notes: Vec::new() })
    }

    fn hours(&self) -> miette::Result<Option<f64>> {
        match self.hours {
            Some(hours) if !(hours.is_finite() && hours > 0.0) => {
                bail!(help = "write a number above 0: --hours 1, --hours 0.25", "{hours} is not a number of hours")
            }
            hours => Ok(hours),
        }
    }

    fn of_trace(&self, path: &Path, seed: u64, points: &[&RoutingPoint]) -> miette::Result<Callers> {
        let dials = match (&self.dials, points.first()) {
            (Some(number), _) => known(number, points)?.clone(),
            (None, Some(first)) => first.number.clone(),
            (None, None) => bail!("there is no routing point to dial"),
        };
        let hours = match self.hours()? {
            Some(hours) if hours.fract() != 0.0 => bail!(help = "write --hours 24", "of a trace whole hours are taken, not {hours}"),
            hours => hours.map(|hours| hours as u32),
        };
        let from_ms = self.from.as_deref().map(instant).transpose()?;
        let read = || -> miette::Result<Trace> {
            let options = TraceOptions { seed, dials, from_ms, hours };
            Trace::read(open(path).into_diagnostic()?, &options).into_diagnostic()
        };
        let trace = read().wrap_err_with(|| format!("the trace {} cannot be played", path.display()))?;
        let first = trace.callers.iter().map(|caller| caller.arrive_at_ms).min().unwrap_or_default();
        let start = from_ms.unwrap_or(first);
        let mut notes = Vec::new();
        if trace.phantoms > 0 {
            notes.push(format!("{}: {} PHANTOM rows left out", path.display(), trace.phantoms));
        }
        for (rows, what) in [(&trace.bad, "make no sense and are left out"), (&trace.mended, "are put right")] {
            if rows.count > 0 {
                notes.push(format!("{}: {} rows {what}", path.display(), rows.count));
                notes.extend(rows.named.iter().take(NAMED_ROWS).map(|(line, why)| format!("  line {line}: {why}")));
                let more = rows.count.saturating_sub(NAMED_ROWS as u64);
                notes.extend((more > 0).then(|| format!("  and {more} more")));
            }
        }
        let agents = trace.agents().into_iter().map(AgentPlan::from).collect();
        Ok(Callers { callers: trace.callers, agents, more_agents: Vec::new(), start, notes })
    }
}

/// Compressed or not, whatever it is called.
fn open(path: &Path) -> std::io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut first = [0; 2];
    let is_gzip = file.read_exact(&mut first).is_ok() && first == [0x1f, 0x8b];
    file.rewind()?;
    Ok(if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn known<'a>(number: &'a String, points: &[&RoutingPoint]) -> miette::Result<&'a String> {
    if points.iter().any(|point| point.number == *number) {
        return Ok(number);
    }
    let known: Vec<_> = points.iter().map(|point| point.number.as_str()).collect();
    Err(miette!(help = format!("it has {}", known.join(", ")), "the options file has no routing point {number}"))
}

fn instant(text: &str) -> miette::Result<u64> {
    if text == "now" {
        return Ok(millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
    }
    trace::instant(text).into_diagnostic()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
