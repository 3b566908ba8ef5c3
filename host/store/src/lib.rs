//! The stores: leases, claims, the journal, and the components it was written by.
//!
//! A [`Store`] is written by one committer thread, one [`Batch`](tandem_journal::Batch) at a time: all of it durable
//! when [`Store::commit`] returns, or nothing. A [`Reader`] has a connection of its own and never blocks the writer.
//! Two stores keep these promises, tested by one suite (`tests/stores/conformance`):
//! - [`Memory`]: "no journal"; what it holds ends with the process, and survives the host that a test kills inside it;
//! - [`Sqlite`]: one file, write-ahead log, full sync; the default.
//!
//! The only room that knows SQL; it never looks into a row's data.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod assemble;
pub mod bare_loop;
mod error;
mod head;
mod lease;
mod losers;
mod memory;
mod sqlite;
mod store;

pub use error::{Disposition, Misfit, StoreError};
pub use lease::{Holder, LeaseRow};
pub use memory::Memory;
pub use sqlite::{InstanceLock, LockError, PrimaryLock, Signature, Sqlite, open_reader};
pub use store::{Component, Counts, Reader, SessionSummary, Store};
