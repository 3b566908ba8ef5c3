//! `tandem simswitch`.

mod callers;
mod scenario;
mod summary;
mod values;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use miette::{Context, IntoDiagnostic, bail, miette};
use serde::{Deserialize, Serialize};
use tandem_gateway::{
    core,
    simulated::{self, AgentPlan, SimulatedSwitch},
};
use tokio::signal::unix::{SignalKind, signal};

use super::{LogArguments, Verdict};
use crate::{
    gateway::{self, Handle, Service, Speed, TlsFiles},
    lab::progress::Progress,
    options::{Loaded, Options, RoutingPoint, Switch, values::duration},
};
use callers::{CallerArguments, Callers};
use values::Agents;

/// Progress is looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs a simulated switch with its callers and agents: where a strategy is tried without a telephone.
///
/// Takes its routing points from the options file that `tandem run` gets too, lets callers call there, and writes down what each of
/// them experiences. Time begins with the first instance that connects. It ends when every call is over, with a summary.
/// The same seed gives the same calls, and at every speed the same outcomes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem simswitch                                               # an hour of 200 calls, as fast as the host answers
  tandem simswitch --calls-per-hour 600 --agents sales=5,support=4 --speed 60x
  tandem simswitch --mix 8000=1,8001=3 --digits 8001=1:60,2:30,:10 --record record.jsonl
  tandem simswitch --scenario scenarios/first-try.scenario --speed 1x
  tandem simswitch --trace calls.csv.gz --from 1999-01-05 --hours 24 --dials 8001")]
pub struct Arguments {
    /// The options file: its routing points are the switch's
    #[arg(long, value_name = "FILE", default_value = "tandem.toml")]
    config: PathBuf,
    /// Where instances connect (the url of the options file's switch, unless given)
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where `GET /status` is answered and `POST /stop-arrivals` taken (nowhere, unless given)
    #[arg(long, value_name = "ADDRESS:PORT")]
    control: Option<SocketAddr>,
    /// How fast time passes: 1x (as it does), 60x (a minute in a second), max (as fast as the host answers)
    #[arg(long, value_name = "SPEED", default_value_t = Speed::Max)]
    speed: Speed,
    /// What callers are drawn from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Write what every caller experienced, and every request as received, one JSON object a line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Keep here which epochs have led, so that a restarted switch lets no old primary act
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Written once it listens: where, and how many will call (JSON)
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// The server's certificate chain (PEM), for wss://
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Protection")]
    certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate", help_heading = "Protection")]
    key: Option<PathBuf>,
    /// The secret that instances must bring (the options file's token-file, unless given)
    #[arg(long, value_name = "FILE", help_heading = "Protection")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    callers: CallerArguments,
    /// Agents of a group, or of several: sales=5,support=4,sales+support=2
    #[arg(long, value_name = "GROUP=COUNT", value_delimiter = ',', help_heading = "Agents")]
    agents: Vec<Agents>,
    /// How long an agent works after each call
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration, help_heading = "Agents")]
    wrap_up: Duration,
}

