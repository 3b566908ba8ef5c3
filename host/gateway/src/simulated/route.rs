//! A route under way: which targets there are, and which of them is tried.

use tandem_queue::Target as Staff;
use tandem_words::{RequestKey, Timestamp};

use super::staff::StaffKey;

/// A route or a transfer that is not answered yet; a call has at most one.
#[derive(Debug, Clone)]
pub(super) struct OpenRoute {
    pub(super) key: RequestKey,
    /// A transfer is answered by `done`, a route by `routing.done`.
    pub(super) is_transfer: bool,
    pub(super) opened_at: Timestamp,
    /// In the strategy's order. Numbers that failed are taken out.
    pub(super) places: Vec<Place>,
    pub(super) priority: i32,
    pub(super) credit_ms: u32,
    pub(super) times_out_at: Option<Timestamp>,
    pub(super) ring_timeout_ms: u64,
    /// Do not look whether the target is ready.
    pub(super) unchecked: bool,
    pub(super) trying: Trying,
}

/// A target that the switch knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// An agent or a group: may have to be waited for.
    Staff(Staff),
    /// A number, under the name that the strategy gave the target.
    Number { target: String, number: String },
    /// Another routing point.
    RoutingPoint(String),
}

impl Place {
    /// The name in `routed.target`.
    pub(super) fn target(&self) -> &str {
        match self {
            Place::Staff(Staff::Agent(name) | Staff::Group(name)) => name,
            Place::Number { target, .. } => target,
            Place::RoutingPoint(number) => number,
        }
    }
}

/// What an open route is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trying {
    /// Nothing yet.
    Nothing,
    /// This number rings, and will answer or not.
    Number { target: String, number: String, answers: bool },
    /// The rules of agent groups have it under this key.
    Staff { staff_key: StaffKey, ringing: Option<RingingAgent> },
}

impl Trying {
    /// Whose phone rings.
    pub(super) fn rings(&self) -> Option<&str> {
        match self {
            Trying::Number { number, .. } => Some(number),
            Trying::Staff { ringing, .. } => ringing.as_ref().map(|ringing| &*ringing.agent),
            Trying::Nothing => None,
        }
    }
}

/// An agent whose phone rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RingingAgent {
    pub(super) agent: tandem_queue::Name,
    /// The group that brought the agent, or the agent.
    pub(super) target: String,
    pub(super) answers: bool,
}
