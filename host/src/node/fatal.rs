//! Why the process must end.

use std::time::Duration;

use tandem_journal::FormatError;
use tandem_node::LinkError;
use tandem_store::{Disposition, LockError, StoreError};

/// How long an instance that was told to end may take to let its commits come through. Below the 10 s after which Docker kills.
pub(super) const STOPS_WITHIN: Duration = Duration::from_secs(8);

/// Why the process must end.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal's format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The gateway follows a newer primary.
    #[error("{0}; another instance of this node leads now, and this one must not act any more")]
    Fenced(LinkError),
    /// A thread is gone, and with it sessions, commits or the switch link.
    #[error("the thread {thread} panicked (its words stand above); this is a bug in Tandem, please report it. Start the instance again")]
    Panicked {
        /// Its name.
        thread: String,
    },
    /// The lock's file of its name was removed, and somebody took the name.
    #[error("the file of this instance's lock was removed by hand, and another process has the name now; this one ends ({0})")]
    Name(LockError),
    /// It must not be primary any more, and does not get rid of what it was.
    #[error("the thread {thread} does not end, and without that no other instance may act; the process ends. Start the instance again")]
    Remains {
        /// Its name.
        thread: String,
    },
    /// It was told to end, and work was still under way.
    #[error("ended after {STOPS_WITHIN:?} with work still under way{}; nothing of it has left the host, and the next instance does it again",
        .held_up.as_ref().map(|why| format!(", because commits are held up: {why}")).unwrap_or_default())]
    Unfinished {
        /// Why commits did not come through, where that is the reason.
        held_up: Option<String>,
    },
}

impl Fatal {
    /// Whether somebody else is primary: the instance drops what it was and is a candidate again.
    pub fn role_is_lost(&self) -> bool {
        match self {
            Fatal::Fenced(_) => true,
            Fatal::Store(error) => error.disposition() == Disposition::DropCells,
            _ => false,
        }
    }
}
