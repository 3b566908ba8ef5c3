//! The messages.

use serde::{Deserialize, Serialize};
use tandem_words::{Epoch, NodeId, StoreId, VersionId};

use crate::{Change, Fingerprint, KeptSession};

/// The versions of the protocol that this release speaks: its own and that of the release before it.
pub const VERSIONS: &[u32] = &[1];

/// The newest version that both sides speak.
#[must_use]
pub fn version_for(theirs: &[u32]) -> Option<u32> {
    VERSIONS.iter().copied().filter(|version| theirs.contains(version)).max()
}

/// Which changes a backup has: all of an epoch's up to `seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The primary's epoch: its changes are numbered from 1.
    pub epoch: Epoch,
    /// The last one.
    pub seq: u64,
}

/// Who a backup is. The first message of a connection; every release must be able to read it, so it only grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The versions of the protocol that it speaks.
    pub versions: Vec<u32>,
    /// Its release, for people.
    pub release: String,
    /// The cluster's name.
    pub cluster: String,
    /// The node.
    pub node: NodeId,
    /// The instance's name, `101/b`.
    pub instance: String,
    /// The cluster store that it uses.
    pub store: StoreId,
    /// The options that must be equal.
    pub options: Fingerprint,
    /// What it has from an earlier connection; none: not the whole state.
    #[serde(default)]
    pub have: Option<Held>,
}

/// How a backup stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Whether it could take over, as far as it knows itself.
    pub ready: bool,
    /// Why it is not, for people.
    pub why_not: Option<String>,
    /// The versions it has compiled.
    pub compiled: Vec<VersionId>,
    /// Whether it is connected to the switch's gateway.
    pub reaches_switch: bool,
}

/// Why a primary refused a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No version of the protocol in common.
    Version,
    /// Another cluster, another node, or not the other instance of the pair.
    Identity,
    /// Another cluster store.
    Store,
    /// Options that must be equal are not.
    Options,
    /// A backup is connected already.
    Busy,
    /// What it said cannot be read, or has no place where it came.
    Malformed,
}

/// From the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupMessage {
    /// First message of a connection.
    Hello(Box<Hello>),
    /// It has every change up to `seq`, and everything before the first.
    Ack {
        /// A number of [`PrimaryMessage::End`] or [`PrimaryMessage::Change`].
        seq: u64,
    },
    /// How it stands; once after `welcome`, and whenever that changes.
    Standing(Standing),
    /// "I live", several times a second.
    Heartbeat,
}

/// From the primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "almost every message is a change")]
pub enum PrimaryMessage {
    /// Answers `hello`. Then come the changes behind [`Hello::have`], or the full state.
    Welcome {
        /// The version of the protocol that is spoken from here on.
        version: u32,
        /// Its release, for people.
        release: String,
        /// Its name, `101/a`.
        instance: String,
        /// Its lease's epoch.
        epoch: Epoch,
    },
    /// The primary closes the connection after this.
    Refused {
        /// For programs.
        reason: Refusal,
        /// For people.
        message: String,
    },
    /// The full state begins.
    Begin,
    /// A session of it. Changes of sessions that have come already may stand in between.
    Kept(Box<KeptSession>),
    /// The full state ends: it holds every change up to `seq`.
    End {
        /// The number of the last one; 0: there was none.
        seq: u64,
    },
    /// A change.
    Change {
        /// Counts the epoch's changes. Without holes, but for the time between `begin` and `end`.
        seq: u64,
        /// What changed.
        change: Change,
    },
    /// A planned switchover: the lease is about to be released, naming this backup.
    HandOver,
    /// "I live", several times a second.
    Heartbeat,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_is_spoken() {
        assert_eq!(version_for(VERSIONS), VERSIONS.iter().copied().max());
        assert_eq!(version_for(&[7, 1, 0]), Some(1));
        assert_eq!(version_for(&[2, 3]), None);
        assert_eq!(version_for(&[]), None);
    }
}