/// What stands in the ready file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyFile {
    /// Where instances connect.
    pub listens_on: SocketAddr,
    /// Where the control port is.
    pub control_on: Option<SocketAddr>,
    /// How many will call.
    pub callers: u64,
    /// What was left out of a trace, and why; for people.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Arguments {
    pub(super) fn run(self, logs: &LogArguments) -> miette::Result<Verdict> {
        let Loaded { options, .. } = Options::load(&self.config)?;
        logs.start(Some(&options.log))?;
        let Some((name, switch)) = options.switches.iter().next() else {
            bail!(help = "add [switch.main] with its url", "{} names no switch to play", self.config.display());
        };
        let points: Vec<_> = options.routing_points.iter().filter(|point| point.switch == *name).collect();
        let Some(first) = points.first() else {
            bail!(help = "add a [[routing-point]] for callers to dial", "switch {name} has no routing point");
        };
        let mut called = self.callers.callers(self.seed, &points)?;
        called.notes.iter().for_each(|note| println!("{note}"));
        let planned = called.callers.len() as u64;

        let mut core = core::Options::new(name.as_str(), &first.default_route);
        core.routing_points = points.iter().map(|point| (point.number.clone(), deadlines(point))).collect();
        core.retain = usize::try_from(switch.retain).unwrap_or(usize::MAX);
        let simulated = self.simulated(&points, std::mem::take(&mut called.agents), &called.more_agents);
        let told = summary::before(name, &points, &called, &simulated);
        let Callers { callers, start, notes, .. } = called;
        let simulated = SimulatedSwitch::new(simulated, callers, start).into_diagnostic()?;
        let service = self.service_options(core, simulated, switch, start)?;

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().into_diagnostic()?;
        let summary = runtime.block_on(async {
            let service = Service::bind(service).await.into_diagnostic()?;
            let handle = service.handle();
            println!("{told}");
            println!("listening on {}; time begins with the first instance: tandem run", handle.listens_on());
            if let Some(path) = &self.ready_file {
                write_ready(path, &handle, planned, notes)?;
            }
            let began = Instant::now();
            let watching = tokio::spawn(watch(handle, planned));
            let summary = service.run(stopped()).await.into_diagnostic();
            watching.abort();
            // Its bar is taken away before the summary is shown.
            let _ = watching.await;
            summary.map(|summary| (summary, began.elapsed()))
        });
        let (summary, took) = summary?;
        println!("{}", summary::after(&summary, start, took));
        if let Some(path) = &self.record {
            println!("  record   {}", path.display());
        }
        Ok(Verdict::Good)
    }

    fn simulated(&self, points: &[&RoutingPoint], mut agents: Vec<AgentPlan>, more: &[Agents]) -> simulated::Options {
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        for Agents { groups, count } in self.agents.iter().chain(more) {
            let number = numbers.entry(groups.join("+")).or_default();
            for _ in 0..*count {
                *number += 1;
                let name = format!("{}-{number}", groups.join("+"));
                let wrap_up_ms = u64::try_from(self.wrap_up.as_millis()).unwrap_or(u64::MAX);
                agents.push(AgentPlan { groups: groups.clone(), wrap_up_ms, ..AgentPlan::new(name, &[]) });
            }
        }
        // A group without agents is there all the same: calls wait in it.
        let groups = self.agents.iter().chain(more).flat_map(|agents| agents.groups.clone()).collect();
        let default_route = |point: &&RoutingPoint| {
            let default_route = Some(point.default_route.clone());
            (point.number.clone(), simulated::RoutingPoint { default_route })
        };
        simulated::Options { routing_points: points.iter().map(default_route).collect(), groups, agents, ..simulated::Options::default() }
    }

    fn service_options(
        &self,
        core: core::Options,
        simulated: SimulatedSwitch,
        switch: &Switch,
        start: u64,
    ) -> miette::Result<gateway::Options> {
        let listen = match self.listen {
            Some(address) => address,
            None => address_of(switch)?,
        };
        let tls = self.certificate.clone().zip(self.key.clone()).map(|(certificate, key)| TlsFiles { certificate, key });
        if switch.url.secure && self.listen.is_none() && tls.is_none() {
            bail!(help = "give --certificate and --key", "instances will come to {} by TLS, and there is no certificate", switch.url);
        }
        Ok(gateway::Options {
            listen,
            control: self.control,
            tls,
            token_file: self.token_file.clone().or_else(|| switch.token_file.clone()),
            state_file: self.state.clone(),
            record_file: self.record.clone(),
            speed: self.speed,
            seed: self.seed,
            start,
            ..gateway::Options::new(core, simulated)
        })
    }
}

fn deadlines(point: &RoutingPoint) -> core::RoutingPoint {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    core::RoutingPoint {
        default_route: point.default_route.clone(),
        control_deadline_ms: ms(point.control_deadline),
        answer_deadline_ms: ms(point.answer_deadline),
    }
}

fn address_of(switch: &Switch) -> miette::Result<SocketAddr> {
    let address = &switch.url.address;
    let ip = match address.host.as_str() {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.parse(),
    };
    let ip = ip.map_err(|_| {
        miette!(help = "say where with --listen ADDRESS:PORT", "{} is a name: where to listen cannot be taken from it", switch.url)
    })?;
    Ok(SocketAddr::new(ip, address.port))
}

/// Appears as a whole.
fn write_ready(path: &Path, handle: &Handle, callers: u64, notes: Vec<String>) -> miette::Result<()> {
    let ready = ReadyFile { listens_on: handle.listens_on(), control_on: handle.control_on(), callers, notes };
    let write = || -> std::io::Result<()> {
        let beside = path.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(&ready)?)?;
        std::fs::rename(beside, path)
    };
    write().into_diagnostic().wrap_err_with(|| format!("the ready file {} cannot be written", path.display()))
}

async fn watch(handle: Handle, planned: u64) {
    let mut progress = Progress::new("calls", planned);
    while let Ok(status) = handle.status().await {
        let note = if status.led { format!("{} live", status.live_calls) } else { "no instance leads".to_owned() };
        progress.at(status.tally.calls.saturating_sub(status.live_calls as u64), note);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn stopped() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        },
        _ => {
            tracing::warn!("signals cannot be heard; this switch can only be killed");
            std::future::pending().await
        }
    }
}
