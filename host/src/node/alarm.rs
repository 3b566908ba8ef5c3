//! A thread that panics must not leave an instance that limps: the node hears of it and ends the process, the gateway sees the
//! connection close, and the calls are served by the next instance or take their default routes (P9).

use crossbeam_channel::Sender;

use super::{Fatal, ToNode};

/// Lives on a thread's (or task's) stack; rings when it is dropped by a panic.
pub struct Alarm {
    node: Sender<ToNode>,
    thread: String,
}

impl Alarm {
    /// For the thread of this name.
    pub fn new(node: Sender<ToNode>, thread: impl Into<String>) -> Self {
        Alarm { node, thread: thread.into() }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.node.send(ToNode::Fatal(Fatal::Panicked { thread: std::mem::take(&mut self.thread) }));
        }
    }
}
