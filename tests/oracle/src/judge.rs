//! Two files in, one report out.

use std::{collections::HashSet, io::BufRead};

use crate::checks;
use crate::finding::{Finding, Findings, Kind};
use crate::host::HostSide;
use crate::input::lines::{self, ReadError};
use crate::input::{journal::Record, record::Line};
use crate::report::{Facts, Report};
use crate::switch::SwitchSide;

/// What is allowed, and how much is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Events and requests of so many ms before the record's end are not missed. 0: a run ends when all is done.
    pub grace_ms: u64,
    /// The switch's `retain`: an event with so many later ones may be forgotten by it, and become a `gap`. 100,000.
    pub retain: usize,
    /// How long agents work after a call, ms: a busy period of their groups goes on meanwhile. 0.
    pub wrap_up_ms: u64,
    /// Findings of each kind that are listed in full. 20.
    pub examples: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { grace_ms: 0, retain: 100_000, wrap_up_ms: 0, examples: 20 }
    }
}

/// A run of the same seed in which nothing died.
pub struct Twin<R> {
    /// Its record.
    pub record: R,
    /// Its journal: it is judged as well, where it is given.
    pub journal: Option<R>,
}

/// Both sides of a run.
#[derive(Clone, Copy)]
pub(crate) struct Sides<'a> {
    pub(crate) switch: &'a SwitchSide,
    pub(crate) host: &'a HostSide,
    pub(crate) options: &'a Options,
}

impl<'a> Sides<'a> {
    /// Routing points at which some visit had a session: a strategy is deployed there.
    pub(crate) fn deployed(&self) -> HashSet<&'a str> {
        let visits = self.switch.calls.iter().flat_map(|call| call.visits.iter().map(move |visit| (call, visit)));
        let served = visits.filter(|(call, visit)| visit.number.is_some_and(|number| self.host.session_of(&call.id, number).is_some()));
        served.map(|(_, visit)| &*visit.routing_point).collect()
    }
}

/// Judges a run by its record and its journal, and compares it with its twin where there is one.
///
/// An error means that a file cannot be judged; what is wrong with the run is in the report ([`Report::is_clean`]).
pub fn judge<R: BufRead>(record: R, journal: R, twin: Option<Twin<R>>, options: &Options) -> Result<Report, ReadError> {
    let Judged { switch, mut facts, mut findings, restarted } = judge_run(["record", "journal"], record, Some(journal), options)?;
    let mut twin_report = None;
    if let Some(Twin { record, journal }) = twin {
        let judged = journal.is_some();
        let other = judge_run(["twin record", "twin journal"], record, journal, options)?;
        checks::twin::check(&switch, &restarted, &other.switch, options, &mut facts, &mut findings)?;
        if judged {
            let report = Report::new(other.facts, other.findings);
            for (kind, count) in report.wrong() {
                findings.add(Kind::TwinFindings, Finding::new(format!("the run without faults has {count} {}", kind.name())));
            }
            twin_report = Some(Box::new(report));
        }
    }
    Ok(Report { twin: twin_report, ..Report::new(facts, findings) })
}

/// A run, judged for itself.
struct Judged {
    switch: SwitchSide,
    facts: Facts,
    findings: Findings,
    /// Calls whose session was started again.
    restarted: HashSet<String>,
}

fn judge_run<R: BufRead>(names: [&'static str; 2], record: R, journal: Option<R>, options: &Options) -> Result<Judged, ReadError> {
    let [record_name, journal_name] = names;
    let mut switch = SwitchSide::default();
    lines::each(record_name, record, |line, content: Line| switch.line(line, content))?;
    switch.finish().map_err(|why| ReadError::Line { file: record_name, line: 1, why, begins: String::new() })?;
    let (mut facts, mut findings, mut restarted) = (Facts::default(), Findings::new(options.examples), HashSet::new());
    if let Some(journal) = journal {
        let mut host = HostSide::default();
        lines::each(journal_name, journal, |line, content: Record| host.record(line, content, &mut findings))?;
        let sides = Sides { switch: &switch, host: &host, options };
        facts.sessions = host.sessions.len() as u64;
        facts.steps = host.steps;
        facts.failed_sessions = host.failed_sessions;
        facts.events = switch.events.len() as u64;
        (facts.requests_found, facts.requests_not_found) = (switch.requests_found, switch.requests_not_found);
        facts.gateway_restarts = switch.restarts.len() as u64;
        facts.not_persisted = host.sessions.values().filter(|runs| runs.values().any(|run| !run.persisted)).count() as u64;
        facts.restarted = host.sessions.values().map(|runs| runs.len().saturating_sub(1) as u64).sum();
        restarted = host.restarted_calls();
        checks::calls::check(&sides, &mut facts, &mut findings);
        checks::default_routes::check(&sides, &mut facts, &mut findings);
        checks::events::check(&sides, &mut facts, &mut findings);
        checks::requests::check(&sides, &mut facts, &mut findings);
        checks::timers::check(&sides, &mut findings);
    }
    Ok(Judged { switch, facts, findings, restarted })
}
