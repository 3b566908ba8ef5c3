//! What a session is told. Names and shapes are those of `interface types` in `wit/strategy.wit`, the serialized names
//! those of `docs/wit.md`.

use serde::{Deserialize, Serialize};

use crate::{InteractionId, RequestId, Timestamp};

/// A key with a value: user data, parameters, headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// The key; unique within its list, the last one wins.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Property {
    /// A property of these two.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Property { key: key.into(), value: value.into() }
    }
}

/// Which kind of interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Media {
    Voice,
    Chat,
    Email,
    Task,
}

/// Who started the interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Direction {
    Inbound,
    Outbound,
    Internal,
    Consult,
}

/// An interaction as it was when the event happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interaction {
    /// Its id, from the switch.
    pub id: InteractionId,
    /// First interaction of the same contact; for a consultation call, the call it was made from.
    pub root: InteractionId,
    /// Kind.
    pub media: Media,
    /// Who started it.
    pub direction: Direction,
    /// The caller's number (ANI), or a sender's address.
    pub calling: String,
    /// The number dialled (DNIS).
    pub called: String,
    /// The routing point at which it is.
    pub routing_point: String,
    /// When it arrived there, switch time.
    pub arrived_at: Timestamp,
    /// Key-value data that travels with it.
    pub user_data: Vec<Property>,
}

impl Interaction {
    /// A call from `calling` that comes to the routing point `number`, switch time `at`, on its own and with no data.
    pub fn arriving(id: impl Into<InteractionId>, calling: impl Into<String>, number: impl Into<String>, at: Timestamp) -> Self {
        let (id, number) = (id.into(), number.into());
        Interaction {
            root: id.clone(),
            id,
            media: Media::Voice,
            direction: Direction::Inbound,
            calling: calling.into(),
            called: number.clone(),
            routing_point: number,
            arrived_at: at,
            user_data: Vec::new(),
        }
    }
}

/// Why a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ErrorCode {
    Busy,
    NoAnswer,
    TimedOut,
    Cancelled,
    Redirected,
    NotFound,
    Gone,
    Rejected,
    Unsupported,
    Denied,
    OverLimit,
    Unavailable,
    /// Nobody can know whether it took effect; it is never repeated.
    OutcomeUnknown,
    Other,
}

/// A failed request's reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

impl Failure {
    /// A failure of these two.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Failure { code, message: message.into() }
    }
}

/// How a party stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum PartyState {
    Ringing,
    Connected,
    Held,
    Left,
}

/// A party of an interaction: the caller, an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Party {
    pub interaction: InteractionId,
    pub id: String,
    pub address: String,
    pub state: PartyState,
}

/// Why an interaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum EndCause {
    CallerHungUp,
    AgentHungUp,
    Strategy,
    Moved,
    Failed,
}

/// An interaction that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Deletion {
    pub interaction: InteractionId,
    pub cause: EndCause,
}

/// User data that somebody else changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct UserDataChange {
    pub interaction: InteractionId,
    pub changed: Vec<Property>,
    pub deleted: Vec<String>,
}

/// A digit that no `collect` was waiting for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Digit {
    pub interaction: InteractionId,
    pub key: String,
}

/// What ended a treatment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum StoppedBy {
    End,
    Digit,
    Cancelled,
    HangUp,
    NoInput,
    Terminator,
    MaxDigits,
}

/// Collected digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Digits {
    pub keys: String,
    pub stopped_by: StoppedBy,
}

/// A finished recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Recording {
    pub uri: String,
    pub length_ms: u32,
}

/// An interaction that reached a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Routed {
    pub interaction: InteractionId,
    pub target: String,
    pub answered_by: String,
    pub waited_ms: u32,
}

/// How a group of agents stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct GroupStatus {
    pub group: String,
    pub logged_in: u32,
    pub ready: u32,
    pub waiting: u32,
    pub longest_wait_ms: u32,
    pub expected_wait_ms: Option<u32>,
}

/// A web service's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<Property>,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// A message from another session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Message {
    pub sender: String,
    pub name: String,
    pub json: String,
}

/// News that the contract has no case for yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Custom {
    pub name: String,
    pub json: String,
}

/// Events of this interaction (none: of any) between `since` and the next one of the switch may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Gap {
    pub interaction: Option<InteractionId>,
    pub since: Timestamp,
}

/// Why a session was started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum RestartCause {
    NotPersisted,
    Uncertain,
    ReplayDiverged,
    Swapped,
}

