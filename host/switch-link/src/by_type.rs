//! Reading a message by its `type`, which every writer puts first: then it is known what follows. Where it does not stand first, the
//! whole message is gathered before it is read, as serde does it, which takes several times as long.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, MapAccess, Visitor,
        value::{BorrowedStrDeserializer, CowStrDeserializer, MapAccessDeserializer},
    },
};
use tandem_words::{Position, RequestKey, Timestamp};

use crate::{GatewayMessage, Held, HostMessage, InteractionState, Mark, RequestState, StepMessage, SwitchEvent};

/// The key.
const TYPE: &str = "type";

/// A message of which the frequent and the large ones are read at once.
trait ByType<'de>: Sized {
    /// Of this type; none: it is not one of those, and nothing is read.
    fn at_once<A: MapAccess<'de>>(of: &str, map: &mut A) -> Option<Result<Self, A::Error>>;

    /// Of any type.
    fn gathered<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

#[derive(Deserialize)]
struct Reconcile {
    after: Option<Mark>,
    interactions: Vec<Held>,
    requests: Vec<RequestKey>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct Reconciled {
    now: Timestamp,
    kept_from: Position,
    interactions: Vec<(Held, InteractionState)>,
    requests: Vec<(RequestKey, RequestState)>,
    #[serde(default)]
    more: bool,
}

fn rest<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: &mut A) -> Result<T, A::Error> {
    T::deserialize(MapAccessDeserializer::new(map))
}

impl<'de> ByType<'de> for HostMessage {
    fn at_once<A: MapAccess<'de>>(of: &str, map: &mut A) -> Option<Result<Self, A::Error>> {
        match of {
            "step" => Some(rest::<StepMessage, _>(map).map(HostMessage::Step)),
            "reconcile" => Some(rest(map).map(|Reconcile { after, interactions, requests, more }| HostMessage::Reconcile {
                after,
                interactions,
                requests,
                more,
            })),
            _ => None,
        }
    }

    fn gathered<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        HostMessage::deserialize(deserializer)
    }
}

impl<'de> ByType<'de> for GatewayMessage {
    fn at_once<A: MapAccess<'de>>(of: &str, map: &mut A) -> Option<Result<Self, A::Error>> {
        match of {
            "event" => Some(rest::<SwitchEvent, _>(map).map(GatewayMessage::Event)),
            "reconciled" => Some(rest(map).map(|Reconciled { now, kept_from, interactions, requests, more }| GatewayMessage::Reconciled {
                now,
                kept_from,
                interactions,
                requests,
                more,
            })),
            _ => None,
        }
    }

    fn gathered<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        GatewayMessage::deserialize(deserializer)
    }
}

struct Message<T>(PhantomData<T>);

impl<'de, T: ByType<'de>> Visitor<'de> for Message<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message with its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some(first) = map.next_key::<Cow<'de, str>>()? else { return T::gathered(MapAccessDeserializer::new(map)) };
        if first != TYPE {
            return T::gathered(MapAccessDeserializer::new(Again { key: Some(first), value: None, map }));
        }
        let of = map.next_value::<Cow<'de, str>>()?;
        if let Some(read) = T::at_once(&of, &mut map) {
            return read;
        }
        T::gathered(MapAccessDeserializer::new(Again { key: Some(Cow::Borrowed(TYPE)), value: Some(of), map }))
    }
}

/// A map of which the first key, and perhaps its value, are read already.
struct Again<'de, A> {
    key: Option<Cow<'de, str>>,
    value: Option<Cow<'de, str>>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Again<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.key.take() {
            Some(Cow::Borrowed(key)) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
            Some(key) => seed.deserialize(CowStrDeserializer::new(key)).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(CowStrDeserializer::new(value)),
            None => self.map.next_value_seed(seed),
        }
    }
}

impl<'de> Deserialize<'de> for HostMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Message(PhantomData))
    }
}

impl<'de> Deserialize<'de> for GatewayMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Message(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use crate::{decode_gateway_frame, decode_host_frame};

    #[test]
    fn a_type_that_does_not_stand_first_is_found() {
        let first = r#"[{"type":"reconcile","after":null,"interactions":[{"id":"c1","visit":1}],"requests":[],"news":[{}]},{"type":"idle","seq":1}]"#;
        let last = r#"[{"after":null,"requests":[],"interactions":[{"visit":1,"id":"c1"}],"type":"reconcile"},{"seq":1,"type":"idle","wake_at":null}]"#;
        assert_eq!(decode_host_frame(first).unwrap(), decode_host_frame(last).unwrap());
        let first =
            r#"{"seq":1,"messages":[{"type":"event","position":5,"at":1,"interaction":"c1","body":{"dialog.playsound.done":"end"}}]}"#;
        let last =
            r#"{"messages":[{"position":5,"at":1,"body":{"dialog.playsound.done":"end"},"interaction":"c\u0031","type":"event"}],"seq":1}"#;
        assert_eq!(decode_gateway_frame(first).unwrap(), decode_gateway_frame(last).unwrap());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, says) in [
            (r#"[{"type":"fly"}]"#, "fly"),
            (r#"[{}]"#, "type"),
            (r#"[{"seq":1}]"#, "type"),
            (r#"[{"type":"step","epoch":1}]"#, "session"),
            (r#"[{"type":7}]"#, "string"),
            (r#"[7]"#, "a message with its type"),
        ] {
            let error = decode_host_frame(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
