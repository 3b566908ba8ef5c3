//! The synch link between the two simulated instances: the product's rules (`tandem_node::synch`) on connections of the simulated
//! network, as `host/src/synch` and `host/src/node/backup.rs` put them on sockets.

mod backup;
mod primary;

use tandem_node::synch::greeting::Greeter;
use tandem_words::InstanceName;

pub use backup::BackupEnd;
pub use primary::{News, PrimaryEnd};

/// How often each end says that it lives, µs, and how many of those may be missed.
const HEARTBEAT_US: u64 = 250_000;
const MISSED_HEARTBEATS: u32 = 12;

/// Who an instance says that it is.
fn greeter(instance: InstanceName) -> Greeter {
    Greeter { release: "sim".to_owned(), cluster: "sim".to_owned(), instance, store: 77, options: Default::default() }
}
