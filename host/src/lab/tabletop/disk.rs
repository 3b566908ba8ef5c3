//! What survives the host of a table: its store; and when it kills the host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tandem_journal::{Batch, Lease, LostClaim, Record, RowKind, decode};
use tandem_store::{Holder, Memory, Reader, Store, StoreError};
use tandem_words::{EventBody, InstanceName, NodeId, StoreId, VersionId};

/// When a table's host dies by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crashes {
    /// Never.
    Never,
    /// With every step that is committed: by turns right behind the commit, before anything has left the host, and after
    /// everything has. Odd seeds begin with the other one.
    EveryStep {
        /// See above.
        seed: u64,
    },
}

/// A store whose commits are watched. Clones are the same one, as another process would open it.
#[derive(Clone)]
pub(super) struct Disk {
    store: Memory,
    watched: Arc<Mutex<Watched>>,
}

struct Watched {
    crashes: Crashes,
    rows: Vec<Vec<u8>>,
    steps: u64,
    crash: bool,
}

impl Disk {
    pub(super) fn new(crashes: Crashes) -> Self {
        Disk { store: Memory::new(1), watched: Arc::new(Mutex::new(Watched { crashes, rows: Vec::new(), steps: 0, crash: false })) }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The data of the rows that were committed since the last call.
    pub(super) fn take_rows(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.watched().rows)
    }

    /// Whether the host has to die now; asked once.
    pub(super) fn takes_crash(&self) -> bool {
        std::mem::take(&mut self.watched().crash)
    }
}

/// Whether this step kills the host: those that its own start leads to do not, or it would die for ever.
fn kills(data: &[u8]) -> bool {
    match decode(data) {
        Ok(Record::Step(step)) => !matches!(step.event.body, EventBody::SessionRecovered),
        _ => false,
    }
}

impl Store for Disk {
    fn store_id(&self) -> StoreId {
        self.store.store_id()
    }

    fn take_lease(&mut self, node: NodeId, holder: &Holder) -> Result<Lease, StoreError> {
        self.store.take_lease(node, holder)
    }

    fn release_lease(&mut self, lease: Lease, heir: Option<InstanceName>) -> Result<(), StoreError> {
        self.store.release_lease(lease, heir)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Vec<LostClaim>, StoreError> {
        let lost = self.store.commit(batch)?;
        let mut watched = self.watched();
        let mut step = false;
        for row in batch.rows.iter().filter(|row| lost.iter().all(|lost| lost.session != row.session)) {
            step |= matches!(row.kind, RowKind::Step { .. }) && kills(&row.data);
            watched.rows.push(row.data.clone());
        }
        if let (true, Crashes::EveryStep { seed }) = (step, watched.crashes) {
            watched.crash = true;
            watched.steps += 1;
            if (watched.steps ^ seed).is_multiple_of(2) {
                return Err(StoreError::Full { path: "the table".into(), cause: "the host dies here".to_owned() });
            }
        }
        Ok(lost)
    }

    fn keep_component(&mut self, version: VersionId, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.store.keep_component(version, name, bytes)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.store.reader()
    }
}
