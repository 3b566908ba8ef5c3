//! The strategies that are played: between them they use every request, fail, trap, keep quiet and talk with each other.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tandem_native_guests::{Act, Ask, Memory, NativeGuests, Script};
use tandem_node::{Deployment, Deployments};
use tandem_session::{Draft, Effort, GuestFailure, Next, Place};
use tandem_words::{Context, Event, EventBody, Incarnation, InteractionId, Manifest, RequestBody, Route, SessionId, Target, VersionId};

use crate::plan::Plan;

const DESK: VersionId = VersionId([1; 32]);
const QUIET: VersionId = VersionId([2; 32]);
const KEEPER: VersionId = VersionId([3; 32]);
const SIDE: VersionId = VersionId([4; 32]);

/// All of them.
pub const VERSIONS: [VersionId; 4] = [DESK, QUIET, KEEPER, SIDE];

/// The routing points, each with its strategy.
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
    let [desk, quiet, keeper, side] = plan.survivals;
    let deployed =
        |strategy: &str, version, survival| Deployment { strategy: strategy.to_owned(), version, parameters: Vec::new(), survival };
    let all = [deployed("desk", DESK, desk), deployed("quiet", QUIET, quiet), deployed("keeper", KEEPER, keeper)];
    let routing_points = POINTS.iter().map(|point| (*point).to_owned()).zip(all.iter().cloned()).collect();
    let strategies = all.into_iter().chain([deployed("side", SIDE, side)]).map(|one| (one.strategy.clone(), one)).collect();
    Deployments { routing_points, strategies }
}

/// Steps that have taken their instance down, by session and number; each does it once.
type Died = Arc<Mutex<BTreeSet<(String, u32)>>>;

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

/// What a session remembers.
pub type Remembered = Memory;

/// The guests of one worker, overheard. A clone is another handle on the same ones.
#[derive(Debug, Clone)]
pub struct Guests {
    guests: NativeGuests,
    ears: Ears,
}

impl Guests {
    /// Of a process that has just begun.
    pub fn new(plan: &Plan) -> Self {
        Guests { guests: native(plan.sessions_per_instance, Some(plan)), ears: Ears::default() }
    }

    /// The same, of which none traps, or differs at replay.
    pub fn faithful(plan: &Plan) -> Self {
        Guests { guests: native(plan.sessions_per_instance, None), ears: Ears::default() }
    }

    /// What they hear.
    pub fn ears(&self) -> Ears {
        self.ears.clone()
    }

    /// What a session remembers; none if it is not in memory.
    pub fn remembers(&self, session: SessionId) -> Option<Remembered> {
        self.guests.memory(session)
    }
}

impl tandem_session::Guests for Guests {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        self.ears.hear(effort, || Heard::Start(context.session_id, context.incarnation, *version));
        self.guests.start(version, context, place, effort)
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
        self.guests.restore(version, context, state, state_version, place, effort)
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        self.ears.hear(effort, || Heard::Event(session, event.clone()));
        self.guests.on_event(session, event, draft, effort)
    }

    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        self.guests.snapshot(session)
    }

    fn remove(&mut self, session: SessionId) {
        self.guests.remove(session);
    }

    fn take_dead(&mut self) -> Vec<SessionId> {
        self.guests.take_dead()
    }

    fn manifest(&self, version: &VersionId) -> Option<&Manifest> {
        self.guests.manifest(version)
    }
}

