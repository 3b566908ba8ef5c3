//! What a primary holds its role by, and what whoever takes it over must have.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tandem_node::{Phase, role::Sight};
use tandem_session::Durable;
use tandem_words::{InstanceName, SessionId, VersionId};

use super::{NodeLock, Pair, Ticks, Watch, boot_clock_ms};

/// The versions that live sessions run on: whoever is to take over must have them.
pub(super) struct LiveVersions {
    deployed: BTreeSet<VersionId>,
    /// Of sessions that were found, where they are others.
    older: BTreeMap<SessionId, VersionId>,
}

impl LiveVersions {
    pub(super) fn new(deployed: BTreeSet<VersionId>, mut found: BTreeMap<SessionId, VersionId>) -> Self {
        found.retain(|_, version| !deployed.contains(version));
        LiveVersions { deployed, older: found }
    }

    pub(super) fn durable(&mut self, items: &[Durable]) {
        for item in items {
            if let Durable::Released(release) = item
                && release.over
                && !self.older.is_empty()
            {
                self.older.remove(&release.session);
            }
        }
    }

    pub(super) fn all(&self) -> BTreeSet<VersionId> {
        self.deployed.iter().chain(self.older.values()).copied().collect()
    }
}

/// What a primary holds its role by, and loses it by.
pub(super) struct Reign {
    pub(super) lock: Option<NodeLock>,
    pub(super) pair: Option<Pair>,
    _watch: Watch,
    pub(super) ticks: Ticks,
    pub(super) lease_timeout: Duration,
    sight: Sight,
    /// Whom the lease will name when it is given back.
    pub(super) heir: Option<InstanceName>,
}

impl Reign {
    pub(super) fn new(lock: Option<NodeLock>, pair: Option<Pair>, watch: Watch, ticks: Ticks, lease_timeout: Duration) -> Self {
        let sight = Sight::new(millis(lease_timeout));
        let heir = pair.as_ref().map(|pair| pair.other);
        Reign { lock, pair, _watch: watch, ticks, lease_timeout, sight, heir }
    }

    /// Whether this instance is blind and the other one is not.
    pub(super) fn is_blind(&mut self, phase: Phase) -> bool {
        let reaches = !matches!(phase, Phase::Away | Phase::Greeting);
        let other_reaches = self.pair.as_ref().and_then(|pair| pair.peer.standing()).is_some_and(|peer| peer.reaches_switch);
        self.sight.look(reaches, other_reaches, boot_clock_ms())
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
