//! The record's lines, counted.

use serde::{Deserialize, Serialize};

use crate::record::{CallOutcome, Line, Verdict};

/// Counted since the gateway began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Calls that arrived.
    pub calls: u64,
    /// Calls that ended, by outcome.
    pub routed: u64,
    /// See [`CallOutcome::SelfServed`].
    pub self_served: u64,
    /// See [`CallOutcome::Abandoned`].
    pub abandoned: u64,
    /// See [`CallOutcome::DefaultRouted`].
    pub default_routed: u64,
    /// Events that got a position.
    pub events: u64,
    /// Requests handed to the switch.
    pub applied: u64,
    /// Requests seen before.
    pub duplicates: u64,
    /// Requests of those who may not act.
    pub fenced: u64,
    /// Requests on calls that were gone.
    pub gone: u64,
    /// How often a primary was acknowledged.
    pub leads: u64,
}

impl Tally {
    pub(super) fn count(&mut self, line: &Line) {
        let counter = match line {
            Line::Arrived { .. } => &mut self.calls,
            Line::Event(_) => &mut self.events,
            Line::Led { .. } => &mut self.leads,
            Line::Left { outcome, .. } => match outcome {
                CallOutcome::Routed => &mut self.routed,
                CallOutcome::SelfServed => &mut self.self_served,
                CallOutcome::Abandoned => &mut self.abandoned,
                CallOutcome::DefaultRouted => &mut self.default_routed,
            },
            Line::Request { verdict, .. } => match verdict {
                Verdict::Applied => &mut self.applied,
                Verdict::Duplicate => &mut self.duplicates,
                Verdict::Fenced => &mut self.fenced,
                Verdict::Gone => &mut self.gone,
            },
            Line::Begin { .. }
            | Line::Reconciled { .. }
            | Line::Missed { .. }
            | Line::Unled { .. }
            | Line::Quiet { .. }
            | Line::Hears { .. }
            | Line::End { .. } => return,
        };
        *counter += 1;
    }
}
