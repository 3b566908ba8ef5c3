//! What can be wrong with an input. An input that is refused changes nothing but the time.

use crate::Name;

/// Why an input was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No group of this name was added.
    #[error("there is no agent group `{0}`: add it to the switch's configuration, or correct the target's name")]
    UnknownGroup(Name),
    /// No agent of this name was put.
    #[error("there is no agent `{0}`: add it to the switch's configuration, or correct the target's name")]
    UnknownAgent(Name),
    /// The key is that of no open route: it was never enqueued, was answered, timed out or was cancelled.
    #[error("this route is not open: it was answered, has timed out, was cancelled or never existed")]
    UnknownRoute,
    /// The key is in use by another open route.
    #[error("a route with this key is open already: cancel it first, or choose another key")]
    RouteOpen,
    /// A route without targets would wait for ever.
    #[error("the route lists no target: name at least one agent or group")]
    NoTarget,
    /// The agent's phone is not ringing, so nothing can be answered or refused.
    #[error("agent `{0}` is not ringing: its call was withdrawn or answered before")]
    NotRinging(Name),
    /// The agent has no call that could end.
    #[error("agent `{0}` has no call")]
    NoCall(Name),
    /// The agent has a call already, so the phone cannot ring for another.
    #[error("agent `{0}` has a call: wait until it ends")]
    HasCall(Name),
    /// One of the limits in [`crate::Options`] is reached.
    #[error("{what}: the limit of {limit} is reached; raise `{option}` or use fewer")]
    OverLimit {
        /// What there are too many of.
        what: &'static str,
        /// The limit's value.
        limit: usize,
        /// The field of [`crate::Options`] that sets it.
        option: &'static str,
    },
}
