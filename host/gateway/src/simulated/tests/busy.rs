//! Many callers at once, by plan.

use tandem_words::{EventBody, RequestBody, Route};

use crate::port::{Order, Report, Switch};
use crate::simulated::callers::{Choice, Dialled, Generator};
use crate::simulated::testing::*;
use crate::simulated::{AgentPlan, Counts, Options, SimulatedSwitch};

/// A strategy in one line each: collect a digit, then route to sales.
fn serve(generator: &Generator, agents: u32, collects: bool) -> (SimulatedSwitch, usize) {
    let agent = |number| AgentPlan { answers_after_ms: Some(0), ..AgentPlan::new(format!("agent {number:03}"), &["sales"]) };
    let options = Options { agents: (0..agents).map(agent).collect(), ..options() };
    let mut switch = SimulatedSwitch::new(options, generator.callers().unwrap().collect(), 0).unwrap();
    let (mut request, mut most) = (0, 0);
    while let Some(at) = switch.next_due().filter(|_| !switch.is_over()) {
        switch.advance(at);
        most = most.max(switch.calls.len());
        loop {
            let reports = switch.drain_reports();
            if reports.is_empty() {
                break;
            }
            for report in reports {
                let Report::Event { interaction: Some(id), body, .. } = report else { continue };
                let body = match (body, collect(1)) {
                    (EventBody::InteractionAdded(_), RequestBody::Collect { options, .. }) if collects => {
                        RequestBody::Collect { call: id, options }
                    }
                    (EventBody::InteractionAdded(_) | EventBody::CollectDone(_), _) => {
                        RequestBody::Route(Route { interaction: id, ..route(&[group("sales")]) })
                    }
                    _ => continue,
                };
                request += 1;
                switch.order(at, Order::Apply { key: key(request), body, route: None });
            }
        }
        switch.drain_lines();
    }
    (switch, most)
}

#[test]
fn callers_give_up_as_often_as_erlang_a_says() {
    // 200 calls an hour, 180 s of talk, 120 s of patience, 10 agents: P(abandon) = 0.137464.
    let year = Generator { duration_ms: 500 * 3_600_000, vru_hang_up_percent: 0, ..Generator::default() };
    let (switch, _) = serve(&year, 10, false);
    let Counts { arrived, routed, abandoned, .. } = switch.status().counts;
    assert_eq!(arrived, routed + abandoned);
    let share = abandoned as f64 / arrived as f64;
    assert!((share - 0.137464).abs() < 0.006, "{share} of {arrived}");
}

#[test]
fn thousands_of_live_calls_all_come_to_an_end() {
    let dialled = vec![Dialled::new("8000", vec![Choice { keys: "1".into(), weight: 1 }])];
    let crowd = Generator { calls_per_hour: 120_000.0, duration_ms: 600_000, dialled, ..Generator::default() };
    let (switch, most) = serve(&crowd, 3_000, true);
    assert!(most > 3_000, "{most}");
    let status = switch.status();
    assert_eq!((status.counts.calls(), status.open_requests), (status.counts.arrived, 0));
}
