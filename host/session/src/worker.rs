//! One worker: the sessions it owns, their timers, and the order in which they are served.
//!
//! Inputs are the methods; outputs are drained with [`Worker::drain`]. The worker never waits: rows it needs are asked for
//! with [`Output::Load`], and what must be durable first is handed out as [`Finished`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tandem_journal::{EndedBy, Ending, Opening, Record, SessionRows, Step};
use tandem_switch_link::{Held, Mark, SwitchEvent};
use tandem_synch_link::Change;
use tandem_words::{
    Bug, Epoch, ErrorCode, EventBody, Gap, RequestId, RequestKey, Restart, SessionId, SwitchIncarnation, Timestamp, VersionId, planted,
};

use crate::{
    Arrival, Finished, Folded, Guests, Inventory, Output, Records, SessionState, WorkerOptions, release,
    slot::{Presence, Slot},
};

/// What a worker is told; [`Worker::handle`] takes it apart. For drivers that put workers behind a channel.
#[derive(Debug)]
pub enum Input {
    /// [`Worker::open`].
    Open(Box<Opening>, Option<Arrival>),
    /// [`Worker::arrive`].
    Arrive(SessionId, Arrival),
    /// [`Worker::advance`].
    Advance(Timestamp),
    /// [`Worker::committed`], for each: the session, and [`Release::records`] of what became durable.
    Committed(Vec<(SessionId, u32)>),
    /// [`Worker::lost_claim`].
    LostClaim(SessionId),
    /// [`Worker::loaded`].
    Loaded(SessionId, Option<Box<SessionRows>>),
    /// [`Worker::loaded_all`].
    LoadedAll(SessionId, Vec<Vec<u8>>),
    /// [`Worker::recover`].
    Recover(Folded),
    /// [`Worker::read_ahead`].
    ReadAhead(SessionId, Records),
    /// [`Worker::reconciled`].
    Reconciled {
        /// Requests the gateway has not seen.
        unknown: Arc<BTreeSet<RequestKey>>,
        /// Whether this is the epoch's first.
        fresh: bool,
        /// Whether the gateway still knows what it was told before.
        remembers: bool,
    },
    /// [`Worker::news`].
    News(EventBody),
    /// [`Worker::await_restart`].
    Await(Box<Opening>),
    /// [`Worker::restart`].
    Restart {
        /// Which session.
        session: SessionId,
        /// Switch time.
        at: Timestamp,
        /// Its first event.
        restart: Restart,
        /// Then these.
        events: Vec<(SwitchIncarnation, SwitchEvent)>,
    },
    /// [`Worker::discard`].
    Discard(SessionId, Vec<Held>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Timer(RequestId),
    Linger,
}

/// See the module.
pub struct Worker<G> {
    pub(crate) guests: G,
    pub(crate) options: WorkerOptions,
    pub(crate) now: Timestamp,
    pub(crate) epoch: Epoch,
    pub(crate) slots: BTreeMap<SessionId, Slot>,
    pub(crate) agenda: BTreeSet<(Timestamp, SessionId, Due)>,
    /// Sessions whose guest is in memory, by the time at which to look whether it is still needed.
    pub(crate) idle: BTreeSet<(Timestamp, SessionId)>,
    /// Sessions that are over, and are replayed when their rows have been read.
    pub(crate) samples: BTreeSet<SessionId>,
    /// Versions whose replay differed: their sessions have an instance each.
    pub(crate) alone: BTreeSet<VersionId>,
    /// Sessions whose records are here and whose guest is not, with how many those are; and all of these together.
    pub(crate) ahead: BTreeMap<SessionId, usize>,
    pub(crate) records_ahead: usize,
    pub(crate) outputs: Vec<Output>,
}

impl<G: Guests> Worker<G> {
    /// A worker of a primary with this epoch.
    pub fn new(guests: G, options: WorkerOptions, epoch: Epoch) -> Self {
        Worker {
            guests,
            options,
            now: 0,
            epoch,
            slots: BTreeMap::new(),
            agenda: BTreeSet::new(),
            idle: BTreeSet::new(),
            samples: BTreeSet::new(),
            alone: BTreeSet::new(),
            ahead: BTreeMap::new(),
            records_ahead: 0,
            outputs: Vec::new(),
        }
    }

