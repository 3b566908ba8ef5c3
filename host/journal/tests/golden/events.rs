//! A step with each event, and each value of what has few.

use tandem_journal::{Outcome, Record};
use tandem_words::{
    Custom, Deletion, Digit, Digits, Direction, EndCause, ErrorCode, EventBody, Failure, Gap, GroupStatus, Interaction, Media, Message,
    Party, PartyState, Property, Recording, Response, Restart, RestartCause, Routed, StoppedBy, UserDataChange,
};

use super::records::step;

fn interaction(media: Media, direction: Direction) -> Interaction {
    Interaction {
        id: "c1".into(),
        root: "c0".into(),
        media,
        direction,
        calling: "0171".to_owned(),
        called: "0800".to_owned(),
        routing_point: "8000".to_owned(),
        arrived_at: 1_767_225_600_000,
        user_data: vec![Property::new("tier", "gold"), Property::new("ü", "")],
    }
}

fn samples() -> Vec<EventBody> {
    let call = || "c1".into();
    let digits = Digits { keys: "12#".to_owned(), stopped_by: StoppedBy::Terminator };
    let routed = Routed { interaction: call(), target: "sales".to_owned(), answered_by: "a1".to_owned(), waited_ms: 7 };
    let status =
        GroupStatus { group: "sales".to_owned(), logged_in: 1, ready: 2, waiting: 3, longest_wait_ms: 4, expected_wait_ms: Some(5) };
    let change = UserDataChange { interaction: call(), changed: vec![Property::new("a", "b")], deleted: vec!["c".to_owned()] };
    let message = Message { sender: "101-3-1".to_owned(), name: "n".to_owned(), json: "{}".to_owned() };
    let list = vec![
        EventBody::InteractionAdded(interaction(Media::Voice, Direction::Inbound)),
        EventBody::InteractionDeleted(Deletion { interaction: call(), cause: EndCause::CallerHungUp }),
        EventBody::InteractionNotControlled(call()),
        EventBody::PartyChanged(Party { interaction: call(), id: "p".to_owned(), address: "1".to_owned(), state: PartyState::Ringing }),
        EventBody::UserDataChanged(change),
        EventBody::Digit(Digit { interaction: call(), key: "5".to_owned() }),
        EventBody::PlayDone(StoppedBy::End),
        EventBody::CollectDone(digits),
        EventBody::RecordingDone(Recording { uri: "file:1".to_owned(), length_ms: 9 }),
        EventBody::RouteDone(routed),
        EventBody::GroupStatus(status),
        EventBody::CallCreated(interaction(Media::Voice, Direction::Outbound)),
        EventBody::TimerFired,
        EventBody::FetchDone(Response { status: 200, headers: vec![Property::new("a", "b")], body: vec![1, 0xff] }),
        EventBody::SessionStarted("101-3-2".to_owned()),
        EventBody::Message(message),
        EventBody::Done,
        EventBody::Failed(Failure::new(ErrorCode::Busy, "busy")),
        EventBody::SessionRestarted(Restart { interaction: Some(call()), cause: RestartCause::NotPersisted, partial: true }),
        EventBody::SessionRecovered,
        EventBody::Gap(Gap { interaction: None, since: 12 }),
        EventBody::InteractionDefaultRouted(call()),
        EventBody::Custom(Custom { name: "n".to_owned(), json: "[]".to_owned() }),
    ];
    // A new case is missed here by the compiler, not by a user: add its sample above and its line to the file.
    for body in &list {
        match body {
            EventBody::InteractionAdded(_)
            | EventBody::InteractionDeleted(_)
            | EventBody::InteractionNotControlled(_)
            | EventBody::PartyChanged(_)
            | EventBody::UserDataChanged(_)
            | EventBody::Digit(_)
            | EventBody::PlayDone(_)
            | EventBody::CollectDone(_)
            | EventBody::RecordingDone(_)
            | EventBody::RouteDone(_)
            | EventBody::GroupStatus(_)
            | EventBody::CallCreated(_)
            | EventBody::TimerFired
            | EventBody::FetchDone(_)
            | EventBody::SessionStarted(_)
            | EventBody::Message(_)
            | EventBody::Done
            | EventBody::Failed(_)
            | EventBody::SessionRestarted(_)
            | EventBody::SessionRecovered
            | EventBody::Gap(_)
            | EventBody::InteractionDefaultRouted(_)
            | EventBody::Custom(_) => {}
        }
    }
    list
}

/// The other values of enumerations inside events, by the value's own name.
fn values() -> Vec<(String, EventBody)> {
    let call = || "c1".into();
    let mut list = Vec::new();
    for media in [Media::Chat, Media::Email, Media::Task] {
        list.push((format!("media-{media:?}"), EventBody::InteractionAdded(interaction(media, Direction::Internal))));
    }
    list.push(("direction-Consult".to_owned(), EventBody::InteractionAdded(interaction(Media::Voice, Direction::Consult))));
    for cause in [EndCause::AgentHungUp, EndCause::Strategy, EndCause::Moved, EndCause::Failed] {
        list.push((format!("end-{cause:?}"), EventBody::InteractionDeleted(Deletion { interaction: call(), cause })));
    }
    for state in [PartyState::Connected, PartyState::Held, PartyState::Left] {
        let party = Party { interaction: call(), id: "p".to_owned(), address: "1".to_owned(), state };
        list.push((format!("party-{state:?}"), EventBody::PartyChanged(party)));
    }
    for by in [StoppedBy::Digit, StoppedBy::Cancelled, StoppedBy::HangUp, StoppedBy::NoInput, StoppedBy::MaxDigits] {
        list.push((format!("stopped-by-{by:?}"), EventBody::PlayDone(by)));
    }
    for cause in [RestartCause::Uncertain, RestartCause::ReplayDiverged, RestartCause::Swapped] {
        list.push((format!("restart-{cause:?}"), EventBody::SessionRestarted(Restart { interaction: None, cause, partial: false })));
    }
    for code in [
        ErrorCode::NoAnswer,
        ErrorCode::TimedOut,
        ErrorCode::Cancelled,
        ErrorCode::Redirected,
        ErrorCode::NotFound,
        ErrorCode::Gone,
        ErrorCode::Rejected,
        ErrorCode::Unsupported,
        ErrorCode::Denied,
        ErrorCode::OverLimit,
        ErrorCode::Unavailable,
        ErrorCode::OutcomeUnknown,
        ErrorCode::Other,
    ] {
        list.push((format!("error-{code:?}"), EventBody::Failed(Failure::new(code, ""))));
    }
    list
}

pub fn all() -> Vec<(String, Record)> {
    let named = samples().into_iter().map(|body| (body.name().to_owned(), body));
    named.chain(values()).map(|(name, body)| (name, Record::Step(step(body, Outcome::Wait)))).collect()
}
