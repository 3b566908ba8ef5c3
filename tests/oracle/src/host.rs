//! The host's side: its journal, folded. What its order alone shows to be wrong is found on the way.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::finding::{Finding, Findings, Kind};
use crate::input::event::Told;
use crate::input::ids::{Key, Place, SessionId, Timestamp};
use crate::input::journal::{Claim, Ending, Opening, Outcome, Record, Source, Step, Survival};
use crate::input::request::{Asks, RequestBody};

/// A step on an event of the switch.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) line: u64,
    pub(crate) session: SessionId,
    pub(crate) incarnation: u32,
    pub(crate) switch_at: Option<Timestamp>,
    pub(crate) request: Option<u32>,
    pub(crate) fingerprint: u64,
    pub(crate) masked: u64,
    pub(crate) late: bool,
}

/// A request of a step.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) line: u64,
    pub(crate) seq: u32,
    pub(crate) epoch: u64,
    /// Session time of the step.
    pub(crate) at: Timestamp,
    pub(crate) body: RequestBody,
    pub(crate) refused: bool,
}

/// How a run of a session ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Over {
    pub(crate) at: Timestamp,
    /// The last event of the switch that it took.
    pub(crate) last: Option<Place>,
    /// It ended with that one.
    pub(crate) with_it: bool,
    /// Whatever happened before this moment came before the end, in whatever order host and journal did their work: the
    /// event's own time, a timer's due time, else the time of the step before.
    pub(crate) not_before: Timestamp,
}

/// One incarnation of a session.
#[derive(Debug)]
pub(crate) struct Run {
    seq: u32,
    at: Timestamp,
    last: Option<Place>,
    pub(crate) over: Option<Over>,
    /// Gaps that it was told of.
    pub(crate) gaps: Vec<Gap>,
    restarted: bool,
    /// Its steps are rows of the journal.
    pub(crate) persisted: bool,
    /// The incarnation of the switch in which its visit was told; none: it was made for no visit.
    pub(crate) claimed_in: Option<u64>,
    opened_in: u64,
}

/// A gap that a session was told of, between two events that it took.
#[derive(Debug)]
pub(crate) struct Gap {
    since: Timestamp,
    pub(crate) told_at: Timestamp,
    behind: Option<Place>,
    before: Option<Place>,
}

impl Gap {
    /// Whether an event of then that would have this place is lost in it.
    pub(crate) fn covers(&self, at: Timestamp, place: Place) -> bool {
        self.since <= at && self.behind < Some(place) && self.before.is_none_or(|before| place < before)
    }
}

/// The journal, folded.
#[derive(Debug, Default)]
pub(crate) struct HostSide {
    /// By incarnation.
    pub(crate) sessions: BTreeMap<SessionId, BTreeMap<u32, Run>>,
    pub(crate) by_visit: HashMap<String, BTreeMap<u32, SessionId>>,
    claims: HashMap<Claim, SessionId>,
    pub(crate) taken: HashMap<Place, Taken>,
    pub(crate) asked: HashMap<Key, Asked>,
    pub(crate) cancelled: HashSet<Key>,
    /// Requests that were answered.
    pub(crate) answered: HashMap<Key, Source>,
    heard: HashSet<Key>,
    epochs: HashMap<u32, u64>,
    pub(crate) steps: u64,
    pub(crate) failed_sessions: u64,
}

impl HostSide {
    /// The next record; the error says what is wrong with the line.
    pub(crate) fn record(&mut self, line: u64, record: Record, findings: &mut Findings) -> Result<(), String> {
        match record {
            Record::Opened(opening) => self.opened(line, opening, findings),
            Record::Step(step) => self.step(line, *step, findings),
            Record::Snapshot(_) => {}
            Record::Ended(ending) => self.ended(line, &ending, findings),
        }
        Ok(())
    }

    /// An incarnation of a session.
    pub(crate) fn run(&self, session: SessionId, incarnation: u32) -> Option<&Run> {
        self.sessions.get(&session)?.get(&incarnation)
    }

