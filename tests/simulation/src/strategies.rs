//! The strategies that are played (`tests/simulation/scripts`): what is deployed, and what each worker runs them with, natively or as
//! components.

mod components;
mod native;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tandem_native_guests::NativeGuests;
use tandem_node::{Deployment, Deployments};
use tandem_session::{Draft, Effort, GuestFailure, Next, Place};
use tandem_simulation_scripts::{SCRIPTS, TRAP};
use tandem_words::{Context, Event, Incarnation, Manifest, SessionId, VersionId};

use crate::plan::Plan;
pub use components::Components;

const DESK: VersionId = VersionId([1; 32]);
const QUIET: VersionId = VersionId([2; 32]);
const KEEPER: VersionId = VersionId([3; 32]);
const SIDE: VersionId = VersionId([4; 32]);

/// All of them, in the order of [`SCRIPTS`].
pub const VERSIONS: [VersionId; 4] = [DESK, QUIET, KEEPER, SIDE];

/// The routing points, each with its strategy; `side` has none.
pub const POINTS: [&str; 3] = ["8000", "8001", "8002"];

/// Versions whose sessions ask for `session.recovered`.
pub fn asks_for_recovered(version: VersionId) -> bool {
    matches!(version, QUIET | KEEPER)
}

/// What is deployed.
pub fn deployments(plan: &Plan) -> Deployments {
    let deployed = SCRIPTS.into_iter().zip(VERSIONS).zip(plan.survivals);
    let all: Vec<Deployment> = deployed
        .map(|(((name, _), version), survival)| Deployment { strategy: name.to_owned(), version, parameters: Vec::new(), survival })
        .collect();
    let routing_points = POINTS.iter().map(|point| (*point).to_owned()).zip(all.iter().cloned()).collect();
    let strategies = all.into_iter().map(|one| (one.strategy.clone(), one)).collect();
    Deployments { routing_points, strategies }
}

/// What a strategy heard, for the first time: not what is replayed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It begins, in this incarnation.
    Start(SessionId, Incarnation),
    /// An event.
    Event(SessionId, Event),
}

/// What the strategies of one worker heard.
#[derive(Debug, Clone, Default)]
pub struct Ears(Arc<Mutex<Vec<Heard>>>);

impl Ears {
    /// What was heard since the last call.
    pub fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, effort: Effort, heard: impl FnOnce() -> Heard) {
        if effort == Effort::First {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(heard());
        }
    }
}

/// The guests of one worker, overheard. A clone is another handle on the same ones.
#[derive(Clone)]
pub struct Guests {
    /// They say what the versions are, and run unless there are components.
    native: NativeGuests,
    components: Option<components::Guests>,
    ears: Ears,
    /// Steps that have taken their instance down, by session and number; each does it once.
    died: Arc<Mutex<BTreeSet<(SessionId, u32)>>>,
}

impl Guests {
    /// Of a process that has just begun.
    pub fn new(plan: &Plan) -> Self {
        Guests {
            native: native::guests(plan.sessions_per_instance),
            components: plan.components.as_ref().map(|components| components.guests(plan.sessions_per_instance)),
            ears: Ears::default(),
            died: Arc::default(),
        }
    }

    /// What they hear.
    pub fn ears(&self) -> Ears {
        self.ears.clone()
    }

    /// What a session remembers, as JSON; none if it is not in memory, or is a component's and gives no snapshot.
    pub fn remembers(&mut self, session: SessionId) -> Option<String> {
        use tandem_session::Guests as _;
        match &mut self.components {
            Some(components) => remembered(&components.snapshot(session).ok()??),
            None => serde_json::to_string(&self.native.memory(session)?).ok(),
        }
    }

    fn running(&mut self) -> &mut dyn tandem_session::Guests {
        match &mut self.components {
            Some(components) => components,
            None => &mut self.native,
        }
    }

    /// One event in 23 traps when it is heard for the first time.
    fn traps(&self, session: SessionId, event: &Event, effort: Effort) -> bool {
        let drawn = effort == Effort::First && event.seed.is_multiple_of(23);
        drawn && self.died.lock().unwrap_or_else(PoisonError::into_inner).insert((session, event.seq))
    }
}

/// What stands in a snapshot, a native one or a component's, as JSON; none if it is neither.
pub fn remembered(snapshot: &[u8]) -> Option<String> {
    native::remembered(snapshot).or_else(|| components::remembered(snapshot))
}

impl tandem_session::Guests for Guests {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        self.ears.hear(effort, || Heard::Start(context.session_id, context.incarnation));
        self.running().start(version, context, place, effort)
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
        self.running().restore(version, context, state, state_version, place, effort)
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        self.ears.hear(effort, || Heard::Event(session, event.clone()));
        if self.traps(session, event, effort) {
            return self.running().on_event(session, &Event { seed: TRAP, ..event.clone() }, draft, effort);
        }
        self.running().on_event(session, event, draft, effort)
    }

    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        self.running().snapshot(session)
    }

    fn remove(&mut self, session: SessionId) {
        self.running().remove(session);
    }

    fn take_dead(&mut self) -> Vec<SessionId> {
        self.running().take_dead()
    }

    fn manifest(&self, version: &VersionId) -> Option<&Manifest> {
        self.native.manifest(version)
    }
}
