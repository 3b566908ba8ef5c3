//! The record of a switch: what each caller experienced, every event it gave a position, and every request as received,
//! before deduplication. The oracle compares it with the exported journal. One line of JSON each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_switch_link::SwitchEvent;
use tandem_words::{Epoch, EventBody, Incarnation, InteractionId, RequestBody, RequestKey, SessionId, SwitchIncarnation, Timestamp};

/// What the gateway made of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Handed to the switch.
    Applied,
    /// Seen before.
    Duplicate,
    /// From an epoch that no longer leads.
    Fenced,
    /// The call is on its default route or over: answered with `gone`.
    Gone,
}

/// What a caller hears, from one moment on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
    /// Ringing before anybody answered, or of a target.
    Ringing,
    /// A treatment's prompts, digits being collected, a recording: which, and on whose request.
    Treatment {
        /// The request.
        request: RequestKey,
        /// Its dotted name and prompts, for people: `dialog.playsound welcome`.
        what: String,
    },
    /// Music.
    Music,
    /// Nothing.
    Silence,
    /// An agent, or a number.
    Person {
        /// Who answered.
        who: String,
    },
    /// The default route.
    DefaultRoute,
}

/// How a call ended for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallOutcome {
    /// Reached a target.
    Routed,
    /// Ended by its strategy without one.
    SelfServed,
    /// Hung up before either.
    Abandoned,
    /// Sent to the default route.
    DefaultRouted,
}

/// A line of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line {
    /// First line; another one where a gateway begins again that has lost its memory.
    Begin {
        /// The switch's name.
        switch: String,
        /// Its incarnation.
        incarnation: SwitchIncarnation,
        /// Of callers and everything drawn.
        seed: u64,
        /// Switch time.
        at: Timestamp,
        /// The longest `control-deadline`, ms.
        control_deadline_ms: u64,
        /// That of each routing point, by its number.
        control_deadlines_ms: BTreeMap<String, u64>,
    },
    /// A node's primary was acknowledged.
    Led {
        /// Switch time.
        at: Timestamp,
        /// The node.
        node: u32,
        /// The epoch.
        epoch: Epoch,
    },
    /// A node has no acknowledged primary any more.
    Unled {
        /// Switch time.
        at: Timestamp,
        /// The node.
        node: u32,
    },
    /// A primary asked what became of requests that its sessions wait for.
    Reconciled {
        /// Switch time.
        at: Timestamp,
        /// The node.
        node: u32,
        /// How many the gateway had received: they are not sent again.
        known: u64,
        /// How many it had not.
        unknown: u64,
    },
    /// An event got its position.
    Event(SwitchEvent),
    /// Something that hosts should hear happened while the gateway was dead: it has no position, and nobody will be told.
    Missed {
        /// Switch time.
        at: Timestamp,
        /// The interaction it tells of.
        interaction: Option<InteractionId>,
        /// The request it answers.
        answers: Option<RequestKey>,
        /// What happened.
        body: EventBody,
    },
    /// A request came.
    Request {
        /// Switch time.
        at: Timestamp,
        /// Its key.
        key: RequestKey,
        /// The step that made it.
        seq: u32,
        /// The epoch that sent it.
        epoch: Epoch,
        /// What was asked for.
        body: RequestBody,
        /// What became of it.
        verdict: Verdict,
    },
    /// A session said until when it means to be quiet.
    Quiet {
        /// Switch time.
        at: Timestamp,
        /// The session.
        session: SessionId,
        /// Its incarnation.
        incarnation: Incarnation,
        /// The interactions it holds.
        interactions: Vec<InteractionId>,
        /// Until when; none: it does not.
        until: Option<Timestamp>,
    },
    /// A call came.
    Arrived {
        /// Switch time.
        at: Timestamp,
        /// The call.
        interaction: InteractionId,
        /// The caller's number in the plan, from 1: the same in every run of a seed.
        caller: u32,
        /// The routing point.
        routing_point: String,
    },
    /// From now on the caller hears this.
    Hears {
        /// Switch time.
        at: Timestamp,
        /// The call.
        interaction: InteractionId,
        /// What.
        heard: Heard,
    },
    /// The call is over for its caller.
    Left {
        /// Switch time.
        at: Timestamp,
        /// The call.
        interaction: InteractionId,
        /// How it counts.
        outcome: CallOutcome,
        /// Who answered, where somebody did.
        answered_by: Option<String>,
        /// The group that it waited for last.
        group: Option<String>,
        /// When it began to wait there.
        queued_at: Option<Timestamp>,
    },
    /// Last line: the run is over.
    End {
        /// Switch time.
        at: Timestamp,
        /// Calls that arrived.
        calls: u64,
    },
}
