//! Transfers, and calls that strategies make.

use expect_test::expect;
use tandem_words::{RequestBody, Target};

use crate::simulated::testing::*;
use crate::simulated::{AgentPlan, NumberAnswers, Options};

fn transfer(to: Target) -> RequestBody {
    RequestBody::Transfer { call: c1(), to }
}

fn ann_and_bob() -> Options {
    Options { agents: vec![AgentPlan::new("ann", &["sales"]), AgentPlan::new("bob", &["service"])], ..options() }
}

#[test]
fn a_talk_goes_on_until_the_new_target_answers_and_frees_the_old_one() {
    let mut bench = Bench::with(ann_and_bob(), vec![plan()]);
    bench.route(&[group("sales")]).run(5_000).log.clear();
    bench.ask(transfer(agent("bob"))).run(6_000);
    bench.ask(RequestBody::QueryGroup { group: "sales".into() }).check(expect![[r#"
        5000 c1 interaction.party-changed bob bob Ringing
        6000 c1 interaction.party-changed ann ann Left
        6000 c1 interaction.party-changed bob bob Connected
        6000 c1 done #2
        6000 c1 hears person bob
        6000 - routing.group-status #3 1 1 0 0 Some(0)
    "#]]);
    bench.run(36_000).check(expect![[r#"
        36000 c1 interaction.deleted AgentHungUp
        36000 c1 is Gone
        36000 c1 left Routed bob sales
    "#]]);
}

#[test]
fn a_transfer_that_fails_leaves_the_call_where_it_was() {
    let mut bench = Bench::with(Options { numbers: [("700".to_owned(), NumberAnswers::Busy)].into(), ..ann_and_bob() }, vec![plan()]);
    bench.route(&[group("sales")]).run(5_000).log.clear();
    bench.ask(transfer(number("700"))).ask(transfer(agent("ann"))).check(expect![[r#"
        5000 c1 error #2 Busy
        5000 c1 error #3 Busy
    "#]]);
}

#[test]
fn a_call_can_be_transferred_back_to_a_routing_point() {
    let mut bench = Bench::with(ann_and_bob(), vec![plan()]);
    bench.route(&[group("sales")]).run(5_000).log.clear();
    bench.ask(transfer(Target::RoutingPoint("8001".into()))).run(60_000).hang_up().check(expect![[r#"
        5000 c1 interaction.party-changed ann ann Left
        5000 c1 done #2
        5000 c1 interaction.deleted Moved
        5000 c1 interaction.added visit 2 at 8001
        5000 c1 is silent since 5000
        5000 c1 hears Silence
        60000 c1 interaction.deleted CallerHungUp
        60000 c1 is Gone
        60000 c1 left Routed ann sales
    "#]]);
}

#[test]
fn a_call_that_is_with_somebody_takes_no_treatment_and_no_route() {
    let mut bench = Bench::ringing();
    bench.route(&[group("sales")]).run(5_000).log.clear();
    bench.ask(play("hello", false)).route(&[number("700")]).check(expect![[r#"
        5000 c1 error #2 Rejected
        5000 c1 error #3 Rejected
    "#]]);
    bench.ask(RequestBody::Disconnect { interaction: c1() }).check(expect![[r#"
        5000 c1 done #4
        5000 c1 interaction.deleted Strategy
        5000 c1 is Gone
        5000 c1 left Routed ann sales
    "#]]);
}

#[test]
fn a_created_call_is_answered_and_can_be_routed() {
    let mut bench = Bench::with(options(), Vec::new());
    bench.ask(create_call("700", 0)).run(2_000);
    let routed = tandem_words::Route { interaction: "cout-1".into(), ..route(&[group("sales")]) };
    bench.ask(RequestBody::Route(routed)).run(90_000).check(expect![[r#"
        2000 cout-1 routing.call-created #1 8000 to 700
        2000 cout-1 is silent since 2000
        2000 cout-1 hears Silence
        2000 cout-1 is Attended
        2000 cout-1 interaction.party-changed ann ann Ringing
        2000 cout-1 hears Ringing
        3000 cout-1 interaction.party-changed ann ann Connected
        3000 cout-1 routing.done #2 sales by ann after 1000
        3000 cout-1 is Routed
        3000 cout-1 hears person ann
        63000 cout-1 interaction.deleted AgentHungUp
        63000 cout-1 is Gone
    "#]]);
    assert!(crate::port::Switch::is_over(&bench.switch));
    assert_eq!(bench.switch.status().counts, Default::default());
}

#[test]
fn who_was_called_and_hears_nobody_hangs_up() {
    let mut bench = Bench::with(Options { called_waits_ms: 10_000, ..options() }, Vec::new());
    bench.ask(create_call("700", 0)).run(90_000).check(expect![[r#"
        2000 cout-1 routing.call-created #1 8000 to 700
        2000 cout-1 is silent since 2000
        2000 cout-1 hears Silence
        12000 cout-1 interaction.deleted CallerHungUp
        12000 cout-1 is Gone
    "#]]);
    assert!(crate::port::Switch::is_over(&bench.switch));
}

#[test]
fn a_created_call_that_nobody_serves_is_hung_up_unless_somebody_has_it() {
    let hang_up = || crate::port::Order::HangUp { interaction: "cout-1".into() };
    let play =
        RequestBody::Play { call: "cout-1".into(), prompts: vec![tandem_words::Prompt::Sound("hello".into())], interruptible: false };
    let mut bench = Bench::with(options(), Vec::new());
    bench.ask(create_call("700", 0)).run(2_000).ask(play).log.clear();
    bench.order(hang_up()).check(expect![[r#"
        2000 cout-1 error #2 Gone
        2000 cout-1 interaction.deleted Failed
        2000 cout-1 is Gone
    "#]]);
    let mut bench = Bench::with(options(), Vec::new());
    bench.ask(create_call("700", 0)).run(2_000);
    bench.ask(RequestBody::Route(tandem_words::Route { interaction: "cout-1".into(), ..route(&[group("sales")]) })).run(3_000).log.clear();
    bench.order(hang_up()).check(expect![""]);
}

#[test]
fn a_created_call_may_fail() {
    let numbers = [("700".to_owned(), NumberAnswers::Busy), ("701".to_owned(), NumberAnswers::Never)].into();
    let mut bench = Bench::with(Options { numbers, ..options() }, Vec::new());
    bench.ask(create_call("700", 0)).ask(create_call("701", 3_000)).ask(create_call("702", 1_000)).ask(create_call("702", 0)).cancel(4);
    bench.run(30_000).check(expect![[r#"
        0 - error #1 Busy
        0 - error #4 Cancelled
        1000 - error #3 NoAnswer
        3000 - error #2 NoAnswer
    "#]]);
}
