//! The scripts as components (`tests/guests/simulated`) in the product's engine. Nothing else here knows the engine.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tandem_journal::StepFailureKind;
use tandem_session::{Draft, Effort, GuestFailure, Next, Place};
use tandem_simulation_scripts::SCRIPTS;
use tandem_strategy::{Catalogue, Cells, Engine, EngineLimits, Strategy};
use tandem_words::{Context, Event, Manifest, Property, SessionId, VersionId};

use super::VERSIONS;
use crate::Finding;

/// The limits of time for one call of a guest: a busy machine must not decide what happens in a seed.
const CALL_MS: u32 = 3_600_000;

/// One component, loaded once for each script, so that only sessions of one script share a cell. A clone is the same.
#[derive(Clone)]
pub struct Components {
    engine: Engine,
    catalogue: Arc<Catalogue>,
    /// In the order of [`SCRIPTS`].
    versions: Arc<[VersionId]>,
}

impl fmt::Debug for Components {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Components").field("versions", &self.versions).finish_non_exhaustive()
    }
}

impl Components {
    /// Those of `tests/guests/simulated`.
    pub fn embedded() -> Result<Self, Finding> {
        let guest = tandem_test_guests::guest("simulated").ok_or_else(|| unable("there is no guest \"simulated\""))?;
        Components::load(guest.wasm)
    }

    /// Those of a component that is told by the parameter `script` which script it is. Compiling takes a second.
    pub fn load(component: &[u8]) -> Result<Self, Finding> {
        let limits = EngineLimits { step_cpu_ms: CALL_MS, step_wall_ms: CALL_MS, ..EngineLimits::default() };
        let engine = Engine::new(limits).map_err(unable)?;
        let catalogue = Arc::new(Catalogue::new());
        let mut versions = Vec::new();
        for (name, _) in SCRIPTS {
            let strategy = Strategy::load(&engine, &marked(component, name), None).map_err(unable)?;
            versions.push(strategy.version());
            catalogue.add(strategy).map_err(unable)?;
        }
        Ok(Components { engine, catalogue, versions: versions.into() })
    }

    /// The guests of one worker in a process that has just begun.
    pub(super) fn guests(&self, sessions_per_instance: usize) -> Guests {
        let cells = Cells::new(self.engine.clone(), Arc::clone(&self.catalogue), Box::new(|| ()));
        Guests { cells: Arc::new(Mutex::new(cells)), versions: Arc::clone(&self.versions), alone: sessions_per_instance == 1 }
    }
}

fn unable(why: impl fmt::Display) -> Finding {
    Finding { checker: "components", what: format!("the scripts cannot run as components: {why}") }
}

/// With a section that nobody reads: another version, by its hash.
fn marked(component: &[u8], name: &str) -> Vec<u8> {
    // A custom section: its id 0, its length, the length of its name, its name.
    let length = name.len() as u8;
    [component, &[0, length + 1, length], name.as_bytes()].concat()
}

/// What stands in a snapshot: a line of the SDK's own, then the guest's state as JSON.
pub(super) fn remembered(snapshot: &[u8]) -> Option<String> {
    let line = snapshot.iter().position(|byte| *byte == b'\n')?;
    let state: serde_json::Value = serde_json::from_slice(snapshot.get(line + 1..)?).ok()?;
    state.get("memory").map(ToString::to_string)
}

/// See [`Components`]. A clone is another handle on the same ones.
#[derive(Clone)]
pub(super) struct Guests {
    cells: Arc<Mutex<Cells>>,
    versions: Arc<[VersionId]>,
    /// Each session has a cell of its own.
    alone: bool,
}

impl Guests {
    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The component, and what it is told: which script it is.
    fn named(&self, version: &VersionId, context: &Context) -> (VersionId, Context) {
        let index = VERSIONS.iter().position(|known| known == version);
        let component = index.and_then(|index| self.versions.get(index)).unwrap_or(version);
        let script = index.and_then(|index| SCRIPTS.get(index)).map(|(name, _)| Property::new("script", *name));
        let mut context = context.clone();
        context.parameters.extend(script);
        (*component, context)
    }

    fn place(&self, place: Place) -> Place {
        if self.alone { Place::Own } else { place }
    }
}

/// In the words of a native guest: the journal has them. What native guests never do keeps its own.
fn said_natively(mut failure: GuestFailure) -> GuestFailure {
    let error = failure.message.split_once("answered with an error: ").map(|(_, text)| text.to_owned());
    match (failure.kind, error) {
        (StepFailureKind::Error, Some(text)) => failure.message = text,
        (StepFailureKind::Trap, _) if failure.message.contains("unreachable") => failure.message = "unreachable".to_owned(),
        _ => {}
    }
    failure
}

impl tandem_session::Guests for Guests {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        let (component, context) = self.named(version, context);
        self.cells().start(&component, &context, self.place(place), effort).map_err(said_natively)
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
        let (component, context) = self.named(version, context);
        self.cells().restore(&component, &context, state, state_version, self.place(place), effort).map_err(said_natively)
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        let (draft, result) = self.cells().on_event(session, event, draft, effort);
        (draft, result.map_err(said_natively))
    }

    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        self.cells().snapshot(session).map_err(said_natively)
    }

    fn remove(&mut self, session: SessionId) {
        self.cells().remove(session);
    }

    fn take_dead(&mut self) -> Vec<SessionId> {
        self.cells().take_dead()
    }

    /// The native guests say what the versions are.
    fn manifest(&self, _: &VersionId) -> Option<&Manifest> {
        None
    }
}