/// `sessions_per_instance`: how many share a cell. `faulty`: they trap, and where that plan says so ask for something else when a step
/// is replayed, in every run of a session, or only in its first.
fn native(sessions_per_instance: usize, faulty: Option<&Plan>) -> NativeGuests {
    let may_trap = faulty.is_some();
    let died = Died::default();
    let traps = move |script: fn(&mut Memory, &Event, &mut Ask) -> Act, differs: bool| {
        let died = Arc::clone(&died);
        move |memory: &mut Memory, event: &Event, ask: &mut Ask| {
            let act = script(memory, event, ask);
            let in_this_run = memory.number("restarted") == 0 || event.seed.is_multiple_of(2);
            if differs && ask.is_replay() && in_this_run && (event.seed >> 4).is_multiple_of(6) {
                ask.after(1);
            }
            let traps = may_trap && event.seed.is_multiple_of(23) && !ask.is_replay();
            let first = || died.lock().unwrap_or_else(PoisonError::into_inner).insert((memory.get("me").to_owned(), event.seq));
            if traps && first() { Act::trap() } else { act }
        }
    };
    let new = |version, name: &str, script| {
        let script =
            Script::new(name, traps(script, faulty.is_some_and(|plan| plan.replay_differs(version)))).on_start(|context, memory| {
                memory.set("me", context.session_id);
                Act::Wait
            });
        script.manifest(|manifest| manifest.restart_on_switchover = may_start_again(version))
    };
    let recovered = |script: Script| script.manifest(|manifest| manifest.send_session_recovered = true);
    NativeGuests::new()
        .with(DESK, new(DESK, "desk", desk))
        .with(QUIET, recovered(new(QUIET, "quiet", quiet)).without_snapshots())
        .with(KEEPER, recovered(new(KEEPER, "keeper", keeper)))
        .with(SIDE, new(SIDE, "side", side))
        .sessions_per_instance(sessions_per_instance)
}

fn call(memory: &Memory) -> InteractionId {
    memory.get("call").into()
}

fn delay(seed: u64, least: u64, span: u64) -> u32 {
    u32::try_from(least + (seed >> 8) % span).unwrap_or(1_000)
}

/// The session made before this one: it may live or not, and run another strategy.
fn neighbour(memory: &Memory) -> String {
    let me = memory.get("me").parse::<SessionId>().ok();
    me.map(|me| SessionId { number: me.number.saturating_sub(1).max(1), ..me }.to_string()).unwrap_or_default()
}

fn goodbye(memory: &mut Memory, ask: &mut Ask) {
    memory.set("state", "bye");
    ask.play(&call(memory), "goodbye");
}

fn moves_to(ask: &mut Ask, interaction: InteractionId, number: &str) {
    ask.request(RequestBody::Route(Route {
        interaction,
        targets: vec![Target::RoutingPoint(number.to_owned())],
        priority: 0,
        credit_ms: 0,
        timeout_ms: 20_000,
        ring_timeout_ms: 0,
        unchecked: false,
    }));
}

/// One that starts again has its call, and what it has not heard it will not hear.
fn restarted(memory: &mut Memory, event: &Event, ask: &mut Ask) -> bool {
    let EventBody::SessionRestarted(restart) = &event.body else { return false };
    memory.count("restarted");
    if let Some(call) = &restart.interaction {
        memory.set("call", call);
        if restart.partial {
            ask.play(call, "sorry");
        }
    }
    true
}

/// Announces, collects, and does what was pressed.
fn desk(memory: &mut Memory, event: &Event, ask: &mut Ask) -> Act {
    match &event.body {
        _ if restarted(memory, event, ask) => {}
        EventBody::InteractionAdded(added) => {
            memory.set("call", &added.id);
            ask.attach(&added.id, "seed", &event.seed.to_string());
            ask.play(&added.id, "welcome");
            let timer = ask.after(delay(event.seed, 200, 2_500));
            memory.set("timer", timer);
            // Two at one instant: their steps are ahead of the first one's commit.
            ask.after(delay(event.seed, 200, 2_500));
        }
        EventBody::PlayDone(_) if memory.get("state") == "bye" => {
            ask.disconnect(&call(memory));
            return Act::Finish;
        }
        EventBody::PlayDone(_) => _ = ask.collect(&call(memory), 2),
        EventBody::CollectDone(digits) => return pressed(memory, &digits.keys, ask),
        EventBody::SessionStarted(other) => {
            ask.send(other, "hello");
            ask.send(other, "hello again");
            goodbye(memory, ask);
        }
        EventBody::RouteDone(_) if event.seed.is_multiple_of(2) => return Act::Finish,
        EventBody::TimerFired => {
            let fired = memory.count("fired");
            ask.send(&neighbour(memory), &format!("tick {fired}"));
            if fired < 5 {
                ask.after(delay(event.seed, 300, 4_000));
            }
            if fired.is_multiple_of(2) {
                ask.request(RequestBody::QueryGroup { group: "sales".to_owned() });
            }
        }
        EventBody::Message(_) if event.seed.is_multiple_of(2) => return Act::Checkpoint,
        EventBody::Failed(_) if memory.get("state") == "routing" => goodbye(memory, ask),
        EventBody::InteractionDeleted(_) | EventBody::InteractionDefaultRouted(_) if event.seed.is_multiple_of(3) => return Act::Finish,
        _ => {}
    }
    Act::Wait
}