    /// Calls of sessions that were started again.
    pub(crate) fn restarted_calls(&self) -> HashSet<String> {
        let restarted = |session: &SessionId| self.sessions.get(session).is_some_and(|runs| runs.len() > 1);
        let calls = self.by_visit.iter().filter(|(_, visits)| visits.values().any(restarted));
        calls.map(|(call, _)| call.clone()).collect()
    }

    /// The last incarnation of a session.
    pub(crate) fn last_run(&self, session: SessionId) -> Option<(u32, &Run)> {
        self.sessions.get(&session)?.last_key_value().map(|(incarnation, run)| (*incarnation, run))
    }

    /// The session of this visit.
    pub(crate) fn session_of(&self, interaction: &str, visit: u32) -> Option<SessionId> {
        self.by_visit.get(interaction)?.get(&visit).copied()
    }

    fn opened(&mut self, line: u64, opening: Opening, findings: &mut Findings) {
        let Opening { session, incarnation, epoch, claim, started_at, survival } = opening;
        self.lead(line, session, epoch, findings);
        let runs = self.sessions.entry(session).or_default();
        if runs.contains_key(&incarnation) {
            let what = format!("the session is opened twice in incarnation {incarnation}");
            return findings.add(Kind::DoubledSessions, Finding::new(what).session(session).in_journal(line));
        }
        let first = runs.is_empty();
        let persisted = survival == Survival::Recovered;
        if let Some(what) = wrong_restart(runs.last_key_value(), incarnation, epoch, persisted) {
            findings.add(Kind::BrokenSequences, Finding::new(what).session(session).at(started_at).in_journal(line));
        }
        let claimed_in = match &claim {
            Some(Claim::Visit { incarnation, .. }) => Some(*incarnation),
            Some(Claim::Request(_)) | None => None,
        };
        let (seq, last, over, gaps, restarted) = (0, None, None, Vec::new(), false);
        runs.insert(incarnation, Run { seq, at: started_at, last, over, gaps, restarted, persisted, claimed_in, opened_in: epoch });
        let Some(claim) = claim.filter(|_| first) else { return };
        if let Claim::Visit { interaction, visit, .. } = &claim
            && let Some(owner) = self.session_of(interaction, *visit)
        {
            // An id comes once, so the incarnation of the switch does not matter.
            let what = format!("{claim} is claimed twice: session {owner} has it");
            return findings.add(Kind::DoubledSessions, Finding::new(what).session(session).in_journal(line));
        }
        if let Some(owner) = self.claims.get(&claim) {
            let what = format!("{claim} is claimed twice: session {owner} has it");
            return findings.add(Kind::DoubledSessions, Finding::new(what).session(session).in_journal(line));
        }
        if let Claim::Visit { interaction, visit, .. } = &claim {
            self.by_visit.entry(interaction.clone()).or_default().insert(*visit, session);
        }
        self.claims.insert(claim, session);
    }

    /// A node's epochs only rise: who lost the lease commits nothing (P5).
    fn lead(&mut self, line: u64, session: SessionId, epoch: u64, findings: &mut Findings) {
        let highest = self.epochs.entry(session.node).or_default();
        if epoch < *highest {
            let what = format!("committed in epoch {epoch} of node {}, when epoch {highest} had committed already", session.node);
            findings.add(Kind::StaleEpochs, Finding::new(what).session(session).in_journal(line));
        }
        *highest = epoch.max(*highest);
    }

