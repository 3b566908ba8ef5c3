//! What the node's thread is told, and how the switch link tells it.

use crossbeam_channel::Sender;
use tandem_session::{Durable, Inventory, Output};
use tandem_switch_link::{GatewayFrame, Mark};
use tandem_words::InstanceName;

use super::{Fatal, Status};
use crate::{session::Activity, switch_link::Outgoing, synch::PrimaryNews};

/// What the node's thread is told.
pub enum ToNode {
    /// The switch link is there.
    Connected(Outgoing),
    /// A frame came over it. Counted as activity, by its [`weight`].
    Frame(GatewayFrame),
    /// It is gone. The link's messages come through one channel: none of this connection's follow.
    Disconnected,
    /// A batch is durable. Counted.
    Durable(Vec<Durable>, Option<Mark>),
    /// What workers want done by others. Counted.
    Outputs(Vec<Output>),
    /// What a worker's sessions hold and wait for, asked for by this number.
    Inventory(u64, Inventory),
    /// News of the synch link.
    Synch(PrimaryNews),
    /// Nothing is being worked on any more.
    Quiet,
    /// How it stands; what only the workers know is left open.
    Status(Sender<Status>),
    /// Take no more events, let the commits come through, give the lease back, end.
    Stop,
    /// The same in a planned switchover, naming the other instance as heir; refused where that is not ready, but for `force`.
    /// Answered with the heir, or why not.
    HandOver {
        /// Hand over to an instance that is not ready, too.
        force: bool,
        /// Who is to be told.
        answer: Sender<Result<InstanceName, String>>,
    },
    /// The lease is given back.
    Released,
    /// The process must end: something it cannot go on without is gone.
    Fatal(Fatal),
}

/// The node's end of a switch link.
#[derive(Clone)]
pub struct Inbox {
    pub(super) node: Sender<ToNode>,
    pub(super) activity: Activity,
}

impl Inbox {
    /// A connection is there; frames for the gateway go into `outgoing`.
    pub fn connected(&self, outgoing: Outgoing) {
        self.tell(ToNode::Connected(outgoing));
    }

    /// A frame came over it.
    pub fn frame(&self, frame: GatewayFrame) {
        self.activity.begin(weight(&frame));
        self.tell(ToNode::Frame(frame));
    }

    /// It is gone.
    pub fn disconnected(&self) {
        self.tell(ToNode::Disconnected);
    }

    /// News of the synch link, to a primary.
    pub fn synch(&self, news: PrimaryNews) {
        self.tell(ToNode::Synch(news));
    }

    /// How much is on its way inside the instance: messages and events.
    pub fn outstanding(&self) -> usize {
        self.activity.outstanding()
    }

    /// Rings if the task that holds it panics.
    pub fn alarm(&self, task: &str) -> super::Alarm {
        super::Alarm::new(self.node.clone(), task)
    }

    fn tell(&self, message: ToNode) {
        // An instance that has ended hears nothing, and its link is about to be closed.
        let _ = self.node.send(message);
    }
}

/// A frame counts as its messages do: what it costs inside is theirs, and the bound on what is outstanding is one on memory.
pub(super) fn weight(frame: &GatewayFrame) -> usize {
    frame.messages.len().max(1)
}

#[cfg(test)]
impl Inbox {
    /// Of a node that the test plays.
    pub fn for_tests(node: Sender<ToNode>) -> Self {
        Inbox { activity: Activity::new(node.clone()), node }
    }
}
