//! `tandem sessions`.

use std::{collections::VecDeque, ops::ControlFlow};

use miette::Report;
use serde::Serialize;
use tandem_journal::{Claim, Opening, Record, decode};
use tandem_store::SessionSummary;

use super::{LogArguments, Verdict, stores::StoreArguments, times};

/// Lists sessions: live ones, or all that the store still has.
///
/// Reads the store, so it works whether an instance runs or not.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem sessions                    # live ones, newest last
  tandem sessions --all --last 50
  tandem sessions --json             # one JSON object a line")]
pub struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// Ended ones too
    #[arg(long)]
    all: bool,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    last: usize,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line {
    session: String,
    live: bool,
    incarnation: u32,
    steps: u32,
    strategy: String,
    version: String,
    interaction: Option<String>,
    started_at: String,
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        let mut reader = self.store.open()?;
        let mut found = VecDeque::new();
        let (mut total, mut live) = (0_usize, 0_usize);
        let visited = reader.sessions(&mut |session| {
            total += 1;
            live += usize::from(session.live);
            if session.live || self.all {
                found.push_back(session);
                if found.len() > self.last {
                    found.pop_front();
                }
            }
            ControlFlow::Continue(())
        });
        visited.map_err(Report::msg)?;
        let lines = found.iter().map(line);
        if self.json {
            for line in lines {
                super::print_json(&line)?;
            }
            return Ok(Verdict::Good);
        }
        println!("{:<16} {:<5} {:>6}  {:<16} {:<24} interaction", "session", "state", "steps", "strategy", "started");
        for line in lines {
            let state = if line.live { "live" } else { "ended" };
            let interaction = line.interaction.as_deref().unwrap_or("-");
            println!("{:<16} {state:<5} {:>6}  {:<16} {:<24} {interaction}", line.session, line.steps, line.strategy, line.started_at);
        }
        println!("{live} live of {total} sessions in the store");
        Ok(Verdict::Good)
    }
}

fn line(summary: &SessionSummary) -> Line {
    let opening = match decode(&summary.opening) {
        Ok(Record::Opened(opening)) => Some(opening),
        _ => None,
    };
    Line {
        session: summary.session.to_string(),
        live: summary.live,
        incarnation: summary.incarnation,
        steps: summary.steps,
        strategy: opening.as_ref().map_or("(unreadable)", |opening| &opening.strategy).to_owned(),
        version: opening.as_ref().map_or_else(String::new, |opening| opening.version.to_string()),
        interaction: opening.as_ref().and_then(interaction),
        started_at: opening.as_ref().map_or_else(String::new, |opening| times::utc(opening.started_at)),
    }
}

fn interaction(opening: &Opening) -> Option<String> {
    match &opening.claim {
        Some(Claim::Visit { interaction, .. }) => Some(interaction.clone()),
        _ => None,
    }
}
