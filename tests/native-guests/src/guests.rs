//! Scripts at work.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tandem_journal::StepFailureKind;
use tandem_session::{Draft, Effort, GuestFailure, Guests, Next, Place};
use tandem_words::{Context, Event, Isolation, Manifest, SessionId, VersionId};

use crate::{Act, Ask, Memory, Script};

/// What has been called, in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// `start`.
    pub starts: u64,
    /// `restore`.
    pub restores: u64,
    /// `remove` of a session that was there.
    pub removes: u64,
    /// `on-event`, for the first time.
    pub steps: u64,
    /// `on-event`, in a replay.
    pub replays: u64,
    /// `start` and `restore`, in a replay.
    pub replayed_starts: u64,
    /// `snapshot`.
    pub snapshots: u64,
    /// Instances that were made.
    pub instances: u64,
    /// Instances that died.
    pub deaths: u64,
}

#[derive(Debug)]
struct Guest {
    version: VersionId,
    instance: u64,
    memory: Memory,
}

#[derive(Debug)]
struct Cells {
    sessions_per_instance: usize,
    guests: BTreeMap<SessionId, Guest>,
    instances: BTreeMap<u64, BTreeSet<SessionId>>,
    /// Where the version's next shared session goes, if there is room.
    shared: BTreeMap<VersionId, u64>,
    dead: Vec<SessionId>,
    counts: Counts,
}

/// A clone is another handle on the same guests: a test keeps one, to look at what a worker does with its own.
#[derive(Debug, Clone)]
pub struct NativeGuests {
    scripts: BTreeMap<VersionId, Arc<Script>>,
    cells: Arc<Mutex<Cells>>,
}

impl Default for NativeGuests {
    fn default() -> Self {
        NativeGuests::new()
    }
}

impl NativeGuests {
    /// Without scripts; 1,024 sessions share an instance.
    pub fn new() -> Self {
        let cells = Cells {
            sessions_per_instance: 1_024,
            guests: BTreeMap::new(),
            instances: BTreeMap::new(),
            shared: BTreeMap::new(),
            dead: Vec::new(),
            counts: Counts::default(),
        };
        NativeGuests { scripts: BTreeMap::new(), cells: Arc::new(Mutex::new(cells)) }
    }

    /// With one script more.
    pub fn with(mut self, version: VersionId, script: Script) -> Self {
        self.scripts.insert(version, Arc::new(script));
        self
    }

    /// So many sessions share an instance.
    pub fn sessions_per_instance(self, sessions: usize) -> Self {
        self.cells().sessions_per_instance = sessions.max(1);
        self
    }

    /// The same scripts in a process that has just begun: no sessions, nothing counted.
    pub fn afresh(&self) -> Self {
        let sessions = self.cells().sessions_per_instance;
        NativeGuests { scripts: self.scripts.clone(), ..NativeGuests::new().sessions_per_instance(sessions) }
    }

    /// What has been called so far.
    pub fn counts(&self) -> Counts {
        self.cells().counts
    }

    /// What a session remembers; none if it is not in memory.
    pub fn memory(&self, session: SessionId) -> Option<Memory> {
        self.cells().guests.get(&session).map(|guest| guest.memory.clone())
    }

    /// The sessions that are in memory.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.cells().guests.keys().copied().collect()
    }

    /// Whether two sessions share an instance.
    pub fn are_neighbours(&self, one: SessionId, other: SessionId) -> bool {
        let cells = self.cells();
        let instance = |session| cells.guests.get(&session).map(|guest: &Guest| guest.instance);
        instance(one).is_some() && instance(one) == instance(other)
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self, version: &VersionId) -> Result<Arc<Script>, GuestFailure> {
        self.scripts.get(version).cloned().ok_or_else(|| GuestFailure {
            kind: StepFailureKind::Unavailable,
            message: format!("version {version} is not loaded"),
            instance_died: false,
        })
    }
}

impl Cells {
    fn place(&mut self, version: &VersionId, session: SessionId, place: Place, script: &Script) -> u64 {
        let shares = place == Place::Shared && script.manifest.isolation == Isolation::Shared;
        let open = self.shared.get(version).copied().filter(|_| shares);
        let open = open.filter(|instance| self.instances.get(instance).is_some_and(|there| there.len() < self.sessions_per_instance));
        let instance = open.unwrap_or_else(|| {
            self.counts.instances += 1;
            self.counts.instances
        });
        if shares {
            self.shared.insert(*version, instance);
        }
        self.instances.entry(instance).or_default().insert(session);
        instance
    }