    fn step(&mut self, line: u64, step: Step, findings: &mut Findings) {
        self.steps += 1;
        let (session, incarnation) = (step.session, step.incarnation);
        self.lead(line, session, step.epoch, findings);
        let late = matches!(step.outcome, Outcome::Late);
        let broken = |what: String| Finding::new(what).session(session).at(step.event.at).in_journal(line);
        let key = |request| Key { session, incarnation, request };
        let Some(run) = self.sessions.get_mut(&session).and_then(|runs| runs.get_mut(&incarnation)) else {
            let what = format!("step {} of incarnation {incarnation}, which was never opened", step.event.seq);
            return findings.add(Kind::BrokenSequences, broken(what));
        };
        if !run.persisted {
            let what = "a step in the journal, but the session is not persisted".to_owned();
            findings.add(Kind::BrokenSequences, broken(what));
        }
        if step.event.seq != run.seq + 1 {
            findings.add(Kind::BrokenSequences, broken(format!("step {} follows step {}", step.event.seq, run.seq)));
        }
        if step.event.at < run.at {
            findings.add(Kind::BrokenSequences, broken(format!("session time goes back from {} to {}", run.at, step.event.at)));
        }
        if late != run.over.is_some() {
            let what = if late { "a late answer, but the session was not over" } else { "a step, but the session was over" };
            findings.add(Kind::BrokenSequences, broken(what.to_owned()));
        }
        let before = run.at;
        run.seq = step.event.seq;
        run.at = run.at.max(step.event.at);
        match step.event.body.told {
            Told::Restarted if step.event.seq == 1 => run.restarted = true,
            Told::Gap { since } => run.gaps.push(Gap { since, told_at: step.event.at, behind: run.last, before: None }),
            _ => {}
        }
        let again = match step.source {
            Source::Switch(place) => self.take(line, &step, place, late, findings),
            Source::Message(from) if !self.heard.insert(from) => {
                findings.add(Kind::DoubledEvents, broken(format!("message {from} is taken twice")).key(from));
                true
            }
            Source::Message(_) | Source::Host => false,
        };
        if let (Source::Host, Some(request)) = (step.source, step.event.request) {
            let what = match self.asked.get(&key(request)) {
                None => Some(format!("the host answers request {request}, which was never asked")),
                Some(asked) if &*step.event.body.name == "timer.fired" && asked.due().is_none_or(|due| due > step.event.at) => {
                    Some(format!("timer {request} fires before its time"))
                }
                Some(_) => None,
            };
            what.into_iter().for_each(|what| findings.add(Kind::BrokenSequences, broken(what).key(key(request))));
        }
        if let Some(request) = step.event.request
            && self.answered.insert(key(request), step.source).is_some()
            && !again
        {
            findings.add(Kind::DoubledEvents, broken(format!("request {request} is answered a second time")).key(key(request)));
        }
        let ends = matches!(step.outcome, Outcome::Finish | Outcome::Failed(_));
        self.failed_sessions += u64::from(matches!(step.outcome, Outcome::Failed(_)));
        if ends {
            let due = step.event.request.and_then(|request| self.asked.get(&key(request))?.due());
            let (with_it, not_before) = match step.source {
                Source::Switch(_) => (true, step.event.switch_at.unwrap_or(step.event.at)),
                Source::Host => (false, due.unwrap_or(before)),
                Source::Message(_) => (false, before),
            };
            self.end_run(session, incarnation, step.event.at, with_it, not_before);
        }
        for request in step.requests {
            if matches!(request.body.asks, Asks::Cancel) {
                self.cancelled.insert(key(request.id));
                continue;
            }
            let refused = request.refused.is_some();
            let asked = Asked { line, seq: step.event.seq, epoch: step.epoch, at: step.event.at, body: request.body, refused };
            if let Some(earlier) = self.asked.insert(key(request.id), asked) {
                let what = format!("request {} was asked in step {} already: `{}`", request.id, earlier.seq, earlier.body.name);
                findings.add(Kind::BrokenSequences, broken(what).key(key(request.id)));
            }
        }
    }

