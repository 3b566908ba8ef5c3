//! Whether anything is still being worked on.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crossbeam_channel::Sender;

use crate::node::ToNode;

/// Counts what is on its way between the instance's threads. Whoever puts a message into a channel counts it first; whoever
/// has handled one, and has counted what follows from it, counts it off. At zero nothing is left that could lead to more, and
/// the primary may say `idle` (design, section 9).
#[derive(Clone)]
pub struct Activity {
    count: Arc<AtomicI64>,
    quiet: Sender<ToNode>,
}

impl Activity {
    /// `quiet` hears of it when the count comes to zero.
    pub fn new(quiet: Sender<ToNode>) -> Self {
        Activity { count: Arc::new(AtomicI64::new(0)), quiet }
    }

    /// So many messages are about to be sent.
    pub fn begin(&self, messages: usize) {
        self.count.fetch_add(i64::try_from(messages).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// So many messages are handled.
    pub fn end(&self, messages: usize) {
        let messages = i64::try_from(messages).unwrap_or(i64::MAX);
        if messages > 0 && self.count.fetch_sub(messages, Ordering::SeqCst) == messages {
            // The node's thread may be gone already when the instance stops; then nobody waits for this.
            let _ = self.quiet.send(ToNode::Quiet);
        }
    }

    /// How many messages are on their way.
    pub fn outstanding(&self) -> usize {
        usize::try_from(self.count.load(Ordering::SeqCst)).unwrap_or(0)
    }
}
