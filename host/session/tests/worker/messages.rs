//! Messages and sessions that sessions start.

use tandem_journal::Claim;
use tandem_native_guests::{Act, Script};
use tandem_session::{Arrival, Input};
use tandem_words::{ErrorCode, EventBody, Message};

use crate::rig::{Rig, digit, key, opening, script, session_in};

/// Digit `s` sends to session 2, `2` to nobody, `n` starts a session, `f` finishes.
fn messenger() -> Script {
    script(|memory, event, ask| {
        match &event.body {
            EventBody::Digit(digit) => match digit.key.as_str() {
                "s" => {
                    let name = format!("m{}", memory.count("sent"));
                    ask.send(&session_in(1, 2).to_string(), &name);
                }
                "n" => _ = ask.start_session("native"),
                "2" => _ = ask.send(&session_in(1, 99).to_string(), "hello"),
                "f" => return Act::Finish,
                _ => {}
            },
            EventBody::Failed(failure) => memory.push("failed", &format!("{:?}", failure.code)),
            EventBody::SessionStarted(session) => memory.set("started", session),
            _ => {}
        }
        Act::Wait
    })
}

#[test]
fn messages_arrive_in_order_and_their_sender_is_told() {
    let mut rig = Rig::new(messenger());
    let sender = rig.call(1, 100);
    let receiver = rig.call(2, 100);
    rig.event(sender, 200, digit(1, "s"));
    rig.event(sender, 200, digit(1, "s"));
    assert_eq!(rig.guests.memory(receiver).unwrap().get("seen"), "interaction.added", "not before the sender's commit");
    rig.commit();
    assert_eq!(rig.guests.memory(receiver).unwrap().get("seen"), "interaction.added m1 m2");
    assert_eq!(rig.disk.events(sender).len(), 3, "not before the receiver's commit");
    rig.settle();
    assert_eq!(rig.disk.events(sender), ["interaction.added", "interaction.digit", "interaction.digit", "done", "done"]);
}

fn message(from: u32, name: &str) -> Arrival {
    let message = Message { sender: "101-1-1".to_owned(), name: name.to_owned(), json: String::new() };
    Arrival::Message { from: key(session_in(1, 1), from), strategy: "native".to_owned(), message }
}

#[test]
fn a_message_that_comes_twice_is_heard_once_and_answered_behind_the_first() {
    let mut rig = Rig::new(messenger());
    let receiver = rig.call(2, 100);
    rig.settle();
    rig.arrive(receiver, message(1, "m1"));
    rig.arrive(receiver, message(1, "m1"));
    assert!(rig.answered.is_empty(), "the first is not durable yet");
    rig.settle();
    assert_eq!(rig.disk.events(receiver), ["interaction.added", "message"]);
    let replies: Vec<_> = rig.released.iter().flat_map(|release| release.replies.clone()).collect();
    assert_eq!(replies, [(key(session_in(1, 1), 1), EventBody::Done), (key(session_in(1, 1), 1), EventBody::Done)]);
    rig.arrive(receiver, message(1, "m1"));
    assert_eq!(rig.answered.len(), 1, "durable: at once");
}

#[test]
fn a_message_of_another_strategy_is_denied() {
    let mut rig = Rig::new(messenger());
    let receiver = rig.call(2, 100);
    rig.settle();
    let Arrival::Message { from, message, .. } = message(1, "m1") else { panic!() };
    rig.arrive(receiver, Arrival::Message { from, strategy: "other".to_owned(), message });
    rig.settle();
    assert!(matches!(&rig.answered[..], [(_, EventBody::Failed(failure))] if failure.code == ErrorCode::Denied));
    assert_eq!(rig.disk.events(receiver).len(), 1);
}

#[test]
fn a_message_to_nobody_is_answered_not_found() {
    let mut rig = Rig::new(messenger());
    let sender = rig.call(1, 100);
    rig.event(sender, 200, digit(1, "2"));
    rig.settle();
    assert_eq!(rig.guests.memory(sender).unwrap().get("failed"), "NotFound");
    assert!(rig.worker.state(session_in(1, 99)).is_none());
}

#[test]
fn a_message_to_a_session_that_is_over_is_answered_gone_unless_it_was_heard() {
    let mut rig = Rig::new(messenger());
    let receiver = rig.call(2, 100);
    rig.arrive(receiver, message(1, "m1"));
    rig.settle();
    rig.event(receiver, 200, digit(2, "f"));
    rig.arrive(receiver, message(2, "m2"));
    assert!(rig.answered.is_empty(), "the end is not durable yet");
    rig.settle();
    assert!(rig.worker.state(receiver).is_none());
    rig.arrive(receiver, message(1, "m1"));
    rig.arrive(receiver, message(3, "m3"));
    rig.settle();
    let code = |body: &EventBody| match body {
        EventBody::Failed(failure) => Some(failure.code),
        _ => None,
    };
    let gone: Vec<_> = rig.released.iter().flat_map(|release| &release.replies).map(|(key, body)| (key.request, code(body))).collect();
    assert_eq!(gone, [(1, None), (2, Some(ErrorCode::Gone))]);
    let at_once: Vec<_> = rig.answered.iter().map(|(key, body)| (key.request, code(body))).collect();
    assert_eq!(at_once, [(1, None), (3, Some(ErrorCode::Gone))]);
    assert!(rig.worker.state(receiver).is_none(), "it was looked up and forgotten again");
}

