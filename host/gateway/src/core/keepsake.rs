//! What must outlive a gateway.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_words::{Bug, Epoch, NodeId, StoreId, SwitchIncarnation, planted};

/// What one life of a gateway leaves to the next. It is written down before the acknowledgement that depends on it leaves.
///
/// Without it a restarted gateway would let an old epoch lead (P5), and could give positions of the last life again under
/// the same incarnation (P4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keepsake {
    /// Of the positions.
    pub incarnation: SwitchIncarnation,
    /// Every node that ever led.
    pub nodes: BTreeMap<NodeId, NodeKeepsake>,
}

impl Keepsake {
    /// For a gateway that starts and has lost its positions: a new incarnation, at least `not_before` (a gateway without a
    /// file to keep this in gives the time of day, so that no incarnation comes twice).
    pub fn next_life(mut self, not_before: SwitchIncarnation) -> Self {
        if planted(Bug::SameIncarnationOfSwitch) && self.incarnation > 0 {
            return self;
        }
        self.incarnation = self.incarnation.saturating_add(1).max(not_before);
        self
    }
}

/// What is kept of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeKeepsake {
    /// The cluster it belongs to.
    pub cluster: String,
    /// The cluster store in which its lease stands.
    pub store: StoreId,
    /// The highest epoch that led.
    pub epoch: Epoch,
}
