//! The simulation: a pair of instances, a gateway with its switch, the network between and one store, in one thread, on one
//! seed. The instances are made of the product's own rules; what goes wrong is drawn; checkers look at nothing but the switch's
//! record, the journal, the leases and the wire.
//!
//! The same seed gives the same run, event by event. Nothing here reads a clock.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod agenda;
mod chance;
mod checks;
mod compare;
mod env;
mod fault;
mod gateway;
mod instance;
mod network;
mod plan;
mod store;
mod strategies;
mod trace;
mod world;

pub use checks::Finding;
pub use compare::{compare, is_compared};
pub use fault::{Coverage, Kind, Phase};
pub use strategies::Components;
pub use trace::Trace;
pub use world::{Outcome, World};
