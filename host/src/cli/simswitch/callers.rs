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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;
    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::options::Options;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        callers: CallerArguments,
    }

    /// The callers of seed 1 for routing points 8000 and 8001.
    fn callers(line: &str) -> miette::Result<Callers> {
        let text = r#"
            cluster.name = "cc1"
            persistence.store = "none"
            node = [{ id = 101, a = {} }]
            switch.main.url = "ws://127.0.0.1:7400"
            routing-point = [
                { number = "8000", switch = "main", strategy = "builtin:welcome", default-route = "9000" },
                { number = "8001", switch = "main", strategy = "builtin:ivr-menu", default-route = "9000" },
            ]
        "#;
        let options = Options::parse(text, "tandem.toml").unwrap().options;
        let line = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap();
        line.callers.callers(1, &options.routing_points.iter().collect::<Vec<_>>())
    }

    fn dialled(callers: &Callers, number: &str) -> usize {
        callers.callers.iter().filter(|caller| caller.dials == number).count()
    }

    #[test]
    fn generated_callers_share_and_press_as_the_flags_say() {
        let all = callers("--calls-per-hour 1000").unwrap();
        assert!(dialled(&all, "8000") > 400 && dialled(&all, "8001") > 400);
        let mixed = callers("--calls-per-hour 1000 --mix 8001=1 --digits 8001=7:1 --from 2026-03-02T10:00:00").unwrap();
        assert_eq!(dialled(&mixed, "8000"), 0);
        assert_eq!(mixed.start, all.start + 3_600_000);
        assert!(mixed.callers.iter().all(|caller| caller.digits.at_collect(1).is_some_and(|answer| answer.keys == "7")));
        assert!(callers("--hours 0.1").unwrap().callers.len() < all.callers.len() / 10);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (line, why) in [
            ("--mix 8002=1", "no routing point 8002"),
            ("--digits 8002=1:1", "no routing point 8002"),
            ("--hours 0", "0 is not a number of hours"),
            ("--calls-per-hour 0", "0 calls per hour"),
            ("--from tomorrow", "`tomorrow` is not a date"),
            ("--trace /nowhere.csv", "/nowhere.csv cannot be played"),
            ("--scenario /nowhere.scenario", "/nowhere.scenario cannot be read"),
        ] {
            let told = callers(line).unwrap_err();
            assert!(told.to_string().contains(why), "{line}: {told}");
        }
    }

    #[test]
    fn a_trace_is_the_same_compressed_or_not_and_its_bad_rows_are_named() {
        let text = "arrival,customer_id,priority,service_type,vru_seconds,queue_seconds,service_seconds,outcome,agent\n\
            1999-01-05T08:00:00,,0,PS,8,0,60,AGENT,A1\n1999-01-05T08:00:30,,0,PS,8,0,60,AGENT,A1\n1999-01-05T08:01:00,,7,PS,8,0,60,AGENT,A1\n\
            1999-01-05T08:02:00,,0,PS,8,0,60,PHANTOM,\n";
        let folder = tempfile::tempdir().unwrap();
        let (plain, compressed) = (folder.path().join("calls"), folder.path().join("packed"));
        std::fs::write(&plain, text).unwrap();
        let mut encoder = GzEncoder::new(File::create(&compressed).unwrap(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
        let of = |path: &Path, more: &str| callers(&format!("--trace {} {more}", path.display()));
        let (one, other) = (of(&plain, "--dials 8001").unwrap(), of(&compressed, "--dials 8001").unwrap());
        assert_eq!(one.callers, other.callers);
        assert_eq!((dialled(&one, "8001"), one.agents.len()), (2, 1));
        let notes = one.notes.join("\n");
        assert!(notes.contains("1 PHANTOM") && notes.contains("1 rows make no sense") && notes.contains("line 4: priority"), "{notes}");
        assert!(of(&plain, "--hours 1.5").unwrap_err().to_string().contains("whole hours"));
        assert!(of(&plain, "--dials 8007").unwrap_err().to_string().contains("no routing point 8007"));
    }
}
