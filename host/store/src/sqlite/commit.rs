//! One batch, inside its transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow};
use tandem_journal::{Batch, Claim, LostClaim, RowKind, Watermark};
use tandem_words::{NodeId, SessionId};

use super::{classify::Failure, lease};
use crate::{
    head::{Head, Kind, NONE, RowId, check_node},
    lease::{Standing, standing},
    losers::Losers,
};

pub(super) fn commit(
    db: &Connection,
    heads: &mut HashMap<SessionId, Head>,
    losers: &mut Losers,
    batch: &Batch,
) -> Result<Vec<LostClaim>, Failure> {
    let standing = standing(batch.lease, lease::standing(db, batch.lease.node)?)?;
    claims(db, losers, batch)?;
    let lost = losers.of(batch);
    if standing == Standing::Next {
        lease::renew(db, batch.lease, batch.solo)?;
        for mark in &batch.watermarks {
            raise(db, batch.lease.node, mark)?;
        }
        rows(db, heads, losers, batch)?;
    }
    Ok(lost)
}

/// Makes the claims of the batch's openings; who comes late is a loser. All claims first: a loser may have rows before its
/// opening, of an earlier incarnation, and none of them is written.
fn claims(db: &Connection, losers: &mut Losers, batch: &Batch) -> Result<(), Failure> {
    for row in &batch.rows {
        let RowKind::Opened(Some(claim)) = &row.kind else { continue };
        if insert_claim(db, claim, row.session)? {
            continue;
        }
        match owner(db, claim)? {
            Some(owner) if owner == row.session => {}
            Some(owner) => losers.remember(LostClaim { session: row.session, claim: claim.clone(), owner }),
            None => return Err(Failure::Damaged(format!("the claim {claim:?} exists and does not"))),
        }
    }
    Ok(())
}

/// Whether nobody had it.
fn insert_claim(db: &Connection, claim: &Claim, session: SessionId) -> Result<bool, Failure> {
    let SessionId { node, epoch, number } = session;
    let (epoch, number) = (epoch.cast_signed(), number.cast_signed());
    let inserted = match claim {
        Claim::Visit { interaction, switch, incarnation, visit } => db
            .prepare_cached(
                "INSERT INTO visit_claim (interaction, switch, incarnation, visit, node, epoch, number)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )?
            .execute((interaction, &**switch, incarnation.cast_signed(), visit, node, epoch, number))?,
        Claim::Request(key) => db
            .prepare_cached(
                "INSERT INTO request_claim (by_node, by_epoch, by_number, incarnation, request, node, epoch, number)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            )?
            .execute((
                key.session.node,
                key.session.epoch.cast_signed(),
                key.session.number.cast_signed(),
                key.incarnation,
                key.request,
                node,
                epoch,
                number,
            ))?,
    };
    Ok(inserted == 1)
}

/// Whose a claim is.
pub(super) fn owner(db: &Connection, claim: &Claim) -> Result<Option<SessionId>, Failure> {
    let owner = match claim {
        Claim::Visit { interaction, switch, incarnation, visit } => db
            .prepare_cached(
                "SELECT node, epoch, number FROM visit_claim
                 WHERE interaction = ?1 AND switch = ?2 AND incarnation = ?3 AND visit = ?4",
            )?
            .query_row((interaction, &**switch, incarnation.cast_signed(), visit), |row| session_id(row, 0)),
        Claim::Request(key) => db
            .prepare_cached(
                "SELECT node, epoch, number FROM request_claim
                 WHERE by_node = ?1 AND by_epoch = ?2 AND by_number = ?3 AND incarnation = ?4 AND request = ?5",
            )?
            .query_row(
                (key.session.node, key.session.epoch.cast_signed(), key.session.number.cast_signed(), key.incarnation, key.request),
                |row| session_id(row, 0),
            ),
    };
    Ok(owner.optional()?)
}

/// A session's id from three columns.
pub(super) fn session_id(row: &SqlRow<'_>, first: usize) -> rusqlite::Result<SessionId> {
    Ok(SessionId {
        node: row.get(first)?,
        epoch: row.get::<_, i64>(first + 1)?.cast_unsigned(),
        number: row.get::<_, i64>(first + 2)?.cast_unsigned(),
    })
}

/// Raises a low watermark; it never sinks.
fn raise(db: &Connection, node: NodeId, mark: &Watermark) -> Result<(), Failure> {
    let stands = db
        .prepare_cached("SELECT incarnation, position FROM watermark WHERE node = ?1 AND switch = ?2")?
        .query_row((node, &*mark.switch), |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned())))
        .optional()?;
    if stands.is_none_or(|stands| (mark.incarnation, mark.position) > stands) {
        let mut raise =
            db.prepare_cached("INSERT OR REPLACE INTO watermark (node, switch, incarnation, position) VALUES (?1, ?2, ?3, ?4)")?;
        raise.execute((node, &*mark.switch, mark.incarnation.cast_signed(), mark.position.cast_signed()))?;
    }
    Ok(())
}

