//! Sessions that are not persisted, and hosts that die.

use tandem_gateway::{record::Line, simulated::Command};
use tandem_journal::{EndedBy, Record, Survival};
use tandem_native_guests::{Act, NativeGuests, Script};
use tandem_node::{Deployment, RestartOptions};
use tandem_words::{EventBody, InteractionId, Prompt, RequestBody, SessionId, VersionId};

use super::*;

const VERSION: VersionId = VersionId([7; 32]);

/// Remembers what it is told, plays once it has its call, and then only listens.
fn listener() -> Script {
    Script::new("listener", |memory, event, ask| {
        let answers = if event.request.is_some() { "!" } else { "" };
        let word = match &event.body {
            EventBody::Digit(digit) => digit.key.clone(),
            EventBody::SessionRestarted(restart) if restart.partial => "session.restarted?".to_owned(),
            other => format!("{}{answers}", other.name()),
        };
        memory.push("seen", &word);
        if let EventBody::InteractionAdded(call) = &event.body {
            let prompts = vec![Prompt::Sound("welcome".to_owned())];
            ask.request(RequestBody::Play { call: call.id.clone(), prompts, interruptible: false });
        }
        Act::Wait
    })
    .manifest(|manifest| manifest.persist = false)
}

fn table(
    survival: Survival,
    change: impl FnOnce(&mut TableOptions),
) -> (Tabletop<NativeGuests>, std::sync::Arc<std::sync::Mutex<NativeGuests>>) {
    let mut options = TableOptions::new(1_000);
    let point = simulated::RoutingPoint { default_route: Some("9000".to_owned()) };
    options.switch.routing_points.insert("8000".to_owned(), point);
    let deployment = Deployment { strategy: "listener".to_owned(), version: VERSION, parameters: Vec::new(), survival };
    options.deployments = deployed(&deployment, ["8000".to_owned()]);
    change(&mut options);
    let guests = NativeGuests::new().with(VERSION, listener());
    let last = std::sync::Arc::new(std::sync::Mutex::new(guests.afresh()));
    let shared = std::sync::Arc::clone(&last);
    let table = Tabletop::lay(options, move || {
        let fresh = guests.afresh();
        *shared.lock().unwrap() = fresh.clone();
        fresh
    });
    (table.unwrap(), last)
}

fn dial(table: &mut Tabletop<NativeGuests>) -> InteractionId {
    let dial = Command::Dial { calling: "1".into(), number: "8000".into(), user_data: Vec::new(), patience_ms: None };
    table.command(dial).unwrap().unwrap().unwrap()
}

fn press(table: &mut Tabletop<NativeGuests>, call: &InteractionId, keys: &str) {
    table.command(Command::Press { interaction: call.clone(), keys: keys.to_owned() }).unwrap().unwrap();
    let until = table.now() + 10;
    pass(table, until);
}

fn pass(table: &mut Tabletop<NativeGuests>, until: Timestamp) {
    while table.now() < until {
        table.pass(until).unwrap();
    }
}

fn seen(guests: &std::sync::Arc<std::sync::Mutex<NativeGuests>>) -> Vec<(SessionId, String)> {
    let guests = guests.lock().unwrap();
    let seen = |session| (session, guests.memory(session).unwrap().get("seen").to_owned());
    guests.sessions().into_iter().map(seen).collect()
}

fn defaulted(table: &mut Tabletop<NativeGuests>) -> usize {
    let lines = table.lines();
    let routed = |line: &&Line| matches!(line, Line::Event(event) if matches!(event.body, EventBody::InteractionDefaultRouted(_)));
    lines.iter().filter(routed).count()
}

/// What the sessions' rows say of ends and incarnations.
fn incarnations(table: &mut Tabletop<NativeGuests>) -> Vec<(u32, Option<EndedBy>)> {
    let of = |record| match record {
        Record::Opened(opening) => Some((opening.incarnation, None)),
        Record::Ended(ending) => Some((ending.incarnation, Some(ending.by))),
        other => panic!("nothing else is written: {other:?}"),
    };
    table.records().unwrap().into_iter().filter_map(of).collect()
}

