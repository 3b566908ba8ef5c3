//! The strategies that are played, and what runs them: natively, or as components in the product's engine. Nothing else here knows
//! the engine.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use tandem_native_guests::{Act, Ask, NativeGuests, Script};
use tandem_node::{Deployment, Deployments};
use tandem_session::{Draft, Effort, GuestFailure, Guests as _, Next, Place};
use tandem_simulation_scripts::{self as scripts, Memory, SCRIPTS, TRAP, WITHOUT_SNAPSHOTS, What};
use tandem_strategy::{Catalogue, Cells, Engine, EngineLimits, Strategy};
use tandem_words::{
    Context, Event, EventBody, Incarnation, InteractionId, Manifest, Property, RequestBody, Route, SessionId, Target, VersionId,
};

use crate::plan::Plan;

const DESK: VersionId = VersionId([1; 32]);
const QUIET: VersionId = VersionId([2; 32]);
const KEEPER: VersionId = VersionId([3; 32]);
const SIDE: VersionId = VersionId([4; 32]);

/// All of them, in the order of [`SCRIPTS`].
pub const VERSIONS: [VersionId; 4] = [DESK, QUIET, KEEPER, SIDE];

/// The routing points, each with its strategy.
pub const POINTS: [&str; 3] = ["8000", "8001", "8002"];

/// Versions whose sessions ask for `session.recovered`.
pub fn asks_for_recovered(version: VersionId) -> bool {
    matches!(version, QUIET | KEEPER)
}

/// What is deployed.
pub fn deployments(plan: &Plan) -> Deployments {
    let all = SCRIPTS.iter().zip(VERSIONS).zip(plan.survivals).map(|(((name, _), version), survival)| Deployment {
        strategy: (*name).to_owned(),
        version,
        parameters: Vec::new(),
        survival,
    });
    let all: Vec<_> = all.collect();
    let routing_points = POINTS.iter().map(|point| (*point).to_owned()).zip(all.iter().cloned()).collect();
    Deployments { routing_points, strategies: all.into_iter().map(|one| (one.strategy.clone(), one)).collect() }
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

fn held<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ears {
    /// What was heard since the last call.
    pub fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut held(&self.0))
    }

    fn hear(&self, effort: Effort, heard: impl FnOnce() -> Heard) {
        if effort == Effort::First {
            held(&self.0).push(heard());
        }
    }
}

/// The guests of one worker, overheard. A clone is another handle on the same ones.
#[derive(Clone)]
pub struct Guests {
    /// They say what the versions are, and run unless there are cells.
    native: NativeGuests,
    cells: Option<Arc<Mutex<Cells>>>,
    ears: Ears,
    /// Steps that have taken their instance down, each once.
    died: Arc<Mutex<BTreeSet<(SessionId, Incarnation, u32)>>>,
}

impl Guests {
    /// Of a process that has just begun.
    pub fn new(plan: &Plan) -> Self {
        let cells = plan.wasm.then(|| wasm(plan.sessions_per_instance)).flatten();
        let native = native(plan.sessions_per_instance);
        Guests { native, cells: cells.map(|cells| Arc::new(Mutex::new(cells))), ears: Ears::default(), died: Arc::default() }
    }

    /// What they hear.
    pub fn ears(&self) -> Ears {
        self.ears.clone()
    }

    /// What a session remembers; none if it is not in memory, or is a component's and has no snapshot to give.
    pub fn remembers(&mut self, session: SessionId) -> Option<Vec<u8>> {
        match &self.cells {
            Some(cells) => held(cells).snapshot(session).ok().flatten(),
            None => self.native.memory(session).map(|memory| format!("{memory:?}").into_bytes()),
        }
    }

    fn run<T>(&mut self, wasm: impl FnOnce(&mut Cells) -> T, native: impl FnOnce(&mut NativeGuests) -> T) -> T {
        match &self.cells {
            Some(cells) => wasm(&mut held(cells)),
            None => native(&mut self.native),
        }
    }

    /// One event in 23 traps when it is heard for the first time.
    fn traps(&self, session: SessionId, event: &Event, effort: Effort) -> bool {
        let drawn = effort == Effort::First && event.seed.is_multiple_of(23);
        // The seed is drawn from the incarnation, too.
        drawn && held(&self.died).insert((session, 0, event.seq))
    }
}

