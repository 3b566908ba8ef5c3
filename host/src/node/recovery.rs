//! The sessions that a new primary finds in the store.

use tandem_journal::{Opening, SessionRows, Survival};
use tandem_session::{Folded, Records};
use tandem_words::SessionId;

/// A live session.
pub enum Found {
    /// It goes on; with what it was folded of, where that is here.
    Persisted(Folded, Option<Records>),
    /// Of this one the store has no more than that it lives: it waits to be started again, or is over.
    Waiting(Opening),
}

impl Found {
    /// A session that is folded.
    pub fn of(folded: Folded, records: Option<Records>) -> Self {
        match folded.state.opening().survival {
            Survival::Recovered => Found::Persisted(folded, records),
            Survival::Restarted | Survival::Left => Found::Waiting(folded.state.opening().clone()),
        }
    }
}

/// Folds a session's rows. One whose rows cannot be read (none) is named in the log and left to the gateway's control deadline; the
/// others are not kept from recovering by it.
pub fn found(session: SessionId, rows: &SessionRows) -> Option<Found> {
    match Records::read(rows).and_then(|records| Ok((records.fold()?, records))) {
        Ok((folded, records)) => Some(Found::of(folded, Some(records))),
        Err(message) => {
            tracing::error!(%session, "this session cannot be recovered: {message}");
            None
        }
    }
}
