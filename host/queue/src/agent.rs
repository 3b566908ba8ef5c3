//! One agent.

use std::collections::BTreeSet;

use crate::Name;
use crate::line::Line;

/// An agent, as `put_agent` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSetup {
    /// Unique among agents; the smaller name goes first where two have been idle equally long.
    pub name: Name,
    /// All groups the agent belongs to; may be empty.
    pub groups: Vec<Name>,
    /// Time after each call before the agent is ready again; 0: none.
    pub wrap_up_ms: u64,
}

/// What an agent is doing. A route's key stands for its call: an agent has at most one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentState<K> {
    /// Not there.
    LoggedOut,
    /// Idle since then, and can be offered a call.
    Ready {
        /// Start of the idle time.
        since_ms: u64,
    },
    /// The phone rings.
    Ringing {
        /// For this route.
        route: K,
    },
    /// In a call.
    Busy {
        /// That of this route.
        route: K,
    },
    /// Finishing the last call's work.
    WrapUp {
        /// Until then.
        until_ms: u64,
    },
    /// Did not answer or refused: offered nothing for `Options::not_ready_ms`, as if logged out, then ready again.
    NotReady {
        /// Until then.
        until_ms: u64,
    },
}

/// Between logins only: whether an idle agent is ready or logged out is said by `Agent::logged_in`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Activity<K> {
    Idle { since_ms: u64 },
    Ringing { route: K, group: Option<Name>, idle_since_ms: u64 },
    Busy { route: K, group: Option<Name>, answered_at_ms: u64 },
    WrapUp { until_ms: u64 },
    NotReady { until_ms: u64 },
}

#[derive(Debug, Clone)]
pub(crate) struct Agent<K> {
    pub(crate) name: Name,
    pub(crate) groups: BTreeSet<Name>,
    pub(crate) wrap_up_ms: u64,
    /// False during a call: the agent leaves when it ends.
    pub(crate) logged_in: bool,
    pub(crate) activity: Activity<K>,
    /// Routes that name this very agent.
    pub(crate) line: Line<K>,
}

impl<K: Clone + Ord> Agent<K> {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            groups: BTreeSet::new(),
            wrap_up_ms: 0,
            logged_in: false,
            activity: Activity::Idle { since_ms: 0 },
            line: Line::default(),
        }
    }

    /// Idle since, where the agent can be offered a call.
    pub(crate) fn ready_since_ms(&self) -> Option<u64> {
        match self.activity {
            Activity::Idle { since_ms } if self.logged_in => Some(since_ms),
            _ => None,
        }
    }

    /// End of a rest that ends by itself.
    pub(crate) fn rests_until_ms(&self) -> Option<u64> {
        match self.activity {
            Activity::WrapUp { until_ms } | Activity::NotReady { until_ms } => Some(until_ms),
            _ => None,
        }
    }

    pub(crate) fn has_call(&self) -> bool {
        matches!(self.activity, Activity::Ringing { .. } | Activity::Busy { .. })
    }

    pub(crate) fn state(&self) -> AgentState<K> {
        match &self.activity {
            Activity::Idle { .. } if !self.logged_in => AgentState::LoggedOut,
            Activity::Idle { since_ms } => AgentState::Ready { since_ms: *since_ms },
            Activity::Ringing { route, .. } => AgentState::Ringing { route: route.clone() },
            Activity::Busy { route, .. } => AgentState::Busy { route: route.clone() },
            Activity::WrapUp { until_ms } => AgentState::WrapUp { until_ms: *until_ms },
            Activity::NotReady { until_ms } => AgentState::NotReady { until_ms: *until_ms },
        }
    }
}