    fn die(&mut self, instance: u64) {
        let Some(sessions) = self.instances.remove(&instance) else { return };
        self.counts.deaths += 1;
        self.guests.retain(|session, _| !sessions.contains(session));
        self.dead.extend(sessions);
    }

    /// What comes of it if the script gave up; `session` stands in `instance`.
    fn failed(&mut self, act: Act, session: SessionId, instance: u64) -> Option<GuestFailure> {
        match act {
            Act::Wait | Act::Checkpoint | Act::Finish => None,
            Act::Error(message) => Some(GuestFailure { kind: StepFailureKind::Error, message, instance_died: false }),
            Act::Die(kind, message) => {
                self.instances.entry(instance).or_default().insert(session);
                self.die(instance);
                Some(GuestFailure { kind, message, instance_died: true })
            }
        }
    }

    /// The session's place is free again; an instance that nobody lives in goes.
    fn leave(&mut self, session: SessionId, instance: u64) {
        if let Some(there) = self.instances.get_mut(&instance) {
            there.remove(&session);
            if there.is_empty() {
                self.instances.remove(&instance);
            }
        }
    }

    fn take_in(&mut self, version: &VersionId, session: SessionId, instance: u64, memory: Memory) {
        self.guests.insert(session, Guest { version: *version, instance, memory });
    }

    fn remove(&mut self, session: SessionId) -> bool {
        let Some(guest) = self.guests.remove(&session) else { return false };
        self.leave(session, guest.instance);
        true
    }
}

fn unknown(session: SessionId) -> GuestFailure {
    GuestFailure { kind: StepFailureKind::Trap, message: format!("session {session} is not in memory"), instance_died: false }
}

impl Guests for NativeGuests {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        let mut cells = self.cells();
        cells.counts.starts += 1;
        cells.counts.replayed_starts += u64::from(effort == Effort::Replay);
        let script = self.script(version)?;
        cells.remove(context.session_id);
        let instance = cells.place(version, context.session_id, place, &script);
        let mut memory = Memory::default();
        let act = (script.on_start)(context, &mut memory);
        if let Some(failure) = cells.failed(act, context.session_id, instance) {
            cells.leave(context.session_id, instance);
            return Err(failure);
        }
        cells.take_in(version, context.session_id, instance, memory);
        Ok(())
    }

    fn restore(
        &mut self,
        version: &VersionId,
        context: &Context,
        state: &[u8],
        state_version: u32,
        place: Place,
        effort: Effort,
    ) -> Result<(), GuestFailure> {
        let mut cells = self.cells();
        cells.counts.restores += 1;
        cells.counts.replayed_starts += u64::from(effort == Effort::Replay);
        let script = self.script(version)?;
        cells.remove(context.session_id);
        let refuse = |message| GuestFailure { kind: StepFailureKind::Error, message, instance_died: false };
        if state_version != script.manifest.state_version {
            return Err(refuse(format!("state version {state_version}; this is {}", script.manifest.state_version)));
        }
        let memory = rmp_serde::from_slice(state).map_err(|error| refuse(error.to_string()))?;
        let instance = cells.place(version, context.session_id, place, &script);
        cells.take_in(version, context.session_id, instance, memory);
        Ok(())
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        let mut cells = self.cells();
        match effort {
            Effort::First => cells.counts.steps += 1,
            Effort::Replay => cells.counts.replays += 1,
        }
        let Some(mut guest) = cells.guests.remove(&session) else { return (draft, Err(unknown(session))) };
        let script = match self.script(&guest.version) {
            Ok(script) => script,
            Err(failure) => return (draft, Err(failure)),
        };
        let mut ask = Ask { draft, effort, over_limit: None };
        let mut act = (script.on_event)(&mut guest.memory, event, &mut ask);
        if let Some(over) = ask.over_limit {
            act = Act::Die(StepFailureKind::Limit, over.to_string());
        }
        let next = match act {
            Act::Checkpoint => Next::Checkpoint,
            Act::Finish => Next::Finish,
            _ => Next::Wait,
        };
        let instance = guest.instance;
        cells.guests.insert(session, guest);
        match cells.failed(act, session, instance) {
            None => (ask.draft, Ok(next)),
            Some(failure) => (ask.draft, Err(failure)),
        }
    }

    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        let mut cells = self.cells();
        cells.counts.snapshots += 1;
        let (version, instance, memory) = match cells.guests.get(&session) {
            Some(guest) => (guest.version, guest.instance, guest.memory.clone()),
            None => return Err(unknown(session)),
        };
        let script = self.script(&version)?;
        match (script.on_snapshot)(&memory) {
            Ok(true) => Ok(rmp_serde::to_vec(&memory).ok()),
            Ok(false) => Ok(None),
            Err(act) => cells.failed(act, session, instance).map_or(Ok(None), Err),
        }
    }

    fn remove(&mut self, session: SessionId) {
        let mut cells = self.cells();
        if cells.remove(session) {
            cells.counts.removes += 1;
        }
    }

    fn take_dead(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.cells().dead)
    }

    fn manifest(&self, version: &VersionId) -> Option<&Manifest> {
        self.scripts.get(version).map(|script| &script.manifest)
    }
}

