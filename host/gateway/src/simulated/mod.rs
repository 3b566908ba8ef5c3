//! A switch to put under the core: callers, treatments, agents (design, section 9).
//!
//! [`SimulatedSwitch`] is a PBX in virtual time, driven as any [`Switch`](crate::port::Switch). Callers come from plans
//! ([`callers`]) or from a script ([`Command`]); agents follow the rules of `tandem_queue`; what each caller experienced is
//! written down as lines of the [record](crate::record). Outcomes, treatments, routes and their answers are explained in the
//! files that carry them out: `dialog`, `routing`, `outbound`, `ending`, `user_data`.
//!
//! **What it must not know:** sessions, strategies, positions, epochs, connections, clocks. A request comes once and in
//! order; that is the core's work. It answers each exactly once, which `outlet` sees to.

mod agenda;
mod answering;
mod call;
mod caller;
pub mod callers;
mod collect;
mod command;
mod dialog;
mod ending;
mod options;
mod outbound;
mod outlet;
mod prompt;
mod route;
mod routing;
mod staff;
mod status;
mod switch;
mod treatment;
mod user_data;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use command::{Command, CommandError};
pub use options::{AgentPlan, Duty, Limits, NumberAnswers, Options, RoutingPoint};
pub use status::{Counts, Status};
pub use switch::SimulatedSwitch;