/// First event of a session started again without its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Restart {
    pub interaction: Option<InteractionId>,
    pub cause: RestartCause,
    pub partial: bool,
}

/// What happened. Serialized under the dotted name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum EventBody {
    #[serde(rename = "interaction.added")]
    InteractionAdded(Interaction),
    #[serde(rename = "interaction.deleted")]
    InteractionDeleted(Deletion),
    #[serde(rename = "interaction.not-controlled")]
    InteractionNotControlled(InteractionId),
    #[serde(rename = "interaction.party-changed")]
    PartyChanged(Party),
    #[serde(rename = "user-data.changed")]
    UserDataChanged(UserDataChange),
    #[serde(rename = "interaction.digit")]
    Digit(Digit),
    #[serde(rename = "dialog.playsound.done")]
    PlayDone(StoppedBy),
    #[serde(rename = "dialog.collect.done")]
    CollectDone(Digits),
    #[serde(rename = "dialog.recording.done")]
    RecordingDone(Recording),
    #[serde(rename = "routing.done")]
    RouteDone(Routed),
    #[serde(rename = "routing.group-status")]
    GroupStatus(GroupStatus),
    #[serde(rename = "routing.call-created")]
    CallCreated(Interaction),
    #[serde(rename = "timer.fired")]
    TimerFired,
    #[serde(rename = "http.done")]
    FetchDone(Response),
    #[serde(rename = "session.started")]
    SessionStarted(String),
    #[serde(rename = "message")]
    Message(Message),
    #[serde(rename = "done")]
    Done,
    #[serde(rename = "error")]
    Failed(Failure),
    #[serde(rename = "session.restarted")]
    SessionRestarted(Restart),
    #[serde(rename = "session.recovered")]
    SessionRecovered,
    #[serde(rename = "gap")]
    Gap(Gap),
    #[serde(rename = "interaction.default-routed")]
    InteractionDefaultRouted(InteractionId),
    #[serde(rename = "custom")]
    Custom(Custom),
}

impl EventBody {
    /// The dotted name of `docs/wit.md`.
    pub fn name(&self) -> &'static str {
        match self {
            EventBody::InteractionAdded(_) => "interaction.added",
            EventBody::InteractionDeleted(_) => "interaction.deleted",
            EventBody::InteractionNotControlled(_) => "interaction.not-controlled",
            EventBody::PartyChanged(_) => "interaction.party-changed",
            EventBody::UserDataChanged(_) => "user-data.changed",
            EventBody::Digit(_) => "interaction.digit",
            EventBody::PlayDone(_) => "dialog.playsound.done",
            EventBody::CollectDone(_) => "dialog.collect.done",
            EventBody::RecordingDone(_) => "dialog.recording.done",
            EventBody::RouteDone(_) => "routing.done",
            EventBody::GroupStatus(_) => "routing.group-status",
            EventBody::CallCreated(_) => "routing.call-created",
            EventBody::TimerFired => "timer.fired",
            EventBody::FetchDone(_) => "http.done",
            EventBody::SessionStarted(_) => "session.started",
            EventBody::Message(_) => "message",
            EventBody::Done => "done",
            EventBody::Failed(_) => "error",
            EventBody::SessionRestarted(_) => "session.restarted",
            EventBody::SessionRecovered => "session.recovered",
            EventBody::Gap(_) => "gap",
            EventBody::InteractionDefaultRouted(_) => "interaction.default-routed",
            EventBody::Custom(_) => "custom",
        }
    }
}

/// One event as a strategy sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The step's number within the incarnation, from 1 without holes.
    pub seq: u32,
    /// Session time: never goes back.
    pub at: Timestamp,
    /// The switch's own stamp, where the event came from one.
    pub switch_at: Option<Timestamp>,
    /// For random numbers, from (session, incarnation, seq); below 2^53.
    pub seed: u64,
    /// The request this event answers.
    pub request: Option<RequestId>,
    /// What happened.
    pub body: EventBody,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_written_under_its_dotted_name() {
        let bodies = [
            EventBody::TimerFired,
            EventBody::PlayDone(StoppedBy::HangUp),
            EventBody::Failed(Failure::new(ErrorCode::TimedOut, "nobody was ready")),
            EventBody::InteractionNotControlled("c1".into()),
        ];
        for body in bodies {
            let json = serde_json::to_value(&body).unwrap();
            let name = json.as_str().map_or_else(|| json.as_object().unwrap().keys().next().unwrap().clone(), str::to_owned);
            assert_eq!(name, body.name());
            assert_eq!(serde_json::from_value::<EventBody>(json).unwrap(), body);
        }
    }
}
