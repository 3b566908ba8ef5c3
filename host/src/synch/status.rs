//! How the synch link stands, for log, status and API.

use std::net::SocketAddr;

use tokio::sync::watch;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// A primary's port.
    pub listens_on: Option<SocketAddr>,
    /// The other instance and its release, while it is connected.
    pub connected: Option<String>,
    /// Nothing was heard from a connected backup for some heartbeats.
    pub quiet: bool,
    /// A backup's copy is complete.
    pub full: bool,
    /// What is wrong, as long as it is.
    pub problem: Option<String>,
}

/// Where it is told.
#[derive(Debug, Clone)]
pub(super) struct Board(watch::Sender<Status>);

impl Board {
    pub(super) fn new() -> (Self, watch::Receiver<Status>) {
        let (sender, receiver) = watch::channel(Status::default());
        (Board(sender), receiver)
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut Status)) {
        self.0.send_modify(change);
    }
}
