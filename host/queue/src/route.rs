//! Waiting requests: the strategies' `route`, as far as it concerns agents.

use std::cmp::Reverse;

use crate::Name;

/// Where a route may go. Other kinds (numbers, routing points) never wait and are the switch's own affair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// One agent.
    Agent(Name),
    /// Any agent of a group.
    Group(Name),
}

/// A request to route a call, as `enqueue` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route<K> {
    /// Chosen by the caller, unique among open routes; the last tie-break of the order.
    pub key: K,
    /// In the strategy's order, at least one.
    pub targets: Vec<Target>,
    /// Higher goes first.
    pub priority: i32,
    /// Counted as waited before it began; for the order only, never for the time-out or the figures.
    pub credit_ms: u32,
    /// Bounds all of it, ringing included; none: no bound. (The host has replaced the contract's 0 by its default.)
    pub timeout_ms: Option<u64>,
}

impl<K> Route<K> {
    /// A route of priority 0, without credit and time-out.
    pub fn new(key: K, targets: Vec<Target>) -> Self {
        Self { key, targets, priority: 0, credit_ms: 0, timeout_ms: None }
    }
}

/// Where an open route is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteState {
    /// No agent yet.
    Waiting,
    /// This agent's phone rings for it.
    Ringing(Name),
}

/// Place in the order: the smallest goes first. It does not change while time passes, so a sorted set can hold it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank<K> {
    priority: Reverse<i32>,
    /// When it began to wait, less its credit: may lie before time 0.
    waiting_since_ms: i128,
    pub(crate) key: K,
}

/// A route between `enqueue` and its end.
#[derive(Debug, Clone)]
pub(crate) struct OpenRoute {
    pub(crate) targets: Vec<Target>,
    pub(crate) priority: i32,
    credit_ms: u32,
    pub(crate) enqueued_at_ms: u64,
    pub(crate) times_out_at_ms: Option<u64>,
    pub(crate) state: RouteState,
    /// False where an agent was seized for it: unanswered, it is over instead of waiting on.
    pub(crate) queued: bool,
}

impl OpenRoute {
    pub(crate) fn new<K>(route: Route<K>, now_ms: u64) -> (K, Self) {
        let open = Self {
            targets: route.targets,
            priority: route.priority,
            credit_ms: route.credit_ms,
            enqueued_at_ms: now_ms,
            times_out_at_ms: route.timeout_ms.map(|timeout_ms| now_ms.saturating_add(timeout_ms)),
            state: RouteState::Waiting,
            queued: true,
        };
        (route.key, open)
    }

    pub(crate) fn rank<K>(&self, key: K) -> Rank<K> {
        let waiting_since_ms = i128::from(self.enqueued_at_ms) - i128::from(self.credit_ms);
        Rank { priority: Reverse(self.priority), waiting_since_ms, key }
    }
}
