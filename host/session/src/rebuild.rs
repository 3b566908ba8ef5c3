//! Bringing a session back: last snapshot, then the tail, compared with what the journal says (P10).
//!
//! One function serves recovery, passivated sessions, and the neighbours of a guest that took its cell down; the tail is
//! the stored rows plus the worker's own records that are not acknowledged yet.

mod sample;

use std::sync::Arc;

use tandem_journal::{Opening, Outcome, Record, Request, SessionRows, Snapshot, Step, StepFailure, StepFailureKind, decode};
use tandem_words::{Bug, ErrorCode, Incarnation, SessionId, planted};

use crate::{
    Draft, Effort, GuestFailure, Guests, Next, Output, Place, SessionState, StepLimits, Worker, Written, slot::Presence, snapshot,
};

/// A session as its rows tell it.
#[derive(Debug)]
pub struct Folded {
    /// Its state.
    pub state: Box<SessionState>,
    /// Behind which step its last snapshot stands; 0: none.
    pub last_snapshot: u32,
    /// Whether its guest has come with it, behind its last step.
    pub here: bool,
}

/// What brings a session back, as it was read: its opening, the last snapshot, and the records behind that.
#[derive(Debug)]
pub struct Records(pub(crate) Vec<Arc<Record>>);

impl Records {
    /// Of these rows. The message is for people.
    pub fn read(rows: &SessionRows) -> Result<Self, String> {
        read(rows).map(Records)
    }

    /// Of a session that begins.
    pub(crate) fn of_opening(opening: Opening) -> Self {
        Records(vec![Arc::new(Record::Opened(opening))])
    }

    /// The session's state, without its guest. The message is for people.
    pub fn fold(&self) -> Result<Folded, String> {
        let start = start_of(&self.0)?;
        let (mut state, last_snapshot) = (Box::new(start.state), start.seq);
        for record in self.0.iter().skip(start.tail) {
            apply(&mut state, record);
        }
        Ok(Folded { state, last_snapshot, here: false })
    }

    pub(crate) fn are_of(&self, incarnation: Incarnation) -> bool {
        incarnation_of(&self.0) == Some(incarnation)
    }

    pub(crate) fn last_step(&self) -> u32 {
        self.0.last().map_or(0, |record| record.seq())
    }
}

/// Folds a session's rows into its state, without its guest. The message is for people.
pub fn fold(rows: &SessionRows) -> Result<Folded, String> {
    Records::read(rows)?.fold()
}

fn session_of(records: &[Arc<Record>]) -> Option<SessionId> {
    records.first().map(|record| record.session())
}

fn incarnation_of(records: &[Arc<Record>]) -> Option<Incarnation> {
    match records.first().map(|record| &**record) {
        Some(Record::Opened(opening)) => Some(opening.incarnation),
        _ => None,
    }
}

struct Start<'a> {
    state: SessionState,
    snapshot: Option<&'a Snapshot>,
    seq: u32,
    /// Index of the first record behind the start.
    tail: usize,
}

fn read(rows: &SessionRows) -> Result<Vec<Arc<Record>>, String> {
    let all = std::iter::once(&rows.opening).chain(&rows.snapshot).chain(&rows.tail);
    all.map(|data| decode(data).map(Arc::new).map_err(|error| error.to_string())).collect()
}

fn start_of(records: &[Arc<Record>]) -> Result<Start<'_>, String> {
    let last = records.iter().enumerate().rev().find_map(|(index, record)| match &**record {
        Record::Snapshot(snapshot) => Some((index, snapshot)),
        _ => None,
    });
    if let Some((index, kept)) = last {
        let state = snapshot::decode(&kept.host)?;
        return Ok(Start { state, snapshot: Some(kept), seq: kept.seq, tail: index + 1 });
    }
    match records.first().map(|record| &**record) {
        Some(Record::Opened(opening)) => Ok(Start { state: SessionState::opened(opening.clone()), snapshot: None, seq: 0, tail: 1 }),
        _ => Err("its first row is not its opening".to_owned()),
    }
}

fn apply(state: &mut SessionState, record: &Record) {
    match record {
        Record::Step(step) if step.event.seq > state.seq() => state.apply(step),
        Record::Ended(_) => state.end(),
        Record::Step(_) | Record::Opened(_) | Record::Snapshot(_) => {}
    }
}

/// Why a session could not be brought back.
pub(crate) enum Setback {
    /// Its rows are damaged: nothing is known of it.
    Unreadable(String),
    /// Its guest cannot follow the journal.
    Guest(Box<SessionState>, StepFailure, bool),
    /// There was something else to be done.
    GivesWay,
}