fn pressed(memory: &mut Memory, keys: &str, ask: &mut Ask) -> Act {
    memory.push("keys", keys);
    let interaction = call(memory);
    match keys.chars().next() {
        Some('1') => {
            memory.set("state", "routing");
            ask.music(&interaction);
            ask.route(&interaction, "sales");
        }
        Some('2') => {
            let seed = ask.user_data(&interaction, "seed").unwrap_or_default();
            ask.play(&interaction, &seed);
            goodbye(memory, ask);
        }
        Some('3') => _ = ask.start_session("side"),
        Some('4') => moves_to(ask, interaction, "8002"),
        Some('5') => return Act::Error("this strategy fails when 5 is pressed".to_owned()),
        Some('6') => return Act::Finish,
        _ if memory.count("tries") < 2 => _ = ask.play(&interaction, "sorry"),
        _ => {
            memory.set("state", "routing");
            ask.cancel(u32::try_from(memory.number("timer")).unwrap_or(0));
            ask.route(&interaction, "support");
        }
    }
    Act::Wait
}

/// Means to be silent, again and again; has no snapshots, and wants to hear of recoveries.
fn quiet(memory: &mut Memory, event: &Event, ask: &mut Ask) -> Act {
    match &event.body {
        _ if restarted(memory, event, ask) => {}
        EventBody::InteractionAdded(added) => {
            memory.set("call", &added.id);
            ask.play(&added.id, "hold");
        }
        EventBody::PlayDone(_) => _ = ask.after(delay(event.seed, 2_000, 7_000)),
        EventBody::TimerFired if memory.count("fired") < 3 => {
            ask.send(&neighbour(memory), "still there?");
            ask.play(&call(memory), "still here");
        }
        EventBody::TimerFired => _ = ask.route(&call(memory), "sales"),
        EventBody::SessionRecovered => _ = memory.count("recovered"),
        EventBody::Failed(_) if memory.count("failed") > 3 => {
            ask.disconnect(&call(memory));
            return Act::Finish;
        }
        EventBody::InteractionDeleted(_) => return Act::Finish,
        _ => {}
    }
    Act::Wait
}

/// Makes checkpoints.
fn keeper(memory: &mut Memory, event: &Event, ask: &mut Ask) -> Act {
    match &event.body {
        _ if restarted(memory, event, ask) => {}
        EventBody::InteractionAdded(added) => {
            memory.set("call", &added.id);
            ask.collect(&added.id, 1);
            ask.after(1_000);
        }
        EventBody::CollectDone(digits) => {
            ask.attach(&call(memory), "keys", &digits.keys);
            ask.play(&call(memory), "thanks");
        }
        EventBody::PlayDone(_) => {
            ask.music(&call(memory));
            ask.route(&call(memory), "support");
        }
        EventBody::TimerFired if memory.count("fired") < 12 => {
            ask.after(delay(event.seed, 500, 2_500));
            ask.request(RequestBody::QueryGroup { group: "support".to_owned() });
        }
        EventBody::InteractionDeleted(_) if event.seed.is_multiple_of(2) => return Act::Finish,
        _ => {}
    }
    if event.seq.is_multiple_of(3) { Act::Checkpoint } else { Act::Wait }
}

/// Has no call: another session starts it and speaks with it.
fn side(memory: &mut Memory, event: &Event, ask: &mut Ask) -> Act {
    match &event.body {
        EventBody::Message(message) => {
            ask.send(&message.sender, "heard you");
            ask.after(delay(event.seed, 200, 3_000));
        }
        EventBody::TimerFired if memory.count("fired") >= 2 => return Act::Finish,
        // Also behind a gap: who was to speak with it may be lost.
        EventBody::TimerFired | EventBody::Gap(_) | EventBody::SessionRestarted(_) => _ = ask.after(delay(event.seed, 200, 3_000)),
        _ => {}
    }
    Act::Wait
}
