//! What is wrong, and where.

use std::fmt::Display;

use serde::Serialize;

use crate::input::ids::{Key, Place, SessionId};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// What can be wrong. Each is a count of the report that must be zero.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl Kind {
            /// All of them, in the order of the report.
            pub const ALL: &[Kind] = &[$(Kind::$kind),+];

            /// Its key in the report.
            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name),+ }
            }

            /// What it means, for people.
            pub fn meaning(self) -> &'static str {
                match self { $(Kind::$kind => concat!($($doc),+)),+ }
            }
        }
    };
}

kinds! {
    /// An event of the switch that never reached its session.
    LostEvents = "lost_events",
    /// A gateway that lost its memory, and a session that went on without being told of the gap (P4).
    UntoldGaps = "untold_gaps",
    /// An event, an answer or a message that was taken twice.
    DoubledEvents = "doubled_events",
    /// An event that was taken behind a later one.
    ReorderedEvents = "reordered_events",
    /// An event that the session saw otherwise than the switch told it.
    AlteredEvents = "altered_events",
    /// An event in the journal that the switch never told.
    UnrecordedEvents = "unrecorded_events",
    /// A timer that was due and did not fire.
    ForgottenTimers = "forgotten_timers",
    /// A visit, or a start, that two sessions claim (P1).
    DoubledSessions = "doubled_sessions",
    /// A session whose steps, or incarnations, do not follow one another.
    BrokenSequences = "broken_sequences",
    /// A commit of who had lost the lease (P5), or a request of an incarnation after a later one's.
    StaleEpochs = "stale_epochs",
    /// A request that took effect twice (P3).
    DoubledRequests = "doubled_requests",
    /// A request that was committed and never received.
    LostRequests = "lost_requests",
    /// A request that was received, or heard, and stands otherwise or not at all in the journal (P2).
    UnjournaledRequests = "unjournaled_requests",
    /// A run in which nothing died, and yet requests were received twice or from who may not act.
    RefusedWithoutFault = "refused_without_fault",
    /// A connected call in which nothing was heard for more than 5 s and past its session's quiet-until (P9).
    SilentCalls = "silent_calls",
    /// A call on its default route although neither a long absence of all hosts nor its strategy explains it.
    UnexplainedDefaultRoutes = "unexplained_default_routes",
    /// A call that did not arrive and leave exactly once, or a sum that does not add up.
    UnbalancedCalls = "unbalanced_calls",
    /// A record without an end: the run was cut off, and what came behind is not judged.
    IncompleteRecord = "incomplete_record",
    /// A call that came out otherwise than in the run without faults, for no reason that a fault explains.
    UnexplainedDifferences = "unexplained_differences",
    /// Something wrong in the run without faults itself.
    TwinFindings = "twin_findings",
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What is wrong.
    pub what: String,
    /// The call's interaction id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The session, `101-3-42`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The event, as switch incarnation and position, `1:33`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// The request, as session, incarnation and number, `101-3-42/1/5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// When, switch time in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// Until when, where it lasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// The line of the record, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_line: Option<u64>,
    /// The line of the journal, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal_line: Option<u64>,
}

impl Finding {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Finding { what: what.into(), ..Finding::default() }
    }

    pub(crate) fn call<'a>(self, id: impl Into<Option<&'a str>>) -> Self {
        Finding { call: id.into().map(str::to_owned), ..self }
    }

    pub(crate) fn session(self, session: impl Into<Option<SessionId>>) -> Self {
        Finding { session: session.into().map(|session| session.to_string()), ..self }
    }

    pub(crate) fn place(self, place: Place) -> Self {
        Finding { position: Some(place.to_string()), ..self }
    }

    pub(crate) fn key(self, key: impl Into<Option<Key>>) -> Self {
        Finding { key: key.into().map(|key| key.to_string()), ..self }
    }

    pub(crate) fn at(self, at: u64) -> Self {
        Finding { at: Some(at), ..self }
    }

    pub(crate) fn until(self, until: u64) -> Self {
        Finding { until: Some(until), ..self }
    }

    pub(crate) fn in_record(self, line: u64) -> Self {
        Finding { record_line: Some(line), ..self }
    }

    pub(crate) fn in_journal(self, line: u64) -> Self {
        Finding { journal_line: Some(line), ..self }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts: Vec<String> = Vec::new();
        let mut add = |name: &str, value: Option<&dyn Display>| parts.extend(value.map(|value| format!("{name} {value}")));
        add("call", self.call.as_ref().map(|value| value as &dyn Display));
        add("session", self.session.as_ref().map(|value| value as &dyn Display));
        add("position", self.position.as_ref().map(|value| value as &dyn Display));
        add("request", self.key.as_ref().map(|value| value as &dyn Display));
        add("at", self.at.as_ref().map(|value| value as &dyn Display));
        add("until", self.until.as_ref().map(|value| value as &dyn Display));
        add("record line", self.record_line.as_ref().map(|value| value as &dyn Display));
        add("journal line", self.journal_line.as_ref().map(|value| value as &dyn Display));
        write!(f, "{} ({})", self.what, parts.join(", "))
    }
}

/// All of them, counted; the first of each kind in full.
#[derive(Debug, Clone)]
pub(crate) struct Findings {
    examples: usize,
    counts: std::collections::BTreeMap<Kind, u64>,
    listed: std::collections::BTreeMap<Kind, Vec<Finding>>,
}

impl Findings {
    /// Lists so many of each kind.
    pub(crate) fn new(examples: usize) -> Self {
        Findings { examples, counts: Default::default(), listed: Default::default() }
    }

    pub(crate) fn add(&mut self, kind: Kind, finding: Finding) {
        *self.counts.entry(kind).or_default() += 1;
        let listed = self.listed.entry(kind).or_default();
        if listed.len() < self.examples {
            listed.push(finding);
        }
    }

    pub(crate) fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    pub(crate) fn listed(&self, kind: Kind) -> &[Finding] {
        self.listed.get(&kind).map_or(&[], Vec::as_slice)
    }
}