/// Appends the rows, and moves the heads of their sessions once each.
fn rows(db: &Connection, heads: &mut HashMap<SessionId, Head>, losers: &Losers, batch: &Batch) -> Result<(), Failure> {
    if batch.rows.is_empty() {
        return Ok(());
    }
    let before: RowId = db.prepare_cached("SELECT coalesce(max(id), 0) FROM journal")?.query_row((), |row| row.get(0))?;
    let mut insert = db.prepare_cached("INSERT INTO journal (id, session, kind, seq, prev, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut moved = Vec::new();
    let mut id = before;
    for row in &batch.rows {
        check_node(batch.lease.node, row.session)?;
        if losers.contains(row.session) {
            continue;
        }
        id += 1;
        let stood = match heads.get(&row.session) {
            Some(head) => Some(*head),
            None => read_head(db, row.session)?,
        };
        let head = Head::follow(stood, row, id)?;
        let prev = stood.map_or(NONE, |head| head.last);
        if prev <= before {
            moved.push((row.session, stood.map(|head| head.ended)));
        }
        heads.insert(row.session, head);
        insert.execute((id, head.key, Kind::of(&row.kind) as i64, row.seq, prev, &row.data))?;
    }
    write_heads(db, heads, &moved)
}

/// `moved` are the sessions with rows in the batch, and whether they were over before it; none: they are new.
fn write_heads(db: &Connection, heads: &HashMap<SessionId, Head>, moved: &[(SessionId, Option<bool>)]) -> Result<(), Failure> {
    let mut insert = db.prepare_cached(
        "INSERT INTO session (id, incarnation, opening, snapshot, last, seq, ended, node, epoch, number)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let mut update =
        db.prepare_cached("UPDATE session SET incarnation = ?2, opening = ?3, snapshot = ?4, last = ?5, seq = ?6 WHERE id = ?1")?;
    // Apart, because only `ended` is in an index: naming it would cost every step that index's upkeep.
    let mut turn = db.prepare_cached("UPDATE session SET ended = ?2 WHERE id = ?1")?;
    for (session, was_over) in moved {
        let Some(head) = heads.get(session) else { continue };
        let Head { key, incarnation, opening, snapshot, last, seq, ended } = *head;
        let Some(was_over) = was_over else {
            let SessionId { node, epoch, number } = *session;
            let (epoch, number) = (epoch.cast_signed(), number.cast_signed());
            insert.execute((key, incarnation, opening, snapshot, last, seq, ended, node, epoch, number))?;
            continue;
        };
        update.execute((key, incarnation, opening, snapshot, last, seq))?;
        if *was_over != ended {
            turn.execute((key, ended))?;
        }
    }
    Ok(())
}

/// A session's head as it stands in the file.
pub(super) fn read_head(db: &Connection, session: SessionId) -> Result<Option<Head>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT id, incarnation, opening, snapshot, last, seq, ended FROM session WHERE node = ?1 AND epoch = ?2 AND number = ?3",
    )?;
    let head = select.query_row((session.node, session.epoch.cast_signed(), session.number.cast_signed()), |row| {
        Ok(Head {
            key: row.get(0)?,
            incarnation: row.get(1)?,
            opening: row.get(2)?,
            snapshot: row.get(3)?,
            last: row.get(4)?,
            seq: row.get(5)?,
            ended: row.get(6)?,
        })
    });
    Ok(head.optional()?)
}
