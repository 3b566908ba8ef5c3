//! The guests of one worker: which cell a session lives in, and when cells come and go.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
};

use tandem_journal::StepFailureKind;
use tandem_session::{Draft, Effort, GuestFailure, Guests, Next, Place};
use tandem_words::{Context, Event, Isolation, Manifest, SessionId, VersionId};

use crate::{
    Catalogue, Engine,
    cell::{Cell, OpenError},
    host_side::Tick,
};

/// Wasm guests. Each worker has its own, in its own thread.
pub struct Cells {
    engine: Engine,
    catalogue: Arc<Catalogue>,
    tick: Tick,
    /// By number; a freed number is used again.
    cells: Vec<Option<Housed>>,
    free: Vec<usize>,
    homes: HashMap<SessionId, usize>,
    /// Shared cells with room, by version.
    open: BTreeMap<VersionId, Vec<usize>>,
    dead: Vec<SessionId>,
}

struct Housed {
    version: VersionId,
    /// For one session only.
    own: bool,
    /// Stands in `open`.
    listed: bool,
    cell: Cell,
}

impl Cells {
    /// Cells without sessions. `tick` is called every 10 ms while a guest runs: a worker inside a step shows that it lives.
    pub fn new(engine: Engine, catalogue: Arc<Catalogue>, tick: Box<dyn Fn() + Send + Sync>) -> Self {
        Cells {
            engine,
            catalogue,
            tick: tick.into(),
            cells: Vec::new(),
            free: Vec::new(),
            homes: HashMap::new(),
            open: BTreeMap::new(),
            dead: Vec::new(),
        }
    }

    /// Instances this worker has.
    pub fn instances(&self) -> usize {
        self.cells.iter().flatten().count()
    }

    /// Sessions this worker has in memory.
    pub fn sessions(&self) -> usize {
        self.homes.len()
    }

    /// Makes a session by `make`, in a cell of its version or in a new one.
    fn settle(
        &mut self,
        version: &VersionId,
        session: SessionId,
        place: Place,
        make: impl FnOnce(&mut Cell) -> Result<(), GuestFailure>,
    ) -> Result<(), GuestFailure> {
        self.remove(session);
        let number = self.cell_for(version, place)?;
        let Some(housed) = self.cells.get_mut(number).and_then(Option::as_mut) else { return Err(not_loaded(version)) };
        let made = make(&mut housed.cell);
        if made.is_ok() {
            self.homes.insert(session, number);
        }
        self.tidy(number);
        made
    }

    /// A cell with room for one more.
    fn cell_for(&mut self, version: &VersionId, place: Place) -> Result<usize, GuestFailure> {
        let strategy = self.catalogue.get(version).ok_or_else(|| not_loaded(version))?;
        let own = place == Place::Own || strategy.manifest().isolation == Isolation::OwnInstance;
        if !own && let Some(number) = self.open.get(version).and_then(|open| open.last()) {
            return Ok(*number);
        }
        let cell = Cell::open(&self.engine, &strategy.code, own, self.tick.clone()).map_err(|error| match error {
            OpenError::Failure(failure) => failure,
            OpenError::Shape(error) => GuestFailure {
                kind: StepFailureKind::Unavailable,
                message: format!("{}: {error:#}", strategy.code.label),
                instance_died: false,
            },
        })?;
        let housed = Some(Housed { version: *version, own, listed: false, cell });
        let number = self.free.pop().unwrap_or(self.cells.len());
        match self.cells.get_mut(number) {
            Some(empty) => *empty = housed,
            None => self.cells.push(housed),
        }
        Ok(number)
    }

    /// After every call that may have changed a cell: buries it, closes it, or says whether it has room.
    fn tidy(&mut self, number: usize) {
        let Some(housed) = self.cells.get_mut(number).and_then(Option::as_mut) else { return };
        let room = !housed.own && housed.cell.has_room(self.engine.limits().cell_sessions);
        let listed = mem::replace(&mut housed.listed, room);
        let (version, empty, dead) = (housed.version, housed.cell.is_empty(), housed.cell.is_dead());
        let open = self.open.entry(version).or_default();
        match (listed, room) {
            (false, true) => open.push(number),
            (true, false) => open.retain(|other| *other != number),
            _ => {}
        }
        // The last empty cell with room is kept warm for the next session.
        let needless = empty && (!room || open.len() > 1);
        if dead || needless {
            open.retain(|other| *other != number);
            if let Some(housed) = self.cells.get_mut(number).and_then(Option::take) {
                for session in housed.cell.into_sessions() {
                    self.homes.remove(&session);
                    self.dead.push(session);
                }
                self.free.push(number);
            }
        }
        if self.open.get(&version).is_some_and(Vec::is_empty) {
            self.open.remove(&version);
        }
    }

    fn home(&mut self, session: SessionId) -> Option<(usize, &mut Cell)> {
        let number = *self.homes.get(&session)?;
        let housed = self.cells.get_mut(number)?.as_mut()?;
        Some((number, &mut housed.cell))
    }
}

impl Guests for Cells {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        self.settle(version, context.session_id, place, |cell| cell.start(context, effort))
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
        self.settle(version, context.session_id, place, |cell| cell.restore(context, state, state_version, effort))
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        let Some((number, cell)) = self.home(session) else { return (draft, Err(not_here(session))) };
        let (draft, result) = cell.on_event(session, event, draft, effort);
        if cell.is_dead() {
            self.tidy(number);
        }
        (draft, result)
    }

    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        let Some((number, cell)) = self.home(session) else { return Err(not_here(session)) };
        let result = cell.snapshot(session);
        if cell.is_dead() {
            self.tidy(number);
        }
        result
    }

    fn remove(&mut self, session: SessionId) {
        let Some((number, cell)) = self.home(session) else { return };
        cell.remove(session);
        self.homes.remove(&session);
        self.tidy(number);
    }

    fn take_dead(&mut self) -> Vec<SessionId> {
        let mut dead = mem::take(&mut self.dead);
        // The order in which they are rebuilt must not depend on a hash.
        dead.sort_unstable();
        dead
    }

    fn manifest(&self, version: &VersionId) -> Option<&Manifest> {
        self.catalogue.get(version).map(|strategy| strategy.manifest())
    }
}

fn not_loaded(version: &VersionId) -> GuestFailure {
    let message = format!("version {version} is not loaded on this instance; deploy it again, or look in the log for why it does not load");
    GuestFailure { kind: StepFailureKind::Unavailable, message, instance_died: false }
}

fn not_here(session: SessionId) -> GuestFailure {
    let message = format!("session {session} is not in memory; it has to be started or restored first");
    GuestFailure { kind: StepFailureKind::Unavailable, message, instance_died: false }
}
