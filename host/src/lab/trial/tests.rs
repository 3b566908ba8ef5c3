use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use expect_test::{Expect, expect};
use tandem_native_guests::{Act, Ask, Memory, NativeGuests, Script};
use tandem_words::{Event, EventBody, InteractionId, Parameter, RequestBody, Target, VersionId};

use super::*;
use crate::lab::scenario::parse;

const VERSION: VersionId = VersionId([7; 32]);

/// Announces, asks for a digit, and does something for each.
fn desk() -> Script {
    like_desk(serve)
}

fn like_desk(on_event: impl Fn(&mut Memory, &Event, &mut Ask) -> Act + Send + Sync + 'static) -> Script {
    let parameter = Parameter { name: "greeting".to_owned(), description: String::new(), default: Some("welcome".to_owned()) };
    Script::new("desk", on_event).manifest(|manifest| manifest.parameters.push(parameter)).on_start(|context, memory| {
        memory.set("greeting", &context.parameters[0].value);
        Act::Wait
    })
}

fn serve(memory: &mut Memory, event: &Event, ask: &mut Ask) -> Act {
    let call: InteractionId = memory.get("call").into();
    match &event.body {
        EventBody::InteractionAdded(added) => {
            memory.set("call", &added.id);
            ask.milestone("began");
            let greeting = memory.get("greeting").to_owned();
            ask.play(&added.id, &greeting);
        }
        EventBody::PlayDone(_) => drop(ask.collect(&call, 1)),
        EventBody::CollectDone(digits) => match digits.keys.as_str() {
            "1" => {
                ask.attach(&call, "choice", "1");
                ask.after(30_000);
                ask.send("101-1-999", "hello");
                ask.route(&call, "sales");
                ask.music(&call);
            }
            "2" => drop(ask.disconnect(&call)),
            "3" => return Act::Error("no such choice".to_owned()),
            "4" => drop(ask.music(&call)),
            "5" => {
                ask.request(RequestBody::StartRecording { call: call.clone(), name: "complaint".to_owned(), max_length_ms: 3_000 });
            }
            "6" => drop(ask.request(RequestBody::Transfer { call: call.clone(), to: Target::Number("5550100".to_owned()) })),
            _ => return Act::Finish,
        },
        EventBody::RouteDone(_) | EventBody::InteractionDeleted(_) | EventBody::InteractionNotControlled(_) => return Act::Finish,
        _ => {}
    }
    Act::Wait
}

fn stage(script: impl Fn() -> Script + 'static) -> Stage<NativeGuests> {
    let manifest = tandem_session::Guests::manifest(&NativeGuests::new().with(VERSION, script()), &VERSION).unwrap().clone();
    Stage::new(VERSION, manifest, move || NativeGuests::new().with(VERSION, script()))
}

fn play(text: &str, mode: Mode) -> Result<(), String> {
    stage(desk).play(&parse(text).unwrap(), mode, 1).result.map_err(|failure| failure.to_string())
}

fn good(text: &str) {
    for mode in Mode::ALL {
        play(text, mode).unwrap_or_else(|failure| panic!("{}:\n{failure}", mode.name()));
    }
}

fn bad(text: &str, failure: Expect) {
    failure.assert_eq(&play(text, Mode::Alone).unwrap_err());
}

#[test]
fn each_expectation_is_met_in_every_mode() {
    good(
        "agents sales: 1
        user-data a = \"b\"
        caller dials 8000 from 5551234
        expect milestone \"began\"
        expect play \"welcome\"
        expect nothing for 2s
        expect collect
        caller presses 1
        expect route group \"sales\"
        expect attach choice = \"1\"
        expect message hello
        expect timer 30s
        expect music
        expect routed to \"sales\"
        expect end
        agent hangs up
        wait 1s",
    );
    good("caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 2\nexpect disconnect\nexpect end");
    good("caller dials 8000\nexpect play \"welcome\"\nexpect collect\nexpect default route\nexpect end");
    good(
        "caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 5\nexpect recording \"complaint\"\ncaller hangs up\nexpect end",
    );
    good("caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 6\nexpect transfer number \"5550100\"");
    good(
        "parameter greeting = \"hello\"\ncaller dials 8000\nexpect play \"hello\"\nexpect collect\ncaller presses 4\nexpect music \"default\"",
    );
}

