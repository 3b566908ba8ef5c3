//! The switch side's core: what every gateway needs to keep the promises, beside the switch and sharing its fate.
//!
//! [`core`] keeps positions, deduplicates requests, fences old epochs and sends calls that nobody serves to their default
//! route. [`simulated`] is a switch to put under it: callers, treatments, agents. Between the two stands [`port`].
//! Everything here is a state machine driven with the time as an argument: no clock, no socket, no thread, no disk.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod core;
pub mod port;
pub mod record;
pub mod simulated;
