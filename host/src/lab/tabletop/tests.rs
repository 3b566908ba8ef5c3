use tandem_gateway::{
    record::CallOutcome,
    simulated::callers::{After, Answer, Digits},
};
use tandem_journal::Survival;
use tandem_native_guests::{Act, NativeGuests, Script};
use tandem_node::Deployment;
use tandem_words::{EventBody, VersionId};

use super::*;

const VERSION: VersionId = VersionId([7; 32]);

/// Greets and says good-bye.
fn greeter() -> Script {
    Script::new("greeter", |memory, event, ask| {
        match &event.body {
            EventBody::InteractionAdded(call) => {
                memory.set("call", &call.id);
                ask.play(&call.id, "welcome");
            }
            EventBody::PlayDone(_) => drop(ask.disconnect(&memory.get("call").into())),
            EventBody::InteractionDeleted(_) => return Act::Finish,
            _ => {}
        }
        Act::Wait
    })
}

fn table(crashes: Crashes, calls: u32) -> Tabletop<NativeGuests> {
    let mut options = TableOptions::new(1_000);
    let point = simulated::RoutingPoint { default_route: Some("9000".to_owned()) };
    options.switch.routing_points.insert("8000".to_owned(), point);
    let deployment = Deployment { strategy: "greeter".to_owned(), version: VERSION, parameters: Vec::new(), survival: Survival::Recovered };
    options.deployments = deployed(&deployment, ["8000".to_owned()]);
    options.crashes = crashes;
    options.callers = (1..=calls).map(caller).collect();
    Tabletop::lay(options, || NativeGuests::new().with(VERSION, greeter())).unwrap()
}

fn caller(number: u32) -> CallerPlan {
    CallerPlan {
        number,
        arrive_at_ms: 1_000 + 500 * u64::from(number),
        calling: "1".to_owned(),
        dials: "8000".to_owned(),
        patience_ms: 60_000,
        hangs_up_at_ms: None,
        digits: Digits { answers: vec![Answer::new("1", 500)], after: After::Silence, at_prompts: false },
        service_ms: 1_000,
        priority: 0,
        credit_ms: 0,
        service_type: String::new(),
        seed: 0,
    }
}

fn outcomes(lines: &[Line]) -> Vec<(Timestamp, CallOutcome)> {
    let left = |line: &Line| match line {
        Line::Left { at, outcome, .. } => Some((*at, *outcome)),
        _ => None,
    };
    lines.iter().filter_map(left).collect()
}

/// Everything that happens, to the end.
fn play(mut table: Tabletop<NativeGuests>) -> (Vec<(Timestamp, CallOutcome)>, Tabletop<NativeGuests>) {
    let mut lines = table.lines();
    while !table.exchange().over() {
        table.pass(1_000_000).unwrap();
        lines.extend(table.lines());
    }
    (outcomes(&lines), table)
}

#[test]
fn callers_are_served_and_dying_hosts_change_nothing_for_them() {
    let (expected, quiet) = play(table(Crashes::Never, 10));
    assert_eq!(expected.len(), 10);
    assert!(expected.iter().all(|(_, outcome)| *outcome == CallOutcome::SelfServed), "{expected:?}");
    assert_eq!((quiet.tally().deaths, quiet.exchange().tally().duplicates), (0, 0));
    for seed in 0..4 {
        let (outcomes, table) = play(table(Crashes::EveryStep { seed }, 10));
        assert_eq!(outcomes, expected, "seed {seed}");
        assert!(table.tally().deaths >= 20, "{:?}", table.tally());
        assert_eq!(table.exchange().tally().applied, quiet.exchange().tally().applied, "each request once");
    }
}

#[test]
fn time_goes_on_without_a_host_and_calls_take_their_default_route() {
    let mut table = table(Crashes::Never, 2);
    table.kill_host();
    let mut lines = Vec::new();
    while table.now() < 60_000 {
        table.pass(60_000).unwrap();
        lines.extend(table.lines());
    }
    assert!(outcomes(&lines).iter().all(|(_, outcome)| *outcome == CallOutcome::DefaultRouted));
    assert_eq!(outcomes(&lines).len(), 2);
    assert!(table.host().is_none());
    table.start_host().unwrap();
    let (_, table) = play(table);
    assert_eq!(table.exchange().tally().leads, 2);
}

#[test]
fn a_command_is_carried_through_and_its_records_can_be_read() {
    let mut table = table(Crashes::Never, 0);
    let dial = |number: &str| Command::Dial { calling: "1".into(), number: number.into(), user_data: Vec::new(), patience_ms: None };
    let call = table.command(dial("8000")).unwrap().unwrap().unwrap();
    let records = table.records().unwrap();
    assert!(matches!(&records[..], [Record::Opened(_), Record::Step(step), ..] if !step.requests.is_empty()), "{records:?}");
    assert!(table.records().unwrap().is_empty(), "each once");
    assert!(table.command(Command::HangUp { interaction: call }).unwrap().is_ok());
    assert!(table.command(dial("1")).unwrap().is_err());
}
