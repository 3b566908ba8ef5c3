//! The connections, as the service's task sees them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tandem_gateway::core::ConnectionId;
use tandem_switch_link::GatewayFrame;
use tokio::sync::mpsc;

/// Frames that wait for a slow reader. Reason: memory; the longest backlog (`retain`) is a tenth of it. A peer that lets
/// more pile up is treated as gone.
pub(super) const MAX_UNSENT_FRAMES: usize = 256;

/// When something was last heard on a connection. Written by the connection's task, read by the service's.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    began: Instant,
    after_ms: Arc<AtomicU64>,
}

impl Heard {
    pub(super) fn now() -> Self {
        Heard { began: Instant::now(), after_ms: Arc::default() }
    }

    pub(super) fn again(&self) {
        let after = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.after_ms.store(after, Ordering::Relaxed);
    }

    fn silent_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.after_ms.load(Ordering::Relaxed)))
    }
}

/// The ends of the connections that the service holds. Dropping one lets its task write what waits and close.
#[derive(Debug, Default)]
pub(super) struct Clients {
    open: BTreeMap<ConnectionId, (mpsc::Sender<GatewayFrame>, Heard)>,
}

impl Clients {
    pub(super) fn add(&mut self, id: ConnectionId, outgoing: mpsc::Sender<GatewayFrame>, heard: Heard) {
        self.open.insert(id, (outgoing, heard));
    }

    pub(super) fn close(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }

    /// All of them are gone.
    pub(super) fn close_all(&mut self) {
        self.open.clear();
    }

    /// False: it is not there, or too slow.
    pub(super) fn send(&self, id: ConnectionId, frame: GatewayFrame) -> bool {
        self.open.get(&id).is_some_and(|(outgoing, _)| outgoing.try_send(frame).is_ok())
    }

    /// Those of which nothing was heard for so long.
    pub(super) fn silent_for(&self, silence: Duration) -> Vec<ConnectionId> {
        self.open.iter().filter(|(_, (_, heard))| heard.silent_for() > silence).map(|(id, _)| *id).collect()
    }

    /// The service itself did not run for a while: nobody could be heard.
    pub(super) fn forgive(&self) {
        self.open.values().for_each(|(_, heard)| heard.again());
    }
}
