//! Lines of the exported journal.

use serde::{Deserialize, de::IgnoredAny};

use super::event::EventBody;
use super::ids::{Key, Place, SessionId, Timestamp};
use super::request::RequestBody;

/// A record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Record {
    Opened(Opening),
    Step(Box<Step>),
    Snapshot(IgnoredAny),
    Ended(Ending),
}

/// What a session is made for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Claim {
    Visit { interaction: String, switch: String, incarnation: u64, visit: u32 },
    Request(Key),
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Claim::Visit { interaction, visit, .. } => write!(f, "visit {visit} of {interaction}"),
            Claim::Request(key) => write!(f, "request {key}"),
        }
    }
}

/// A session begins.
#[derive(Debug, Deserialize)]
pub(crate) struct Opening {
    pub(crate) session: SessionId,
    pub(crate) incarnation: u32,
    pub(crate) epoch: u64,
    pub(crate) claim: Option<Claim>,
    pub(crate) started_at: Timestamp,
    #[serde(default)]
    pub(crate) survival: Survival,
}

/// What a switchover does to a session. Only of those that are recovered there are steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Survival {
    #[default]
    Recovered,
    Restarted,
    Left,
}

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    Switch(Place),
    Host,
    Message(Key),
}

/// What came of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Wait,
    Checkpoint,
    Finish,
    Failed(IgnoredAny),
    Late,
}

/// An event, as the session saw it.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) seq: u32,
    pub(crate) at: Timestamp,
    pub(crate) switch_at: Option<Timestamp>,
    pub(crate) request: Option<u32>,
    pub(crate) body: EventBody,
}

/// A request of a step.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) id: u32,
    pub(crate) body: RequestBody,
    pub(crate) refused: Option<IgnoredAny>,
}

/// An event, handled.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) session: SessionId,
    pub(crate) incarnation: u32,
    pub(crate) epoch: u64,
    pub(crate) source: Source,
    pub(crate) event: Event,
    pub(crate) outcome: Outcome,
    pub(crate) requests: Vec<Request>,
}

/// The host ends a session.
#[derive(Debug, Deserialize)]
pub(crate) struct Ending {
    pub(crate) session: SessionId,
    pub(crate) incarnation: u32,
    pub(crate) seq: u32,
    pub(crate) epoch: u64,
    pub(crate) at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_read_over_whatever_stands_in_them() {
        assert!(matches!(serde_json::from_str(r#"{"snapshot":{"guest":"<12 bytes>"}}"#).unwrap(), Record::Snapshot(_)));
        assert!(serde_json::from_str::<Record>(r#"{"steps":{}}"#).unwrap_err().to_string().contains("expected one of `opened`"));
    }
}
