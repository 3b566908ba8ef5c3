//! The store in one SQLite file.

mod classify;
mod commit;
mod lease;
mod lock;
mod open;
mod read;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tandem_journal::{Batch, Lease, LostClaim, RowKind};
use tandem_words::{InstanceName, NodeId, SessionId, StoreId, VersionId};

use self::classify::Failure;
use crate::{Holder, Reader, Store, StoreError, head::Head, losers::Losers};

pub use lock::{InstanceLock, LockError, PrimaryLock, Signature};
pub(crate) use open::tune;

/// Heads kept of live sessions, so that a row costs no look-up: about 25 MB. Past it all are read again as needed.
const HEADS_KEPT: usize = 250_000;

/// The writing side of a SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    db: Connection,
    path: PathBuf,
    id: StoreId,
    /// Of live sessions of the node whose lease this is; true because nobody else can commit under that epoch.
    heads: HashMap<SessionId, Head>,
    losers: Losers,
}

impl Sqlite {
    /// Opens a store, or makes one where there is no file; brings an older schema up to this release's.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (db, id) = open::writer(path)?;
        Ok(Sqlite { db, path: path.to_owned(), id, heads: HashMap::new(), losers: Losers::default() })
    }

    /// How long it waits for another writer from now on, at most 500 ms, which it waits unless told. Whoever holds a lease must have
    /// time to show that it lives before that expires.
    pub fn waits_for_writers(&mut self, at_most: Duration) -> Result<(), StoreError> {
        self.db.busy_timeout(at_most.min(open::BUSY)).map_err(|error| Failure::from(error).at(&self.path))
    }

    /// Runs `work` in a transaction that has the write lock from its beginning.
    fn write<T>(
        &mut self,
        work: impl FnOnce(&Connection, &mut HashMap<SessionId, Head>, &mut Losers) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let result = Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate).map_err(Failure::from).and_then(|transaction| {
            let done = work(&transaction, &mut self.heads, &mut self.losers)?;
            transaction.commit()?;
            Ok(done)
        });
        result.map_err(|failure| {
            // What was undone in the file may stand in the heads.
            self.heads.clear();
            failure.at(&self.path)
        })
    }
}

impl Store for Sqlite {
    fn store_id(&self) -> StoreId {
        self.id
    }

    fn take_lease(&mut self, node: NodeId, holder: &Holder) -> Result<Lease, StoreError> {
        self.write(|db, heads, losers| {
            heads.clear();
            losers.clear();
            lease::take(db, node, holder)
        })
    }

    fn release_lease(&mut self, lease: Lease, heir: Option<InstanceName>) -> Result<(), StoreError> {
        self.write(|db, _, _| lease::release(db, lease, heir))
    }

    fn commit(&mut self, batch: &Batch) -> Result<Vec<LostClaim>, StoreError> {
        let lost = self.write(|db, heads, losers| commit::commit(db, heads, losers, batch))?;
        for row in &batch.rows {
            let may_end = matches!(row.kind, RowKind::Step { last: true } | RowKind::Ended);
            if may_end && self.heads.get(&row.session).is_some_and(|head| head.ended) {
                self.heads.remove(&row.session);
            }
        }
        if self.heads.len() > HEADS_KEPT {
            self.heads.clear();
        }
        Ok(lost)
    }

    fn keep_component(&mut self, version: VersionId, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(|db, _, _| {
            db.execute(
                "INSERT INTO component (version, name, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                (version.0, name, bytes),
            )?;
            Ok(())
        })
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        open_reader(&self.path)
    }
}

/// Opens a store for reading only; it must exist. A host may be writing it meanwhile.
pub fn open_reader(path: &Path) -> Result<Box<dyn Reader>, StoreError> {
    Ok(Box::new(read::SqliteReader::new(open::reader(path)?, path)))
}

#[cfg(test)]
mod tests {
    use tandem_journal::Row;

    use super::*;
    use crate::Disposition;

    fn step(seq: u32) -> Row {
        let session = SessionId { node: 101, epoch: 1, number: 1 };
        let kind = if seq == 0 { RowKind::Opened(None) } else { RowKind::Step { last: false } };
        Row { session, incarnation: 1, seq, kind, data: vec![7; 100_000] }
    }

    fn open() -> (tempfile::TempDir, Sqlite, Lease) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&folder.path().join("store.db")).unwrap();
        let holder = Holder { instance: "101/a".parse().unwrap(), pid: 1, process_start: 1, boot_id: String::new() };
        let lease = store.take_lease(101, &holder).unwrap();
        (folder, store, lease)
    }

    #[test]
    fn a_full_store_goes_on_by_itself_when_there_is_room() {
        let (_folder, mut store, lease) = open();
        store.commit(&Batch { lease: Lease { counter: 1, ..lease }, watermarks: Vec::new(), rows: vec![step(0)], solo: false }).unwrap();
        let room = |store: &Sqlite, pages: u32| {
            store.db.query_row(&format!("PRAGMA max_page_count = {pages}"), (), |row| row.get::<_, i64>(0)).unwrap();
        };
        room(&store, 100);
        let batch = Batch { lease: Lease { counter: 2, ..lease }, watermarks: Vec::new(), rows: (1..8).map(step).collect(), solo: false };
        for _ in 0..2 {
            let error = store.commit(&batch).unwrap_err();
            assert!(matches!(error, StoreError::Full { .. }), "{error}");
            assert_eq!(error.disposition(), Disposition::Repeat);
            assert_eq!(store.reader().unwrap().counts().unwrap().rows, 1);
        }
        room(&store, 1_000_000);
        assert!(store.commit(&batch).unwrap().is_empty());
        assert_eq!(store.reader().unwrap().counts().unwrap().rows, 8);
    }

    /// What no test without a power cut can see.
    #[test]
    fn a_commit_is_synced() {
        let (_folder, store, _) = open();
        let pragma = |name: &str| store.db.query_row(&format!("PRAGMA {name}"), (), |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".to_owned()));
        assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2));
    }

    #[test]
    fn a_holder_of_a_short_lease_waits_less_for_other_writers() {
        let (_folder, mut store, _) = open();
        for (asked, waits) in [(None, 500), (Some(125), 125), (Some(7_500), 500)] {
            asked.into_iter().for_each(|ms| store.waits_for_writers(Duration::from_millis(ms)).unwrap());
            assert_eq!(store.db.query_row("PRAGMA busy_timeout", (), |row| row.get::<_, i64>(0)).unwrap(), waits);
        }
    }

    #[test]
    fn heads_of_sessions_that_are_over_are_forgotten() {
        let (_folder, mut store, lease) = open();
        let mut last = step(1);
        last.kind = RowKind::Step { last: true };
        store.commit(&Batch { lease: Lease { counter: 1, ..lease }, watermarks: Vec::new(), rows: vec![step(0)], solo: false }).unwrap();
        assert_eq!(store.heads.len(), 1);
        store.commit(&Batch { lease: Lease { counter: 2, ..lease }, watermarks: Vec::new(), rows: vec![last], solo: false }).unwrap();
        assert!(store.heads.is_empty());
    }
}
