//! Lines of the switch's record.

use std::collections::HashMap;

use serde::Deserialize;

use super::event::EventBody;
use super::ids::{Key, SessionId, Timestamp};
use super::request::RequestBody;

/// What the gateway made of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Applied,
    Duplicate,
    Fenced,
    Gone,
}

/// What a caller hears.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Heard {
    Ringing,
    Treatment { request: Key, what: String },
    Music,
    Silence,
    Person {},
    DefaultRoute,
}

/// How a call counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Routed,
    SelfServed,
    Abandoned,
    DefaultRouted,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Outcome::Routed => "routed",
            Outcome::SelfServed => "self-served",
            Outcome::Abandoned => "abandoned",
            Outcome::DefaultRouted => "default-routed",
        })
    }
}

/// The first line of a switch's incarnation.
#[derive(Debug, Deserialize)]
pub(crate) struct Begin {
    pub(crate) incarnation: u64,
    pub(crate) seed: u64,
    pub(crate) at: Timestamp,
    pub(crate) control_deadline_ms: u64,
    /// Of routing points that have one of their own, by number.
    #[serde(default)]
    pub(crate) control_deadlines_ms: HashMap<String, u64>,
}

/// An event that got its position.
#[derive(Debug, Deserialize)]
pub(crate) struct SwitchEvent {
    pub(crate) position: u64,
    pub(crate) at: Timestamp,
    pub(crate) interaction: Option<String>,
    pub(crate) visit: Option<u32>,
    pub(crate) answers: Option<Key>,
    pub(crate) body: EventBody,
}

/// A line.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Line {
    Begin(Begin),
    Led { at: Timestamp, node: u32, epoch: u64 },
    Unled { at: Timestamp, node: u32 },
    Reconciled { at: Timestamp, known: u64, unknown: u64 },
    Event(SwitchEvent),
    Missed { at: Timestamp, interaction: Option<String>, answers: Option<Key>, body: EventBody },
    Request { at: Timestamp, key: Key, seq: u32, body: RequestBody, verdict: Verdict },
    Quiet { at: Timestamp, session: SessionId, interactions: Vec<String>, until: Option<Timestamp> },
    Arrived { at: Timestamp, interaction: String, caller: u32 },
    Hears { at: Timestamp, interaction: String, heard: Heard },
    Left { at: Timestamp, interaction: String, outcome: Outcome },
    End { at: Timestamp, calls: u64 },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_another_kind_names_the_kinds_there_are() {
        let error = serde_json::from_str::<Line>(r#"{"type":"leaves","at":1}"#).unwrap_err().to_string();
        assert!(error.contains("unknown variant `leaves`") && error.contains("`left`"), "{error}");
        let error = serde_json::from_str::<Line>(r#"{"type":"unled","at":1}"#).unwrap_err().to_string();
        assert!(error.contains("missing field `node`"), "{error}");
    }

    #[test]
    fn fields_it_does_not_know_are_no_matter() {
        let line = r#"{"type":"hears","at":1,"interaction":"c1","heard":{"person":{"who":"ann","since":3}},"more":true}"#;
        assert!(matches!(serde_json::from_str(line).unwrap(), Line::Hears { heard: Heard::Person {}, .. }));
    }
}
