//! Random inputs against a naive model that looks at everything: every offer is the one that the rules ask for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod model;

use model::Model;
use proptest::prelude::*;
use tandem_queue::{AgentGroups, AgentSetup, Options, Route, Target};

/// All times are multiples of this, so that much happens at the same instant.
const GRID_MS: u64 = 5;
pub(crate) const NOT_READY_MS: u64 = 40;
/// Each agent's groups and wrap-up time.
pub(crate) const AGENTS: [(&str, &[&str], u64); 6] =
    [("a", &["x"], 0), ("b", &["x", "y"], 30), ("c", &["y"], 0), ("d", &["x", "y", "z"], 15), ("e", &["z"], 30), ("f", &[], 0)];

#[derive(Debug, Clone)]
pub(crate) enum Input {
    LogIn(usize),
    LogOut(usize),
    Enqueue { targets: Vec<Target>, priority: i32, credit_ms: u32, timeout_ms: Option<u64> },
    SetPriority(usize, i32),
    Cancel(usize),
    Seize(usize),
    Answered(usize),
    NotAnswered(usize),
    CallEnded(usize),
}

fn inputs() -> impl Strategy<Value = Vec<(u64, Input)>> {
    let agent = || 0..AGENTS.len();
    let target = prop_oneof![
        3 => prop::sample::select(vec!["x", "y", "z"]).prop_map(|group| Target::Group(group.into())),
        1 => agent().prop_map(|agent| Target::Agent(AGENTS[agent].0.into())),
    ];
    let route = (
        prop::collection::vec(target, 1..4),
        -1..2,
        (0..12_u32).prop_map(|n| n * GRID_MS as u32),
        prop::option::of((1..18_u64).prop_map(|n| n * GRID_MS)),
    );
    let input = prop_oneof![
        3 => agent().prop_map(Input::LogIn),
        1 => agent().prop_map(Input::LogOut),
        6 => route.prop_map(|(targets, priority, credit_ms, timeout_ms)| {
            Input::Enqueue { targets, priority, credit_ms, timeout_ms }
        }),
        1 => (any::<usize>(), -1..2).prop_map(|(route, priority)| Input::SetPriority(route, priority)),
        1 => any::<usize>().prop_map(Input::Cancel),
        1 => agent().prop_map(Input::Seize),
        6 => agent().prop_map(Input::Answered),
        1 => agent().prop_map(Input::NotAnswered),
        6 => agent().prop_map(Input::CallEnded),
    ];
    prop::collection::vec((prop_oneof![2 => Just(0), 3 => (0..5_u64).prop_map(|n| n * GRID_MS)], input), 1..250)
}

fn run(inputs: Vec<(u64, Input)>) {
    let mut groups = AgentGroups::new(Options { not_ready_ms: NOT_READY_MS, ..Options::default() });
    let (mut model, mut out, mut now_ms) = (Model::new(), Vec::new(), 0);
    ["x", "y", "z"].into_iter().for_each(|group| groups.add_group(group).unwrap());
    for (name, of, wrap_up_ms) in AGENTS {
        let setup = AgentSetup { name: name.into(), groups: of.iter().map(|&group| group.into()).collect(), wrap_up_ms };
        groups.put_agent(0, setup, &mut out).unwrap();
    }
    for (key, (step_ms, input)) in (1_u64..).zip(inputs) {
        now_ms += step_ms;
        // Often past several dues at once: they must still come out one by one, in order.
        groups.advance(now_ms, &mut out);
        model.follow(&out, now_ms);
        out.clear();
        assert!(groups.next_due_ms().is_none_or(|due_ms| due_ms > now_ms), "nothing due is left");
        model.compare(&groups, now_ms);

        let nth = |n: usize| model.nth_route(n).unwrap_or(key);
        let (agent, out) = (|n: &usize| AGENTS[*n].0, &mut out);
        let accepted = match &input {
            Input::LogIn(n) => groups.log_in(now_ms, agent(n), out),
            Input::LogOut(n) => groups.log_out(now_ms, agent(n), out),
            Input::Enqueue { targets, priority, credit_ms, timeout_ms } => {
                let (targets, priority, credit_ms, timeout_ms) = (targets.clone(), *priority, *credit_ms, *timeout_ms);
                groups.enqueue(now_ms, Route { key, targets, priority, credit_ms, timeout_ms }, out)
            }
            Input::SetPriority(n, priority) => groups.set_priority(now_ms, &nth(*n), *priority, out),
            Input::Cancel(n) => groups.cancel(now_ms, &nth(*n), out),
            Input::Seize(n) => groups.seize(now_ms, agent(n), key, out),
            Input::Answered(n) => groups.answered(now_ms, agent(n), out),
            Input::NotAnswered(n) => groups.not_answered(now_ms, agent(n), out),
            Input::CallEnded(n) => groups.call_ended(now_ms, agent(n), out),
        };
        assert_eq!(accepted.is_ok(), model.apply(&input, key, now_ms), "{input:?}: {accepted:?}");
        model.follow(out, now_ms);
        out.clear();
        model.compare(&groups, now_ms);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// At most one call an agent; no ready agent while a route they could take waits; order respected; no route lost.
    #[test]
    fn every_offer_is_the_one_the_rules_ask_for(inputs in inputs()) {
        run(inputs);
    }
}
