//! The strategies that the simulation plays, once for both ways in which it runs them: natively, and as a component
//! (`tests/guests/simulated`). Between them they use every kind of request, fail, trap, keep quiet and talk with each other.

use std::collections::BTreeMap;

/// What a session remembers: names and values.
pub type Memory = BTreeMap<String, String>;

/// An event with this seed, which no other has, tells the strategy to trap: only whoever runs it knows that a step is tried for the
/// first time.
pub const TRAP: u64 = 1 << 53;

/// What a strategy is told.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// The step's number.
    pub seq: u32,
    /// For what is drawn.
    pub seed: u64,
    /// What happened.
    pub what: What<'a>,
}

/// What happened, as far as a script cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum What<'a> {
    Added(&'a str),
    Deleted,
    DefaultRouted,
    PlayDone,
    Collected(&'a str),
    RouteDone,
    TimerFired,
    SessionStarted(&'a str),
    MessageFrom(&'a str),
    Failed,
    Gap,
    Recovered,
    /// With the call, and whether events are missing.
    Restarted(Option<&'a str>, bool),
    Other,
}

/// What a strategy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Act {
    Wait,
    Checkpoint,
    Finish,
    Fail(&'static str),
    Trap,
}

/// What a strategy may ask for.
#[allow(missing_docs)]
pub trait Ask {
    fn play(&mut self, call: &str, sound: &str);
    fn music(&mut self, call: &str);
    /// From one digit to so many.
    fn collect(&mut self, call: &str, max_digits: u8);
    fn route_to_group(&mut self, call: &str, group: &str);
    /// For 20 s.
    fn route_to_point(&mut self, call: &str, number: &str);
    fn disconnect(&mut self, call: &str);
    fn attach(&mut self, call: &str, key: &str, value: &str);
    fn user_data(&self, call: &str, key: &str) -> Option<String>;
    fn after(&mut self, delay_ms: u32) -> u32;
    fn cancel(&mut self, request: u32);
    fn send(&mut self, session: &str, name: &str);
    fn start_session(&mut self, strategy: &str);
    fn query_group(&mut self, group: &str);
}

/// A strategy.
pub type Script = fn(&mut Memory, &Event<'_>, &mut dyn Ask) -> Act;

/// All of them, each with its name.
pub const SCRIPTS: [(&str, Script); 4] = [("desk", desk), ("quiet", quiet), ("keeper", keeper), ("side", side)];

/// The one that has no snapshots to give.
pub const WITHOUT_SNAPSHOTS: &str = "quiet";

/// What a session remembers at its start.
pub fn start(session: &str) -> Memory {
    Memory::from([("me".to_owned(), session.to_owned())])
}

fn get<'a>(memory: &'a Memory, name: &str) -> &'a str {
    memory.get(name).map_or("", String::as_str)
}

fn set(memory: &mut Memory, name: &str, value: impl ToString) {
    memory.insert(name.to_owned(), value.to_string());
}

fn count(memory: &mut Memory, name: &str) -> u64 {
    let next = get(memory, name).parse::<u64>().unwrap_or(0) + 1;
    set(memory, name, next);
    next
}

fn call(memory: &Memory) -> String {
    get(memory, "call").to_owned()
}

fn delay(seed: u64, least: u64, span: u64) -> u32 {
    u32::try_from(least + (seed >> 8) % span).unwrap_or(1_000)
}

/// The session made before this one: it may live or not, and run another strategy.
fn neighbour(memory: &Memory) -> String {
    let (made_by, number) = get(memory, "me").rsplit_once('-').unwrap_or_default();
    let before = number.parse::<u64>().unwrap_or(1).saturating_sub(1).max(1);
    format!("{made_by}-{before}")
}

fn goodbye(memory: &mut Memory, ask: &mut dyn Ask) {
    set(memory, "state", "bye");
    ask.play(&call(memory), "goodbye");
}

/// One that starts again has its call, and what it has not heard it will not hear.
fn restarted(memory: &mut Memory, event: &Event<'_>, ask: &mut dyn Ask) -> bool {
    let What::Restarted(call, partial) = event.what else { return false };
    count(memory, "restarted");
    if let Some(call) = call {
        set(memory, "call", call);
        if partial {
            ask.play(call, "sorry");
        }
    }
    true
}

/// Announces, collects, and does what was pressed.
fn desk(memory: &mut Memory, event: &Event<'_>, ask: &mut dyn Ask) -> Act {
    match event.what {
        _ if restarted(memory, event, ask) => {}
        What::Added(id) => {
            set(memory, "call", id);
            ask.attach(id, "seed", &event.seed.to_string());
            ask.play(id, "welcome");
            let timer = ask.after(delay(event.seed, 200, 2_500));
            set(memory, "timer", timer);
            // Two at one instant: their steps are ahead of the first one's commit.
            ask.after(delay(event.seed, 200, 2_500));
        }
        What::PlayDone if get(memory, "state") == "bye" => {
            ask.disconnect(&call(memory));
            return Act::Finish;
        }
        What::PlayDone => ask.collect(&call(memory), 2),
        What::Collected(keys) => return pressed(memory, keys, ask),
        What::SessionStarted(other) => {
            ask.send(other, "hello");
            ask.send(other, "hello again");
            goodbye(memory, ask);
        }
        What::RouteDone if event.seed.is_multiple_of(2) => return Act::Finish,
        What::TimerFired => {
            let fired = count(memory, "times-fired");
            ask.send(&neighbour(memory), &format!("tick {fired}"));
            if fired < 5 {
                ask.after(delay(event.seed, 300, 4_000));
            }
            if fired.is_multiple_of(2) {
                ask.query_group("sales");
            }
        }
        What::MessageFrom(_) if event.seed.is_multiple_of(2) => return Act::Checkpoint,
        What::Failed if get(memory, "state") == "routing" => goodbye(memory, ask),
        What::Deleted | What::DefaultRouted if event.seed.is_multiple_of(3) => return Act::Finish,
        _ => {}
    }
    Act::Wait
}

fn pressed(memory: &mut Memory, keys: &str, ask: &mut dyn Ask) -> Act {
    let all = format!("{} {keys}", get(memory, "keys"));
    set(memory, "keys", all);
    let id = call(memory);
    match keys.chars().next() {
        Some('1') => {
            set(memory, "state", "routing");
            ask.music(&id);
            ask.route_to_group(&id, "sales");
        }
        Some('2') => {
            let seed = ask.user_data(&id, "seed").unwrap_or_default();
            ask.play(&id, &seed);
            goodbye(memory, ask);
        }
        Some('3') => ask.start_session("side"),
        Some('4') => ask.route_to_point(&id, "8002"),
        Some('5') => return Act::Fail("this strategy fails when 5 is pressed"),
        Some('6') => return Act::Finish,
        _ if count(memory, "tries") < 2 => ask.play(&id, "sorry"),
        _ => {
            set(memory, "state", "routing");
            ask.cancel(get(memory, "timer").parse().unwrap_or(0));
            ask.route_to_group(&id, "support");
        }
    }
    Act::Wait
}

/// Means to be silent, again and again; has no snapshots, and wants to hear of recoveries.
fn quiet(memory: &mut Memory, event: &Event<'_>, ask: &mut dyn Ask) -> Act {
    match event.what {
        _ if restarted(memory, event, ask) => {}
        What::Added(id) => {
            set(memory, "call", id);
            ask.play(id, "hold");
        }
        What::PlayDone => _ = ask.after(delay(event.seed, 2_000, 7_000)),
        What::TimerFired if count(memory, "times-fired") < 3 => {
            ask.send(&neighbour(memory), "still there?");
            ask.play(&call(memory), "still here");
        }
        What::TimerFired => ask.route_to_group(&call(memory), "sales"),
        What::Recovered => _ = count(memory, "recovered"),
        What::Failed if count(memory, "failed") > 3 => {
            ask.disconnect(&call(memory));
            return Act::Finish;
        }
        What::Deleted => return Act::Finish,
        _ => {}
    }
    Act::Wait
}

/// Makes checkpoints.
fn keeper(memory: &mut Memory, event: &Event<'_>, ask: &mut dyn Ask) -> Act {
    match event.what {
        _ if restarted(memory, event, ask) => {}
        What::Added(id) => {
            set(memory, "call", id);
            ask.collect(id, 1);
            ask.after(1_000);
        }
        What::Collected(keys) => {
            ask.attach(&call(memory), "keys", keys);
            ask.play(&call(memory), "thanks");
        }
        What::PlayDone => {
            ask.music(&call(memory));
            ask.route_to_group(&call(memory), "support");
        }
        What::TimerFired if count(memory, "times-fired") < 12 => {
            ask.after(delay(event.seed, 500, 2_500));
            ask.query_group("support");
        }
        What::Deleted if event.seed.is_multiple_of(2) => return Act::Finish,
        _ => {}
    }
    if event.seq.is_multiple_of(3) { Act::Checkpoint } else { Act::Wait }
}

/// Has no call: another session starts it and speaks with it.
fn side(memory: &mut Memory, event: &Event<'_>, ask: &mut dyn Ask) -> Act {
    match event.what {
        What::MessageFrom(sender) => {
            ask.send(sender, "heard you");
            ask.after(delay(event.seed, 200, 3_000));
        }
        What::TimerFired if count(memory, "times-fired") >= 2 => return Act::Finish,
        // Also behind a gap, or from its beginning: who was to speak with it may be lost.
        What::TimerFired | What::Gap | What::Restarted(..) => _ = ask.after(delay(event.seed, 200, 3_000)),
        _ => {}
    }
    Act::Wait
}

/// A step: what the strategy of this name does, and the trap.
pub fn on_event(script: &str, memory: &mut Memory, event: &Event<'_>, ask: &mut dyn Ask) -> Act {
    if event.seed == TRAP {
        return Act::Trap;
    }
    match SCRIPTS.iter().find(|(name, _)| *name == script) {
        Some((_, script)) => script(memory, event, ask),
        None => Act::Fail("no such script"),
    }
}
