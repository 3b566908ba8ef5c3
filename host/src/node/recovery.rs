//! The sessions that a new primary finds in the store.

use std::ops::ControlFlow;

use tandem_session::{Folded, fold};
use tandem_store::{Reader, StoreError};
use tandem_words::NodeId;

/// Folds the node's sessions out of the store, oldest first. A session whose rows cannot be read is named in the log and left
/// to the gateway's control deadline; the others are not kept from recovering by it.
pub fn recover(reader: &mut dyn Reader, node: NodeId, mut found: impl FnMut(Folded)) -> Result<(), StoreError> {
    reader.for_each_live_session(node, &mut |session, rows| {
        match fold(&rows) {
            Ok(folded) => found(folded),
            Err(message) => tracing::error!(%session, "this session cannot be recovered: {message}"),
        }
        ControlFlow::Continue(())
    })
}