#[test]
fn an_outbox_is_kept_until_the_receiver_has_committed() {
    let mut rig = Rig::new(messenger());
    let sender = rig.call(1, 100);
    let receiver = rig.call(2, 100);
    rig.event(sender, 200, digit(1, "s"));
    rig.commit();
    // The message was delivered; the receiver's step dies with the process.
    assert_eq!(rig.state(receiver).seq(), 2);
    let mut rig = rig.crash(&[]);
    rig.settle();
    assert_eq!(rig.disk.events(receiver), ["interaction.added", "message"]);
    assert_eq!(rig.disk.events(sender), ["interaction.added", "interaction.digit", "done"]);
    // And where only the answer was lost, it is heard no second time.
    let mut rig = rig.crash(&[]);
    rig.settle();
    assert_eq!(rig.disk.events(receiver).len(), 2);
}

#[test]
fn a_finished_sender_is_kept_until_its_message_is_answered() {
    let mut rig = Rig::new(messenger());
    let sender = rig.call(1, 100);
    let receiver = rig.call(2, 100);
    rig.event(sender, 200, digit(1, "s"));
    rig.event(sender, 200, digit(1, "f"));
    rig.commit();
    let mut rig = rig.crash(&[]);
    assert_eq!(rig.disk.live_sessions(), [sender, receiver]);
    rig.settle();
    assert_eq!(rig.disk.events(receiver), ["interaction.added", "message"]);
    assert_eq!(rig.disk.live_sessions(), [receiver]);
}

#[test]
fn a_session_starts_another_which_is_durable_before_its_starter_is_told() {
    let mut rig = Rig::new(messenger());
    let starter = rig.call(1, 100);
    rig.event(starter, 500, digit(1, "n"));
    rig.commit();
    let started = session_in(1, 1_000);
    assert!(rig.worker.state(started).is_some());
    assert_eq!(rig.guests.memory(starter).unwrap().get("started"), "");
    rig.settle();
    assert_eq!(rig.guests.memory(starter).unwrap().get("started"), started.to_string());
    assert_eq!(rig.state(started).opening().started_at, 500);
    assert_eq!(rig.worker.live_sessions(), 2);
}

#[test]
fn a_session_is_started_once_whatever_dies() {
    let mut rig = Rig::new(messenger());
    let starter = rig.call(1, 100);
    rig.event(starter, 500, digit(1, "n"));
    rig.commit();
    rig.commit();
    // The started session is durable; that its starter was told is not.
    let mut rig = rig.crash(&[]);
    rig.settle();
    assert_eq!(rig.disk.sessions(), [starter, session_in(1, 1_000)]);
    assert_eq!(rig.disk.events(starter), ["interaction.added", "interaction.digit", "session.started"]);
    assert_eq!(rig.worker.live_sessions(), 2, "the one that came too late is gone");
}

#[test]
fn a_started_session_that_fails_at_its_start_is_over() {
    let mut rig = Rig::new(messenger().on_start(|context, _| match context.session_id.number {
        1_000 => Act::Error("not me".to_owned()),
        _ => Act::Wait,
    }));
    let starter = rig.call(1, 100);
    rig.event(starter, 500, digit(1, "n"));
    rig.settle();
    assert_eq!(rig.disk.events(starter).last(), Some(&"session.started"));
    assert_eq!(rig.disk.events(session_in(1, 1_000)), ["error"]);
    assert_eq!(rig.worker.live_sessions(), 1);
}

#[test]
fn a_start_that_came_late_hears_of_the_session_that_is_there() {
    let mut rig = Rig::new(messenger());
    let starter = rig.call(1, 100);
    rig.settle();
    let claim = Some(Claim::Request(key(starter, 1)));
    for number in [50, 51] {
        rig.input(Input::Open(Box::new(opening(session_in(1, number), claim.clone(), 100)), None));
    }
    rig.settle();
    assert_eq!(rig.disk.sessions(), [starter, session_in(1, 50)]);
    assert!(rig.worker.state(session_in(1, 51)).is_none());
}

#[test]
fn a_message_for_a_session_that_is_made_while_it_is_looked_up_is_not_lost() {
    let mut rig = Rig::new(messenger());
    let guessed = session_in(1, 2);
    rig.arrive(guessed, message(1, "m1"));
    assert_eq!(rig.loads.len(), 1);
    assert_eq!(rig.call(2, 100), guessed);
    rig.settle();
    assert_eq!(rig.disk.events(guessed), ["interaction.added", "message"]);
}
