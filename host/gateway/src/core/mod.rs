//! The core of every gateway: what the promises need beside the switch (design, section 9; `docs/switch-link.md`).
//!
//! [`Core`] is a state machine between hosts and a switch. It numbers what the switch reports and keeps it until it is
//! acknowledged (P4), applies each request at most once (P3), lets only the highest epoch of a node act (P5), and sends calls
//! that nobody serves to their default route (P9). [`Exchange`] puts a core on a [`Switch`](crate::port::Switch) and adds the
//! rule by which switch time passes. Both take time and messages as arguments and hand back what is to be sent.
//!
//! What a core forgets when it dies is told by a new incarnation; what it must not forget is its [`Keepsake`].

mod calls;
mod connection;
mod deadlines;
mod exchange;
mod keepsake;
mod lead;
mod machine;
mod options;
mod pace;
mod pack;
mod positions;
mod requests;
mod steps;
mod tally;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use connection::{ConnectionId, Quit};
pub use exchange::{Exchange, Turn};
pub use keepsake::{Keepsake, NodeKeepsake};
pub use machine::Core;
pub use options::{
    ANSWER_DEADLINE_MS, CONTROL_DEADLINE_MS, MAX_BUFFERED_REQUESTS, MAX_CONNECTIONS, MAX_QUIET_MS, MAX_RECONCILED,
    MAX_UNACKNOWLEDGED_REQUESTS, Options, RETAIN, RoutingPoint,
};
pub use pace::Pace;
pub use pack::MESSAGES_OF_A_FRAME;
pub use tally::Tally;
