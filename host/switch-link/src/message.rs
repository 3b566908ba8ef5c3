//! The messages.

use serde::{Deserialize, Serialize, Serializer};
use tandem_words::{
    Epoch, EventBody, Incarnation, InteractionId, NodeId, Position, RequestBody, RequestId, RequestKey, SessionId, StoreId,
    SwitchIncarnation, SwitchName, Timestamp, Visit,
};

/// The version of the protocol that this release speaks.
pub const PROTOCOL: u32 = 1;

/// A place in the switch's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The switch's incarnation.
    pub incarnation: SwitchIncarnation,
    /// A position in it; 0: before the first.
    pub position: Position,
}

/// How a session ended, as far as the gateway needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// It finished: its calls go to the default route once nothing it asked for is under way on them.
    Finished,
    /// It failed: its calls go to the default route now.
    Failed,
}

/// An interaction that a session holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    /// Its id.
    pub id: InteractionId,
    /// The visit that the session was made for; none: it made the call itself. Where the interaction has moved on since, the
    /// session has no say in it any more.
    pub visit: Option<Visit>,
}

/// One request of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its number in the session's incarnation. A `control.cancel` carries the number of the request it stops.
    pub request: RequestId,
    /// What is asked for.
    pub body: RequestBody,
}

impl Asked {
    /// What it takes in a frame. (Nothing in a request can fail to be written.)
    pub fn json_bytes(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

/// A committed step, as far as the gateway needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMessage {
    /// The epoch in which it was committed or is sent again.
    pub epoch: Epoch,
    /// Whose step.
    pub session: SessionId,
    /// In which run.
    pub incarnation: Incarnation,
    /// The step's number: requests of one instant are applied in the order (session, incarnation, seq, place in the list). A
    /// step that no frame holds comes in parts of the same number, in order; `over` is in the last.
    pub seq: u32,
    /// The interactions that the session holds now: they are taken, and its requests may act on them.
    pub interactions: Vec<Held>,
    /// Until when the session means to be quiet (its own timer or fetch), switch time; none: it does not.
    pub quiet_until: Option<Timestamp>,
    /// Set with the last step.
    pub over: Option<Over>,
    /// In order. A request that the gateway has seen before is not applied again but answered with
    /// [`GatewayMessage::Duplicate`].
    pub requests: Vec<Asked>,
}

/// From the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", remote = "Self")]
pub enum HostMessage {
    /// First message of a connection.
    Hello {
        /// The versions of the protocol that the instance speaks.
        protocols: Vec<u32>,
        /// The cluster's name.
        cluster: String,
        /// The node.
        node: NodeId,
        /// The instance's name, `101/a`.
        instance: String,
        /// The shared secret, where the gateway wants one (off loopback it always does).
        token: Option<String>,
    },
    /// "I hold the lease": from its acknowledgement ([`GatewayMessage::Leading`]) on, older epochs of the node are refused.
    Lead {
        /// The lease's epoch.
        epoch: Epoch,
        /// The cluster store in which it stands; a node that leads by another store is refused.
        store: StoreId,
    },
    /// What the new primary knows, in as many parts as frames ask for. The last is answered by [`GatewayMessage::Reconciled`],
    /// and then by all events behind `after`.
    Reconcile {
        /// W; none: nothing was ever committed.
        after: Option<Mark>,
        /// The interactions its sessions hold.
        interactions: Vec<Held>,
        /// The requests its sessions wait for.
        requests: Vec<RequestKey>,
        /// Another part follows.
        #[serde(default)]
        more: bool,
    },
    /// A committed step.
    Step(StepMessage),
    /// W: events up to it need not be kept for this node.
    Acknowledge(Mark),
    /// Every frame up to `seq` is handled: all its steps are committed and their requests sent.
    Idle {
        /// The number of the last frame received.
        seq: u64,
        /// When the host wants the time next (its next timer), switch time.
        wake_at: Option<Timestamp>,
    },
    /// "I live", sent every 250 ms of real time. A gateway that hears nothing for 3 s takes the instance for gone.
    Heartbeat,
}

/// Why the gateway refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No version of the protocol in common.
    Protocol,
    /// The token is missing or wrong.
    Token,
    /// A frame that cannot be read, or a message that has no place where it came.
    Malformed,
    /// A higher epoch of this node leads.
    Fenced,
    /// The node leads by another cluster store, or another cluster has this name's place.
    Store,
}

/// Where an interaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InteractionState {
    /// At a routing point: the strategy has it.
    AtRoutingPoint,
    /// Ringing at or connected with a target.
    Connected,
    /// The default route has it: requests on it fail with `gone`.
    DefaultRouted,
    /// Over, or never known here.
    Gone,
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestState {
    /// Never seen: send it again.
    Unknown,
    /// Under way: its answer will come.
    Open,
    /// Answered; the answer is among the events behind W.
    Answered,
}

/// An event of the switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchEvent {
    /// Its number in the switch's incarnation.
    pub position: Position,
    /// Switch time.
    pub at: Timestamp,
    /// The interaction it tells of; none only for answers to requests that act on none.
    pub interaction: Option<InteractionId>,
    /// With `interaction.added`: which visit.
    pub visit: Option<Visit>,
    /// The request it answers.
    pub answers: Option<RequestKey>,
    /// What happened.
    pub body: EventBody,
}

/// From the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", remote = "Self")]
pub enum GatewayMessage {
    /// Answers `hello`.
    Welcome {
        /// The version of the protocol that is spoken from here on.
        protocol: u32,
        /// The switch's name.
        switch: SwitchName,
        /// Its incarnation.
        incarnation: SwitchIncarnation,
        /// Switch time.
        now: Timestamp,
    },
    /// The gateway closes the connection after this.
    Refused {
        /// For programs.
        reason: Refusal,
        /// For people.
        message: String,
    },
    /// Answers `lead`.
    Leading {
        /// The epoch that leads.
        epoch: Epoch,
        /// Switch time.
        now: Timestamp,
    },
    /// Answers `reconcile`, in as many parts as frames ask for.
    Reconciled {
        /// Switch time.
        now: Timestamp,
        /// The first position that is still kept, or the next one where none is. Events between `after` and this are lost:
        /// the sessions they may have belonged to hear `gap`.
        kept_from: Position,
        /// The truth about each interaction asked for.
        interactions: Vec<(Held, InteractionState)>,
        /// The truth about each request asked for.
        requests: Vec<(RequestKey, RequestState)>,
        /// Another part follows.
        #[serde(default)]
        more: bool,
    },
    /// Something happened. Sent to the primary from its `reconcile` on, in order of positions.
    Event(SwitchEvent),
    /// The time, when the host asked for it (`wake_at`).
    Clock {
        /// Switch time.
        now: Timestamp,
    },
    /// A request was seen before; it was not applied again.
    Duplicate {
        /// The request.
        request: RequestKey,
        /// Its present state.
        state: RequestState,
    },
}

// How they are read: by_type.rs.
impl Serialize for HostMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        HostMessage::serialize(self, serializer)
    }
}

impl Serialize for GatewayMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        GatewayMessage::serialize(self, serializer)
    }
}
