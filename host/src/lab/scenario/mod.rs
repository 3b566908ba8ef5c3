//! The language of scenario files: what a caller does, and what the strategy must do. `docs/scenarios.md` explains it.

mod error;
mod parse;
mod reading;
mod sentences;
#[cfg(test)]
mod tests;
pub mod words;

use tandem_words::{Prompt, Property, Target, Timestamp};

pub use error::ScenarioError;
pub use parse::parse;

/// Bytes of a file. A scenario is one call; a longer one is another file.
pub const MAX_BYTES: usize = 64 << 10;

/// Steps of a scenario, for the same reason.
pub const MAX_STEPS: usize = 1_000;

/// Agents of a group. Each is one of 51 when the scenario is played among others.
pub const MAX_AGENTS: u32 = 100;

/// The longest time a step may take, ms: a day. It is virtual, but everything that happens in it is not.
pub const MAX_TIME_MS: u64 = 86_400_000;

/// A scenario: a setting, and what happens in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// As things are when it begins.
    pub setting: Setting,
    /// In order.
    pub steps: Vec<Step>,
}

/// As things are when a scenario begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Switch time.
    pub date: Timestamp,
    /// What the deployment sets: line, name, value.
    pub parameters: Vec<(usize, String, String)>,
    /// Agents who are logged in, by group.
    pub agents: Vec<(String, u32)>,
    /// What the call brings with it.
    pub user_data: Vec<Property>,
    /// How long the caller waits for a target, ms; none: as long as it takes.
    pub patience_ms: Option<u64>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub line: usize,
    /// As it was written.
    pub text: String,
    /// What it says.
    pub action: Action,
}

/// What a step says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The caller calls: the routing point's number, the caller's own.
    Dials(String, Option<String>),
    /// The caller presses keys, all at once.
    Presses(String),
    /// The caller hangs up.
    HangsUp,
    /// The target that talks with the caller hangs up.
    AgentHangsUp,
    /// The target lets the caller wait, with music (true), or comes back to them.
    AgentHolds(bool),
    /// Somebody other than the strategy attaches user data.
    SomebodyAttaches(Property),
    /// Somebody other than the strategy deletes user data of this key.
    SomebodyDeletes(String),
    /// So many agents of a group log in.
    LogIn(String, u32),
    /// So many agents of a group log out.
    LogOut(String, u32),
    /// Time passes, ms.
    Wait(u64),
    /// The host dies and is there again after so long, ms.
    HostDies(u64),
    /// This must happen.
    Expect(Expectation),
}

/// What must happen. The first group is strict and in order; the last is looked for around the last match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// An announcement that begins with these prompts.
    Play(Vec<Prompt>),
    /// Digits are collected; with prompts that begin like this.
    Collect(Vec<Prompt>),
    /// Music, of this name.
    Music(Option<String>),
    /// A recording, of this name.
    Recording(Option<String>),
    /// A route to exactly these targets.
    Route(Vec<Target>),
    /// A transfer to this target.
    Transfer(Target),
    /// An outbound call to this number.
    Call(String),
    /// The strategy ends the call.
    Disconnect,
    /// Nobody served the call: the switch has sent it to its default route.
    DefaultRouted,
    /// A target answered: this group, number or agent.
    Routed(Option<String>),
    /// Every session of the call is over.
    End,
    /// None of the strict ones for so long, ms.
    NothingFor(u64),
    /// User data is attached.
    Attach(Property),
    /// A milestone.
    Milestone(String),
    /// A timer of so long, ms.
    Timer(u64),
    /// A message of this name to another session.
    Message(String),
}