impl tandem_session::Guests for Guests {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        self.ears.hear(effort, || Heard::Start(context.session_id, context.incarnation));
        let as_component = in_wasm(version, context);
        self.run(
            |cells| cells.start(&as_component.0, &as_component.1, place, effort),
            |native| native.start(version, context, place, effort),
        )
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
        let as_component = in_wasm(version, context);
        self.run(
            |cells| cells.restore(&as_component.0, &as_component.1, state, state_version, place, effort),
            |native| native.restore(version, context, state, state_version, place, effort),
        )
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        self.ears.hear(effort, || Heard::Event(session, event.clone()));
        let trap = self.traps(session, event, effort).then(|| Event { seed: TRAP, ..event.clone() });
        let event = trap.as_ref().unwrap_or(event);
        match &self.cells {
            Some(cells) => held(cells).on_event(session, event, draft, effort),
            None => self.native.on_event(session, event, draft, effort),
        }
    }

    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        self.run(|cells| cells.snapshot(session), |native| native.snapshot(session))
    }

    fn remove(&mut self, session: SessionId) {
        self.run(|cells| cells.remove(session), |native| native.remove(session));
    }

    fn take_dead(&mut self) -> Vec<SessionId> {
        self.run(Cells::take_dead, NativeGuests::take_dead)
    }

    fn manifest(&self, version: &VersionId) -> Option<&Manifest> {
        self.native.manifest(version)
    }
}

/// The engine with the scripts' component, once for each version: a section of its own makes it another one.
struct Wasm {
    engine: Engine,
    catalogue: Arc<Catalogue>,
    versions: Vec<VersionId>,
}

/// Of each number of sessions that share a cell there is an engine; none: there is no component, or it does not run.
fn engine(cell_sessions: usize) -> Option<&'static Wasm> {
    static ALONE: OnceLock<Option<Wasm>> = OnceLock::new();
    static SHARED: OnceLock<Option<Wasm>> = OnceLock::new();
    let engine = if cell_sessions == 1 { &ALONE } else { &SHARED };
    engine.get_or_init(|| load(cell_sessions)).as_ref()
}

fn load(cell_sessions: usize) -> Option<Wasm> {
    let guest = tandem_test_guests::guest("simulated")?;
    // A busy machine must not decide what happens in a seed.
    let limits = EngineLimits { cell_sessions, step_cpu_ms: 3_600_000, step_wall_ms: 3_600_000, ..EngineLimits::default() };
    let engine = Engine::new(limits).ok()?;
    let catalogue = Arc::new(Catalogue::new());
    let mut versions = Vec::new();
    for (name, _) in SCRIPTS {
        let mut bytes = guest.wasm.to_vec();
        let name_bytes = u8::try_from(name.len()).ok()?;
        bytes.extend([0, name_bytes + 1, name_bytes]);
        bytes.extend(name.bytes());
        let strategy = Strategy::load(&engine, &bytes, None).ok()?;
        versions.push(strategy.version());
        catalogue.add(strategy).ok()?;
    }
    Some(Wasm { engine, catalogue, versions })
}

fn wasm(cell_sessions: usize) -> Option<Cells> {
    let wasm = engine(cell_sessions)?;
    Some(Cells::new(wasm.engine.clone(), Arc::clone(&wasm.catalogue), Box::new(|| ())))
}

/// Whether there is a component of the scripts.
pub fn has_wasm() -> bool {
    engine(1).is_some()
}

/// The component's version, and a context that tells it which script it is.
fn in_wasm(version: &VersionId, context: &Context) -> (VersionId, Context) {
    let index = VERSIONS.iter().position(|known| known == version).unwrap_or(0);
    let found = engine(1).and_then(|wasm| wasm.versions.get(index)).copied().unwrap_or(*version);
    let mut context = context.clone();
    context.parameters.extend(SCRIPTS.get(index).map(|(name, _)| Property::new("script", *name)));
    (found, context)
}