fn end_of(records: &[Arc<Record>]) -> Result<Box<SessionState>, Setback> {
    let Start { mut state, tail, .. } = start_of(records).map_err(Setback::Unreadable)?;
    records.iter().skip(tail).for_each(|record| apply(&mut state, record));
    Ok(Box::new(state))
}

impl<G: Guests> Worker<G> {
    pub(crate) fn rebuild(&mut self, id: SessionId, rows: Option<&SessionRows>) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.presence == Presence::Loading) else { return };
        slot.presence = Presence::Absent;
        let mut records = match rows.map(read).transpose() {
            Ok(records) => records.unwrap_or_default(),
            Err(message) => return self.give_up(id, message),
        };
        // Another primary has written since: this one acts for nobody any more, and is about to hear so.
        let known = slot.state.as_deref().map(|state| (Some(state.opening().incarnation), state.seq()));
        let stored = records.iter().map(|record| record.seq()).max().unwrap_or_default();
        if known.is_some_and(|known| (incarnation_of(&records), stored) > known) {
            slot.presence = Presence::Loading;
            return;
        }
        // The store has an earlier incarnation: this one's opening is on its way.
        if incarnation_of(&records) < slot.state.as_deref().map(|state| state.opening().incarnation) {
            records.clear();
        }
        let stored = records.iter().filter(|record| matches!(***record, Record::Step(_))).map(|record| record.seq()).max();
        let own = slot.uncommitted.iter().filter(|record| match &***record {
            Record::Opened(_) => records.is_empty(),
            Record::Snapshot(_) | Record::Step(_) => Some(record.seq()) > stored,
            Record::Ended(_) => true,
        });
        let own: Vec<_> = own.filter(|_| !planted(Bug::RebuildWithoutUncommittedTail)).cloned().collect();
        records.extend(own);
        slot.forget_acknowledged();
        let alone = slot.alone;
        if records.is_empty() {
            return self.forget_unknown(id);
        }
        self.bring_back(id, &records, alone);
    }

    /// The same for a session whose records are here: one that is not persisted, or one that was read ahead.
    pub(crate) fn rebuild_from_memory(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.presence == Presence::Absent) else { return };
        let records = if slot.persisted { std::mem::take(&mut slot.memory) } else { slot.memory.clone() };
        let alone = slot.alone;
        self.no_longer_ahead(id);
        self.bring_back(id, &records, alone);
    }

    fn bring_back(&mut self, id: SessionId, records: &[Arc<Record>], alone: bool) {
        match self.replay(records, alone, &|| true) {
            Ok(state) => self.come_back(id, state),
            Err(Setback::Unreadable(message)) => self.give_up(id, message),
            // Only what nobody waits for does.
            Err(Setback::GivesWay) => {}
            Err(Setback::Guest(state, _, true)) if !alone => {
                // It died in company: once more, alone.
                if let Some(slot) = self.slots.get_mut(&id) {
                    slot.state = Some(state);
                }
                self.died(id);
                self.load(id);
            }
            Err(Setback::Guest(state, failure, _)) => {
                let again = self.may_start_again(&state, &failure);
                if let Some(slot) = self.slots.get_mut(&id) {
                    slot.state = Some(state);
                }
                self.guests.remove(id);
                self.mark_dead();
                if again {
                    return self.begin_again(id, &failure);
                }
                if is_a_difference(failure.kind) {
                    self.outputs.push(Output::Differs(format!("session {id} fails: {}. Its journal stands", failure.message)));
                }
                self.fail_without_guest(id, failure);
            }
        }
    }

    pub(crate) fn come_back(&mut self, id: SessionId, state: Box<SessionState>) {
        self.mark_dead();
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if !state.is_live() {
            slot.presence = Presence::Over;
            slot.state = Some(state);
            return;
        }
        slot.presence = Presence::Here;
        if slot.state.is_none() {
            self.arm_all(&state);
        }
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.state = Some(state);
        }
        self.look_at(id, self.now);
    }

    /// Its rows cannot be read. Where its state is known all the same, it fails, so that its calls go to their default route.
    pub(crate) fn give_up(&mut self, id: SessionId, message: String) {
        if self.slots.get(&id).is_some_and(|slot| slot.state.is_some()) {
            let failure = StepFailure { kind: StepFailureKind::Unavailable, message: format!("its journal cannot be read: {message}") };
            self.fail_without_guest(id, failure);
        } else if let Some(slot) = self.slots.remove(&id) {
            self.turn_away(id, slot.waiting, ErrorCode::Unavailable, "its journal cannot be read");
        }
        self.outputs.push(Output::Unreadable(id, message));
    }

    /// Nobody by this id was ever here.
    fn forget_unknown(&mut self, id: SessionId) {
        if let Some(slot) = self.slots.remove(&id) {
            self.forget_times(id, &slot);
            self.turn_away(id, slot.waiting, ErrorCode::NotFound, "there is none of this id");
        }
    }

    /// Restores or starts the guest and has it make the tail's steps again; the journal's requests stand, not the guest's.
    /// As long as `on` says so: asked before each step.
    pub(crate) fn replay(&mut self, records: &[Arc<Record>], alone: bool, on: &dyn Fn() -> bool) -> Result<Box<SessionState>, Setback> {
        // Whether it lives is known, but for a session that only a message has named.
        if session_of(records).is_none_or(|session| self.state(session).is_none()) {
            let end = end_of(records)?;
            if !end.is_live() {
                return Ok(end);
            }
        }
        replay(&mut self.guests, self.options.step, records, if alone { Place::Own } else { Place::Shared }, on)
    }
}

