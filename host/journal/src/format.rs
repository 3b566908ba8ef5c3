//! How a record is written down.

use serde::{Deserialize, Serialize};
use tandem_words::{Incarnation, SessionId};

use crate::{Claim, Record};

/// The format of the rows this release writes, the first byte of each. It reads this one and all before it.
pub const FORMAT: u8 = 1;

/// Which record a row holds; what a store needs to know of it without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowKind {
    /// The session's first row; conditional on its claim where it has one.
    Opened(Option<Claim>),
    /// A step; with the last one the session is no longer live.
    Step {
        /// [`crate::Step::last`].
        last: bool,
    },
    /// A snapshot.
    Snapshot,
    /// The host ended the session.
    Ended,
}

/// A record, ready for a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose.
    pub session: SessionId,
    /// In which run.
    pub incarnation: Incarnation,
    /// The step it is, or behind which it stands.
    pub seq: u32,
    /// What it is.
    pub kind: RowKind,
    /// The record itself, format number first.
    pub data: Vec<u8>,
}

/// A row that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Nothing in it.
    #[error("a journal row is empty; the store is damaged: restore it from a backup")]
    Empty,
    /// Written by a release after this one.
    #[error("a journal row has format {found}, and this release reads up to {FORMAT}; run the release that wrote it, or a newer one")]
    Newer {
        /// The row's format.
        found: u8,
    },
    /// Not what its format says.
    #[error("a journal row is damaged ({0}); restore the store from a backup")]
    Damaged(#[from] rmp_serde::decode::Error),
    /// A record that cannot be written; a bug in Tandem.
    #[error("a journal record cannot be encoded ({0}); please report this")]
    Unwritable(#[from] rmp_serde::encode::Error),
}

/// Writes a record down.
pub fn encode(record: &Record) -> Result<Row, FormatError> {
    let mut data = vec![FORMAT];
    rmp_serde::encode::write(&mut data, record)?;
    let (session, incarnation, seq, kind) = match record {
        Record::Opened(opening) => (opening.session, opening.incarnation, 0, RowKind::Opened(opening.claim.clone())),
        Record::Step(step) => (step.session, step.incarnation, step.event.seq, RowKind::Step { last: step.last }),
        Record::Snapshot(snapshot) => (snapshot.session, snapshot.incarnation, snapshot.seq, RowKind::Snapshot),
        Record::Ended(ending) => (ending.session, ending.incarnation, ending.seq, RowKind::Ended),
    };
    Ok(Row { session, incarnation, seq, kind, data })
}

/// Reads a row's data back.
pub fn decode(data: &[u8]) -> Result<Record, FormatError> {
    match data.split_first() {
        None => Err(FormatError::Empty),
        Some((&found, _)) if found == 0 || found > FORMAT => Err(FormatError::Newer { found }),
        Some((_, body)) => Ok(rmp_serde::from_slice(body)?),
    }
}
