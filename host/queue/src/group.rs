//! One agent group.

use std::collections::BTreeSet;

use crate::Name;
use crate::line::Line;

/// How many calls the mean handling time looks back, roughly: new calls count 1/16. Fewer and the estimate jumps with
/// every long call, more and it is late when the day's mix changes.
const HANDLING_MEMORY: u64 = 16;

#[derive(Debug, Clone)]
pub(crate) struct Group<K> {
    pub(crate) members: BTreeSet<Name>,
    /// (idle since, agent): the first is the longest idle.
    pub(crate) ready: BTreeSet<(u64, Name)>,
    pub(crate) line: Line<K>,
    /// From answer to the end of wrap-up, exponentially weighted; none before the group's first call has ended.
    pub(crate) mean_handling_ms: Option<u64>,
}

impl<K> Default for Group<K> {
    fn default() -> Self {
        Self { members: BTreeSet::new(), ready: BTreeSet::new(), line: Line::default(), mean_handling_ms: None }
    }
}

impl<K> Group<K> {
    pub(crate) fn handled(&mut self, handling_ms: u64) {
        self.mean_handling_ms = Some(match self.mean_handling_ms {
            None => handling_ms,
            Some(mean_ms) => mean_ms - mean_ms / HANDLING_MEMORY + handling_ms / HANDLING_MEMORY,
        });
    }
}
