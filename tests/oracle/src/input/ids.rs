//! Ids, as they stand in record and journal.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// Milliseconds of switch time.
pub(crate) type Timestamp = u64;

/// `101-3-42`: node, epoch, number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SessionId {
    pub(crate) node: u32,
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.node, self.epoch, self.number)
    }
}

impl FromStr for SessionId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no session id; expected NODE-EPOCH-NUMBER, such as \"101-3-42\"");
        let mut parts = text.split('-');
        let (node, epoch, number) = (parts.next(), parts.next(), parts.next());
        let (Some(node), Some(epoch), Some(number), None) = (node, epoch, number, parts.next()) else { return Err(wrong()) };
        match (node.parse(), epoch.parse(), number.parse()) {
            (Ok(node), Ok(epoch), Ok(number)) => Ok(SessionId { node, epoch, number }),
            _ => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A request's idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub(crate) struct Key {
    pub(crate) session: SessionId,
    pub(crate) incarnation: u32,
    pub(crate) request: u32,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.session, self.incarnation, self.request)
    }
}

/// An event's place among the switch's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub(crate) struct Place {
    pub(crate) incarnation: u64,
    pub(crate) position: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.incarnation, self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_three_numbers() {
        assert_eq!("101-3-42".parse(), Ok(SessionId { node: 101, epoch: 3, number: 42 }));
        for wrong in ["", "101", "101-3", "101-3-x", "101-3-4-5", "-1-1-1"] {
            assert!(wrong.parse::<SessionId>().is_err(), "{wrong}");
        }
    }
}
