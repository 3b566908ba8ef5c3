//! Where a session's rows stand: the one small thing a store keeps for each session besides its rows.

use tandem_journal::{Row, RowKind};
use tandem_words::{Incarnation, SessionId};

use crate::{Misfit, StoreError};

/// A row's place in the journal: from 1, in commit order.
pub(crate) type RowId = i64;

/// No row.
pub(crate) const NONE: RowId = 0;

/// Which record a row holds, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Opened = 1,
    Step = 2,
    Snapshot = 3,
    Ended = 4,
}

impl Kind {
    pub(crate) fn of(kind: &RowKind) -> Kind {
        match kind {
            RowKind::Opened(_) => Kind::Opened,
            RowKind::Step { .. } => Kind::Step,
            RowKind::Snapshot => Kind::Snapshot,
            RowKind::Ended => Kind::Ended,
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Kind> {
        [Kind::Opened, Kind::Step, Kind::Snapshot, Kind::Ended].into_iter().find(|kind| *kind as i64 == code)
    }
}

/// A session's rows: the newest incarnation's opening and snapshot, and the last row, from which each row names the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The session's number in the journal: its first opening's row.
    pub(crate) key: RowId,
    /// The newest incarnation.
    pub(crate) incarnation: Incarnation,
    /// Its opening.
    pub(crate) opening: RowId,
    /// Its last snapshot that stands directly behind its step, or [`NONE`]. Reading may begin here.
    pub(crate) snapshot: RowId,
    /// The session's last row.
    pub(crate) last: RowId,
    /// The incarnation's last step, 0 before the first.
    pub(crate) seq: u32,
    /// Whether the incarnation is over.
    pub(crate) ended: bool,
}

impl Head {
    /// Where reading begins.
    pub(crate) fn base(&self) -> RowId {
        self.snapshot.max(self.opening)
    }

    /// The head behind `row`, which is to stand at `id`; an error where the row cannot stand there.
    pub(crate) fn follow(before: Option<Head>, row: &Row, id: RowId) -> Result<Head, StoreError> {
        let misfit = |misfit| StoreError::Misfit { session: row.session, misfit };
        if let RowKind::Opened(_) = row.kind {
            let stands = before.map_or(0, |head| head.incarnation);
            if row.incarnation <= stands {
                return Err(misfit(Misfit::OpenedAgain { found: row.incarnation, stands }));
            }
            let key = before.map_or(id, |head| head.key);
            return Ok(Head { key, incarnation: row.incarnation, opening: id, snapshot: NONE, last: id, seq: 0, ended: false });
        }
        let mut head = before.ok_or_else(|| misfit(Misfit::NotOpened))?;
        if row.incarnation != head.incarnation {
            return Err(misfit(Misfit::OtherIncarnation { found: row.incarnation, stands: head.incarnation }));
        }
        match row.kind {
            // A snapshot whose step does not exist may stand in the journal; nothing points to it.
            RowKind::Snapshot if row.seq == head.seq => head.snapshot = id,
            RowKind::Snapshot | RowKind::Opened(_) => {}
            RowKind::Step { .. } | RowKind::Ended if head.ended => return Err(misfit(Misfit::Over)),
            RowKind::Step { .. } if Some(row.seq) != head.seq.checked_add(1) => {
                return Err(misfit(Misfit::OutOfOrder { found: row.seq, stands: head.seq }));
            }
            RowKind::Step { last } => (head.seq, head.ended) = (row.seq, last),
            RowKind::Ended => head.ended = true,
        }
        head.last = id;
        Ok(head)
    }
}

/// The rows of a batch belong to the node of its lease: a session's id begins with it, adopted or not.
pub(crate) fn check_node(node: tandem_words::NodeId, session: SessionId) -> Result<(), StoreError> {
    if session.node == node { Ok(()) } else { Err(StoreError::Misfit { session, misfit: Misfit::OtherNode { node } }) }
}