#[test]
fn agents_come_and_go_patience_ends_and_hosts_stay_away() {
    let begin =
        "caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 1\nexpect route group \"sales\"\nexpect music\n";
    good(&format!("agents sales: 0\n{begin}expect nothing for 20s\nagents log in sales: 1\nexpect routed to \"sales\"\nexpect end"));
    good(&format!("agents sales: 1\nagents log out sales: 1\n{begin}expect nothing for 20s\nagents log in sales: 1\nexpect routed"));
    good(&format!("agents sales: 0\npatience 10s\n{begin}wait 9s\nexpect end"));
    good("caller dials 8000\nexpect play \"welcome\"\nhost dies for 1s\nexpect collect\ncaller presses 2\nexpect disconnect\nexpect end");
    good("caller dials 8000\nexpect play \"welcome\"\nhost dies for 10s\nexpect default route");
    bad(
        &format!("agents sales: 0\n{begin}agents log out sales: 1"),
        expect![[r#"
        line 8: agents log out sales: 1
            only 0 agents of "sales" are logged in
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
              09:30:02.000    dialog.playsound.done: End
              09:30:02.000  collect
              09:30:02.000  caller presses 1
              09:30:02.000    dialog.collect.done: "1", MaxDigits
              09:30:02.000  attach choice = "1"
              09:30:02.000  timer 30s
              09:30:02.000  message hello
              09:30:02.000  route group "sales"
              09:30:02.000  music "default"
              09:30:02.000    error: NotFound, session 101-1-999: there is none of this id
              09:30:02.000    done
              09:30:02.000  agents log out sales: 1
    "#]],
    );
}

#[test]
fn what_people_do_besides_reaches_the_strategy() {
    let hears = || {
        like_desk(|memory, event, ask| {
            match &event.body {
                EventBody::InteractionAdded(added) => {
                    memory.set("call", &added.id);
                    ask.route(&added.id, "sales");
                }
                EventBody::PartyChanged(party) => {
                    let who = if party.id == "caller" { "caller" } else { "target" };
                    ask.milestone(&format!("{who} {:?}", party.state));
                }
                EventBody::UserDataChanged(_) => {
                    let vip = ask.user_data(memory.get("call"), "vip");
                    ask.milestone(&format!("vip {}", vip.as_deref().unwrap_or("unknown")));
                }
                EventBody::Digit(digit) => ask.milestone(&format!("pressed {}", digit.key)),
                EventBody::InteractionDeleted(_) => return Act::Finish,
                _ => {}
            }
            Act::Wait
        })
    };
    let text = r#"
        agents sales: 1
        caller dials 8000
        expect route group "sales"
        expect milestone "caller Connected"
        expect milestone "target Ringing"
        expect routed to "sales"
        expect milestone "target Connected"
        caller presses 5
        expect milestone "pressed 5"
        agent holds
        expect milestone "caller Held"
        agent retrieves
        expect milestone "caller Connected"
        somebody attaches vip = "yes"
        expect milestone "vip yes"
        somebody deletes vip
        expect milestone "vip unknown"
        agent hangs up
        expect end
    "#;
    for mode in Mode::ALL {
        let played = stage(hears).play(&parse(text).unwrap(), mode, 1);
        played.result.unwrap_or_else(|failure| panic!("{mode:?}\n{failure}"));
    }
}

#[test]
fn what_comes_instead_is_shown_with_the_call_so_far() {
    bad(
        "caller dials 8000 from 5551234\nexpect collect",
        expect![[r#"
        line 2: expect collect
            expected  collect
            got       play "welcome" (at 09:30:00.000)
            the call so far:
              09:30:00.000  caller dials 8000 from 5551234
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5551234 Connected
    "#]],
    );
    bad(
        "caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 1\nexpect routed",
        expect![[r#"
        line 5: expect routed
            expected  routed
            got       route group "sales" (at 09:30:02.000)
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
              09:30:02.000    dialog.playsound.done: End
              09:30:02.000  collect
              09:30:02.000  caller presses 1
              09:30:02.000    dialog.collect.done: "1", MaxDigits
              09:30:02.000  attach choice = "1"
              09:30:02.000  timer 30s
              09:30:02.000  message hello
              09:30:02.000  route group "sales"
              09:30:02.000  music "default"
              09:30:02.000    error: NotFound, session 101-1-999: there is none of this id
              09:30:02.000    done
              09:30:02.000    error: NotFound, the switch has no agent group `sales`: add it there, or correct the name
    "#]],
    );
}

#[test]
fn what_does_not_come_is_said_with_the_reason() {
    bad(
        "caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 4\nexpect music\nexpect milestone \"x\"",
        expect![[r#"
        line 6: expect milestone "x"
            expected  milestone "x"
            got       nothing: 600s have passed, and the session waits for something else
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
              09:30:02.000    dialog.playsound.done: End
              09:30:02.000  collect
              09:30:02.000  caller presses 4
              09:30:02.000    dialog.collect.done: "4", MaxDigits
              09:30:02.000  music "default"
    "#]],
    );
    bad(
        "caller dials 8000\nexpect play \"welcome\"\nexpect collect\nexpect attach a = \"b\"",
        expect![[r#"
        line 4: expect attach a = "b"
            expected  attach a = "b"
            got       default route: nobody served the call (at 09:30:07.000)
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
              09:30:02.000    dialog.playsound.done: End
              09:30:02.000  collect
              09:30:07.000    dialog.collect.done: "", NoInput
              09:30:07.000  the session is over
              09:30:07.000  default route: nobody served the call
    "#]],
    );
}

#[test]
fn more_than_expected_and_failures_of_the_strategy_are_failures() {
    bad(
        "caller dials 8000\nexpect play \"welcome\"\nwait 3s",
        expect![[r#"
        line 3: wait 3s
            expected  nothing more
            got       collect (at 09:30:02.000)
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
              09:30:02.000    dialog.playsound.done: End
              09:30:02.000  collect
    "#]],
    );
    bad(
        "caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 3\nexpect end",
        expect![[r#"
        line 5: expect end
            expected  end
            got       the strategy fails: no such choice (at 09:30:02.000)
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
              09:30:02.000    dialog.playsound.done: End
              09:30:02.000  collect
              09:30:02.000  caller presses 3
              09:30:02.000    dialog.collect.done: "3", MaxDigits
              09:30:02.000  the strategy fails: no such choice
              09:30:02.000  the session is over
              09:30:02.000  default route: nobody served the call
    "#]],
    );
    bad(
        "caller dials 8000\nexpect nothing for 1s",
        expect![[r#"
        line 2: expect nothing for 1s
            expected  nothing for 1s
            got       play "welcome" (at 09:30:00.000)
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
    "#]],
    );
}

#[test]
fn what_cannot_be_done_says_why() {
    bad(
        "parameter speed = \"5\"\ncaller dials 8000",
        expect![[r#"
        line 1: parameter speed
            strategy desk has no parameter "speed"; it has greeting
    "#]],
    );
    bad(
        "caller dials 8000\nexpect play \"welcome\"\nagent hangs up",
        expect![[r#"
        line 3: agent hangs up
            no target talks with call `c1`: route it first
            the call so far:
              09:30:00.000  caller dials 8000
              09:30:00.000  a session begins: 101-1-1 of desk
              09:30:00.000    interaction.added
              09:30:00.000  milestone "began"
              09:30:00.000  play "welcome"
              09:30:00.000    interaction.party-changed: 5550000 Connected
              09:30:00.000  agent hangs up
    "#]],
    );
}

/// In which modes the script fails.
fn fails_in(script: impl Fn() -> Script + 'static) -> Vec<Mode> {
    let scenario =
        parse("caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 2\nexpect disconnect\nexpect end").unwrap();
    let stage = stage(script);
    Mode::ALL.into_iter().filter(|mode| stage.play(&scenario, *mode, 1).result.is_err()).collect()
}

#[test]
fn each_mode_finds_what_it_is_for() {
    assert_eq!(fails_in(desk), []);
    let shared_global = || {
        let greeted = Mutex::new(0);
        like_desk(move |memory, event, ask| {
            if let EventBody::InteractionAdded(_) = event.body {
                let mut greeted = greeted.lock().unwrap();
                memory.set("greeting", if *greeted == 0 { "welcome" } else { "welcome-back" });
                *greeted += 1;
            }
            serve(memory, event, ask)
        })
    };
    assert_eq!(fails_in(shared_global), [Mode::AmongOthers]);
    let forgets_in_replay = || {
        like_desk(|memory, event, ask| {
            if ask.is_replay() {
                memory.set("forgot", "yes");
            }
            match event.body {
                EventBody::PlayDone(_) if memory.get("forgot") == "yes" => Act::Finish,
                _ => serve(memory, event, ask),
            }
        })
        .without_snapshots()
    };
    assert_eq!(fails_in(forgets_in_replay), [Mode::Restored, Mode::Dying]);
    let in_the_process_only = || {
        let known = Arc::new(Mutex::new(BTreeSet::new()));
        like_desk(move |memory, event, ask| {
            let mut known = known.lock().unwrap();
            match &event.body {
                EventBody::InteractionAdded(added) if !ask.is_replay() => drop(known.insert(added.id.to_string())),
                EventBody::PlayDone(_) if !known.contains(memory.get("call")) => return Act::Finish,
                _ => {}
            }
            serve(memory, event, ask)
        })
    };
    assert_eq!(fails_in(in_the_process_only), [Mode::Dying]);
}

#[test]
fn modes_do_to_sessions_and_hosts_what_they_say() {
    let text = "caller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 2\nexpect disconnect\nexpect end";
    let stage = stage(desk);
    let tally = |mode| {
        let played = stage.play(&parse(text).unwrap(), mode, 1);
        assert_eq!(played.result, Ok(()));
        played.tally
    };
    assert_eq!((tally(Mode::Alone).nobody_in_memory, tally(Mode::Alone).deaths), (0, 0));
    let restored = tally(Mode::Restored);
    assert!(restored.nobody_in_memory >= 3 && restored.somebody_in_memory == 0, "{restored:?}");
    assert!(tally(Mode::Dying).deaths >= 4, "one with each step: added, play.done, collect.done, deleted; {:?}", tally(Mode::Dying));
}

#[test]
fn the_same_seed_gives_the_same_play() {
    let text = "agents sales: 1\ncaller dials 8000\nexpect play \"welcome\"\nexpect collect\ncaller presses 1\nexpect route group \"sales\"\nexpect music\nexpect end";
    let timeline = |mode, seed| stage(desk).play(&parse(text).unwrap(), mode, seed).timeline;
    for mode in Mode::ALL {
        assert_eq!(timeline(mode, 5), timeline(mode, 5), "{}", mode.name());
        assert!(timeline(mode, 5).len() > 10);
    }
}