#[cfg(test)]
mod tests {
    use tandem_journal::{Opening, Survival};
    use tandem_session::{SessionState, StepLimits};
    use tandem_words::{EventBody, Origin};

    use super::*;

    const VERSION: VersionId = VersionId([1; 32]);

    fn state(number: u64) -> Box<SessionState> {
        Box::new(SessionState::opened(Opening {
            session: SessionId { node: 101, epoch: 1, number },
            incarnation: 1,
            epoch: 1,
            claim: None,
            origin: Origin::Api,
            strategy: "s".to_owned(),
            version: VERSION,
            parameters: Vec::new(),
            switch: "main".into(),
            started_at: 0,
            survival: Survival::Recovered,
        }))
    }

    fn event(guests: &mut NativeGuests, number: u64, body: EventBody) -> Result<Next, GuestFailure> {
        let event = Event { seq: 1, at: 0, switch_at: None, seed: 0, request: None, body };
        let state = state(number);
        guests.on_event(state.session(), &event, Draft::new(state, StepLimits::default()), Effort::First).1
    }

    /// Sessions 1 to 3, two of which share an instance; `done` traps.
    fn three() -> NativeGuests {
        let script = Script::new("s", |memory, event, ask| match &event.body {
            EventBody::Done => Act::trap(),
            EventBody::TimerFired => {
                memory.count("fired");
                Act::Checkpoint
            }
            _ => {
                (0..1_000).for_each(|_| _ = ask.after(1));
                Act::Wait
            }
        });
        let mut guests = NativeGuests::new().with(VERSION, script).sessions_per_instance(2);
        (1..=3).for_each(|number| guests.start(&VERSION, &state(number).context(), Place::Shared, Effort::First).unwrap());
        guests
    }

    fn id(number: u64) -> SessionId {
        state(number).session()
    }

    #[test]
    fn neighbours_die_together_and_others_do_not() {
        let mut guests = three();
        assert!(guests.are_neighbours(id(1), id(2)) && !guests.are_neighbours(id(2), id(3)));
        assert!(event(&mut guests, 1, EventBody::Done).unwrap_err().instance_died);
        assert_eq!((guests.take_dead(), guests.take_dead(), guests.sessions()), (vec![id(1), id(2)], vec![], vec![id(3)]));
        assert!(!event(&mut guests, 1, EventBody::Done).unwrap_err().instance_died, "it is not there");
        guests.start(&VERSION, &state(1).context(), Place::Own, Effort::First).unwrap();
        assert!(!guests.are_neighbours(id(1), id(3)));
        assert_eq!((guests.counts().starts, guests.counts().deaths, guests.counts().instances), (4, 1, 3));
    }

    #[test]
    fn a_request_over_a_limit_kills_the_instance() {
        let mut guests = three();
        let failure = event(&mut guests, 3, EventBody::SessionRecovered).unwrap_err();
        assert_eq!((failure.kind, failure.instance_died), (StepFailureKind::Limit, true));
    }

    #[test]
    fn a_snapshot_brings_back_what_was_remembered_in_another_process() {
        let mut guests = three();
        assert_eq!(event(&mut guests, 3, EventBody::TimerFired), Ok(Next::Checkpoint));
        let kept = guests.snapshot(id(3)).unwrap().unwrap();
        let mut fresh = guests.afresh();
        assert!(fresh.restore(&VERSION, &state(3).context(), &kept, 9, Place::Shared, Effort::Replay).is_err());
        fresh.restore(&VERSION, &state(3).context(), &kept, 1, Place::Shared, Effort::Replay).unwrap();
        assert_eq!(fresh.memory(id(3)), guests.memory(id(3)));
        assert_eq!(fresh.memory(id(3)).unwrap().number("fired"), 1);
        fresh.remove(id(3));
        fresh.remove(id(3));
        assert_eq!((fresh.counts().removes, fresh.counts().restores, fresh.sessions().len()), (1, 2, 0));
    }
}
