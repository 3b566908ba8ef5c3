//! The strategies that are played (`tests/simulation/scripts`): what is deployed, and what each worker runs them with, natively or as
//! components.

mod components;
mod native;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// What a version's manifest says of sessions whose replay differs; none: the option counts.
pub fn may_start_again(version: VersionId) -> Option<bool> {
    match version {
        DESK | SIDE => Some(true),
        QUIET => Some(false),
        _ => None,
    }
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
    /// It begins, in this incarnation, on this version.
    Start(SessionId, Incarnation, VersionId),
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
    faults: Option<Arc<Mutex<Faults>>>,
}

/// What guests do that they should not.
#[derive(Debug, Default)]
struct Faults {
    /// Versions whose replay differs now and then.
    differ: BTreeSet<VersionId>,
    /// Sessions of these, with their incarnation.
    runs: BTreeMap<SessionId, Incarnation>,
    /// Steps that have taken their instance down, by session and number; each does it once.
    died: BTreeSet<(SessionId, u32)>,
}

impl Faults {
    /// One event in 23 traps when it is heard for the first time.
    fn traps(&mut self, session: SessionId, event: &Event) -> bool {
        event.seed.is_multiple_of(23) && self.died.insert((session, event.seq))
    }

    /// One event in six comes to something else in a replay: of some sessions in every run, of the others only in their first.
    fn differs(&self, session: SessionId, event: &Event) -> bool {
        let run = self.runs.get(&session).copied();
        (event.seed >> 4).is_multiple_of(6) && run.is_some_and(|run| run == 1 || event.seed.is_multiple_of(2))
    }
}

impl Guests {
    /// Of a process that has just begun.
    pub fn new(plan: &Plan) -> Self {
        let differ = VERSIONS.into_iter().filter(|version| plan.replay_differs(*version)).collect();
        let faults = Some(Arc::new(Mutex::new(Faults { differ, ..Faults::default() })));
        Guests { faults, ..Guests::faithful(plan) }
    }

    /// The same, of which none traps, or differs in a replay.
    pub fn faithful(plan: &Plan) -> Self {
        Guests {
            native: native::guests(plan.sessions_per_instance),
            components: plan.components.as_ref().map(|components| components.guests(plan.sessions_per_instance)),
            ears: Ears::default(),
            faults: None,
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

    fn faults(&self) -> Option<MutexGuard<'_, Faults>> {
        Some(self.faults.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begins(&self, version: &VersionId, context: &Context) {
        if let Some(mut faults) = self.faults().filter(|faults| faults.differ.contains(version)) {
            faults.runs.insert(context.session_id, context.incarnation);
        }
    }
}

/// What stands in a snapshot, a native one or a component's, as JSON; none if it is neither.
pub fn remembered(snapshot: &[u8]) -> Option<String> {
    native::remembered(snapshot).or_else(|| components::remembered(snapshot))
}

impl tandem_session::Guests for Guests {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        self.ears.hear(effort, || Heard::Start(context.session_id, context.incarnation, *version));
        self.begins(version, context);
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
        self.begins(version, context);
        self.running().restore(version, context, state, state_version, place, effort)
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        self.ears.hear(effort, || Heard::Event(session, event.clone()));
        if effort == Effort::First && self.faults().is_some_and(|mut faults| faults.traps(session, event)) {
            return self.running().on_event(session, &Event { seed: TRAP, ..event.clone() }, draft, effort);
        }
        let differs = effort == Effort::Replay && self.faults().is_some_and(|faults| faults.differs(session, event));
        let (draft, result) = self.running().on_event(session, event, draft, effort);
        let otherwise = |next| if next == Next::Checkpoint { Next::Wait } else { Next::Checkpoint };
        (draft, if differs { result.map(otherwise) } else { result })
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
