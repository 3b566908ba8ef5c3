//! `tandem demo`.

use std::path::{Path, PathBuf};

use miette::{Context, IntoDiagnostic, bail, miette};
use tokio::signal::unix::{SignalKind, signal};

use super::{LogArguments, Verdict};
use crate::{
    gateway::Speed,
    lab::demo::{self, Blow, Calls, Plan, Report, When},
};

/// Blows in a generated run, unless told otherwise. Reason: enough for each kind.
const KILLS: u32 = 12;

/// The same for a trace.
const TRACE_KILLS: u32 = 24;

/// Plays an hour of calls, strikes the pair that serves them in the middle of them, again and again, and shows that nothing is lost.
///
/// Both instances and the simulated switch run as processes of their own, with a store on disk. At moments with live calls the primary
/// is killed with `kill -9`, made to hang, relieved, or cut off from the switch; the other one takes over, and is sometimes killed in turn.
/// Or the link between the two is cut, or the gateway beside the switch dies, sometimes together with the primary, and begins again. What died is started again. In the end a separate
/// program, tandem-oracle, compares what every caller experienced with the journal. Exit code 1: it found something, or there were fewer
/// moments than asked for.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem demo
  tandem demo --kills 50 --seed 7 --json demo.json
  tandem demo --blows kill,cut,gateway --kills 30
  tandem demo --alone --kills 20
  tandem demo --trace calls.csv.gz --from 1999-01-05 --hours 24
  tandem demo --calls-per-hour 3000 --kills 200 --at-least-live 50 --with-treatment --twin")]
pub struct Arguments {
    /// How often the pair is struck (12, of a trace 24, unless given); every second time by `kill -9`, where that is among the blows
    #[arg(long, value_name = "NUMBER")]
    kills: Option<u32>,
    /// How fast time passes: 1x (as it does), 60x (a minute in a second), max (as fast as the host answers)
    #[arg(long, value_name = "SPEED", default_value_t = Speed::Max)]
    speed: Speed,
    /// What callers and the moments and kinds of blows are drawn from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Write what came out as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run in this folder and keep everything: options, store, record, journal, logs
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// Callers an hour, on average
    #[arg(long, value_name = "NUMBER", default_value_t = 600.0, conflicts_with = "trace", help_heading = "Calls")]
    calls_per_hour: f64,
    /// For how many hours of switch time callers arrive (1; of a trace: all)
    #[arg(long, value_name = "NUMBER", help_heading = "Calls")]
    hours: Option<f64>,
    /// Play the calls of a file, CSV or its .gz; the service type is what the caller presses in ivr-menu
    #[arg(long, value_name = "FILE", help_heading = "Calls")]
    trace: Option<PathBuf>,
    /// The first arrival of the trace that is taken: 1999-01-05 or 1999-01-05T08:00:00
    #[arg(long, value_name = "DATE", requires = "trace", help_heading = "Calls")]
    from: Option<String>,
    /// One more strategy, at 8004; its callers press six digits
    #[arg(long, value_name = "FILE.wasm", conflicts_with = "trace", help_heading = "Calls")]
    one_more: Option<PathBuf>,
    /// Strike only while so many calls live
    #[arg(long, value_name = "NUMBER", default_value_t = 1, help_heading = "Blows")]
    at_least_live: usize,
    /// Strike only while a treatment runs
    #[arg(long, help_heading = "Blows")]
    with_treatment: bool,
    /// Strike only while a caller has pressed some of the digits that are collected
    #[arg(long, help_heading = "Blows")]
    with_half_collect: bool,
    /// What befalls the pair, one of these at each moment; none comes again before each has come
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "BLOWS",
        default_value = "kill,hang,switchover,sever,cut,gateway",
        help_heading = "Blows"
    )]
    blows: Vec<Blow>,
    /// One instance serves, is killed, and starts again
    #[arg(long, conflicts_with = "blows", help_heading = "Blows")]
    alone: bool,
    /// Play the same calls once more without blows, and compare what became of each
    #[arg(long)]
    twin: bool,
}

impl Arguments {
    pub(super) fn run(self, logs: &LogArguments) -> miette::Result<Verdict> {
        logs.start(None)?;
        let plan = self.plan()?;
        let folder = Folder::new(self.keep)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().into_diagnostic()?;
        let played = runtime.block_on(async {
            // Whichever comes first; the children die with what is dropped.
            tokio::select! {
                played = demo::play(&plan, folder.path.clone()) => played.into_diagnostic(),
                stopped = stopped() => Err(stopped),
            }
        });
        let report = played.map_err(|error| folder.keep(error))?;
        print!("{report}");
        if let Some(path) = &self.json {
            write_json(path, &report)?;
        }
        if report.is_good() {
            folder.remove();
            return Ok(Verdict::Good);
        }
        println!("Options, store, record, journal and logs: {}", folder.path.display());
        Ok(Verdict::Bad)
    }

    fn plan(&self) -> miette::Result<Plan> {
        let program = std::env::current_exe().into_diagnostic().wrap_err("the program cannot find its own file")?;
        let calls = match &self.trace {
            None => Calls::Generated { calls_per_hour: self.calls_per_hour, hours: self.hours.unwrap_or(1.0) },
            Some(file) => {
                let hours = match self.hours {
                    Some(hours) if hours.fract() != 0.0 || hours < 1.0 => {
                        bail!(help = "write --hours 24", "of a trace whole hours are taken, not {hours}")
                    }
                    hours => hours.map(|hours| hours as u32),
                };
                Calls::Trace { file: file.clone(), from: self.from.clone(), hours }
            }
        };
        Ok(Plan {
            oracle: program.with_file_name("tandem-oracle"),
            program,
            seed: self.seed,
            speed: self.speed,
            calls,
            one_more: self.one_more.clone(),
            kills: self.kills.unwrap_or(if self.trace.is_some() { TRACE_KILLS } else { KILLS }),
            when: When { live_calls: self.at_least_live, treatment: self.with_treatment, half_collect: self.with_half_collect },
            pair: (!self.alone).then(|| self.blows.clone()),
            twin: self.twin,
        })
    }
}

/// Where it takes place.
struct Folder {
    path: PathBuf,
    is_ours: bool,
}

impl Folder {
    fn new(given: Option<PathBuf>) -> miette::Result<Self> {
        let is_ours = given.is_none();
        let path = given.unwrap_or_else(|| std::env::temp_dir().join(format!("tandem-demo-{}", std::process::id())));
        std::fs::create_dir_all(&path).into_diagnostic().wrap_err_with(|| format!("the folder {} cannot be made", path.display()))?;
        Ok(Folder { path, is_ours })
    }

    /// It stays, for who looks into what went wrong.
    fn keep(&self, error: miette::Report) -> miette::Report {
        error.wrap_err(format!("the demo came to no result; options, store and logs: {}", self.path.display()))
    }

    fn remove(&self) {
        if self.is_ours {
            // What is left in the temporary folder is the system's to clear.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn write_json(path: &Path, report: &Report) -> miette::Result<()> {
    let text = serde_json::to_string_pretty(&report.json()).into_diagnostic()?;
    std::fs::write(path, text + "\n").into_diagnostic().wrap_err_with(|| format!("{} cannot be written", path.display()))
}

async fn stopped() -> miette::Report {
    let heard = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
            _ = interrupt.recv() => "it was interrupted",
            _ = terminate.recv() => "it was told to stop",
        },
        _ => std::future::pending().await,
    };
    miette!("{heard}")
}
