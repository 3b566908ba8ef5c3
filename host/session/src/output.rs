//! What a worker wants done, and what its sessions hold.

use tandem_switch_link::{Mark, StepMessage};
use tandem_words::{EventBody, Holding, RequestKey, SessionId};

#[cfg(doc)]
use crate::Worker;
use crate::{Finished, Release};

/// What a worker wants done.
#[derive(Debug)]
pub enum Output {
    /// For the commit queue.
    Finished(Box<Finished>),
    /// A switch event that no session takes, and nothing uncommitted is the reason: it counts for W at once.
    Ignored(Mark),
    /// The sender of a message gets this answer to its request: nobody by that id is here.
    Answer(RequestKey, EventBody),
    /// Read the session's rows and call [`Worker::loaded`].
    Load(SessionId),
    /// Read all rows of the session, of all incarnations, and call [`Worker::loaded_all`].
    LoadAll(SessionId),
    /// For the gateway, of steps that were committed earlier.
    Tell(StepMessage),
    /// Of steps that were committed in an earlier epoch: what the host serves itself is done again.
    Redo(Release),
    /// The session's rows cannot be read (the second field says why). It fails where its state is known without them; else its
    /// calls are left to the gateway's control deadline.
    Unreadable(SessionId, String),
    /// For the log: worth a warning.
    Warn(String),
    /// The same; and to be counted: a replay came to something else than the journal, which wins (P10).
    Differs(String),
}

/// What sessions hold and wait for; a new primary tells the gateway (design, section 8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Interactions that are not over.
    pub interactions: Vec<Holding>,
    /// Requests that the switch serves and has not answered.
    pub requests: Vec<RequestKey>,
}