    /// Notes which session took an event of the switch, and whether it had its turn; returns whether it was taken before.
    fn take(&mut self, line: u64, step: &Step, place: Place, late: bool, findings: &mut Findings) -> bool {
        let (session, incarnation) = (step.session, step.incarnation);
        let finding = |what: String| Finding::new(what).session(session).place(place).at(step.event.at).in_journal(line);
        let Some(run) = self.sessions.get_mut(&session).and_then(|runs| runs.get_mut(&incarnation)) else { return false };
        if let Some(first) = self.taken.get(&place) {
            // A session that was started again hears its call's events again (P7).
            if first.session != session || first.incarnation >= incarnation || !run.restarted {
                let what = format!("the event was taken before, by session {} in journal line {}", first.session, first.line);
                findings.add(Kind::DoubledEvents, finding(what));
            }
            run.last = run.last.max(Some(place));
            return true;
        }
        if let Some(last) = run.last.filter(|last| *last > place) {
            findings.add(Kind::ReorderedEvents, finding(format!("`{}` of {place} comes behind {last}", step.event.body.name)));
        }
        if run.last.is_some_and(|last| last.incarnation < place.incarnation) && run.gaps.iter().all(|gap| gap.before.is_some()) {
            let what = format!("`{}` is of a gateway that had lost its memory, and no gap was told before it", step.event.body.name);
            findings.add(Kind::UntoldGaps, finding(what));
        }
        for gap in run.gaps.iter_mut().rev().take_while(|gap| gap.before.is_none()) {
            gap.before = Some(place);
        }
        run.last = run.last.max(Some(place));
        let (switch_at, request) = (step.event.switch_at, step.event.request);
        let (fingerprint, masked) = (step.event.body.fingerprint, step.event.body.masked);
        self.taken.insert(place, Taken { line, session, incarnation, switch_at, request, fingerprint, masked, late });
        false
    }

    fn ended(&mut self, line: u64, ending: &Ending, findings: &mut Findings) {
        let Ending { session, incarnation, seq, epoch, at } = *ending;
        self.lead(line, session, epoch, findings);
        let broken = |what: String| Finding::new(what).session(session).at(at).in_journal(line);
        match self.sessions.get(&session).and_then(|runs| runs.get(&incarnation)) {
            None => findings.add(Kind::BrokenSequences, broken(format!("the end of incarnation {incarnation}, which was never opened"))),
            Some(run) if run.over.is_some() => findings.add(Kind::BrokenSequences, broken("the session ends twice".to_owned())),
            Some(run) if run.persisted && run.seq != seq => {
                findings
                    .add(Kind::BrokenSequences, broken(format!("the session ends behind step {seq}, but its last step is {}", run.seq)));
            }
            Some(run) => {
                let not_before = run.at;
                self.end_run(session, incarnation, at, false, not_before);
            }
        }
    }

    fn end_run(&mut self, session: SessionId, incarnation: u32, at: Timestamp, with_it: bool, not_before: Timestamp) {
        if let Some(run) = self.sessions.get_mut(&session).and_then(|runs| runs.get_mut(&incarnation)) {
            run.over.get_or_insert(Over { at, last: run.last, with_it, not_before });
        }
    }
}

/// What is wrong with a session that begins once more: it must be the next incarnation, and one whose steps are not kept begins
/// again only when another epoch has found it alive.
fn wrong_restart(last: Option<(&u32, &Run)>, incarnation: u32, epoch: u64, persisted: bool) -> Option<String> {
    let Some((before, run)) = last else { return (incarnation != 1).then(|| format!("the session begins with incarnation {incarnation}")) };
    if incarnation != before + 1 {
        return Some(format!("incarnation {incarnation} follows incarnation {before}"));
    }
    if run.over.is_some() {
        return Some(format!("incarnation {incarnation} begins, but the session was over"));
    }
    (!persisted && epoch <= run.opened_in)
        .then(|| format!("incarnation {incarnation} begins in epoch {epoch}, in which the one before began"))
}

impl Asked {
    /// When a timer is due; none for other requests.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self.body.asks {
            Asks::After { delay_ms } => Some(self.at.saturating_add(delay_ms)),
            Asks::At { time } => Some(time),
            _ => None,
        }
    }
}
