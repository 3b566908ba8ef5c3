//! How a simulated switch is set up.

use std::collections::{BTreeMap, BTreeSet};

use super::callers::trace::AgentOnDuty;

/// What there is on the switch, and how long things take there. Durations in milliseconds of switch time.
#[derive(Debug, Clone)]
pub struct Options {
    /// Numbers at which calls arrive; a call to another number is rejected.
    pub routing_points: BTreeMap<String, RoutingPoint>,
    /// Groups of agents. Those that an agent names need not stand here as well.
    pub groups: BTreeSet<String>,
    /// Agents.
    pub agents: Vec<AgentPlan>,
    /// How these numbers answer when the switch calls them; all others answer after [`Options::number_answers_after_ms`].
    pub numbers: BTreeMap<String, NumberAnswers>,
    /// The names of all sounds; none: every name is known.
    pub sounds: Option<BTreeSet<String>>,
    /// How long a sound is; one that does not stand here: [`Options::default_sound_ms`].
    pub sound_ms: BTreeMap<String, u64>,
    /// 2,000: a short sentence.
    pub default_sound_ms: u64,
    /// One character of spoken text. 60: about 170 words a minute.
    pub character_ms: u64,
    /// One spoken digit; a number is its digits. 500.
    pub spoken_digit_ms: u64,
    /// One tone. 1,000.
    pub tone_ms: u64,
    /// A collect's, where it says 0. 5,000.
    pub first_digit_timeout_ms: u64,
    /// A collect's, where it says 0. 3,000.
    pub inter_digit_timeout_ms: u64,
    /// Of a recording that says 0. 60,000.
    pub max_recording_ms: u64,
    /// How long a target rings that does not answer, where the request says 0. 20,000: four rings.
    pub ring_timeout_ms: u64,
    /// A number called by a route or a transfer. 1,000.
    pub number_answers_after_ms: u64,
    /// A number called by `create-call`: a person who has to reach the phone. 2,000.
    pub called_answers_after_ms: u64,
    /// How long somebody who was called listens before a target talks with them; then they hang up. 60,000.
    pub called_waits_ms: u64,
    /// How long somebody who was called talks with a target. 60,000.
    pub called_talks_ms: u64,
    /// How long a caller stays on the default route. 30,000.
    pub default_route_ms: u64,
    /// Begins the ids of interactions: the caller's number follows (`c17`), for outbound calls `out-` and a count. A switch
    /// that loses its positions and starts again at caller 1 needs another one (an id comes once, for ever); the service puts its
    /// incarnation in front.
    pub id_prefix: String,
    /// Of agent groups.
    pub queue: tandem_queue::Options,
    /// Bounds.
    pub limits: Limits,
}

/// A number at which calls arrive for a strategy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutingPoint {
    /// Where the target `default-route` leads; none: it answers `failed(not-found)`.
    pub default_route: Option<String>,
}

/// What calling a number comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberAnswers {
    /// It answers after so many milliseconds.
    After(u64),
    /// It is in use.
    Busy,
    /// It rings.
    Never,
}

/// An agent of the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPlan {
    /// Login name.
    pub name: String,
    /// Their groups.
    pub groups: Vec<String>,
    /// Work after each call, ms.
    pub wrap_up_ms: u64,
    /// How long they let it ring, ms; none: they never answer.
    pub answers_after_ms: Option<u64>,
    /// When they are there.
    pub duty: Vec<Duty>,
}

impl AgentPlan {
    /// An agent who is always there, answers after a second and needs no time after a call.
    pub fn new(name: impl Into<String>, groups: &[&str]) -> Self {
        AgentPlan {
            name: name.into(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            wrap_up_ms: 0,
            answers_after_ms: Some(1_000),
            duty: vec![Duty { from: 0, to: None }],
        }
    }
}

/// An agent of a trace serves a group for each of their service types.
impl From<AgentOnDuty> for AgentPlan {
    fn from(agent: AgentOnDuty) -> Self {
        AgentPlan {
            groups: agent.service_types.into_iter().collect(),
            duty: agent.times.into_iter().map(|(from, to)| Duty { from, to: Some(to) }).collect(),
            ..AgentPlan::new(agent.name, &[])
        }
    }
}

/// A time on duty, in switch time. One that ends while the agent talks ends with the talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// Logs in.
    pub from: u64,
    /// Logs out; none: stays.
    pub to: Option<u64>,
}

/// Bounds on what a strategy or a script can pile up. What goes over answers `failed(over-limit)`, naming the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once; one more is rejected. 100,000: more than a switch carries, some 100 MB.
    pub live_calls: usize,
    /// Treatments of a call that wait for the running one. 64: a minute of prompts asked for one by one.
    pub queued_treatments: usize,
    /// Keys pressed ahead; later ones are reported, but not kept. 64: no collect takes more than a card's number.
    pub type_ahead: usize,
    /// Keys of user data of a call. 1,000.
    pub user_data: usize,
    /// Routing points that a call comes to at one instant; the next is answered `failed(rejected)`. 16: strategies that send calls
    /// to one another in a circle would keep time from passing.
    pub moves_at_once: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { live_calls: 100_000, queued_treatments: 64, type_ahead: 64, user_data: 1_000, moves_at_once: 16 }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            routing_points: BTreeMap::new(),
            groups: BTreeSet::new(),
            agents: Vec::new(),
            numbers: BTreeMap::new(),
            sounds: None,
            sound_ms: BTreeMap::new(),
            default_sound_ms: 2_000,
            character_ms: 60,
            spoken_digit_ms: 500,
            tone_ms: 1_000,
            first_digit_timeout_ms: 5_000,
            inter_digit_timeout_ms: 3_000,
            max_recording_ms: 60_000,
            ring_timeout_ms: 20_000,
            number_answers_after_ms: 1_000,
            called_answers_after_ms: 2_000,
            called_waits_ms: 60_000,
            called_talks_ms: 60_000,
            default_route_ms: 30_000,
            id_prefix: "c".to_owned(),
            queue: tandem_queue::Options::default(),
            limits: Limits::default(),
        }
    }
}
