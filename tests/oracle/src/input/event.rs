//! The body of an event.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::fingerprint::{case, fingerprint, number, text};
use super::ids::Timestamp;

/// What the rules need to know of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Added {
        interaction: String,
        routing_point: String,
    },
    Created {
        interaction: String,
    },
    /// `moved`: to another routing point, so it is not over.
    Deleted {
        interaction: String,
        moved: bool,
    },
    DefaultRouted {
        interaction: String,
    },
    Routed {
        target: String,
        answered_by: String,
    },
    Restarted,
    Gap {
        since: Timestamp,
    },
    Other,
}

/// An event's body.
#[derive(Debug, Clone)]
pub(crate) struct EventBody {
    /// The dotted name.
    pub(crate) name: Box<str>,
    /// Of all of it.
    pub(crate) fingerprint: u64,
    /// The same without the keys that a `collect` brought: they may be masked in the journal.
    pub(crate) masked: u64,
    pub(crate) told: Told,
}

impl EventBody {
    fn read(body: Value) -> Result<Self, String> {
        let whole = fingerprint(&body);
        let (name, mut held) = case(body)?;
        let told = match &*name {
            "interaction.added" => Told::Added {
                interaction: text(&name, &held, "id")?.to_owned(),
                routing_point: text(&name, &held, "routing_point")?.to_owned(),
            },
            "routing.call-created" => Told::Created { interaction: text(&name, &held, "id")?.to_owned() },
            "interaction.deleted" => {
                Told::Deleted { interaction: text(&name, &held, "interaction")?.to_owned(), moved: text(&name, &held, "cause")? == "moved" }
            }
            "interaction.default-routed" => {
                let interaction = held.as_str().ok_or("`interaction.default-routed` does not name its interaction")?;
                Told::DefaultRouted { interaction: interaction.to_owned() }
            }
            "routing.done" => Told::Routed {
                target: text(&name, &held, "target")?.to_owned(),
                answered_by: text(&name, &held, "answered_by")?.to_owned(),
            },
            "session.restarted" => Told::Restarted,
            "gap" => Told::Gap { since: number(&name, &held, "since")? },
            _ => Told::Other,
        };
        let masked = match held.get_mut("keys") {
            Some(keys) if &*name == "dialog.collect.done" => {
                *keys = Value::Null;
                fingerprint(&json!({ &*name: held }))
            }
            _ => whole,
        };
        Ok(EventBody { name, fingerprint: whole, masked, told })
    }
}

impl<'de> Deserialize<'de> for EventBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        EventBody::read(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collected_keys_do_not_count_where_they_are_masked() {
        let read = |keys: &str| EventBody::read(json!({"dialog.collect.done": {"keys": keys, "stopped_by": "end"}})).unwrap();
        assert_ne!(read("12").fingerprint, read("**").fingerprint);
        assert_eq!(read("12").masked, read("**").masked);
    }

    #[test]
    fn a_case_says_what_it_lacks() {
        let error = EventBody::read(json!({"interaction.added": {"id": "c1"}})).unwrap_err();
        assert_eq!(error, "`interaction.added` has no text `routing_point`");
        assert!(EventBody::read(json!({"done": 1, "error": 2})).is_err());
        assert_eq!(EventBody::read(json!("timer.fired")).unwrap().told, Told::Other);
    }
}
