//! What can happen to a session.

use serde::{Deserialize, Serialize};
use tandem_words::{
    Epoch, Event, Failure, Incarnation, Origin, Position, Property, RequestBody, RequestId, RequestKey, SessionId, SwitchIncarnation,
    SwitchName, Timestamp, VersionId, Visit,
};

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "almost every record is a step, and each lives behind a pointer of its own")]
pub enum Record {
    /// The session's first record, and its claim.
    Opened(Opening),
    /// An event, handled.
    Step(Step),
    /// The state behind a step.
    Snapshot(Snapshot),
    /// Ended by the host when nothing was owed to it any more: it is the last record. A step with outcome `finish` or `failed`
    /// ends a session too and needs no such record; where steps are not written, this is.
    Ended(Ending),
}

impl Record {
    /// Whose record it is.
    pub fn session(&self) -> SessionId {
        match self {
            Record::Opened(opening) => opening.session,
            Record::Step(step) => step.session,
            Record::Snapshot(snapshot) => snapshot.session,
            Record::Ended(ending) => ending.session,
        }
    }

    /// The step it is, or behind which it stands; 0: before any.
    pub fn seq(&self) -> u32 {
        match self {
            Record::Opened(_) => 0,
            Record::Step(step) => step.event.seq,
            Record::Snapshot(snapshot) => snapshot.seq,
            Record::Ended(ending) => ending.seq,
        }
    }
}

/// What a session is made for, so that it is made once (P1): the first session to commit its claim owns it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// A visit of an interaction to a routing point.
    Visit {
        /// The interaction's id.
        interaction: String,
        /// The switch that has it.
        switch: SwitchName,
        /// The life of the switch in which the visit was told: another one may count its calls from the beginning again.
        incarnation: SwitchIncarnation,
        /// The visit's number, from the switch.
        visit: Visit,
    },
    /// A `control.start-session` of another session.
    Request(RequestKey),
}

/// A session begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Its id.
    pub session: SessionId,
    /// Which run of it, from 1.
    pub incarnation: Incarnation,
    /// The epoch that wrote this.
    pub epoch: Epoch,
    /// What it is made for; none for a session that an operator started.
    pub claim: Option<Claim>,
    /// What started it.
    pub origin: Origin,
    /// The strategy's name, as deployed.
    pub strategy: String,
    /// The component that runs it.
    pub version: VersionId,
    /// What deployment and starter set.
    pub parameters: Vec<Property>,
    /// The switch whose time it lives by.
    pub switch: SwitchName,
    /// Switch time.
    pub started_at: Timestamp,
    /// What a switchover does to it; decided when the session is created.
    #[serde(default)]
    pub survival: Survival,
}

/// What becomes of a session when its primary dies (ADR 5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Survival {
    /// It is persisted: it goes on where it stopped.
    #[default]
    Recovered,
    /// It is not, and starts again from the beginning.
    Restarted,
    /// It is not, and is over: its calls take their default route, where no target has them.
    Left,
}

/// Where an event came from. Only the switch's events have positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The switch: (incarnation, position) make it the same event wherever it is seen.
    Switch {
        /// The switch's incarnation.
        incarnation: SwitchIncarnation,
        /// The event's number in it.
        position: Position,
    },
    /// The host: a timer, or the answer to a request that the host serves.
    Host,
    /// Another session's `control.send`.
    Message(RequestKey),
}

/// What came of `on-event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It waits for the next event.
    Wait,
    /// The same, and what came before is no longer needed: a snapshot follows.
    Checkpoint,
    /// The session is over.
    Finish,
    /// The step broke a limit or trapped: its requests are undone, its calls go to the default route, the session is over.
    Failed(StepFailure),
    /// The session was over already: the answer to one of its last requests, kept so that the request is not repeated.
    Late,
}

/// How a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepFailureKind {
    /// `start` or `on-event` answered with an error.
    Error,
    /// The component trapped.
    Trap,
    /// It used more CPU or wall time than a step may.
    Time,
    /// It wanted more memory than a cell may have.
    Memory,
    /// Too many requests, or one too large.
    Limit,
    /// Its component could not be loaded.
    Unavailable,
    /// Its replay asked for something else than its journal says (P10).
    ReplayDiverged,
    /// An operator ended it: like a failure, its calls go to their default route at once.
    Terminated,
}

/// A step's failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailure {
    /// For programs.
    pub kind: StepFailureKind,
    /// For people.
    pub message: String,
}

/// A request of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number in the incarnation; a cancel carries the number of the request it stops.
    pub id: RequestId,
    /// What is asked for.
    pub body: RequestBody,
    /// Why the host does not pass it on, where it does not: it is answered with this.
    pub refused: Option<Failure>,
}

/// What the strategy wrote for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// A line of its log.
    Log(LogLevel, String),
    /// A named point of its flow.
    Milestone(String),
}

/// A log line's level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// Local time, as `timers.local` answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LocalTime {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// 1 is Monday, 7 is Sunday.
    pub weekday: u8,
    pub utc_offset_minutes: i16,
}

/// An answer of `timers.local`, kept because time-zone rules change between releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTimeAnswer {
    /// The instant asked for.
    pub at: Timestamp,
    /// The zone asked for.
    pub zone: String,
    /// What was answered.
    pub answer: Result<LocalTime, String>,
}

/// One event, handled by one session. Its number is `event.seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whose step.
    pub session: SessionId,
    /// In which run.
    pub incarnation: Incarnation,
    /// The epoch that made it.
    pub epoch: Epoch,
    /// The version that made it (P11).
    pub version: VersionId,
    /// Where the event came from.
    pub source: Source,
    /// The event as the strategy saw it.
    pub event: Event,
    /// What came of it.
    pub outcome: Outcome,
    /// What it asked for, in order.
    pub requests: Vec<Request>,
    /// Local times it was told.
    pub local_times: Vec<LocalTimeAnswer>,
    /// Log and milestones.
    pub notes: Vec<Note>,
    /// Whether the session is over with this step and waits for no answer of switch or session any more.
    pub last: bool,
}

/// A session's state behind step `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose.
    pub session: SessionId,
    /// In which run.
    pub incarnation: Incarnation,
    /// The step behind which it was taken; 0: before any.
    pub seq: u32,
    /// The host's side of the session, in the session room's own format.
    #[serde(with = "serde_bytes")]
    pub host: Vec<u8>,
    /// What the strategy's `snapshot` gave.
    #[serde(with = "serde_bytes")]
    pub guest: Vec<u8>,
    /// The manifest's `state-version` of the version that gave it.
    pub state_version: u32,
}

/// Why a session ended. Of one that is persisted only `linger` is written: its last step says the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    /// `linger-timeout` after its last interaction.
    Linger,
    /// It finished.
    Finished,
    /// Its last step failed.
    Failed(StepFailure),
    /// It was not persisted, and was not started again after a switchover: its calls were gone, it could not be known whether it
    /// still had them, or its strategy does not ask for it.
    NotRestarted,
}

/// The host ends a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Whose.
    pub session: SessionId,
    /// In which run.
    pub incarnation: Incarnation,
    /// Behind which step.
    pub seq: u32,
    /// The epoch that ended it.
    pub epoch: Epoch,
    /// Switch time.
    pub at: Timestamp,
    /// Why.
    pub by: EndedBy,
}
