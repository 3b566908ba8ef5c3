//! The reading side.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tandem_journal::{Claim, SessionRows, Watermark};
use tandem_words::{NodeId, SessionId, StoreId, SwitchName, VersionId};

use super::{
    classify::Failure,
    commit::{owner, read_head, session_id},
    lease,
};
use crate::{
    Component, Counts, LeaseRow, Reader, SessionSummary, StoreError,
    assemble::Assembly,
    head::{Kind, NONE, RowId},
};

/// Rows that recovery is ready to scan for each live session, before it rather follows single sessions' chains: a chain
/// costs about four times as much a row, and sessions hold a few rows of their own.
const SCAN_A_SESSION: i64 = 16;

/// Rows that are scanned in any case: about 10 ms.
const SCAN_ANYHOW: i64 = 10_000;

/// Rows of an export read at once, so that it does not keep the write-ahead log from being emptied.
const EXPORT_CHUNK: i64 = 4_096;

/// A connection that only reads.
pub(super) struct SqliteReader {
    db: Connection,
    path: PathBuf,
}

/// A live session, while its rows are looked for.
struct Sought {
    session: SessionId,
    opening: RowId,
    base: RowId,
    last: RowId,
    assembly: Assembly,
}

impl SqliteReader {
    pub(super) fn new(db: Connection, path: &Path) -> Self {
        SqliteReader { db, path: path.to_owned() }
    }

    /// Runs `work` on one state of the store.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        let transaction = Transaction::new_unchecked(&self.db, TransactionBehavior::Deferred).map_err(Failure::from);
        transaction.and_then(|transaction| work(&transaction)).map_err(|failure| failure.at(&self.path))
    }
}

/// A row that a head or another row points to.
struct Found {
    id: RowId,
    kind: Kind,
    seq: u32,
    prev: RowId,
    data: Vec<u8>,
}

fn row_at(db: &Connection, id: RowId) -> Result<Found, Failure> {
    let mut select = db.prepare_cached("SELECT kind, seq, prev, data FROM journal WHERE id = ?1")?;
    let mut rows = select.query([id])?;
    let row = rows.next()?.ok_or_else(|| Failure::Damaged(format!("row {id} of the journal is missing")))?;
    Ok(Found { id, kind: kind(row.get(0)?, id)?, seq: row.get(1)?, prev: row.get(2)?, data: row.get(3)? })
}

fn kind(code: i64, id: RowId) -> Result<Kind, Failure> {
    Kind::from_code(code).ok_or_else(|| Failure::Damaged(format!("row {id} of the journal has kind {code}")))
}

/// The rows from `last` back to `base`, oldest first.
fn chain(db: &Connection, last: RowId, base: RowId) -> Result<Vec<Found>, Failure> {
    let mut rows = Vec::new();
    let mut id = last;
    while id >= base.max(1) {
        let row = row_at(db, id)?;
        if row.prev >= id {
            return Err(Failure::Damaged(format!("row {id} of the journal stands before row {} that it follows", row.prev)));
        }
        id = row.prev;
        rows.push(row);
    }
    rows.reverse();
    Ok(rows)
}

impl Sought {
    fn take(&mut self, db: &Connection, id: RowId, kind: Kind, seq: u32, data: Vec<u8>) -> Result<(), Failure> {
        if id == self.base && kind == Kind::Snapshot {
            self.assembly.opened_by(row_at(db, self.opening)?.data);
            self.assembly.resume(seq, data);
        } else if id >= self.base {
            self.assembly.add(kind, seq, data);
        }
        Ok(())
    }

    /// Its rows, by its chain.
    fn follow(mut self, db: &Connection) -> Result<SessionRows, Failure> {
        for row in chain(db, self.last, self.base)? {
            self.take(db, row.id, row.kind, row.seq, row.data)?;
        }
        Ok(self.assembly.finish())
    }
}

