//! What callers do by their plans.

use expect_test::expect;
use tandem_words::{Property, RequestBody, Route};

use crate::port::{Report, Switch};
use crate::simulated::callers::{After, Answer, CallerPlan, Digits};
use crate::simulated::testing::*;
use crate::simulated::{AgentPlan, Counts, Options, SimulatedSwitch};

fn nobody_there() -> Options {
    Options { agents: vec![AgentPlan { duty: Vec::new(), ..AgentPlan::new("ann", &["sales"]) }], ..options() }
}

#[test]
fn a_caller_presses_what_the_plan_says_at_each_collect() {
    let answers = vec![Answer::new("7", 1_500), Answer::new("12#", 2_500)];
    let caller = CallerPlan { digits: Digits { answers, after: After::Silence, at_prompts: false }, ..plan() };
    let mut bench = Bench::with(options(), vec![caller]);
    bench.ask(collect(1)).run(1_500).ask(collect(5)).run(10_000).ask(collect(5)).run(60_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.collect menu
        1500 c1 dialog.collect.done #1 "7" MaxDigits
        1500 c1 is silent since 1500
        1500 c1 hears Silence
        1500 c1 is Attended
        1500 c1 hears #2 dialog.collect menu
        4600 c1 dialog.collect.done #2 "12" Terminator
        4600 c1 is silent since 4600
        4600 c1 hears Silence
        10000 c1 is Attended
        10000 c1 hears #3 dialog.collect menu
        17000 c1 dialog.collect.done #3 "" NoInput
        17000 c1 is silent since 17000
        17000 c1 hears Silence
    "#]]);
}

#[test]
fn keys_in_mind_when_a_collect_ends_are_pressed_ahead() {
    let caller =
        CallerPlan { digits: Digits { answers: vec![Answer::new("123", 500)], after: After::Silence, at_prompts: false }, ..plan() };
    Bench::with(options(), vec![caller]).ask(collect(1)).run(2_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.collect menu
        500 c1 dialog.collect.done #1 "1" MaxDigits
        500 c1 is silent since 500
        500 c1 hears Silence
        800 c1 interaction.digit 2
        1100 c1 interaction.digit 3
    "#]]);
}

#[test]
fn who_listens_for_keys_at_prompts_is_answered_there() {
    let answers = vec![Answer::new("", 0), Answer::new("4", 500)];
    let digits = Digits { answers, after: After::Silence, at_prompts: true };
    let mut bench = Bench::with(options(), vec![CallerPlan { digits, ..plan() }]);
    bench.ask(play("hello", false)).ask(play("intro", true)).ask(play("question", true)).run(60_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears #1 dialog.playsound hello
        2000 c1 dialog.playsound.done #1 End
        2000 c1 hears #2 dialog.playsound intro
        4000 c1 dialog.playsound.done #2 End
        4000 c1 hears #3 dialog.playsound question
        4500 c1 interaction.digit 4
        4500 c1 dialog.playsound.done #3 Digit
        4500 c1 is silent since 4500
        4500 c1 hears Silence
    "#]]);
}

#[test]
fn patience_runs_only_while_the_caller_waits_for_a_person() {
    let caller = CallerPlan { patience_ms: 8_000, ..plan() };
    let mut bench = Bench::with(nobody_there(), vec![caller]);
    bench.ask(play("hello", false)).run(50_000);
    bench.ask(RequestBody::Route(Route { timeout_ms: 5_000, ..route(&[group("sales")]) })).run(100_000);
    bench.route(&[group("sales")]).run(102_999).log.clear();
    bench.run(103_000).check(expect![[r#"
        103000 c1 error #3 Gone
        103000 c1 interaction.deleted CallerHungUp
        103000 c1 is Gone
        103000 c1 left Abandoned - sales
    "#]]);
}

#[test]
fn who_means_to_hang_up_in_the_menu_stays_once_a_route_was_opened() {
    let caller = CallerPlan { hangs_up_at_ms: Some(4_000), ..plan() };
    let mut bench = Bench::with(nobody_there(), vec![caller.clone()]);
    bench.ask(music()).run(10_000).check(expect![[r#"
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 hears Music
        4000 c1 done #1
        4000 c1 interaction.deleted CallerHungUp
        4000 c1 is Gone
        4000 c1 left Abandoned - -
    "#]]);
    let mut bench = Bench::with(nobody_there(), vec![caller]);
    bench.run(3_000).route(&[group("sales")]).cancel(1).run(10_000);
    assert_eq!(bench.switch.status().live_calls, 1);
}

#[test]
fn callers_arrive_in_time_with_what_is_known_of_them() {
    let later = CallerPlan {
        number: 1,
        arrive_at_ms: 9_000,
        service_type: "PS".into(),
        priority: 2,
        credit_ms: 90_000,
        calling: "556".into(),
        ..plan()
    };
    let wrong = CallerPlan { number: 3, dials: "1".into(), ..plan() };
    let mut switch = SimulatedSwitch::new(options(), vec![later, CallerPlan { number: 2, ..plan() }, wrong], 0).unwrap();
    switch.advance(5_000);
    assert_eq!(switch.next_due(), Some(9_000));
    switch.drain_reports();
    switch.advance(9_000);
    let reports = switch.drain_reports();
    let Report::Event { body: tandem_words::EventBody::InteractionAdded(added), visit: Some(1), .. } = &reports[0] else {
        panic!("{reports:?}")
    };
    let expected = [("service-type", "PS"), ("priority", "2"), ("credit-ms", "90000")];
    assert_eq!(added.user_data, expected.map(|(key, value)| Property::new(key, value)));
    assert_eq!((&*added.id, added.calling.as_str(), added.called.as_str(), added.arrived_at), ("c1", "556", "8000", 9_000));
    assert_eq!(switch.status().counts, Counts { arrived: 2, rejected: 1, ..Counts::default() });
    assert!(!switch.is_over());
}