/// `sessions_per_instance`: how many share a cell.
fn native(sessions_per_instance: usize) -> NativeGuests {
    let mut guests = NativeGuests::new().sessions_per_instance(sessions_per_instance);
    for ((name, _), version) in SCRIPTS.into_iter().zip(VERSIONS) {
        let script = Script::new(name, move |memory, event, ask| {
            let mut kept = Memory::new();
            memory.each(|name, value| _ = kept.insert(name.to_owned(), value.to_owned()));
            let told = scripts::Event { seq: event.seq, seed: event.seed, what: what(&event.body) };
            let act = scripts::on_event(name, &mut kept, &told, &mut Asked(ask));
            kept.iter().for_each(|(name, value)| memory.set(name, value));
            match act {
                scripts::Act::Wait => Act::Wait,
                scripts::Act::Checkpoint => Act::Checkpoint,
                scripts::Act::Finish => Act::Finish,
                scripts::Act::Fail(why) => Act::Error(why.to_owned()),
                scripts::Act::Trap => Act::trap(),
            }
        });
        let script = script.on_start(|context, memory| {
            scripts::start(&context.session_id.to_string()).iter().for_each(|(name, value)| memory.set(name, value));
            Act::Wait
        });
        let script = script.manifest(|manifest| manifest.send_session_recovered = asks_for_recovered(version));
        guests = guests.with(version, if name == WITHOUT_SNAPSHOTS { script.without_snapshots() } else { script });
    }
    guests
}

fn what(body: &EventBody) -> What<'_> {
    match body {
        EventBody::InteractionAdded(added) => What::Added(&added.id),
        EventBody::InteractionDeleted(_) => What::Deleted,
        EventBody::InteractionDefaultRouted(_) => What::DefaultRouted,
        EventBody::PlayDone(_) => What::PlayDone,
        EventBody::CollectDone(digits) => What::Collected(&digits.keys),
        EventBody::RouteDone(_) => What::RouteDone,
        EventBody::TimerFired => What::TimerFired,
        EventBody::SessionStarted(session) => What::SessionStarted(session),
        EventBody::Message(message) => What::MessageFrom(&message.sender),
        EventBody::Failed(_) => What::Failed,
        EventBody::Gap(_) => What::Gap,
        EventBody::SessionRecovered => What::Recovered,
        EventBody::SessionRestarted(restart) => What::Restarted(restart.interaction.as_deref(), restart.partial),
        _ => What::Other,
    }
}

/// What a native script asks for.
struct Asked<'a>(&'a mut Ask);

impl scripts::Ask for Asked<'_> {
    fn play(&mut self, call: &str, sound: &str) {
        self.0.play(&call.into(), sound);
    }

    fn music(&mut self, call: &str) {
        self.0.music(&call.into());
    }

    fn collect(&mut self, call: &str, max_digits: u8) {
        self.0.collect(&call.into(), max_digits);
    }

    fn route_to_group(&mut self, call: &str, group: &str) {
        self.0.route(&call.into(), group);
    }

    fn route_to_point(&mut self, call: &str, number: &str) {
        self.0.request(RequestBody::Route(Route {
            interaction: call.into(),
            targets: vec![Target::RoutingPoint(number.to_owned())],
            priority: 0,
            credit_ms: 0,
            timeout_ms: 20_000,
            ring_timeout_ms: 0,
            unchecked: false,
        }));
    }

    fn disconnect(&mut self, call: &str) {
        self.0.disconnect(&call.into());
    }

    fn attach(&mut self, call: &str, key: &str, value: &str) {
        self.0.attach(&call.into(), key, value);
    }

    fn user_data(&self, call: &str, key: &str) -> Option<String> {
        self.0.user_data(&InteractionId::from(call), key)
    }

    fn after(&mut self, delay_ms: u32) -> u32 {
        self.0.after(delay_ms)
    }

    fn cancel(&mut self, request: u32) {
        self.0.cancel(request);
    }

    fn send(&mut self, session: &str, name: &str) {
        self.0.send(session, name);
    }

    fn start_session(&mut self, strategy: &str) {
        self.0.start_session(strategy);
    }

    fn query_group(&mut self, group: &str) {
        self.0.request(RequestBody::QueryGroup { group: group.to_owned() });
    }
}
