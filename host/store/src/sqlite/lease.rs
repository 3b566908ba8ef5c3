//! The lease rows.

use rusqlite::{Connection, OptionalExtension, Row};
use tandem_journal::Lease;
use tandem_words::{Epoch, InstanceName, NodeId};

use super::classify::Failure;
use crate::{Holder, LeaseRow, StoreError};

/// Epoch, counter and whether it is released: what a commit asks.
pub(super) fn standing(db: &Connection, node: NodeId) -> Result<Option<(Epoch, u64, bool)>, Failure> {
    let mut select = db.prepare_cached("SELECT epoch, counter, released FROM lease WHERE node = ?1")?;
    let found =
        select.query_row([node], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?)));
    Ok(found.optional()?)
}

pub(super) fn renew(db: &Connection, lease: Lease, solo: bool) -> Result<(), Failure> {
    let mut update = db.prepare_cached("UPDATE lease SET counter = ?2, solo = ?3 WHERE node = ?1")?;
    update.execute((lease.node, lease.counter.cast_signed(), solo))?;
    Ok(())
}

pub(super) fn take(db: &Connection, node: NodeId, holder: &Holder) -> Result<Lease, Failure> {
    let epoch = standing(db, node)?.map_or(0, |(epoch, _, _)| epoch) + 1;
    db.execute(
        "INSERT OR REPLACE INTO lease (node, epoch, counter, instance, pid, process_start, boot_id, released, solo)
         VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, 0, coalesce((SELECT solo FROM lease WHERE node = ?1), 1))",
        (node, epoch.cast_signed(), holder.instance.to_string(), holder.pid, holder.process_start.cast_signed(), &holder.boot_id),
    )?;
    Ok(Lease { node, epoch, counter: 0 })
}

pub(super) fn release(db: &Connection, lease: Lease, heir: Option<InstanceName>) -> Result<(), Failure> {
    let (found, _, released) = standing(db, lease.node)?.unwrap_or_default();
    if found != lease.epoch {
        return Err(StoreError::LeaseLost { node: lease.node, ours: lease.epoch, found, released }.into());
    }
    if !released {
        let heir = heir.map(|heir| heir.to_string());
        db.execute("UPDATE lease SET released = 1, heir = ?2 WHERE node = ?1", (lease.node, heir))?;
    }
    Ok(())
}

pub(super) fn read(db: &Connection, node: NodeId) -> Result<Option<LeaseRow>, Failure> {
    let mut select =
        db.prepare_cached("SELECT epoch, counter, released, instance, pid, process_start, boot_id, heir, solo FROM lease WHERE node = ?1")?;
    let mut rows = select.query([node])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(LeaseRow {
        lease: Lease { node, epoch: unsigned(row, 0)?, counter: unsigned(row, 1)? },
        released: row.get(2)?,
        holder: Holder {
            instance: instance(&row.get::<_, String>(3)?)?,
            pid: row.get(4)?,
            process_start: unsigned(row, 5)?,
            boot_id: row.get(6)?,
        },
        heir: row.get::<_, Option<String>>(7)?.map(|heir| instance(&heir)).transpose()?,
        solo: row.get(8)?,
    }))
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, Failure> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

fn instance(text: &str) -> Result<InstanceName, Failure> {
    text.parse().map_err(|error| Failure::Damaged(format!("a lease names an instance, but {error}")))
}
