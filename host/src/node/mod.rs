//! A node at work: one thread moves bytes and time between the switch link, the rules of `tandem-node`, and the sessions.

mod alarm;
mod ending;
mod floor;
mod holder;
mod home;
mod inbox;
mod instance;
pub mod recovery;
mod service;
mod status;
#[cfg(test)]
mod tests;

pub use alarm::Alarm;
pub use holder::{boot_clock_ms, this_process};
pub use home::{Home, HomeError};
pub use inbox::{Inbox, ToNode};
pub use instance::{InstanceError, InstanceOptions, Ready, prepare};
pub use service::{Fatal, NodeService};
pub use status::{Instance, Status};