    /// Does what an input says.
    pub fn handle(&mut self, input: Input) {
        match input {
            Input::Open(opening, first) => self.open(*opening, first),
            Input::Arrive(id, arrival) => self.arrive(id, arrival),
            Input::Advance(now) => self.advance(now),
            Input::Committed(durable) => durable.into_iter().for_each(|(id, records)| self.committed(id, records)),
            Input::LostClaim(id) => self.lost_claim(id),
            Input::Loaded(id, rows) => self.loaded(id, rows.as_deref()),
            Input::LoadedAll(id, rows) => self.loaded_all(id, &rows),
            Input::Recover(folded) => self.recover(folded),
            Input::ReadAhead(id, records) => self.read_ahead(id, records),
            Input::Reconciled { unknown, fresh, remembers } => self.reconciled(&unknown, fresh, remembers),
            Input::News(body) => self.news(&body),
            Input::Await(opening) => self.await_restart(*opening),
            Input::Restart { session, at, restart, events } => self.restart(session, at, restart, events),
            Input::Discard(session, interactions) => self.discard(session, interactions),
        }
    }

    /// What the last inputs led to, in order.
    pub fn drain(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// When the time is wanted next: the earliest timer.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.agenda.first().map(|(due, ..)| *due)
    }

    /// Sessions that are not over.
    pub fn live_sessions(&self) -> usize {
        self.slots.values().filter(|slot| slot.presence != Presence::Over).count()
    }

    /// Sessions whose guest is in memory.
    pub fn present_sessions(&self) -> usize {
        self.slots.values().filter(|slot| slot.presence == Presence::Here).count()
    }

    /// A session's state, as far as it is known here.
    pub fn state(&self, id: SessionId) -> Option<&SessionState> {
        self.slots.get(&id)?.state.as_deref()
    }

    /// A new session, with its first event where it has one.
    pub fn open(&mut self, opening: Opening, first: Option<Arrival>) {
        let id = opening.session;
        // Messages may have come for it, from somebody who guessed its id; the rows that were asked for will find it open.
        let alone = self.alone.contains(&opening.version);
        let early = self.slots.insert(id, Slot { alone, ..Slot::opened(opening) }).map(|slot| slot.waiting);
        match first {
            Some(arrival) => self.arrive(id, arrival),
            None => self.open_without_event(id),
        }
        for arrival in early.into_iter().flatten() {
            self.arrive(id, arrival);
        }
    }

    /// Something for a session. Timers due before it go first, so that a backlog meets them in the order of time.
    pub fn arrive(&mut self, id: SessionId, arrival: Arrival) {
        if let Arrival::Switch { event, .. } = &arrival {
            self.advance(event.at);
        }
        if matches!(arrival, Arrival::Message { .. }) {
            // A receiver that is not here is over, or was never there: its journal knows whether it had this message.
            self.slots.entry(id).or_insert_with(Slot::unknown);
        }
        self.put(id, arrival);
    }

    /// The time has come to `now`: timers fire in the order (due, session, request).
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((due, id, what)) = self.agenda.first().copied().filter(|(due, ..)| *due <= now) {
            self.agenda.pop_first();
            self.now = self.now.max(due);
            let arrival = match what {
                Due::Timer(request) => Arrival::Timer(request),
                Due::Linger => Arrival::Linger,
            };
            self.put(id, arrival);
        }
        self.now = self.now.max(now);
        self.passivate_idle();
    }

    fn put(&mut self, id: SessionId, arrival: Arrival) {
        let Some(slot) = self.slots.get_mut(&id) else {
            self.outputs.extend(arrival.mark().map(Output::Ignored));
            return;
        };
        if slot.presence == Presence::Awaiting {
            return self.hold(id, arrival);
        }
        let full = slot.waiting.len() >= self.options.max_waiting;
        slot.waiting.push_back(arrival);
        if full {
            self.give_up_flooded(id);
        }
        self.serve(id);
    }