/// See [`Worker::replay`]; of a session that lives.
pub(crate) fn replay<G: Guests>(
    guests: &mut G,
    limits: StepLimits,
    records: &[Arc<Record>],
    place: Place,
    on: &dyn Fn() -> bool,
) -> Result<Box<SessionState>, Setback> {
    let Start { state, snapshot, tail, .. } = start_of(records).map_err(Setback::Unreadable)?;
    let (version, context) = (state.opening().version, state.context());
    let begun = match snapshot {
        Some(kept) => guests.restore(&version, &context, &kept.guest, kept.state_version, place, Effort::Replay),
        None => guests.start(&version, &context, place, Effort::Replay),
    };
    if let Err(failure) = begun {
        let died = failure.instance_died;
        return Err(Setback::Guest(end_of(records)?, failure.into(), died));
    }
    let mut state = Box::new(state);
    for record in records.iter().skip(tail) {
        if let Record::Step(step) = &**record
            && step.event.seq > state.seq()
        {
            if !on() {
                return Err(Setback::GivesWay);
            }
            let (before, result) = replay_step(guests, limits, state, step);
            state = before;
            if let Err(failure) = result {
                let died = failure.instance_died;
                return Err(Setback::Guest(end_of(records)?, failure.into(), died));
            }
        } else {
            apply(&mut state, record);
        }
    }
    Ok(state)
}

/// The guest makes a step again. What the host refused then stays refused, whatever today's release would say.
pub(crate) fn replay_step<G: Guests>(
    guests: &mut G,
    limits: StepLimits,
    mut state: Box<SessionState>,
    step: &Step,
) -> (Box<SessionState>, Result<(), GuestFailure>) {
    state.begin(&step.source, &step.event);
    let draft = Draft::replay(state, limits, step);
    let (draft, result) = guests.on_event(step.session, &step.event, draft, Effort::Replay);
    let Written { mut state, requests, .. } = draft.finish();
    state.complete(&step.requests, &step.outcome);
    let result = result.and_then(|next| match difference(next, &requests, step) {
        None => Ok(()),
        Some(what) => Err(GuestFailure {
            kind: StepFailureKind::ReplayDiverged,
            message: format!(
                "replaying step {} of session {} {what}; a strategy must not use statics, clocks or random numbers of its own",
                step.event.seq, step.session
            ),
            instance_died: false,
        }),
    });
    (state, result)
}

/// Whether a replay that fails like this differs from the journal (P10). It does not where there was no room for another instance, or
/// the component could not be loaded.
#[must_use]
pub fn is_a_difference(kind: StepFailureKind) -> bool {
    matches!(kind, StepFailureKind::ReplayDiverged | StepFailureKind::Trap | StepFailureKind::Error)
}

/// What a replayed step does otherwise than the journal says (P10).
fn difference(next: Next, requests: &[Request], step: &Step) -> Option<String> {
    let next = match next {
        Next::Wait => Outcome::Wait,
        Next::Checkpoint => Outcome::Checkpoint,
        Next::Finish => Outcome::Finish,
    };
    if next != step.outcome {
        return Some(format!("came to {next:?}, and the journal has {:?}", step.outcome));
    }
    let differs = |at: &usize| match (requests.get(*at), step.requests.get(*at)) {
        (Some(now), Some(then)) => now.id != then.id || now.body != then.body,
        _ => true,
    };
    let first = (0..requests.len().max(step.requests.len())).find(differs)?;
    let name = |requests: &[Request]| requests.get(first).map_or("nothing", |request| request.body.name());
    Some(format!("asked for {} as request {} of the step, and the journal has {}", name(requests), first + 1, name(&step.requests)))
}
