//! What the switch is told to do. Outputs come in time order; `at_ms` is never later than the input's time, and earlier
//! where something was due before that input.

use crate::Name;

/// One thing to do, or to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<K> {
    /// Ring an agent.
    Offer(Offer<K>),
    /// Stop ringing: the route timed out or was cancelled, or the agent logged out. In the last case the route waits on.
    Withdrawn {
        /// When.
        at_ms: u64,
        /// For which route the agent was ringing.
        route: K,
        /// Whose phone falls silent.
        agent: Name,
    },
    /// The route's time has passed without an answer. It is no longer open.
    TimedOut {
        /// When.
        at_ms: u64,
        /// The route.
        route: K,
        /// How long it waited, ringing included.
        waited_ms: u64,
    },
    /// An agent took the call. The route is no longer open.
    Answered(Answered<K>),
}

/// Ring `agent` for `route`, until one of `answered`, `not_answered` or [`Output::Withdrawn`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer<K> {
    /// When.
    pub at_ms: u64,
    /// The route.
    pub route: K,
    /// The agent, no longer ready.
    pub agent: Name,
    /// The group that brought the agent; none where the route names the agent itself.
    pub group: Option<Name>,
}

/// Who took a call, and after how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<K> {
    /// When.
    pub at_ms: u64,
    /// The route.
    pub route: K,
    /// The agent, now busy.
    pub agent: Name,
    /// The group that brought the agent.
    pub group: Option<Name>,
    /// From `enqueue` (or `seize`) to the answer, ringing included, credit not.
    pub waited_ms: u64,
}
