//! What an awaited request gives back.

use crate::{Digits, EventBody, GroupStatus, Interaction, Recording, Response, Routed, StoppedBy};

/// The content of an answering event.
pub trait Answer: Sized {
    /// Takes it out of the event; none where the event is of another kind.
    fn of(body: EventBody) -> Option<Self>;
}

/// Any success will do.
impl Answer for () {
    fn of(_: EventBody) -> Option<Self> {
        Some(())
    }
}

macro_rules! answers {
    ($($case:ident($content:ty)),* $(,)?) => {
        $(impl Answer for $content {
            fn of(body: EventBody) -> Option<Self> {
                match body {
                    EventBody::$case(content) => Some(content),
                    _ => None,
                }
            }
        })*
    };
}

answers!(
    PlayDone(StoppedBy),
    CollectDone(Digits),
    RecordingDone(Recording),
    RouteDone(Routed),
    GroupStatus(GroupStatus),
    CallCreated(Interaction),
    FetchDone(Response),
    SessionStarted(String),
);
