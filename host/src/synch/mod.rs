//! The synch link (`docs/synch-link.md`): sockets and TLS between the two instances of a node.
//!
//! The primary runs a [`PrimaryService`], which listens and serves one backup; a backup runs a [`BackupService`], which connects and
//! keeps the [`Mirror`](tandem_node::synch::Mirror). Both go on by themselves: what cannot be had now (a port, a certificate, the
//! other instance) is told once and tried again. No call ever waits for them; what W waits for, and how long, is decided by the
//! [`Source`](tandem_node::synch::Source) of whoever owns the primary's service.

mod backup;
mod carriage;
mod error;
mod options;
mod outgoing;
mod peer;
mod primary;
mod retry;
mod status;
#[cfg(test)]
mod tests;
mod tls;

pub use backup::{BackupHandle, BackupNews, BackupService};
pub use error::Error;
pub use options::{HEARTBEAT, Options};
pub use outgoing::Outgoing;
pub use primary::{Handle, PrimaryNews, PrimaryService};
pub use status::Status;
