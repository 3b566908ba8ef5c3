//! The rules of a node: who may act, which session gets which event, in which order a new primary takes over.
//!
//! Pure state machines: inputs in, [`Directive`]s out. No clock, no socket, no thread, no disk.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod assignment;
mod link_error;
mod numbers;
mod primary;
mod restarts;
pub mod role;
mod starts;
pub mod synch;
#[cfg(test)]
mod testing;
mod truths;

pub use assignment::{Assignment, Deployment, Deployments};
pub use link_error::LinkError;
pub use primary::{Directive, NodeOptions, Phase, Primary, Stock};
pub use restarts::{RestartOptions, Restarting, Restarts};
pub use role::Tenure;
