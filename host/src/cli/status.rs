//! `tandem status`.

use std::{path::PathBuf, time::Duration};

use miette::{Report, miette};
use tandem_store::{Counts, LeaseRow};
use tandem_words::NodeId;

use super::{LogArguments, Verdict, stores};
use crate::{
    node::{Status, SynchStanding},
    options::{Instance, Options},
};

/// Shows how the cluster stands: each instance over its admin port, and what the store has.
///
/// Exit code 1: no instance of a node serves.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem status
  tandem status --config /etc/tandem.toml --json")]
pub struct Arguments {
    /// The options file
    #[arg(long, value_name = "FILE", default_value = "tandem.toml")]
    config: PathBuf,
    /// One JSON object an instance, and one with what the store has of its node
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        let options = Options::load(&self.config)?.options;
        let mut verdict = Verdict::Good;
        for node in &options.nodes {
            let instances = [('a', node.a.as_ref()), ('b', node.b.as_ref())];
            let mut serves = false;
            for (letter, addresses) in instances.into_iter().filter_map(|(letter, addresses)| Some((letter, addresses?))) {
                serves |= self.instance(node.id, letter, addresses)?;
            }
            let store = from_store(node.id, &options);
            match (store, self.json) {
                (Ok((counts, lease)), true) => super::print_json(&in_json(node.id, &counts, lease.as_ref()))?,
                (Err(error), true) => super::print_json(&serde_json::json!({ "node": node.id, "error": error.to_string() }))?,
                (Ok((counts, lease)), false) => println!("{}", in_words(&counts, lease.as_ref())),
                (Err(error), false) => println!("store  {error}"),
            }
            if !serves {
                verdict = Verdict::Bad;
            }
        }
        Ok(verdict)
    }

    fn instance(&self, node: NodeId, letter: char, addresses: &Instance) -> miette::Result<bool> {
        let answer = ask(addresses);
        let serves = answer.as_ref().is_ok_and(Status::serves);
        match (&answer, self.json) {
            (Ok(status), true) => super::print_json(status)?,
            (Err(why), true) => {
                super::print_json(&serde_json::json!({ "instance": format!("{node}/{letter}"), "error": why.to_string() }))?
            }
            (Ok(status), false) => {
                println!("{}  {}, epoch {}, {}", status.instance, status.role, status.epoch, status.standing());
                if let Some(synch) = &status.synch {
                    println!("       {}", of_synch(synch, &status.role));
                }
                if let Some(peer) = &status.peer {
                    let standing = if peer.ready { "ready".to_owned() } else { peer.why_not.clone().unwrap_or_else(|| "not ready".to_owned()) };
                    println!("       its peer {}: {standing}", peer.instance);
                }
                if status.replays_differed > 0 {
                    println!("       {} replays differed from the journal, which wins; the log says which", status.replays_differed);
                }
                if status.role == "backup" {
                    let holder = status.holder.as_deref().unwrap_or("nobody");
                    println!("       {holder} is primary; the switch is {}", if status.reaches_switch { "reached" } else { "not reached" });
                    return Ok(false);
                }
                let count = |count: Option<usize>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
                println!(
                    "       {} live sessions ({} in memory), {} recovered at its start, {} restarted, {} steps since",
                    count(status.live_sessions),
                    count(status.sessions_in_memory),
                    status.recovered,
                    status.restarted,
                    status.steps
                );
            }
            (Err(why), false) => println!("{node}/{letter}  does not answer: {why}"),
        }
        Ok(serves)
    }
}

/// The synch link, in a line.
fn of_synch(synch: &SynchStanding, role: &str) -> String {
    let problem = synch.problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default();
    match (synch.connected, synch.full) {
        (false, full) if role == "backup" => {
            format!("synch link: no primary{}{problem}", if full { ", what the last one kept is all here" } else { "" })
        }
        (false, _) => format!("synch link: no backup{problem}"),
        (true, false) => format!("synch link: the backup is being filled{problem}"),
        (true, true) if role == "backup" => format!("synch link: all that the primary keeps is here{problem}"),
        (true, true) => format!("synch link: the backup is full, {} changes on their way{problem}", synch.lag),
    }
}

/// How long an instance may take to answer; longer than it waits itself for its threads.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

pub(super) fn ask(addresses: &Instance) -> miette::Result<Status> {
    let admin = addresses.admin.as_ref().ok_or_else(|| miette!("it has no admin port in the options file"))?;
    let asking = ureq::get(format!("http://{admin}/status")).config().timeout_global(Some(ANSWER_WITHIN)).build();
    let mut response = asking.call().map_err(Report::msg)?;
    let text = response.body_mut().read_to_string().map_err(Report::msg)?;
    serde_json::from_str(&text).map_err(|error| miette!("its answer cannot be read: {error}"))
}

/// What the store says; it can be read whether an instance runs or not.
fn from_store(node: NodeId, options: &Options) -> miette::Result<(Counts, Option<LeaseRow>)> {
    let mut reader = stores::open_configured(options)?;
    let counts = reader.counts().map_err(Report::msg)?;
    let lease = reader.lease(node).map_err(Report::msg)?;
    Ok((counts, lease))
}

fn in_words(counts: &Counts, lease: Option<&LeaseRow>) -> String {
    let lease = lease.map_or_else(
        || "no instance was ever primary".to_owned(),
        |row| {
            let state = if row.released { "gave it back" } else { "holds it, or died with it" };
            format!("lease: epoch {}, {} (process {}) {state}", row.lease.epoch, row.holder.instance, row.holder.pid)
        },
    );
    format!("store  {} sessions, {} live, {} steps, {} bytes; {lease}", counts.sessions, counts.live, counts.steps, counts.bytes)
}

fn in_json(node: NodeId, counts: &Counts, lease: Option<&LeaseRow>) -> serde_json::Value {
    let Counts { sessions, live, steps, bytes, .. } = counts;
    let lease = lease.map(|row| {
        let holder = row.holder.instance.to_string();
        serde_json::json!({ "epoch": row.lease.epoch, "holder": holder, "process": row.holder.pid, "released": row.released })
    });
    serde_json::json!({ "node": node, "store": { "sessions": sessions, "live": live, "steps": steps, "bytes": bytes }, "lease": lease })
}
