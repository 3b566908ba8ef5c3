//! What comes for a session.

use tandem_switch_link::{Mark, SwitchEvent};
use tandem_words::{EventBody, Message, RequestId, RequestKey, SwitchIncarnation};

/// Something for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// From the switch.
    Switch {
        /// In which incarnation of the switch.
        incarnation: SwitchIncarnation,
        /// The event.
        event: SwitchEvent,
    },
    /// A timer is due.
    Timer(RequestId),
    /// From the switch, heard by an earlier run of the session: whatever it answered, it answers nothing of this one.
    Again {
        /// In which incarnation of the switch.
        incarnation: SwitchIncarnation,
        /// The event.
        event: SwitchEvent,
    },
    /// The host's own answer to a request.
    Answer {
        /// The request, perhaps of an earlier run of the session.
        key: RequestKey,
        /// The answer.
        body: EventBody,
    },
    /// From another session.
    Message {
        /// The sender's request.
        from: RequestKey,
        /// The sender's strategy: messages reach sessions of the same one.
        strategy: String,
        /// What it sent.
        message: Message,
    },
    /// News from the host: `session.recovered`, `gap`, the loss of an interaction that the switch could not tell.
    News(EventBody),
    /// `linger-timeout` may have passed.
    Linger,
    /// An operator ends it.
    Terminate,
}

impl Arrival {
    /// The position that is done with when this is.
    pub(crate) fn mark(&self) -> Option<Mark> {
        match self {
            Arrival::Switch { incarnation, event } => Some(Mark { incarnation: *incarnation, position: event.position }),
            _ => None,
        }
    }
}
