//! The waiting line of one target.

use std::collections::BTreeSet;

use crate::route::Rank;

/// Routes waiting for one target. A route with several targets stands in several lines.
#[derive(Debug, Clone)]
pub(crate) struct Line<K> {
    by_rank: BTreeSet<Rank<K>>,
    /// (enqueued at, key): whoever waits longest is not always first.
    by_age: BTreeSet<(u64, K)>,
}

impl<K> Default for Line<K> {
    fn default() -> Self {
        Self { by_rank: BTreeSet::new(), by_age: BTreeSet::new() }
    }
}

impl<K: Clone + Ord> Line<K> {
    pub(crate) fn join(&mut self, rank: Rank<K>, enqueued_at_ms: u64) {
        self.by_age.insert((enqueued_at_ms, rank.key.clone()));
        self.by_rank.insert(rank);
    }

    pub(crate) fn leave(&mut self, rank: &Rank<K>, enqueued_at_ms: u64) {
        self.by_rank.remove(rank);
        self.by_age.remove(&(enqueued_at_ms, rank.key.clone()));
    }

    pub(crate) fn first(&self) -> Option<&Rank<K>> {
        self.by_rank.first()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_rank.len()
    }

    pub(crate) fn oldest_enqueued_at_ms(&self) -> Option<u64> {
        self.by_age.first().map(|(enqueued_at_ms, _)| *enqueued_at_ms)
    }
}
