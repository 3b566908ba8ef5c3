//! How the switch stands.

use super::SimulatedSwitch;
use super::call::Stage;
use crate::record::CallOutcome;

/// What became of callers. Calls that strategies made are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that arrived at a routing point.
    pub arrived: u64,
    /// Of these, ended: reached a target.
    pub routed: u64,
    /// Ended by their strategy without one.
    pub self_served: u64,
    /// Hung up before either.
    pub abandoned: u64,
    /// Sent to the default route.
    pub default_routed: u64,
    /// Not arrived: a number that is no routing point, or a full switch.
    pub rejected: u64,
}

impl Counts {
    /// Calls that are over: the sum of the four outcomes.
    pub fn calls(&self) -> u64 {
        self.routed + self.self_served + self.abandoned + self.default_routed
    }

    pub(super) fn count(&mut self, outcome: CallOutcome) {
        *match outcome {
            CallOutcome::Routed => &mut self.routed,
            CallOutcome::SelfServed => &mut self.self_served,
            CallOutcome::Abandoned => &mut self.abandoned,
            CallOutcome::DefaultRouted => &mut self.default_routed,
        } += 1;
    }
}

/// The switch at an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Calls that are not over, outbound ones included.
    pub live_calls: usize,
    /// Of these, at a routing point: ringing or connected, not with a target.
    pub at_routing_point: usize,
    /// Of these, with an open route.
    pub waiting: usize,
    /// With a target.
    pub talking: usize,
    /// On the default route.
    pub on_default_route: usize,
    /// Treatments that run, music not among them.
    pub treatments_running: usize,
    /// Collects that run and have some of their digits.
    pub collects_half_pressed: usize,
    /// Requests without an answer.
    pub open_requests: usize,
    /// What became of callers so far.
    pub counts: Counts,
}

impl SimulatedSwitch {
    /// How the switch stands. Looks at every live call.
    pub fn status(&self) -> Status {
        let open_requests = self.outlet.open_requests();
        let mut status = Status { live_calls: self.calls.len(), open_requests, counts: self.counts, ..Status::default() };
        for call in self.calls.values() {
            match call.stage {
                Stage::Ringing | Stage::Connected => status.at_routing_point += 1,
                Stage::Talking { .. } => status.talking += 1,
                Stage::DefaultRouted => status.on_default_route += 1,
                Stage::Calling { .. } | Stage::Over => {}
            }
            status.waiting += usize::from(call.stage == Stage::Connected && call.route.is_some());
            status.treatments_running += usize::from(call.treatments.running.is_some());
            status.collects_half_pressed += usize::from(call.treatments.is_half_pressed());
        }
        status
    }
}
