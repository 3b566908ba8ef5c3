//! One worker's cells, and the host's side of its sessions: each holds the call `c1` once it has arrived.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tandem_journal::{LocalTimeAnswer, Opening, Outcome, Source, Step, Survival};
use tandem_session::{Draft, Effort, GuestFailure, Guests, Next, Place, SessionState, StepLimits, Written};
use tandem_strategy::{Catalogue, Cells, Engine, EngineLimits, Strategy};
use tandem_words::{Context, Digit, Event, EventBody, Interaction, Origin, RequestBody, SessionId, VersionId};

/// 2026-07-03T10:30:00Z.
pub const AT: u64 = 1_783_074_600_000;

pub struct Bed {
    pub engine: Engine,
    pub catalogue: Arc<Catalogue>,
    pub cells: Cells,
    pub version: VersionId,
    pub ticks: Arc<AtomicUsize>,
    states: BTreeMap<SessionId, SessionState>,
}

/// The component of `tests/guests/NAME`.
pub fn wasm(name: &str) -> &'static [u8] {
    tandem_test_guests::guest(name).unwrap_or_else(|| panic!("no guest {name}")).wasm
}

/// Limits that a loaded machine does not break by itself, and that end soon enough for a test.
pub fn patient() -> EngineLimits {
    EngineLimits { step_wall_ms: 60_000, ..EngineLimits::default() }
}

pub fn bed(name: &str) -> Bed {
    bed_of(wasm(name), patient())
}

pub fn bed_of(component: &[u8], limits: EngineLimits) -> Bed {
    let engine = Engine::new(limits).unwrap();
    let strategy = Strategy::load(&engine, component, None).unwrap();
    let (version, catalogue) = (strategy.version(), Arc::new(Catalogue::new()));
    catalogue.add(strategy).unwrap();
    let ticks = Arc::new(AtomicUsize::new(0));
    let counter = ticks.clone();
    let tick = Box::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let cells = Cells::new(engine.clone(), catalogue.clone(), tick);
    Bed { engine, catalogue, cells, version, ticks, states: BTreeMap::new() }
}

pub fn id(number: u64) -> SessionId {
    SessionId { node: 101, epoch: 1, number }
}

pub fn context(number: u64) -> Context {
    Context { session_id: id(number), incarnation: 1, origin: Origin::Interaction, started_at: AT, parameters: Vec::new() }
}

pub fn event(seq: u32, body: EventBody) -> Event {
    Event { seq, at: AT, switch_at: Some(AT), seed: u64::from(seq), request: None, body }
}

pub fn digit(key: &str) -> EventBody {
    EventBody::Digit(Digit { interaction: "c1".into(), key: key.to_owned() })
}

pub fn call() -> Interaction {
    Interaction::arriving("c1", "0301234567", "8000", AT)
}

impl Bed {
    pub fn start(&mut self, number: u64) -> Result<(), GuestFailure> {
        self.start_in(number, Place::Shared)
    }

    pub fn start_in(&mut self, number: u64, place: Place) -> Result<(), GuestFailure> {
        let opening = Opening {
            session: id(number),
            incarnation: 1,
            epoch: 1,
            claim: None,
            origin: Origin::Interaction,
            strategy: "test".to_owned(),
            version: self.version,
            parameters: Vec::new(),
            switch: "main".into(),
            started_at: AT,
            survival: Survival::Recovered,
        };
        self.states.insert(id(number), SessionState::opened(opening));
        self.cells.start(&self.version, &context(number), place, Effort::First)
    }

    /// A session that has got its call.
    pub fn with_call(&mut self, number: u64) {
        self.start(number).unwrap();
        self.step(number, EventBody::InteractionAdded(call())).unwrap();
    }

    /// One step; applied when it went well.
    pub fn step(&mut self, number: u64, body: EventBody) -> Result<(Next, Vec<RequestBody>), GuestFailure> {
        let (written, next) = self.written(number, body);
        next.map(|next| (next, written.requests.into_iter().map(|request| request.body).collect()))
    }

    pub fn written(&mut self, number: u64, body: EventBody) -> (Written, Result<Next, GuestFailure>) {
        self.write(number, body, Effort::First, &[])
    }

    /// A step that is in the journal already, with the local times that stand there.
    pub fn replayed(&mut self, number: u64, body: EventBody, kept: &[LocalTimeAnswer]) -> (Written, Result<Next, GuestFailure>) {
        self.write(number, body, Effort::Replay, kept)
    }

    fn write(&mut self, number: u64, body: EventBody, effort: Effort, kept: &[LocalTimeAnswer]) -> (Written, Result<Next, GuestFailure>) {
        let mut state = self.states[&id(number)].clone();
        let event = event(state.seq() + 1, body);
        let mut step = Step {
            session: id(number),
            incarnation: 1,
            epoch: 1,
            version: self.version,
            source: Source::Host,
            event: event.clone(),
            outcome: Outcome::Wait,
            requests: Vec::new(),
            local_times: kept.to_vec(),
            notes: Vec::new(),
            last: false,
        };
        // An arrival is known to the host before its guest hears of it.
        state.apply(&step);
        let (state, limits) = (Box::new(state), StepLimits::default());
        let draft = match effort {
            Effort::First => Draft::new(state, limits),
            Effort::Replay => Draft::replay(state, limits, &step),
        };
        let (draft, next) = self.cells.on_event(id(number), &event, draft, effort);
        let written = draft.finish();
        if next.is_ok() {
            step.requests.clone_from(&written.requests);
            self.states.get_mut(&id(number)).unwrap().apply(&step);
        }
        (written, next)
    }
}
