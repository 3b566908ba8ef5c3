//! A node at work: one thread moves bytes and time between the switch link, the rules of `tandem-node`, and the sessions.

mod alarm;
mod backup;
mod candidate;
mod ending;
mod fatal;
mod floor;
mod follower;
mod holder;
mod home;
mod inbox;
mod instance;
mod lock;
mod pair;
pub mod recovery;
mod reign;
mod running;
mod said;
mod service;
mod status;
#[cfg(test)]
mod tests;
mod ticks;

pub use alarm::Alarm;
pub use backup::{SynchOptions, SynchStanding};
pub use candidate::{CandidateService, candidate_options, open as open_store};
pub use fatal::Fatal;
pub use follower::Follower;
pub use holder::{FenceError, boot_clock_ms, may_kill, this_process};
pub use home::{Home, HomeError};
pub use inbox::{Inbox, ToNode};
pub use instance::{InstanceError, InstanceOptions, Ready, prepare};
pub use lock::NodeLock;
pub use pair::{Pair, Peer, PeerStanding};
pub use running::Running;
pub use service::NodeService;
pub use status::{Instance, Status};
pub use ticks::{Beat, HUNG, Ticker, Ticks, Watch, Watched, tick_every};
