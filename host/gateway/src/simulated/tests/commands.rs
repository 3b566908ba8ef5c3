//! Scripts.

use expect_test::expect;

use crate::port::Switch;
use crate::simulated::testing::*;
use crate::simulated::{AgentPlan, Command, CommandError, Options};

fn dial(number: &str) -> Command {
    Command::Dial { calling: "555".into(), number: number.into(), user_data: Vec::new(), patience_ms: None }
}

#[test]
fn a_scripted_caller_does_only_what_is_said() {
    let nobody = AgentPlan { duty: Vec::new(), ..AgentPlan::new("ann", &["sales"]) };
    let mut bench = Bench::with(Options { agents: vec![nobody], ..options() }, Vec::new());
    assert_eq!(bench.switch.command(0, dial("8000")), Ok(Some(c1())));
    bench.ask(collect(1)).run(1_000).press("1").route(&[group("sales")]).run(1_000_000);
    bench.command(Command::LogIn { agent: "ann".into() }).run(2_000_000);
    bench.command(Command::TargetHangsUp { interaction: c1() }).check(expect![[r#"
        0 c1 interaction.added visit 1 at 8000
        0 c1 is Ringing
        0 c1 interaction.party-changed caller 555 Connected
        0 c1 is Attended
        0 c1 arrived caller 1 at 8000
        0 c1 hears Ringing
        0 c1 hears #1 dialog.collect menu
        1000 c1 dialog.collect.done #1 "1" MaxDigits
        1000 c1 is silent since 1000
        1000 c1 hears Silence
        1000 c1 is Attended
        1000 c1 hears Ringing
        1000000 c1 interaction.party-changed ann ann Ringing
        1001000 c1 interaction.party-changed ann ann Connected
        1001000 c1 routing.done #2 sales by ann after 1000000
        1001000 c1 is Routed
        1001000 c1 hears person ann
        2000000 c1 interaction.deleted AgentHungUp
        2000000 c1 is Gone
        2000000 c1 left Routed ann sales
    "#]]);
    assert_eq!(bench.switch.command(3_000_000, dial("8001")), Ok(Some("c2".into())));
}

#[test]
fn a_scripted_caller_who_is_out_of_patience_hangs_up() {
    let nobody = AgentPlan { duty: Vec::new(), ..AgentPlan::new("ann", &["sales"]) };
    let mut bench = Bench::with(Options { agents: vec![nobody], ..options() }, Vec::new());
    let dial = Command::Dial { calling: "555".into(), number: "8000".into(), user_data: Vec::new(), patience_ms: Some(8_000) };
    assert_eq!(bench.switch.command(0, dial), Ok(Some(c1())));
    bench.route(&[group("sales")]).run(7_999).log.clear();
    bench.run(8_000).check(expect![[r#"
        8000 c1 error #1 Gone
        8000 c1 interaction.deleted CallerHungUp
        8000 c1 is Gone
        8000 c1 left Abandoned - sales
    "#]]);
}

#[test]
fn what_cannot_be_done_is_said_by_name() {
    let mut bench = Bench::ringing();
    bench.switch.options.limits.live_calls = 1;
    let mut check = |command, expected: CommandError| {
        assert_eq!(bench.switch.command(5, command), Err(expected));
        assert_eq!(bench.switch.drain_reports(), []);
    };
    check(dial("1"), CommandError::NoRoutingPoint("1".into()));
    check(dial("8000"), CommandError::Full(1));
    check(Command::HangUp { interaction: "c9".into() }, CommandError::NoCall("c9".into()));
    check(Command::TargetHangsUp { interaction: c1() }, CommandError::NoTarget(c1()));
    check(Command::Press { interaction: c1(), keys: "1x".into() }, CommandError::NoKey('x'));
    check(Command::LogIn { agent: "eve".into() }, CommandError::Agent(tandem_queue::Error::UnknownAgent("eve".into())));
}

#[test]
fn a_caller_on_hold_hears_music_and_keys_pressed_in_a_talk_are_told() {
    let hold = |held| Command::Hold { interaction: c1(), held };
    let mut bench = Bench::ringing();
    bench.route(&[group("sales")]).run(2_000).log.clear();
    bench.press("5").command(hold(true)).run(3_000).command(hold(false)).check(expect![[r#"
        2000 c1 interaction.digit 5
        2000 c1 interaction.party-changed caller 555 Held
        2000 c1 hears Music
        3000 c1 interaction.party-changed caller 555 Connected
        3000 c1 hears person ann
    "#]]);
    let mut bench = Bench::ringing();
    assert_eq!(bench.switch.command(0, hold(true)), Err(CommandError::NoTarget(c1())));
}
