//! What a backup must know of the sessions that are not persisted, to start them again (ADR 5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tandem_journal::Opening;
use tandem_switch_link::SwitchEvent;
use tandem_words::{RequestId, RequestKey, SessionId, SwitchIncarnation};

/// Something happened to a session that is not persisted; its step has been through a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "almost every change is an event that was heard")]
pub enum Change {
    /// It begins, or begins again in a new incarnation. Its opening is durable.
    Opened(Box<Opening>),
    /// It heard an event of the switch.
    Heard {
        /// Which session.
        session: SessionId,
        /// The switch's incarnation.
        incarnation: SwitchIncarnation,
        /// The event.
        event: SwitchEvent,
    },
    /// It asked the switch for these (a treatment begins); the events that answer them end that.
    Asked {
        /// Which session.
        session: SessionId,
        /// Their numbers.
        requests: Vec<RequestId>,
    },
    /// It is over.
    Over(SessionId),
    /// The switch has lost events of its call, perhaps: whoever starts it again must say that some are missing.
    Missed(SessionId),
}

/// Everything kept of a session that is not persisted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSession {
    /// Its newest opening.
    pub opening: Opening,
    /// What it heard since its call began, in order.
    pub events: Vec<(SwitchIncarnation, SwitchEvent)>,
    /// Requests that the switch has not answered, of all its incarnations.
    pub open: BTreeSet<RequestKey>,
    /// Whether there were more events than are kept.
    pub partial: bool,
}
