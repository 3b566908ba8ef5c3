use expect_test::expect;
use tandem_words::{RequestBody, Route, Target};

use crate::simulated::testing::*;
use crate::simulated::{AgentPlan, Duty, NumberAnswers, Options};

/// Ann and bob of sales; ann does not answer.
fn ann_does_not_answer() -> Options {
    let ann = AgentPlan { answers_after_ms: None, ..AgentPlan::new("ann", &["sales"]) };
    Options { agents: vec![ann, AgentPlan::new("bob", &["sales", "service"])], ..options() }
}

fn nobody_there() -> Options {
    let ann = AgentPlan { duty: Vec::new(), ..AgentPlan::new("ann", &["sales"]) };
    Options { agents: vec![ann], ..options() }
}

#[test]
fn an_agent_of_the_group_answers_and_ends_what_was_heard() {
    Bench::ringing().ask(music()).run(500).route(&[group("sales")]).ask(play("hello", false)).run(40_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears Music
        500 c1 interaction.party-changed ann ann Ringing
        500 c1 hears #3 dialog.playsound hello
        1500 c1 done #1
        1500 c1 dialog.playsound.done #3 Cancelled
        1500 c1 interaction.party-changed ann ann Connected
        1500 c1 routing.done #2 sales by ann after 1000
        1500 c1 is Routed
        1500 c1 hears person ann
        31500 c1 interaction.deleted AgentHungUp
        31500 c1 is Gone
        31500 c1 left Routed ann sales
    "#]]);
}

#[test]
fn a_number_answers_after_its_ring_and_a_busy_one_leaves_the_call_to_the_strategy() {
    Bench::ringing().route(&[number("700")]).run(2_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 interaction.party-changed 700 700 Ringing
        0 c1 is Attended
        1000 c1 interaction.party-changed 700 700 Connected
        1000 c1 routing.done #1 700 by 700 after 1000
        1000 c1 is Routed
        1000 c1 hears person 700
    "#]]);
    let busy = Options { numbers: [("700".to_owned(), NumberAnswers::Busy)].into(), ..options() };
    Bench::with(busy, vec![plan()]).route(&[number("700")]).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 error #1 Busy
        0 c1 is silent since 0
        0 c1 hears Silence
    "#]]);
    let never = Options { numbers: [("700".to_owned(), NumberAnswers::Never)].into(), ..options() };
    Bench::with(never, vec![plan()]).route(&[number("700"), group("sales")]).run(22_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 interaction.party-changed 700 700 Ringing
        0 c1 is Attended
        20000 c1 interaction.party-changed 700 700 Left
        20000 c1 interaction.party-changed ann ann Ringing
        21000 c1 interaction.party-changed ann ann Connected
        21000 c1 routing.done #1 sales by ann after 21000
        21000 c1 is Routed
        21000 c1 hears person ann
    "#]]);
}

#[test]
fn a_number_rings_unless_a_target_before_it_is_ready() {
    Bench::ringing().route(&[group("sales"), number("700")]).run(1_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 interaction.party-changed ann ann Ringing
        1000 c1 interaction.party-changed ann ann Connected
        1000 c1 routing.done #1 sales by ann after 1000
        1000 c1 is Routed
        1000 c1 hears person ann
    "#]]);
    Bench::with(nobody_there(), vec![plan()]).route(&[group("sales"), number("700")]).run(1_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 interaction.party-changed 700 700 Ringing
        0 c1 is Attended
        1000 c1 interaction.party-changed 700 700 Connected
        1000 c1 routing.done #1 700 by 700 after 1000
        1000 c1 is Routed
        1000 c1 hears person 700
    "#]]);
}

#[test]
fn an_agent_who_does_not_answer_is_passed_over_after_the_ring_timeout() {
    let route = Route { ring_timeout_ms: 3_000, ..route(&[group("sales")]) };
    Bench::with(ann_does_not_answer(), vec![plan()]).ask(RequestBody::Route(route)).run(4_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 interaction.party-changed ann ann Ringing
        3000 c1 interaction.party-changed ann ann Left
        3000 c1 interaction.party-changed bob bob Ringing
        4000 c1 interaction.party-changed bob bob Connected
        4000 c1 routing.done #1 sales by bob after 4000
        4000 c1 is Routed
        4000 c1 hears person bob
    "#]]);
}

#[test]
fn a_route_out_of_time_leaves_the_call_to_the_strategy() {
    let timed = |targets: &[Target]| RequestBody::Route(Route { timeout_ms: 5_000, ..route(targets) });
    Bench::with(nobody_there(), vec![plan()]).ask(timed(&[group("sales")])).run(6_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        5000 c1 error #1 TimedOut
        5000 c1 is silent since 5000
        5000 c1 hears Silence
    "#]]);
    let never = Options { numbers: [("700".to_owned(), NumberAnswers::Never)].into(), ..options() };
    Bench::with(never, vec![plan()]).ask(timed(&[number("700")])).run(6_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 interaction.party-changed 700 700 Ringing
        0 c1 is Attended
        5000 c1 interaction.party-changed 700 700 Left
        5000 c1 error #1 TimedOut
        5000 c1 is silent since 5000
        5000 c1 hears Silence
    "#]]);
}

#[test]
fn one_route_is_open_for_a_call() {
    let mut bench = Bench::with(nobody_there(), vec![plan()]);
    bench.route(&[group("sales")]).route(&[number("700")]).cancel(1).route(&[number("700")]).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 error #2 Rejected
        0 c1 error #1 Cancelled
        0 c1 is silent since 0
        0 c1 hears Silence
        0 c1 interaction.party-changed 700 700 Ringing
        0 c1 is Attended
        0 c1 hears Ringing
    "#]]);
}

#[test]
fn targets_that_nobody_knows_are_refused() {
    Bench::ringing().route(&[group("sails")]).route(&[agent("eve")]).route(&[Target::RoutingPoint("8002".into())]).route(&[]).check(
        expect![[r#"
            0 c1 error #1 NotFound
            0 c1 error #2 NotFound
            0 c1 error #3 NotFound
            0 c1 error #4 Rejected
        "#]],
    );
}

#[test]
fn unchecked_rings_an_agent_who_is_not_there() {
    let unchecked = Route { unchecked: true, ..route(&[agent("ann")]) };
    Bench::with(nobody_there(), vec![plan()]).ask(RequestBody::Route(unchecked)).run(1_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 interaction.party-changed ann ann Ringing
        0 c1 is Attended
        1000 c1 interaction.party-changed ann ann Connected
        1000 c1 routing.done #1 ann by ann after 1000
        1000 c1 is Routed
        1000 c1 hears person ann
    "#]]);
}

#[test]
fn a_call_routed_to_another_routing_point_visits_it() {
    let moved = |target| {
        let mut bench = Bench::ringing();
        bench.ask(play("hello", false)).run(100).route(&[target]);
        bench.log
    };
    expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        100 c1 dialog.playsound.done #1 Cancelled
        100 c1 routing.done #2 8001 by 8001 after 0
        100 c1 interaction.deleted Moved
        100 c1 interaction.added visit 2 at 8001
        100 c1 is silent since 100
        100 c1 hears Silence
    "#]]
    .assert_eq(&moved(number("8001")));
    assert_eq!(moved(number("8001")), moved(Target::RoutingPoint("8001".into())));
}

#[test]
fn the_strategys_own_default_route_counts_as_a_number() {
    Bench::ringing().route(&[Target::DefaultRoute]).run(1_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 interaction.party-changed 9000 9000 Ringing
        0 c1 is Attended
        1000 c1 interaction.party-changed 9000 9000 Connected
        1000 c1 routing.done #1 default-route by 9000 after 1000
        1000 c1 is Routed
        1000 c1 hears person 9000
    "#]]);
    let mut bench = Bench::ringing();
    bench.route(&[Target::RoutingPoint("8001".into())]).log.clear();
    bench.route(&[Target::DefaultRoute]).check(expect![[r#"
        0 c1 error #2 NotFound
    "#]]);
}

#[test]
fn a_raised_priority_goes_first() {
    let second = plan_number(2);
    let mut bench = Bench::with(Options { agents: vec![on_duty_from(5_000)], ..options() }, vec![plan(), second]);
    bench.route(&[group("sales")]);
    bench.ask(RequestBody::Route(Route { interaction: "c2".into(), ..route(&[group("sales")]) })).log.clear();
    bench.ask(RequestBody::SetPriority { route: 2, priority: 5 });
    bench.ask(RequestBody::QueryGroup { group: "sales".into() });
    bench.ask(RequestBody::QueryGroup { group: "sails".into() });
    bench.run(6_000).ask(RequestBody::SetPriority { route: 2, priority: 5 }).check(expect![[r#"
        0 c2 done #3
        0 - routing.group-status #4 0 0 2 0 None
        0 - error #5 NotFound
        5000 c2 interaction.party-changed ann ann Ringing
        6000 c2 interaction.party-changed ann ann Connected
        6000 c2 routing.done #2 sales by ann after 6000
        6000 c2 is Routed
        6000 c2 hears person ann
        6000 - error #6 Gone
    "#]]);
}

#[test]
fn an_agent_whose_duty_ends_finishes_the_call() {
    let ann = AgentPlan { duty: vec![Duty { from: 0, to: Some(10_000) }], wrap_up_ms: 500, ..AgentPlan::new("ann", &["sales"]) };
    let mut bench = Bench::with(Options { agents: vec![ann], ..options() }, vec![plan(), plan_number(2)]);
    bench.route(&[group("sales")]).run(2_000).log.clear();
    bench.ask(RequestBody::QueryGroup { group: "sales".into() });
    bench.run(11_000).ask(RequestBody::QueryGroup { group: "sales".into() });
    bench.run(60_000).check(expect![[r#"
        2000 - routing.group-status #2 1 0 0 0 None
        11000 - routing.group-status #3 0 0 0 0 None
        31000 c1 interaction.deleted AgentHungUp
        31000 c1 is Gone
        31000 c1 left Routed ann sales
    "#]]);
}

fn on_duty_from(from: u64) -> AgentPlan {
    AgentPlan { duty: vec![Duty { from, to: None }], ..AgentPlan::new("ann", &["sales"]) }
}

fn plan_number(number: u32) -> crate::simulated::callers::CallerPlan {
    crate::simulated::callers::CallerPlan { number, ..plan() }
}

#[test]
fn whoever_is_on_duty_when_the_switch_starts_is_there() {
    let options = Options { agents: vec![on_duty_from(5_000), AgentPlan { name: "bob".into(), ..on_duty_from(12_000) }], ..options() };
    let switch = crate::simulated::SimulatedSwitch::new(options, Vec::new(), 10_000).unwrap();
    let mut bench = Bench { switch, now: 10_000, log: String::new(), next_request: 1 };
    assert_eq!(crate::port::Switch::next_due(&bench.switch), Some(12_000));
    bench.ask(RequestBody::QueryGroup { group: "sales".into() }).check(expect![[r#"
        10000 - routing.group-status #1 1 1 0 0 Some(0)
    "#]]);
}

#[test]
fn strategies_that_route_in_a_circle_are_stopped_at_one_instant_and_time_passes() {
    let mut bench = Bench::ringing();
    for _ in 0..16 {
        bench.route(&[number("8000")]);
    }
    bench.log.clear();
    bench.route(&[number("8001")]).check(expect![[r#"
        0 c1 error #17 Rejected
    "#]]);
    bench.run(1).log.clear();
    bench.route(&[number("8001")]);
    assert!(bench.log.contains("c1 interaction.added visit 18 at 8001"), "{}", bench.log);
}

#[test]
fn a_number_that_fails_takes_no_agent_of_its_name_with_it() {
    let ann = AgentPlan { duty: Vec::new(), ..AgentPlan::new("700", &["sales"]) };
    let options = Options { agents: vec![ann], numbers: [("700".to_owned(), NumberAnswers::Busy)].into(), ..options() };
    let mut bench = Bench::with(options, vec![plan()]);
    bench.route(&[agent("700"), number("700")]).log.clear();
    assert_eq!(bench.switch.status().waiting, 1, "the agent is still waited for");
}
