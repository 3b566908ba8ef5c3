//! One step: the guest runs, and what came of it is recorded.

use tandem_journal::{EndedBy, Ending, Opening, Outcome, Record, Source, Step, StepFailure, StepFailureKind};
use tandem_switch_link::Mark;
use tandem_words::{Bug, ErrorCode, Event, EventBody, Failure, SessionId, planted};

use crate::{
    Arrival, Draft, Effort, Finished, GuestFailure, Guests, Next, Output, Place, Release, SessionState, Worker, Written, release,
    serve::Taken, slot::Presence,
};

impl<G: Guests> Worker<G> {
    /// A session that begins without an event (another session or an operator started it): it is durable before it acts.
    pub(crate) fn open_without_event(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(state) = slot.state.as_deref() else { return };
        let mut finished = Finished::empty(state, None, release::of_opening(state));
        slot.tell_backup(&mut finished, []);
        slot.hand_out_opening(&mut finished);
        self.hand_in(id, finished);
        if let Err(failure) = self.start_guest(id) {
            self.fail_without_guest(id, failure.into());
        }
    }

    /// Sees to it that the guest is in memory; false if its rows were asked for first, or if it failed and the session with it.
    pub(crate) fn make_present(&mut self, id: SessionId) -> bool {
        let Some(state) = self.slots.get(&id).and_then(|slot| slot.state.as_deref()) else { return false };
        if state.seq() > 0 {
            self.load(id);
            return false;
        }
        match self.start_guest(id) {
            Ok(()) => true,
            Err(failure) => {
                self.fail_without_guest(id, failure.into());
                false
            }
        }
    }

