//! Where an instance's sessions live. Whoever has a [`Home`] has the node's lock: nothing else of this node writes there.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use tandem_journal::Lease;
use tandem_node::synch::Mirror;
use tandem_store::{LockError, Memory, Sqlite, Store, StoreError};
use tandem_words::InstanceName;

use super::{Follower, NodeLock, Ticks, this_process};

/// How long a process that was killed may take to be gone: the kernel frees its memory before its locks.
const LAST_HOLDER_GOES: Duration = Duration::from_secs(2);

/// Why an instance cannot have its store.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum HomeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// A store, and the right to be the node's primary on it. The lease is taken only of a store that came this way.
pub struct Home {
    /// The writing side.
    pub store: Box<dyn Store>,
    pub(super) path: Option<PathBuf>,
    /// Let go of when all threads have ended: it says to others that this process acts no more.
    pub(super) lock: Option<NodeLock>,
    /// The lease, where it is taken already, and when the transaction began that took it (boot-time clock).
    pub(super) taken: Option<(Lease, u64)>,
    /// What this instance kept as a backup.
    pub mirror: Option<Mirror>,
    /// What it read as one.
    pub(super) follower: Option<Follower>,
    /// Who ticks.
    pub ticks: Ticks,
}

impl Home {
    /// A file. Waits a little for a holder that is just dying; one that lives is an error that names it.
    pub fn sqlite(path: &Path, instance: InstanceName) -> Result<Self, HomeError> {
        let store = Sqlite::open(path)?;
        let deadline = Instant::now() + LAST_HOLDER_GOES;
        let lock = NodeLock::new(path, this_process(instance));
        loop {
            match lock.take() {
                Err(LockError::Held { .. }) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                taken => break taken?,
            }
        }
        Ok(Home { path: Some(path.to_owned()), lock: Some(lock), ..Home::of(Box::new(store)) })
    }

    /// Memory, which ends with the process. Its epochs begin at the seconds of the wall clock: a process that starts again must
    /// not use the session ids, and so the requests' ids, of the one before, or the gateway takes its requests for repeats.
    pub fn memory(instance: InstanceName) -> Self {
        let seconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        Home::of(Box::new(Memory::following(0, instance.node, seconds, this_process(instance))))
    }

    /// A store that nothing else can reach.
    pub(crate) fn of(store: Box<dyn Store>) -> Self {
        Home { store, path: None, lock: None, taken: None, mirror: None, follower: None, ticks: Ticks::default() }
    }

    /// The store's file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: InstanceName = InstanceName { node: 101, letter: 'a' };

    #[test]
    fn a_store_is_one_instances_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cc1.db");
        let held = Home::sqlite(&path, A).unwrap();
        let error = Home::sqlite(&path, InstanceName { letter: 'b', ..A }).err().unwrap();
        assert!(matches!(error, HomeError::Lock(LockError::Held { .. })), "{error}");
        drop(held);
        assert!(Home::sqlite(&path, A).is_ok());
    }

    #[test]
    fn without_a_store_epochs_do_not_begin_again_at_one() {
        let lease = Home::memory(A).store.take_lease(101, &this_process(A)).unwrap();
        assert!(lease.epoch > 1_700_000_000, "{lease:?}");
    }
}
