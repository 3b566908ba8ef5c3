//! Sessions: one step of one session, the worker that owns many of them, the queue in front of the disk, recovery.
//!
//! Everything here decides and does nothing: inputs in, outputs out. No clock, no socket, no thread, no disk; guests are
//! behind the trait [`Guests`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod ahead;
mod arrival;
mod commit;
mod diverged;
mod draft;
mod following;
mod guests;
mod limits;
mod loads;
mod memory;
mod open_request;
mod output;
mod rebuild;
mod release;
mod restart;
mod said;
mod serve;
mod slot;
mod snapshot;
mod state;
mod step;
#[cfg(test)]
mod testing;
mod worker;

pub use arrival::Arrival;
pub use commit::{CommitQueue, Durable, Finished};
pub use draft::{Draft, OverLimit, Written};
pub use following::Following;
pub use guests::{AnyGuests, Effort, GuestFailure, Guests, Next, Place};
pub use limits::{StepLimits, WorkerOptions};
pub use loads::Loads;
pub use open_request::OpenRequest;
pub use output::{Inventory, Output};
pub use rebuild::{Folded, Records, fold, is_a_difference};
pub use release::{HostRequest, Release};
pub use said::Said;
pub use state::{Held, Life, SessionState, Standing};
pub use worker::{Input, Worker};