    /// `start`, and once more alone if the cell died of it.
    fn start_guest(&mut self, id: SessionId) -> Result<(), GuestFailure> {
        let Some(slot) = self.slots.get_mut(&id) else { return Ok(()) };
        let Some(state) = slot.state.as_deref() else { return Ok(()) };
        let (version, context) = (state.opening().version, state.context());
        let place = if slot.alone { Place::Own } else { Place::Shared };
        let mut started = self.guests.start(&version, &context, place, Effort::First);
        if started.as_ref().is_err_and(|failure| failure.instance_died) && !slot.alone {
            slot.alone = true;
            started = self.guests.start(&version, &context, Place::Own, Effort::First);
        }
        // The dead of the first try, this session itself among them, are not those of the second.
        self.mark_dead();
        if started.is_ok() {
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.presence = Presence::Here;
            }
            self.look_at(id, self.now);
        }
        started
    }

    /// Runs the guest on the first arrival and records what came of it.
    pub(crate) fn step(&mut self, id: SessionId, taken: Taken) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(mut state) = slot.state.take() else { return };
        let (source, event) = number(&state, taken);
        let undo = state.begin(&source, &event);
        let draft = Draft::new(state, self.options.step);
        let (draft, result) = self.guests.on_event(id, &event, draft, Effort::First);
        let Written { mut state, mut requests, local_times, notes } = draft.finish();
        let outcome = match result {
            Ok(Next::Wait) => Outcome::Wait,
            Ok(Next::Checkpoint) => Outcome::Checkpoint,
            Ok(Next::Finish) => Outcome::Finish,
            Err(failure) => {
                if failure.instance_died && !slot.alone {
                    // The guilty step is tried once more, alone: its arrival still waits in front.
                    state.undo(undo);
                    slot.state = Some(state);
                    return self.died(id);
                }
                if failure.instance_died {
                    self.died(id);
                }
                requests.clear();
                Outcome::Failed(failure.into())
            }
        };
        let Opening { session, incarnation, version, .. } = *state.opening();
        let step =
            Step { session, incarnation, epoch: self.epoch, version, source, event, outcome, requests, local_times, notes, last: false };
        state.complete(&step.requests, &step.outcome);
        let arrival = self.pop_waiting(id);
        self.record(id, state, step, arrival);
    }

    /// The first arrival that waits becomes a failed step, without a guest having seen it.
    pub(crate) fn fail_without_guest(&mut self, id: SessionId, failure: StepFailure) {
        match self.first_waiting(id) {
            Some(taken) => {
                let arrival = self.pop_waiting(id);
                self.failed_step(id, taken, failure, arrival);
            }
            None => self.fail(id, failure),
        }
    }

    /// The session fails, and no arrival is to blame.
    pub(crate) fn fail(&mut self, id: SessionId, failure: StepFailure) {
        let code = match failure.kind {
            StepFailureKind::Terminated => ErrorCode::Cancelled,
            StepFailureKind::Limit => ErrorCode::OverLimit,
            _ => ErrorCode::Unavailable,
        };
        let body = EventBody::Failed(Failure::new(code, failure.message.clone()));
        let taken = Taken { source: Source::Host, at: self.now, switch_at: None, request: None, body };
        self.failed_step(id, taken, failure, None);
    }

    fn failed_step(&mut self, id: SessionId, taken: Taken, failure: StepFailure, arrival: Option<Arrival>) {
        let Some(step) = self.step_without_guest(id, taken, Outcome::Failed(failure)) else { return };
        let Some(mut state) = self.slots.get_mut(&id).and_then(|slot| slot.state.take()) else { return };
        state.apply(&step);
        self.record(id, state, step, arrival);
    }

    /// An answer that came when its session was over.
    pub(crate) fn late_step(&mut self, id: SessionId, taken: Taken, mark: Option<Mark>) {
        let Some(mut step) = self.step_without_guest(id, taken, Outcome::Late) else { return };
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(state) = slot.state.as_deref_mut() else { return };
        state.apply(&step);
        step.last = !state.is_owed();
        let mut finished = Finished::empty(state, mark, release::of_late_step(state, &step));
        slot.hand_out(&mut finished, Record::Step(step));
        self.hand_in(id, finished);
    }

    fn step_without_guest(&self, id: SessionId, taken: Taken, outcome: Outcome) -> Option<Step> {
        let state = self.slots.get(&id)?.state.as_deref()?;
        let (source, event) = number(state, taken);
        let Opening { session, incarnation, version, .. } = *state.opening();
        let (requests, local_times, notes) = Default::default();
        Some(Step { session, incarnation, epoch: self.epoch, version, source, event, outcome, requests, local_times, notes, last: false })
    }

    fn pop_waiting(&mut self, id: SessionId) -> Option<Arrival> {
        self.slots.get_mut(&id)?.waiting.pop_front()
    }

    /// Hands a step out for the commit, with the state behind it, and sees to what follows from it.
    fn record(&mut self, id: SessionId, state: Box<SessionState>, mut step: Step, arrival: Option<Arrival>) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let over = !state.is_live();
        step.last = over && !state.is_owed();
        let mut release = release::of_step(&state, &step, &mut slot.told, self.options.max_quiet_ms);
        if planted(Bug::MessageBeforeCommit) {
            let requests = std::mem::take(&mut release.requests);
            self.outputs.push(Output::Redo(Release { requests, ..release::nothing(&state) }));
        }
        let mut finished = Finished::empty(&state, arrival.as_ref().and_then(Arrival::mark), release);
        if !slot.persisted {
            slot.tell_backup(&mut finished, release::changes(&state, &step, arrival));
        }
        let ending = (over && !slot.persisted).then(|| ending(&state, &step));
        let (seq, checkpoint) = (step.event.seq, step.outcome == Outcome::Checkpoint);
        slot.passivating = false;
        if planted(Bug::ClaimAndSessionInTwoWrites) && !slot.opening_handed_out {
            let mut claim = Finished::empty(&state, None, Release { records: 1, ..release::nothing(&state) });
            slot.hand_out_opening(&mut claim);
            self.outputs.push(Output::Finished(Box::new(claim)));
        }
        slot.hand_out_opening(&mut finished);
        // The host's own events, and answers to what the session asked: those it can bring about without end.
        if step.source == Source::Host || step.event.request.is_some() {
            let (at, steps) = slot.at_once;
            slot.at_once = if at == state.at() { (at, steps.saturating_add(1)) } else { (state.at(), 1) };
        }
        let looked_at = slot.idle_since.is_some();
        self.arm(&state, &step);
        if !looked_at {
            self.look_at(id, state.at());
        }
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.hand_out(&mut finished, Record::Step(step));
        if let Some(ending) = ending {
            slot.hand_out(&mut finished, Record::Ended(ending));
        }
        slot.state = Some(state);
        let due = checkpoint || seq.saturating_sub(slot.last_snapshot.max(slot.asked_snapshot)) >= self.options.snapshot_every;
        if due && !over && slot.presence == Presence::Here {
            self.add_snapshot(id, &mut finished);
        }
        if planted(Bug::SnapshotBeforeItsRow) {
            finished.records.sort_by_key(|record| !matches!(**record, Record::Snapshot(_)));
        }
        self.hand_in(id, finished);
        if over { self.bury(id) } else { self.check_bounds(id) }
    }

    /// A session that gives no snapshots may go only so far, and one that asks itself in circles not for ever (P12).
    fn check_bounds(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get(&id) else { return };
        let Some(state) = slot.state.as_deref() else { return };
        let (tail, limit) = (state.seq().saturating_sub(slot.last_snapshot), self.options.max_journal_steps);
        let (steps_at_once, limit_at_once) = (slot.at_once.1, self.options.max_steps_at_once);
        let message = if tail > limit {
            format!("{tail} steps without a snapshot; the limit is {limit} (limits.max-journal-steps): call checkpoint in a long flow")
        } else if steps_at_once > limit_at_once {
            format!(
                "{steps_at_once} answers and timers at one instant; the limit is {limit_at_once}: it asks for the same thing in circles"
            )
        } else {
            return;
        };
        self.fail(id, StepFailure { kind: StepFailureKind::Limit, message });
    }

    /// The session's instance has died of it: it will be alone, and its neighbours are brought back when they are needed.
    pub(crate) fn died(&mut self, id: SessionId) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.alone = true;
            if slot.presence == Presence::Here {
                slot.presence = Presence::Absent;
            }
        }
        self.forget_idle(id);
        self.mark_dead();
    }

    /// Sessions that died with an instance are absent until they are needed.
    pub(crate) fn mark_dead(&mut self) {
        for id in self.guests.take_dead() {
            if let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.presence == Presence::Here) {
                slot.presence = Presence::Absent;
                self.forget_idle(id);
            }
        }
    }
}

/// The end of a session whose last step is not written.
fn ending(state: &SessionState, step: &Step) -> Ending {
    let by = match &step.outcome {
        Outcome::Failed(failure) => EndedBy::Failed(failure.clone()),
        _ => EndedBy::Finished,
    };
    Ending { session: step.session, incarnation: step.incarnation, seq: step.event.seq, epoch: step.epoch, at: state.at(), by }
}

/// The event as the session sees it: numbered, and never earlier than the one before.
fn number(state: &SessionState, taken: Taken) -> (Source, Event) {
    let seq = state.seq().saturating_add(1);
    let Taken { source, at, switch_at, request, body } = taken;
    let event = Event { seq, at: at.max(state.at()), switch_at, seed: seed(state, seq), request, body };
    (source, event)
}

/// For random numbers: from (session, incarnation, seq), below 2^53 so that JavaScript holds it. The mixer is SplitMix64's.
fn seed(state: &SessionState, seq: u32) -> u64 {
    let Opening { session, incarnation, .. } = *state.opening();
    let parts = [u64::from(session.node), session.epoch, session.number, u64::from(incarnation), u64::from(seq)];
    let mixed = parts.iter().fold(0_u64, |hash, part| {
        let mut z = (hash ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    });
    mixed >> 11
}
