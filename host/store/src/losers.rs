//! Sessions that lost their claim, while rows of theirs may still be on the way.

use std::collections::BTreeMap;

use tandem_journal::{Batch, LostClaim};
use tandem_words::SessionId;

/// How many are remembered: far more than can be on the way, and about 10 MB. The oldest are forgotten first.
const REMEMBERED: usize = 65_536;

/// A session may run ahead of its commits, so a loser's next steps can already stand in the batch behind its opening's.
/// They are dropped too, and reported again; without this memory they would look like rows without an opening.
#[derive(Debug, Default)]
pub(crate) struct Losers(BTreeMap<SessionId, LostClaim>);

impl Losers {
    pub(crate) fn remember(&mut self, lost: LostClaim) {
        self.0.insert(lost.session, lost);
        if self.0.len() > REMEMBERED {
            self.0.pop_first();
        }
    }

    pub(crate) fn contains(&self, session: SessionId) -> bool {
        self.0.contains_key(&session)
    }

    /// Those with rows in this batch, each once, in its order.
    pub(crate) fn of(&self, batch: &Batch) -> Vec<LostClaim> {
        let mut lost: Vec<LostClaim> = Vec::new();
        if self.0.is_empty() {
            return lost;
        }
        for loser in batch.rows.iter().filter_map(|row| self.0.get(&row.session)) {
            if lost.iter().all(|known| known.session != loser.session) {
                lost.push(loser.clone());
            }
        }
        lost
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
