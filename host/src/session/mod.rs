//! Sessions at work: worker threads around the pure workers, one committer in front of the disk, one reader beside it.

mod activity;
mod ahead;
mod committer;
mod progress;
mod reader;
mod workers;

pub use activity::Activity;
pub use ahead::{Ahead, RowsAhead};
pub use committer::{Committer, ToCommitter};
pub use progress::Progress;
pub use reader::{ReaderThread, ToReader};
pub use workers::{ToWorker, WorkerParts, Workers, name as worker_name, owner};