#[test]
fn a_session_starts_again_with_everything_since_its_call_began_and_hears_what_ended_meanwhile() {
    let (mut table, guests) = table(Survival::Restarted, |_| {});
    let call = dial(&mut table);
    press(&mut table, &call, "5");
    press(&mut table, &call, "6");
    // The prompt ends while nobody is there to hear it.
    table.host_dies(2_000).unwrap();
    let until = table.now() + 2_500;
    pass(&mut table, until);
    press(&mut table, &call, "7");
    let all = seen(&guests);
    assert_eq!(all.len(), 1);
    let heard: Vec<&str> = all[0].1.split(' ').collect();
    assert_eq!(heard[..5], ["session.restarted", "interaction.added", "interaction.party-changed", "5", "6"], "{heard:?}");
    let ended = heard.iter().position(|word| *word == "dialog.playsound.done").expect("the old prompt's end");
    assert!(ended > 4 && *heard.last().unwrap() == "7", "{heard:?}");
    assert_eq!(incarnations(&mut table), [(1, None), (2, None)]);
    assert_eq!(defaulted(&mut table), 0);
}

#[test]
fn hosts_that_die_again_and_again_lose_nothing() {
    let (mut table, guests) = table(Survival::Restarted, |_| {});
    let call = dial(&mut table);
    for (deaths, key) in ["1", "2", "3", "4"].into_iter().enumerate() {
        press(&mut table, &call, key);
        for _ in 0..=deaths {
            // The second of two deaths at once comes while the restart of the first is on its way.
            table.host_dies(0).unwrap();
        }
    }
    press(&mut table, &call, "5");
    let heard = seen(&guests).remove(0).1;
    let digits: Vec<&str> = heard.split(' ').filter(|word| word.len() == 1).collect();
    assert_eq!((digits, heard.matches("interaction.added").count()), (vec!["1", "2", "3", "4", "5"], 1), "{heard}");
    assert!(heard.starts_with("session.restarted interaction.added"), "{heard}");
}

#[test]
fn without_a_copy_a_call_at_its_routing_point_starts_again_and_knows_that_something_is_missing() {
    let (mut table, guests) = table(Survival::Restarted, |options| options.has_backup = false);
    let call = dial(&mut table);
    press(&mut table, &call, "5");
    // A commit carries W on behind what nobody else knows.
    dial(&mut table);
    table.host_dies(0).unwrap();
    press(&mut table, &call, "7");
    let heard = &seen(&guests)[0].1;
    assert!(heard.starts_with("session.restarted?") && heard.ends_with('7'), "{heard}");
}

#[test]
fn restarts_keep_to_their_quota_and_new_calls_do_not_wait() {
    let (mut table, guests) = table(Survival::Restarted, |options| {
        options.restarts = RestartOptions { quota: 3, timeout_ms: 50, ..RestartOptions::default() };
    });
    (0..10).for_each(|_| _ = dial(&mut table));
    let start = table.now();
    table.host_dies(0).unwrap();
    let mut history = vec![(0, seen(&guests).len())];
    dial(&mut table);
    history.push((0, seen(&guests).len()));
    for after in [49, 50, 99, 100, 149, 150, 300] {
        pass(&mut table, start + after);
        history.push((after, seen(&guests).len()));
    }
    assert_eq!(history, [(0, 3), (0, 4), (49, 4), (50, 7), (99, 7), (100, 10), (149, 10), (150, 11), (300, 11)]);
}

#[test]
fn who_hung_up_meanwhile_does_not_come_back() {
    let (mut table, guests) = table(Survival::Restarted, |options| {
        options.restarts = RestartOptions { quota: 1, timeout_ms: 1_000, ..RestartOptions::default() };
    });
    let calls: Vec<InteractionId> = (0..3).map(|_| dial(&mut table)).collect();
    table.kill_host();
    table.command(Command::HangUp { interaction: calls[0].clone() }).unwrap().unwrap();
    table.start_host().unwrap();
    let now = table.now();
    pass(&mut table, now + 10);
    // One was gone before anybody asked; of the others one starts at once, and one hangs up while it waits.
    table.command(Command::HangUp { interaction: calls[2].clone() }).unwrap().unwrap();
    pass(&mut table, now + 3_000);
    let heard = seen(&guests);
    assert_eq!(heard.len(), 1, "{heard:?}");
    let mut rows = incarnations(&mut table);
    rows.sort_by_key(|(incarnation, by)| (*incarnation, by.is_some()));
    let ended = Some(EndedBy::NotRestarted);
    assert_eq!(rows, [(1, None), (1, None), (1, None), (1, ended.clone()), (1, ended), (2, None)]);
}

#[test]
fn where_no_restart_is_asked_for_the_call_takes_its_default_route_at_once() {
    let (mut table, guests) = table(Survival::Left, |_| {});
    dial(&mut table);
    let now = table.now();
    table.host_dies(0).unwrap();
    pass(&mut table, now + 1);
    assert_eq!((defaulted(&mut table), seen(&guests).len()), (1, 0));
    assert_eq!(incarnations(&mut table), [(1, None), (1, Some(EndedBy::NotRestarted))]);
}