    /// The first `records` records that the session has handed out are durable.
    pub fn committed(&mut self, id: SessionId, records: u32) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.committed(records);
        self.leave_memory_if_passivating(id);
        self.serve(id);
        self.forget_if_done(id);
        self.passivate_idle();
    }

    /// Somebody else's session has the claim: this one never was (P1).
    pub fn lost_claim(&mut self, id: SessionId) {
        self.guests.remove(id);
        let Some(slot) = self.slots.remove(&id) else { return };
        self.forget_times(id, &slot);
        self.turn_away(id, slot.waiting, ErrorCode::NotFound, "its visit is another session's");
    }

    /// The rows asked for by [`Output::Load`]; none: the store does not know the session.
    pub fn loaded(&mut self, id: SessionId, rows: Option<&SessionRows>) {
        if self.samples.remove(&id) {
            return self.replay_sample(id, rows);
        }
        self.rebuild(id, rows);
        self.serve(id);
        self.forget_if_done(id);
    }

    /// At the beginning of an epoch: a session from the store. Its guest is here, or to be rebuilt when it is needed.
    pub fn recover(&mut self, folded: Folded) {
        let Folded { state, last_snapshot, here } = folded;
        let (id, at) = (state.session(), state.at());
        if state.is_live() && !planted(Bug::TimerForgotten) {
            self.arm_all(&state);
        }
        self.slots.insert(id, Slot::recovered(state, last_snapshot, here));
        if here {
            self.look_at(id, at);
        }
    }

    /// What the sessions hold and wait for. To be asked when nothing is under way (every input handled, every commit
    /// acknowledged), and then nothing may be put in until [`Worker::reconciled`]: what is asked of the gateway, and sent
    /// again, must be durable (P2).
    pub fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        for state in self.slots.values().filter_map(|slot| slot.state.as_deref()) {
            // Also of a session that is over and owed an answer: what it asked for last may not have left yet, and the gateway takes
            // a call that nobody names for forsaken.
            inventory.interactions.extend(state.holdings());
            let open = state.open_requests().filter(|(_, open)| open.is_for_switch());
            inventory.requests.extend(open.map(|(request, _)| state.key(request)));
        }
        inventory
    }

    /// The gateway has said which of the inventory's requests it has never seen: they are sent again, the others are not.
    /// `fresh`: a new epoch, not only a new connection, so what the host serves itself is done again too, and recovered
    /// sessions that want to know hear `session.recovered`. `remembers`: the gateway still knows what it was told before, so of a session
    /// whose last step it has shown to know nothing is said again.
    pub fn reconciled(&mut self, unknown: &BTreeSet<RequestKey>, fresh: bool, remembers: bool) {
        let mut recovered = Vec::new();
        for (id, slot) in &mut self.slots {
            let Some(state) = slot.state.as_deref() else { continue };
            slot.told = None;
            if !(remembers && release::has_come(state, unknown)) {
                let again = release::resend(state, unknown, slot.durable_seq(), self.options.max_quiet_ms, self.epoch);
                self.outputs.extend(again.into_iter().map(Output::Tell));
            }
            if !fresh || !slot.recovered {
                continue;
            }
            self.outputs.extend(release::redo(state).map(Output::Redo));
            self.outputs.extend(slot.unheard.then_some(Output::LoadAll(*id)));
            let wants = self.guests.manifest(&state.opening().version).is_some_and(|manifest| manifest.send_session_recovered);
            if wants && state.is_live() && state.seq() > 0 {
                slot.waiting.push_front(Arrival::News(EventBody::SessionRecovered));
                recovered.push(*id);
            }
        }
        for id in recovered {
            self.serve(id);
        }
    }

    /// News for every session that is not over. A gap begins for each where its own time ended, at the earliest.
    pub fn news(&mut self, body: &EventBody) {
        let live = |(id, slot): (&SessionId, &Slot)| Some((*id, slot.state.as_deref().filter(|state| state.is_live())?.at()));
        let live: Vec<(SessionId, Timestamp)> = self.slots.iter().filter_map(live).collect();
        for (id, at) in live {
            let body = match body {
                EventBody::Gap(gap) => EventBody::Gap(Gap { since: gap.since.max(at), ..gap.clone() }),
                body => body.clone(),
            };
            self.arrive(id, Arrival::News(body));
        }
    }

    /// Ends a session on behalf of the host.
    pub(crate) fn end(&mut self, id: SessionId, by: EndedBy) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(state) = slot.state.as_deref_mut() else { return };
        state.end();
        let ending = Ending {
            session: id,
            incarnation: state.opening().incarnation,
            seq: state.seq(),
            epoch: self.epoch,
            at: self.now.max(state.at()),
            by,
        };
        let mut finished = Finished::empty(state, None, release::of_ending(state, self.epoch));
        slot.tell_backup(&mut finished, [Change::Over(id)]);
        slot.hand_out_opening(&mut finished);
        slot.hand_out(&mut finished, Record::Ended(ending));
        self.hand_in(id, finished);
        self.bury(id);
    }

    /// To the commit queue, in the order in which things happened to the session.
    pub(crate) fn hand_in(&mut self, id: SessionId, mut finished: Finished) {
        finished.release.records = self.slots.get(&id).map_or(0, |slot| slot.handed_out);
        if planted(Bug::ReleaseBeforeCommit) {
            self.outputs.extend(finished.release.step.take().map(Output::Tell));
        }
        self.outputs.push(Output::Finished(Box::new(finished)));
    }

    /// A switch event that makes no step. What is the reason for that (it was seen before, the session is over) may not be
    /// durable yet: W must not pass the event before it is.
    pub(crate) fn pass_over(&mut self, id: SessionId, mark: Mark) {
        match self.slots.get(&id) {
            // Of a session that is not persisted the reason may not be with the backup yet.
            Some(slot @ Slot { state: Some(state), uncommitted, persisted, .. }) if !uncommitted.is_empty() || !persisted => {
                let mut finished = Finished::empty(state, Some(mark), release::nothing(state));
                slot.tell_backup(&mut finished, []);
                self.hand_in(id, finished);
            }
            _ => self.outputs.push(Output::Ignored(mark)),
        }
    }

    /// The sender of a message that makes no step is answered, behind whatever the answer rests on.
    pub(crate) fn reply(&mut self, id: SessionId, from: RequestKey, body: EventBody) {
        match self.slots.get(&id) {
            Some(Slot { state: Some(state), uncommitted, .. }) if !uncommitted.is_empty() => {
                let finished = Finished::empty(state, None, release::of_reply(state, from, body));
                self.hand_in(id, finished);
            }
            _ => self.outputs.push(Output::Answer(from, body)),
        }
    }

    /// Puts the timers that a step set and the linger deadline on the agenda, and takes those off that it cancelled.
    pub(crate) fn arm(&mut self, state: &SessionState, step: &Step) {
        let id = state.session();
        for request in &step.requests {
            let Some(open) = state.open_request(request.id) else { continue };
            let Some(due) = open.due() else { continue };
            if open.cancelled {
                self.agenda.remove(&(due, id, Due::Timer(request.id)));
            } else {
                self.agenda.insert((due, id, Due::Timer(request.id)));
            }
        }
        self.arm_linger(state);
    }

    /// The same for all of a session that was made elsewhere or earlier.
    pub(crate) fn arm_all(&mut self, state: &SessionState) {
        let id = state.session();
        let timers = state.open_requests().filter(|(_, open)| !open.cancelled);
        self.agenda.extend(timers.filter_map(|(request, open)| Some((open.due()?, id, Due::Timer(request)))));
        self.arm_linger(state);
    }

    fn arm_linger(&mut self, state: &SessionState) {
        if let Some(alone) = state.alone_since() {
            self.agenda.insert((alone.saturating_add(self.options.linger_timeout_ms), state.session(), Due::Linger));
        }
    }

    /// Takes a session's timers off the agenda, and the session off the list of the idle ones.
    pub(crate) fn forget_times(&mut self, id: SessionId, slot: &Slot) {
        if let Some(state) = slot.state.as_deref() {
            for (request, due) in state.open_requests().filter_map(|(request, open)| Some((request, open.due()?))) {
                self.agenda.remove(&(due, id, Due::Timer(request)));
            }
            if let Some(alone) = state.alone_since() {
                self.agenda.remove(&(alone.saturating_add(self.options.linger_timeout_ms), id, Due::Linger));
            }
        }
        if let Some(at) = slot.idle_since {
            self.idle.remove(&(at, id));
        }
    }

    pub(crate) fn forget_if_done(&mut self, id: SessionId) {
        if self.slots.get(&id).is_some_and(Slot::is_done)
            && let Some(slot) = self.slots.remove(&id)
        {
            self.sample(id, &slot);
        }
    }
}
