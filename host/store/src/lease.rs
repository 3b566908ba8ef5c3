//! Leases as they stand in a store, and whether a batch may be written under one.

use tandem_journal::Lease;
use tandem_words::{Bug, Epoch, InstanceName, planted};

use crate::StoreError;

/// The process that holds a lease: enough to find it, and to know that it is still the same one before killing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub instance: InstanceName,
    /// Its process id.
    pub pid: u32,
    /// When it started, in the kernel's ticks since boot (field 22 of `/proc/PID/stat`): process ids are used again.
    pub process_start: u64,
    /// The boot it lives in (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
}

/// A node's lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Epoch and counter.
    pub lease: Lease,
    /// Who took it.
    pub holder: Holder,
    /// Whether its holder gave it back; nobody is primary then.
    pub released: bool,
    /// Whom the holder named when it gave it back.
    pub heir: Option<InstanceName>,
    /// [`tandem_journal::Batch::solo`] of the last batch: of the holder's, or of the one before it where it has none yet. `true`
    /// where there was never any: a copy must earn its trust.
    pub solo: bool,
}

/// How a batch stands to the lease in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The next one: to be written.
    Next,
    /// The last one again: written already, its acknowledgement was not heard.
    Repeated,
}

/// Whether `batch` may be written, where the store has `found` (epoch, counter, released).
///
/// The counter makes a repeat harmless: every batch carries the one after the last acknowledged batch, and is repeated
/// unchanged. A batch whose counter stands in the store already *is* the stored one.
pub(crate) fn standing(batch: Lease, found: Option<(Epoch, u64, bool)>) -> Result<Standing, StoreError> {
    let (epoch, counter, released) = found.unwrap_or_default();
    if planted(Bug::EpochCheckSkipped) && epoch != batch.epoch {
        return Ok(Standing::Next);
    }
    if epoch != batch.epoch || released || epoch == 0 {
        return Err(StoreError::LeaseLost { node: batch.node, ours: batch.epoch, found: epoch, released });
    }
    if batch.counter == counter + 1 {
        Ok(Standing::Next)
    } else if batch.counter == counter {
        Ok(Standing::Repeated)
    } else {
        Err(StoreError::OutOfOrder { node: batch.node, found: batch.counter, stored: counter })
    }
}
