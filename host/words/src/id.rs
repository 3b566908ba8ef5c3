//! Ids. Each is a type of its own, so that no number is taken for another.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize, de};

/// UTC milliseconds, always switch time unless a name says otherwise.
pub type Timestamp = u64;
/// A node's number, from `[[node]] id`.
pub type NodeId = u32;
/// The fencing number of a lease: one more with every new holder, from 1.
pub type Epoch = u64;
/// Of a session: from 1, one more with every restart from the beginning.
pub type Incarnation = u32;
/// Of a switch: one more (at least) with every loss of its positions.
pub type SwitchIncarnation = u64;
/// An event's number in a switch incarnation, from 1 without holes.
pub type Position = u64;
/// One stay of an interaction at a routing point, numbered by the switch from 1.
pub type Visit = u32;
/// A request's number in an incarnation of its session, from 1; never repeated there.
pub type RequestId = u32;
/// The random id of a cluster store: two stores that hold leases of the same names are told apart by it.
pub type StoreId = u64;
/// An interaction's id as the switch gave it.
pub type InteractionId = Arc<str>;
/// A switch's name, from `[switch.NAME]`.
pub type SwitchName = Arc<str>;

/// An id that could not be read back from text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}; expected {example}")]
pub struct ParseIdError {
    /// The text that was given.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
    /// How such an id looks.
    pub example: &'static str,
}

/// A session's id, `101-3-42`: the 42nd session that node 101 created in epoch 3.
///
/// The order of ids is the order of creation within a node; requests of one instant are applied in it (design, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// The node that created the session.
    pub node: NodeId,
    /// The epoch in which it did.
    pub epoch: Epoch,
    /// Counts from 1 within the epoch.
    pub number: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.node, self.epoch, self.number)
    }
}

impl FromStr for SessionId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let mut parts = text.split('-');
        let mut next = || parts.next().and_then(|part| part.parse::<u64>().ok());
        match (next(), next(), next()) {
            (Some(node), Some(epoch), Some(number)) if parts.next().is_none() => match NodeId::try_from(node) {
                Ok(node) => Ok(SessionId { node, epoch, number }),
                Err(_) => Err(session_id_error(text)),
            },
            _ => Err(session_id_error(text)),
        }
    }
}

fn session_id_error(text: &str) -> ParseIdError {
    ParseIdError { text: text.to_owned(), what: "a session id", example: "NODE-EPOCH-NUMBER, such as 101-3-42" }
}

/// Text where a person reads (JSON), a tuple of numbers where none does (the journal).
impl Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            (self.node, self.epoch, self.number).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            let (node, epoch, number) = Deserialize::deserialize(deserializer)?;
            Ok(SessionId { node, epoch, number })
        }
    }
}

/// A request's full id and idempotency key (P3). `seq` is the step that made the request; it orders, and does not identify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestKey {
    /// The session that asks.
    pub session: SessionId,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// The request within the incarnation.
    pub request: RequestId,
}

impl fmt::Display for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.session, self.incarnation, self.request)
    }
}

/// The name of an instance, `101/a`: one process of a node's pair. Which of the two is primary is a role, not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceName {
    /// The node.
    pub node: NodeId,
    /// `a` or `b`.
    pub letter: char,
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.letter)
    }
}

impl FromStr for InstanceName {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let parsed = text.split_once('/').and_then(|(node, letter)| {
            let node = node.parse().ok()?;
            let letter = match letter {
                "a" => 'a',
                "b" => 'b',
                _ => return None,
            };
            Some(InstanceName { node, letter })
        });
        parsed.ok_or_else(|| ParseIdError { text: text.to_owned(), what: "an instance's name", example: "NODE/a or NODE/b, such as 101/a" })
    }
}

/// A strategy's version: the SHA-256 of its component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(pub [u8; 32]);

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for VersionId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = || ParseIdError { text: text.to_owned(), what: "a version", example: "64 hexadecimal digits (a SHA-256)" };
        let mut bytes = [0_u8; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(error());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| error())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(VersionId(bytes))
    }
}

/// Hexadecimal where a person reads, bytes where none does.
impl Serialize for VersionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serde_bytes::Bytes::new(&self.0).serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
            let bytes = bytes.as_ref().try_into().map_err(|_| de::Error::invalid_length(bytes.len(), &"32 bytes"))?;
            Ok(VersionId(bytes))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        let id = SessionId { node: 101, epoch: 3, number: 42 };
        assert_eq!(id.to_string(), "101-3-42");
        assert_eq!("101-3-42".parse(), Ok(id));
        let version = VersionId([0xab; 32]);
        assert_eq!(version.to_string().parse(), Ok(version));
        assert_eq!("101/b".parse::<InstanceName>().unwrap().to_string(), "101/b");
        for bad in ["", "101", "101-3", "101-3-x", "101-3-4-5", "99999999999-1-1"] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad}");
        }
        for bad in ["", "101", "101/c", "a/101", "101/a/b"] {
            assert!(bad.parse::<InstanceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_are_text_in_json_and_compact_in_the_journal() {
        let id = SessionId { node: 101, epoch: 3, number: 42 };
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"101-3-42\"");
        let bytes = rmp_serde::to_vec(&(id, VersionId([7; 32]))).unwrap();
        assert_eq!(rmp_serde::from_slice::<(SessionId, VersionId)>(&bytes).unwrap(), (id, VersionId([7; 32])));
        assert!(bytes.len() < 42, "{}", bytes.len());
    }
}
