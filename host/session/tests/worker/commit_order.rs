//! What leaves, and when (P2); how far a session runs ahead.

use tandem_native_guests::Act;
use tandem_session::WorkerOptions;
use tandem_words::{EventBody, StoppedBy};

use crate::rig::{Rig, digit, held, key, listener, player, script};

#[test]
fn nothing_leaves_before_its_commit_and_everything_after() {
    let mut rig = Rig::new(script(|_, event, ask| {
        if let EventBody::Digit(digit) = &event.body {
            ask.play(&digit.interaction, &digit.key);
        }
        Act::Wait
    }));
    let session = rig.call(1, 100);
    for (at, pressed) in [(200, "1"), (300, "2"), (400, "3")] {
        rig.event(session, at, digit(1, pressed));
    }
    assert!(rig.sent.is_empty() && rig.released.is_empty());
    // The opening goes with the first step, in one batch.
    assert_eq!(rig.commit_rows(1), 1);
    assert_eq!((rig.disk.rows.len(), rig.requests_sent().len()), (2, 0));
    rig.commit_rows(1);
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)"]);
    rig.settle();
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)", "dialog.playsound(2)", "dialog.playsound(3)"]);
    assert_eq!(rig.sent.iter().map(|step| step.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn a_session_runs_ahead_of_its_commits_only_so_far() {
    let options = WorkerOptions { max_steps_ahead: 3, ..WorkerOptions::default() };
    let mut rig = Rig::with(listener(), options);
    let session = rig.call(1, 100);
    (0..5).for_each(|at| rig.event(session, 200 + at, digit(1, "1")));
    // The opening and two steps.
    assert_eq!(rig.state(session).seq(), 2);
    rig.commit_rows(1);
    assert_eq!(rig.state(session).seq(), 4, "two rows are durable");
    rig.settle();
    assert_eq!(rig.state(session).seq(), 6);
    assert_eq!(rig.w(), 6);
}

#[test]
fn the_gateway_hears_only_what_is_news() {
    let mut rig = Rig::new(player());
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.answer(session, 1, 300, EventBody::PlayDone(StoppedBy::End));
    rig.settle();
    assert_eq!(rig.sent.len(), 1, "the later steps ask for nothing and hold the same call");
    rig.event(session, 400, crate::rig::deleted(1));
    rig.settle();
    assert_eq!((rig.sent.len(), rig.sent[1].interactions.len()), (2, 0));
}

#[test]
fn a_new_connection_is_told_what_sessions_hold_and_what_the_gateway_has_not_seen() {
    let mut rig = Rig::new(script(|_, event, ask| {
        if let EventBody::Digit(digit) = &event.body {
            let request = ask.play(&digit.interaction, &digit.key);
            if digit.key == "9" {
                ask.cancel(request);
            }
        }
        Act::Wait
    }));
    let session = rig.call(1, 100);
    let quiet = rig.call(2, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.event(session, 300, digit(1, "9"));
    rig.settle();
    rig.sent.clear();
    rig.reconnect(&[key(session, 2)]);
    assert_eq!(rig.requests_sent(), ["dialog.playsound(2)", "control.cancel(2)"]);
    assert_eq!(rig.sent.iter().map(|step| (step.session, step.seq)).collect::<Vec<_>>(), [(session, 3), (quiet, 1)]);
    assert_eq!(rig.sent[1].interactions, [held("c2")]);
}

#[test]
fn a_new_connection_is_not_told_what_is_not_durable() {
    let mut rig = Rig::new(script(|_, event, ask| match &event.body {
        EventBody::InteractionAdded(call) => {
            ask.play(&call.id, "welcome");
            Act::Wait
        }
        EventBody::Digit(_) => {
            ask.cancel(1);
            ask.play(&"c1".into(), "bye");
            Act::Finish
        }
        _ => Act::Wait,
    }));
    let session = rig.call(1, 100);
    rig.settle();
    rig.event(session, 200, digit(1, "1"));
    rig.sent.clear();
    rig.reconnect(&[key(session, 1), key(session, 2)]);
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)"]);
    assert_eq!(rig.sent[0].over, None);
    rig.settle();
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)", "control.cancel(1)", "dialog.playsound(2)"]);
}
