//! What a primary wants done.

use std::collections::BTreeSet;

use tandem_journal::Opening;
use tandem_switch_link::{Held, HostMessage, Mark, SwitchEvent};
use tandem_words::{EventBody, Message, RequestKey, SessionId, SwitchIncarnation, Timestamp};

use crate::Restarting;

/// What the primary wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// Over the switch link.
    Send(HostMessage),
    /// Let everything that is under way come through: inputs handled, commits acknowledged, what follows from those too. Then
    /// ask the workers, and call [`Primary::took_stock`]; nothing else may be put into them in between, so that what is sent
    /// again later is durable (P2).
    TakeStock,
    /// The switch's events follow behind this mark.
    Follow(Mark),
    /// Those of a newer life of the switch do; W stays in the old life until it is followed.
    Prepare(Mark),
    /// To every worker, before anything else of this list that follows: the requests the gateway has not seen. `fresh`: the
    /// first time in this epoch.
    Reconciled {
        /// Requests to be sent again.
        unknown: BTreeSet<RequestKey>,
        /// See above.
        fresh: bool,
        /// The gateway still knows what it was told before: it has lived since then.
        remembers: bool,
    },
    /// To every worker: the time.
    Advance(Timestamp),
    /// A new session, with the event that made it, if one did.
    Open {
        /// Its first record.
        opening: Box<Opening>,
        /// The event.
        event: Option<(SwitchIncarnation, SwitchEvent)>,
    },
    /// An event for a session.
    Deliver(SessionId, SwitchIncarnation, SwitchEvent),
    /// News from the host for a session.
    News(SessionId, EventBody),
    /// News from the host for all.
    NewsForAll(EventBody),
    /// The host's answer to a request.
    Answer(RequestKey, EventBody),
    /// A message for a session.
    Message {
        /// The receiver.
        to: SessionId,
        /// The sender's request.
        from: RequestKey,
        /// The sender's strategy.
        strategy: String,
        /// What it sent.
        message: Message,
    },
    /// A session that is not persisted starts again, at this switch time.
    Restart(Restarting, Timestamp),
    /// One that does not: it is over, and these calls of it take their default route.
    Discard(SessionId, Vec<Held>),
    /// An event that is of nobody: it counts for W.
    Ignore(Mark),
    /// Worth a warning in the log.
    Warn(String),
}
