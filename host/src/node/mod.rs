//! A node at work: one thread moves bytes and time between the switch link, the rules of `tandem-node`, and the sessions.

pub mod desk;
mod floor;
mod holder;
mod instance;
mod service;

use tandem_session::{Durable, Output};
use tandem_switch_link::{GatewayFrame, Mark};

pub use holder::{boot_clock_ms, this_process};
pub use instance::{Instance, InstanceError, InstanceOptions, Ready, Status, prepare};
pub use service::{Fatal, NodeService};

use crate::switch_link::Outgoing;

/// What the node's thread is told.
pub enum ToNode {
    /// The switch link is there.
    Connected(Outgoing),
    /// A frame came over it; `true`: counted as activity.
    Frame(GatewayFrame),
    /// It is gone.
    Disconnected,
    /// A batch is durable.
    Durable(Vec<Durable>, Option<Mark>),
    /// What workers want done by others.
    Outputs(Vec<Output>),
    /// Nothing is being worked on any more.
    Quiet,
    /// How it stands.
    Status(crossbeam_channel::Sender<Status>),
    /// Take no more events, let the commits come through, give the lease back, end.
    Stop,
    /// The lease is given back.
    Released,
    /// The process must end: something it cannot go on without is gone.
    Fatal(Fatal),
}
