//! What a session holds.

use crate::{InteractionId, Position, SessionId, SwitchIncarnation, Visit};

/// An interaction that a session has and that is not over; a new primary gathers them, to know whose events are whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The interaction.
    pub interaction: InteractionId,
    /// Whose it is.
    pub session: SessionId,
    /// The visit that the session was made for, and the life of the switch in which it was told, if it was made for one of this
    /// interaction.
    pub visit: Option<(SwitchIncarnation, Visit)>,
    /// The event of the switch that brought it: from there on the interaction's events are the session's.
    pub since: Option<(SwitchIncarnation, Position)>,
    /// Whether the session may still ask for things on it; false: it is on its default route, or another application has
    /// taken it over, and only its end is still to come.
    pub controlled: bool,
}
