//! Messages for the backup, on their way from the primary's owner to the socket.

use tandem_synch_link::PrimaryMessage;
use tokio::sync::mpsc;

/// The owner's end of one connection. Dropped, it closes the connection behind what was sent. What waits is bounded by the
/// [`Source`](tandem_node::synch::Source), which cuts off a backup that does not keep up.
#[derive(Debug)]
pub struct Outgoing(mpsc::UnboundedSender<PrimaryMessage>);

impl Outgoing {
    pub(super) fn channel() -> (Self, mpsc::UnboundedReceiver<PrimaryMessage>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Outgoing(sender), receiver)
    }

    /// Sends in order. Nothing happens when the connection is gone: the news of that is on its way.
    pub fn send(&self, message: PrimaryMessage) {
        let _ = self.0.send(message);
    }
}
