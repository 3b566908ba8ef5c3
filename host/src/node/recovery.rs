//! The sessions that a new primary finds in the store.

use std::ops::ControlFlow;

use tandem_journal::{Opening, Survival};
use tandem_session::{Folded, fold};
use tandem_store::{Reader, StoreError};
use tandem_words::NodeId;

/// A live session.
pub enum Found {
    /// It goes on.
    Persisted(Box<Folded>),
    /// Of this one the store has no more than that it lives: it waits to be started again, or is over.
    Waiting(Opening),
}

/// Folds the node's sessions out of the store, oldest first. A session whose rows cannot be read is named in the log and left
/// to the gateway's control deadline; the others are not kept from recovering by it.
pub fn recover(reader: &mut dyn Reader, node: NodeId, mut found: impl FnMut(Found)) -> Result<(), StoreError> {
    reader.for_each_live_session(node, &mut |session, rows| {
        match fold(&rows) {
            Ok(folded) if folded.state.opening().survival == Survival::Recovered => found(Found::Persisted(Box::new(folded))),
            Ok(folded) => found(Found::Waiting(folded.state.opening().clone())),
            Err(message) => tracing::error!(%session, "this session cannot be recovered: {message}"),
        }
        ControlFlow::Continue(())
    })
}
