//! `tandem journal`.

mod mask;

use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use miette::{Context, IntoDiagnostic, Report, bail, miette};
use tandem_journal::{EndedBy, Note, Outcome, Record, Source, Step, decode};
use tandem_store::Reader;
use tandem_words::SessionId;

use self::mask::Mask;
use super::{LogArguments, Verdict, stores::StoreArguments, times};
use crate::lab::progress::Progress;

/// Shows what happened to a session or an interaction, step by step; or writes the whole journal to a file.
///
/// What a `sensitive` collect brought is shown as `*`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem journal 101-3-42              # a session, by its id
  tandem journal 1790000000000-c17     # every session of an interaction
  tandem journal 101-3-42 --json       # one JSON object a record
  tandem journal --export journal.jsonl")]
pub struct Arguments {
    #[command(flatten)]
    store: StoreArguments,
    /// A session's id, or an interaction's
    #[arg(value_name = "SESSION|INTERACTION", required_unless_present = "export")]
    of: Option<String>,
    /// One JSON object a record
    #[arg(long)]
    json: bool,
    /// Write every record, in the order of their commits, one JSON object a line (snapshots without their bytes)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["of", "json"])]
    export: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        let mut reader = self.store.open()?;
        if let Some(path) = &self.export {
            let records = export(reader.as_mut(), path)?;
            println!("{records} records in {}", path.display());
            return Ok(Verdict::Good);
        }
        let of = self.of.unwrap_or_default();
        let sessions = match of.parse::<SessionId>() {
            Ok(session) => vec![session],
            Err(_) => reader.sessions_of_interaction(&of).map_err(Report::msg)?,
        };
        let (mut shown, mut mask) = (0, Mask::default());
        for session in sessions {
            for data in reader.all_rows_of(session).map_err(Report::msg)? {
                let record = mask.cover(decode(&data).map_err(Report::msg)?);
                if self.json {
                    super::print_json(&record)?
                } else {
                    show(&record)
                }
                shown += 1;
            }
        }
        if shown == 0 {
            bail!(help = "`tandem sessions --all` lists what there is", "the store has no session or interaction {of:?}");
        }
        Ok(Verdict::Good)
    }
}

fn export(reader: &mut dyn Reader, path: &Path) -> miette::Result<u64> {
    let unwritable = || format!("the journal cannot be written to {}", path.display());
    let mut file = BufWriter::new(File::create(path).into_diagnostic().wrap_err_with(unwritable)?);
    let (mut records, mut failed, mut mask) = (0, None, Mask::default());
    // Of a journal that grows meanwhile there is more in the end.
    let mut progress = Progress::new("journal", reader.counts().map_err(Report::msg)?.rows);
    let visited = reader.export(&mut |data| {
        let written = decode(data).map_err(Report::msg).and_then(|record| {
            serde_json::to_writer(&mut file, &mask.cover(record)).into_diagnostic()?;
            file.write_all(b"\n").into_diagnostic()
        });
        match written {
            Ok(()) => {
                records += 1;
                progress.at(records, "written");
                ControlFlow::Continue(())
            }
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    visited.map_err(Report::msg)?;
    match failed {
        Some(error) => Err(error.wrap_err(unwritable())),
        None => file.flush().map(|()| records).map_err(|error| miette!("{}: {error}", unwritable())),
    }
}

fn show(record: &Record) {
    match record {
        Record::Opened(opening) => {
            let version: String = opening.version.to_string().chars().take(8).collect();
            println!(
                "session {} (incarnation {}) of strategy {} {version}, node epoch {}, began {}",
                opening.session,
                opening.incarnation,
                opening.strategy,
                opening.epoch,
                times::utc(opening.started_at)
            );
            for parameter in &opening.parameters {
                println!("      parameter {} = {:?}", parameter.key, parameter.value);
            }
        }
        Record::Step(step) => show_step(step),
        Record::Snapshot(snapshot) => println!("      snapshot behind step {}", snapshot.seq),
        Record::Ended(ending) => {
            let why = match &ending.by {
                EndedBy::Linger => "linger-timeout after its last interaction".to_owned(),
                EndedBy::Finished => "it finished".to_owned(),
                EndedBy::Failed(failure) => format!("it failed ({:?}): {}", failure.kind, failure.message),
                EndedBy::NotRestarted => "it was not persisted, and was not started again after a switchover".to_owned(),
            };
            println!("      {}  over: {why}", times::utc(ending.at));
        }
    }
}

fn show_step(step: &Step) {
    let from = match &step.source {
        Source::Switch { position, .. } => format!("switch, position {position}"),
        Source::Host => "host".to_owned(),
        Source::Message(key) => format!("message {key}"),
    };
    let answers = step.event.request.map(|request| format!(" answers #{request}")).unwrap_or_default();
    println!("{:>5} {}  {}{answers}  ({from}, epoch {})", step.event.seq, times::utc(step.event.at), step.event.body.name(), step.epoch);
    for note in &step.notes {
        match note {
            Note::Log(level, text) => println!("      log {}: {text}", format!("{level:?}").to_lowercase()),
            Note::Milestone(name) => println!("      milestone {name}"),
        }
    }
    for request in &step.requests {
        let refused = request.refused.as_ref().map(|failure| format!("  refused: {}", failure.message)).unwrap_or_default();
        let body = serde_json::to_value(&request.body).unwrap_or_default();
        let details = body.as_object().and_then(|object| object.values().next()).map(ToString::to_string).unwrap_or_default();
        println!("      #{} {} {details}{refused}", request.id, request.body.name());
    }
    match &step.outcome {
        Outcome::Wait | Outcome::Checkpoint => {}
        Outcome::Finish => println!("      over: the strategy finished"),
        Outcome::Failed(failure) => println!("      over: FAILED ({:?}): {}", failure.kind, failure.message),
        Outcome::Late => println!("      the session was over already"),
    }
}
