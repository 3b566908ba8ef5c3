//! Pieces that unit tests of this crate are made of.

use tandem_journal::{Opening, Survival};
use tandem_switch_link::{GatewayMessage, Mark, SwitchEvent};
use tandem_synch_link::{Change, KeptSession};
use tandem_words::{
    Deletion, Digit, Direction, EndCause, EventBody, Interaction, Media, Origin, Position, Property, RequestId, RequestKey, SessionId,
    VersionId, Visit,
};

use crate::{Deployment, Deployments};

pub(crate) fn deployments() -> Deployments {
    let deployment = |strategy: &str, number| Deployment {
        strategy: strategy.to_owned(),
        version: VersionId([number; 32]),
        parameters: vec![Property::new("language", "en")],
        survival: Survival::Recovered,
    };
    Deployments {
        routing_points: [("8000".to_owned(), deployment("welcome", 1)), ("8001".to_owned(), deployment("survey", 2))].into(),
        strategies: [("survey".to_owned(), deployment("survey", 2))].into(),
    }
}

pub(crate) fn session(number: u64) -> SessionId {
    SessionId { node: 101, epoch: 3, number }
}

pub(crate) fn key(number: u64, request: u32) -> RequestKey {
    RequestKey { session: session(number), incarnation: 1, request }
}

pub(crate) fn mark(incarnation: u64, position: Position) -> Mark {
    Mark { incarnation, position }
}

fn event(position: Position, call: &str, body: EventBody) -> SwitchEvent {
    SwitchEvent { position, at: position * 1_000, interaction: Some(call.into()), visit: None, answers: None, body }
}

pub(crate) fn interaction(call: &str, number: &str) -> Interaction {
    Interaction {
        id: call.into(),
        root: call.into(),
        media: Media::Voice,
        direction: Direction::Inbound,
        calling: String::new(),
        called: number.to_owned(),
        routing_point: number.to_owned(),
        arrived_at: 0,
        user_data: Vec::new(),
    }
}

pub(crate) fn added(position: Position, call: &str, visit: Visit, number: &str) -> SwitchEvent {
    SwitchEvent { visit: Some(visit), ..event(position, call, EventBody::InteractionAdded(interaction(call, number))) }
}

pub(crate) fn digit(position: Position, call: &str) -> SwitchEvent {
    event(position, call, EventBody::Digit(Digit { interaction: call.into(), key: "1".to_owned() }))
}

pub(crate) fn deleted(position: Position, call: &str) -> SwitchEvent {
    event(position, call, EventBody::InteractionDeleted(Deletion { interaction: call.into(), cause: EndCause::Moved }))
}

pub(crate) fn answer(position: Position, answers: RequestKey, body: EventBody) -> SwitchEvent {
    SwitchEvent { answers: Some(answers), ..event(position, "c1", body) }
}

pub(crate) fn told(events: &[SwitchEvent]) -> Vec<GatewayMessage> {
    events.iter().cloned().map(GatewayMessage::Event).collect()
}

fn opening(number: u64, incarnation: u32) -> Opening {
    Opening {
        session: session(number),
        incarnation,
        epoch: 3,
        claim: None,
        origin: Origin::Interaction,
        strategy: "welcome".to_owned(),
        version: VersionId([1; 32]),
        parameters: Vec::new(),
        switch: "main".into(),
        started_at: 0,
        survival: Survival::Restarted,
    }
}

pub(crate) fn kept(number: u64) -> KeptSession {
    KeptSession { opening: opening(number, 1), events: Vec::new(), open: Default::default(), partial: false }
}

pub(crate) fn opened(number: u64, incarnation: u32) -> Change {
    Change::Opened(Box::new(opening(number, incarnation)))
}

pub(crate) fn heard(number: u64, event: SwitchEvent) -> Change {
    Change::Heard { session: session(number), incarnation: 1, event }
}

pub(crate) fn asked(number: u64, requests: &[RequestId]) -> Change {
    Change::Asked { session: session(number), requests: requests.to_vec() }
}
