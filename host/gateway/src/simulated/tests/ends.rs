//! How calls end, and how they count.

use expect_test::expect;
use tandem_words::{Property, RequestBody};

use crate::port::Order;
use crate::simulated::testing::*;
use crate::simulated::{AgentPlan, Counts, Options};

fn default_route() -> Order {
    Order::DefaultRoute { interaction: c1(), to: "9000".into() }
}

#[test]
fn a_hang_up_answers_what_was_open_and_what_comes_later_is_gone() {
    let mut bench = Bench::ringing();
    bench.ask(music()).ask(collect(3)).ask(play("hello", false)).ask(record(0)).run(100).press("1").hang_up();
    bench.ask(play("hello", false)).cancel(3).order(default_route()).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears Music
        0 c1 hears #2 dialog.collect menu
        100 c1 done #1
        100 c1 dialog.collect.done #2 "1" HangUp
        100 c1 dialog.playsound.done #3 HangUp
        100 c1 error #4 Gone
        100 c1 interaction.deleted CallerHungUp
        100 c1 is Gone
        100 c1 left Abandoned - -
        100 c1 error #5 Gone
    "#]]);
    assert_eq!(bench.switch.status().counts, Counts { arrived: 1, abandoned: 1, ..Counts::default() });
}

#[test]
fn a_caller_who_hangs_up_in_the_queue_frees_the_agent_who_rings() {
    let mut bench = Bench::ringing();
    bench.route(&[group("sales")]).run(500).hang_up();
    bench.ask(RequestBody::QueryGroup { group: "sales".into() }).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 interaction.party-changed ann ann Ringing
        500 c1 interaction.party-changed ann ann Left
        500 c1 error #1 Gone
        500 c1 interaction.deleted CallerHungUp
        500 c1 is Gone
        500 c1 left Abandoned - sales
        500 - routing.group-status #2 1 1 0 0 Some(0)
    "#]]);
}

#[test]
fn a_strategy_that_disconnects_has_served_the_caller() {
    let mut bench = Bench::ringing();
    bench.ask(play("hello", false)).ask(music()).run(100).ask(RequestBody::Disconnect { interaction: c1() }).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        100 c1 dialog.playsound.done #1 Cancelled
        100 c1 error #2 Cancelled
        100 c1 done #3
        100 c1 interaction.deleted Strategy
        100 c1 is Gone
        100 c1 left SelfServed - -
    "#]]);
    assert_eq!(bench.switch.status().counts, Counts { arrived: 1, self_served: 1, ..Counts::default() });
}

#[test]
fn a_call_that_nobody_serves_ends_on_its_default_route() {
    let mut bench = Bench::ringing();
    bench.ask(music()).ask(collect(3)).ask(play("hello", false)).ask(record(0)).run(100).order(default_route());
    bench.ask(RequestBody::Attach { interaction: c1(), data: Vec::new() }).run(90_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears Music
        0 c1 hears #2 dialog.collect menu
        100 c1 error #1 Gone
        100 c1 error #2 Gone
        100 c1 error #3 Gone
        100 c1 error #4 Gone
        100 c1 is DefaultRouted
        100 c1 hears DefaultRoute
        100 c1 error #5 Gone
        30100 c1 interaction.deleted AgentHungUp
        30100 c1 is Gone
        30100 c1 left DefaultRouted - -
    "#]]);
    assert_eq!(bench.switch.status().counts, Counts { arrived: 1, default_routed: 1, ..Counts::default() });
    assert_eq!(bench.switch.status().counts.calls(), 1);
}

#[test]
fn the_default_route_ends_an_open_route_and_spares_a_talk() {
    let nobody = AgentPlan { duty: Vec::new(), ..AgentPlan::new("ann", &["sales"]) };
    let mut bench = Bench::with(Options { agents: vec![nobody], ..options() }, vec![plan()]);
    bench.route(&[group("sales")]).order(default_route()).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 error #1 Gone
        0 c1 is DefaultRouted
        0 c1 hears DefaultRoute
    "#]]);
    let mut bench = Bench::ringing();
    bench.route(&[group("sales")]).run(1_000).log.clear();
    bench.order(default_route()).check(expect![[""]]);
}

#[test]
fn user_data_is_answered_and_only_what_others_change_is_told() {
    let mut options = options();
    options.limits.user_data = 3;
    let mut bench = Bench::with(options, vec![plan()]);
    let data = |of: &[(&str, &str)]| of.iter().map(|(key, value)| Property::new(*key, *value)).collect::<Vec<_>>();
    bench.ask(RequestBody::Attach { interaction: c1(), data: data(&[("a", "1"), ("b", "2"), ("a", "3")]) });
    bench.command(crate::simulated::Command::ChangeUserData {
        interaction: c1(),
        changed: data(&[("b", "4")]),
        deleted: vec!["a".into(), "x".into()],
    });
    bench.ask(RequestBody::DeleteUserData { interaction: c1(), keys: vec!["nothing".into()] });
    bench.ask(RequestBody::Attach { interaction: c1(), data: data(&[("c", "1"), ("d", "1"), ("e", "1")]) });
    // At the limit, what is there may still be changed.
    bench.ask(RequestBody::Attach { interaction: c1(), data: data(&[("c", "1"), ("d", "1")]) });
    bench.ask(RequestBody::Attach { interaction: c1(), data: data(&[("b", "5"), ("c", "2"), ("c", "3")]) });
    bench.check(expect![[r#"
        0 c1 done #1
        0 c1 user-data.changed [Property { key: "b", value: "4" }] -["a"]
        0 c1 done #2
        0 c1 error #3 OverLimit
        0 c1 done #4
        0 c1 done #5
    "#]]);
}
