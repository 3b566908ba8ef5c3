//! Pieces that unit tests of this crate are made of.

use tandem_journal::{Claim, Opening, Outcome, Request, Source, Step, Survival};
use tandem_words::{
    Direction, Event, EventBody, Interaction, InteractionId, Media, Origin, Prompt, Property, RequestBody, RequestId, SessionId, Timestamp,
    VersionId,
};

use crate::SessionState;

pub(crate) const SESSION: SessionId = SessionId { node: 101, epoch: 1, number: 1 };

pub(crate) fn opening() -> Opening {
    Opening {
        session: SESSION,
        incarnation: 1,
        epoch: 1,
        claim: Some(Claim::Visit { interaction: "c1".to_owned(), switch: "main".into(), incarnation: 1, visit: 2 }),
        origin: Origin::Interaction,
        strategy: "welcome".to_owned(),
        version: VersionId([7; 32]),
        parameters: Vec::new(),
        switch: "main".into(),
        started_at: 1_000,
        survival: Survival::Recovered,
    }
}

pub(crate) fn interaction(id: &str) -> Interaction {
    Interaction {
        id: id.into(),
        root: id.into(),
        media: Media::Voice,
        direction: Direction::Inbound,
        calling: "0171".to_owned(),
        called: "8000".to_owned(),
        routing_point: "8000".to_owned(),
        arrived_at: 1_000,
        user_data: vec![Property::new("tier", "gold")],
    }
}

/// A session to which its call has come at 1,000.
pub(crate) fn with_call() -> SessionState {
    let mut state = SessionState::opened(opening());
    state.apply(&step(&state, EventBody::InteractionAdded(interaction("c1")), 1_000, &[]));
    state
}

/// The next step: this event, these requests, and the session waits.
pub(crate) fn step(state: &SessionState, body: EventBody, at: Timestamp, requests: &[RequestBody]) -> Step {
    let seq = state.seq() + 1;
    let numbered = |(id, body): (RequestId, &RequestBody)| Request { id, body: body.clone(), refused: None };
    Step {
        session: SESSION,
        incarnation: 1,
        epoch: 1,
        version: VersionId([7; 32]),
        source: Source::Switch { incarnation: 1, position: u64::from(seq) * 10 },
        event: Event { seq, at, switch_at: Some(at), seed: 0, request: None, body },
        outcome: Outcome::Wait,
        requests: (state.next_request()..).zip(requests).map(numbered).collect(),
        local_times: Vec::new(),
        notes: Vec::new(),
        last: false,
    }
}

pub(crate) fn play(call: &str) -> RequestBody {
    RequestBody::Play { call: InteractionId::from(call), prompts: vec![Prompt::Sound("welcome".to_owned())], interruptible: false }
}
