//! What a run of the switch tells people before and after.

use std::time::Duration;

use tandem_gateway::simulated;

use super::callers::Callers;
use crate::{gateway::Summary, options::RoutingPoint};

pub fn before(name: &str, points: &[&RoutingPoint], called: &Callers, switch: &simulated::Options) -> String {
    let numbers: Vec<_> = points.iter().map(|point| point.number.as_str()).collect();
    format!("switch {name}: {} callers, {} agents, routing points {}", called.callers.len(), switch.agents.len(), numbers.join(", "))
}

/// `start`: switch time at the beginning; `took`: real time.
pub fn after(summary: &Summary, start: u64, took: Duration) -> String {
    let status = &summary.status;
    let tally = &status.tally;
    let end = if summary.over { "over" } else { "stopped before its end" };
    let passed = Duration::from_millis(status.now.saturating_sub(start));
    format!(
        "\
The run is {end}: {} of switch time in {:.1} s.
  calls    {}: {} routed, {} self-served, {} abandoned, {} on the default route, {} rejected, {} still live
  link     {} events, {} requests ({} duplicates, {} fenced, {} on calls that were gone), {} times led",
        clock(passed),
        took.as_secs_f64(),
        tally.calls,
        tally.routed,
        tally.self_served,
        tally.abandoned,
        tally.default_routed,
        status.rejected,
        status.live_calls,
        tally.events,
        tally.applied,
        tally.duplicates,
        tally.fenced,
        tally.gone,
        tally.leads,
    )
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