fn live(db: &Connection, node: NodeId) -> Result<Vec<(RowId, Sought)>, Failure> {
    let mut select = db
        .prepare_cached("SELECT id, node, epoch, number, opening, snapshot, last FROM session WHERE node = ?1 AND ended = 0 ORDER BY id")?;
    let live = select.query_map([node], |row| {
        let (opening, snapshot): (RowId, RowId) = (row.get(4)?, row.get(5)?);
        let base = opening.max(snapshot);
        Ok((row.get(0)?, Sought { session: session_id(row, 1)?, opening, base, last: row.get(6)?, assembly: Assembly::default() }))
    })?;
    Ok(live.collect::<Result<_, _>>()?)
}

/// One scan over the end of the journal for the sessions whose rows lie there, then the chains of the others.
fn visit_live(db: &Connection, node: NodeId, visit: &mut dyn FnMut(SessionId, SessionRows) -> ControlFlow<()>) -> Result<(), Failure> {
    let live = live(db, node)?;
    let end = live.iter().map(|(_, sought)| sought.last).max().unwrap_or(NONE);
    let from = end - SCAN_ANYHOW - SCAN_A_SESSION * live.len() as i64;
    let (near, far): (Vec<_>, Vec<_>) = live.into_iter().partition(|(_, sought)| sought.base >= from);
    let mut near: HashMap<RowId, Sought> = near.into_iter().collect();
    let from = near.values().map(|sought| sought.base).min().unwrap_or(end + 1);

    let mut select = db.prepare_cached("SELECT id, session, kind, seq, data FROM journal WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
    let mut rows = select.query([from, end])?;
    while let Some(row) = rows.next()? {
        let (id, key): (RowId, RowId) = (row.get(0)?, row.get(1)?);
        let Some(sought) = near.get_mut(&key) else { continue };
        sought.take(db, id, kind(row.get(2)?, id)?, row.get(3)?, row.get(4)?)?;
        if id == sought.last
            && let Some(sought) = near.remove(&key)
            && visit(sought.session, sought.assembly.finish()).is_break()
        {
            return Ok(());
        }
    }
    if let Some(sought) = near.values().next() {
        return Err(Failure::Damaged(format!("the last row of session {} is missing", sought.session)));
    }
    for (_, sought) in far {
        let session = sought.session;
        if visit(session, sought.follow(db)?).is_break() {
            break;
        }
    }
    Ok(())
}

impl Reader for SqliteReader {
    fn store_id(&mut self) -> Result<StoreId, StoreError> {
        self.read(|db| Ok(db.query_row("SELECT id FROM store", (), |row| row.get::<_, i64>(0))?.cast_unsigned()))
    }

    fn lease(&mut self, node: NodeId) -> Result<Option<LeaseRow>, StoreError> {
        self.read(|db| lease::read(db, node))
    }

    fn watermarks(&mut self, node: NodeId) -> Result<Vec<Watermark>, StoreError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT switch, incarnation, position FROM watermark WHERE node = ?1 ORDER BY switch")?;
            let marks = select.query_map([node], |row| {
                Ok(Watermark {
                    switch: SwitchName::from(row.get::<_, String>(0)?),
                    incarnation: row.get::<_, i64>(1)?.cast_unsigned(),
                    position: row.get::<_, i64>(2)?.cast_unsigned(),
                })
            })?;
            Ok(marks.collect::<Result<_, _>>()?)
        })
    }

    fn live_sessions(&mut self, node: NodeId) -> Result<Vec<SessionId>, StoreError> {
        self.read(|db| Ok(live(db, node)?.into_iter().map(|(_, sought)| sought.session).collect()))
    }

    fn session_rows(&mut self, session: SessionId) -> Result<Option<SessionRows>, StoreError> {
        self.read(|db| {
            let Some(head) = read_head(db, session)? else { return Ok(None) };
            let sought = Sought { session, opening: head.opening, base: head.base(), last: head.last, assembly: Assembly::default() };
            sought.follow(db).map(Some)
        })
    }

    fn for_each_live_session(
        &mut self,
        node: NodeId,
        visit: &mut dyn FnMut(SessionId, SessionRows) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.read(|db| visit_live(db, node, visit))
    }

    fn sessions_of_interaction(&mut self, interaction: &str) -> Result<Vec<SessionId>, StoreError> {
        self.read(|db| {
            let mut select = db
                .prepare_cached("SELECT node, epoch, number FROM visit_claim WHERE interaction = ?1 ORDER BY switch, incarnation, visit")?;
            let sessions = select.query_map([interaction], |row| session_id(row, 0))?;
            Ok(sessions.collect::<Result<_, _>>()?)
        })
    }

    fn all_rows_of(&mut self, session: SessionId) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|db| {
            let Some(head) = read_head(db, session)? else { return Ok(Vec::new()) };
            Ok(chain(db, head.last, head.key)?.into_iter().map(|row| row.data).collect())
        })
    }

    fn claim_owner(&mut self, claim: &Claim) -> Result<Option<SessionId>, StoreError> {
        self.read(|db| owner(db, claim))
    }

    fn export(&mut self, visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), StoreError> {
        let end = self.last_row()?.cast_signed();
        let mut from = 1;
        while from <= end {
            let to = end.min(from + EXPORT_CHUNK - 1);
            let flow = self.read(|db| {
                let mut select = db.prepare_cached("SELECT data FROM journal WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
                let mut rows = select.query([from, to])?;
                while let Some(row) = rows.next()? {
                    let data = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
                    if visit(data).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            })?;
            if flow.is_break() {
                break;
            }
            from = to + 1;
        }
        Ok(())
    }

    fn last_row(&mut self) -> Result<u64, StoreError> {
        self.read(|db| {
            let last: RowId = db.prepare_cached("SELECT coalesce(max(id), 0) FROM journal")?.query_row((), |row| row.get(0))?;
            Ok(last.cast_unsigned())
        })
    }

    fn rows_behind(&mut self, after: u64, rows: u32, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StoreError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT id, data FROM journal WHERE id > ?1 ORDER BY id LIMIT ?2")?;
            let mut found = select.query((after.cast_signed(), rows))?;
            while let Some(row) = found.next()? {
                let data = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                visit(row.get::<_, RowId>(0)?.cast_unsigned(), data);
            }
            Ok(())
        })
    }

    fn sessions(&mut self, visit: &mut dyn FnMut(SessionSummary) -> ControlFlow<()>) -> Result<(), StoreError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT s.node, s.epoch, s.number, s.incarnation, s.ended, s.seq, j.data
                 FROM session AS s JOIN journal AS j ON j.id = s.opening ORDER BY s.id",
            )?;
            let mut rows = select.query(())?;
            while let Some(row) = rows.next()? {
                let summary = SessionSummary {
                    session: session_id(row, 0)?,
                    incarnation: row.get(3)?,
                    live: !row.get::<_, bool>(4)?,
                    steps: row.get(5)?,
                    opening: row.get(6)?,
                };
                if visit(summary).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn counts(&mut self) -> Result<Counts, StoreError> {
        self.read(|db| {
            let (sessions, live, steps): (i64, i64, i64) =
                db.query_row("SELECT count(*), coalesce(sum(ended = 0), 0), coalesce(sum(seq), 0) FROM session", (), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            let rows: i64 = db.query_row("SELECT coalesce(max(id), 0) FROM journal", (), |row| row.get(0))?;
            let bytes: i64 =
                db.query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", (), |row| row.get(0))?;
            let [sessions, live, steps, rows, bytes] = [sessions, live, steps, rows, bytes].map(i64::cast_unsigned);
            Ok(Counts { sessions, live, steps, rows, bytes })
        })
    }

    fn component(&mut self, version: VersionId) -> Result<Option<Component>, StoreError> {
        self.read(|db| {
            let mut select = db.prepare_cached("SELECT name, bytes FROM component WHERE version = ?1")?;
            Ok(select.query_row([version.0], |row| Ok(Component { name: row.get(0)?, bytes: row.get(1)? })).optional()?)
        })
    }
}
