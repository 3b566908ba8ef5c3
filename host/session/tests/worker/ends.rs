//! How sessions end.

use tandem_journal::{Outcome, Record};
use tandem_native_guests::{Act, Script};
use tandem_switch_link::Over;
use tandem_words::{EventBody, StoppedBy};

use crate::rig::{Rig, deleted, digit, listener, script, session_in};

/// Plays at the call's arrival, finishes at a digit.
fn finisher() -> Script {
    script(|_, event, ask| match &event.body {
        EventBody::InteractionAdded(call) => {
            ask.play(&call.id, "bye");
            Act::Wait
        }
        EventBody::Digit(_) => Act::Finish,
        _ => Act::Wait,
    })
}

#[test]
fn a_finished_session_that_is_owed_nothing_is_over_with_its_step() {
    let mut rig = Rig::new(finisher());
    let session = rig.call(1, 100);
    rig.answer(session, 1, 200, EventBody::PlayDone(StoppedBy::End));
    rig.event(session, 300, digit(1, "1"));
    rig.settle();
    let last = rig.disk.steps(session).last().cloned().unwrap();
    assert_eq!((last.outcome, last.last), (Outcome::Finish, true));
    assert_eq!(rig.sent.last().unwrap().over, Some(Over::Finished));
    assert!(rig.worker.state(session).is_none(), "nothing keeps it");
    assert_eq!(rig.guests.sessions(), []);
    assert!(rig.released.last().unwrap().over);
}

#[test]
fn answers_that_come_late_are_recorded_and_the_last_one_says_so() {
    let mut rig = Rig::new(finisher());
    let session = rig.call(1, 100);
    rig.event(session, 300, digit(1, "1"));
    rig.event(session, 310, digit(1, "2"));
    rig.settle();
    assert!(!rig.disk.steps(session)[1].last);
    assert_eq!(rig.w(), 3, "what came behind the end is ignored");
    rig.answer(session, 1, 400, EventBody::PlayDone(StoppedBy::End));
    rig.settle();
    let steps = rig.disk.steps(session);
    assert_eq!(steps.len(), 3);
    assert_eq!((steps[2].outcome.clone(), steps[2].last, steps[2].event.seq), (Outcome::Late, true, 3));
    assert_eq!(rig.guests.counts().steps, 2, "no guest saw it");
}

#[test]
fn what_is_ignored_because_of_an_end_waits_for_that_end_to_be_durable() {
    let mut rig = Rig::new(script(|_, event, ask| match &event.body {
        EventBody::InteractionAdded(_) => {
            ask.after(100);
            Act::Wait
        }
        EventBody::TimerFired => Act::Finish,
        _ => Act::Wait,
    }));
    let session = rig.call(1, 100);
    rig.advance(200);
    rig.event(session, 300, deleted(1));
    assert!(rig.ignored.is_empty());
    rig.commit_rows(1);
    assert_eq!(rig.w(), 1);
    // A crash here: the session lives, and the switch tells the event again.
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, deleted(1));
    rig.settle();
    assert_eq!(rig.disk.events(session), ["interaction.added", "timer.fired"]);
}

#[test]
fn a_session_lingers_behind_its_last_interaction_and_is_ended() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 100);
    rig.event(session, 1_000, deleted(1));
    assert_eq!(rig.worker.wake_at(), Some(61_000));
    rig.advance(60_999);
    rig.settle();
    assert_eq!(rig.disk.records(session).len(), 3);
    rig.advance(61_000);
    rig.settle();
    assert!(matches!(rig.disk.records(session).last(), Some(Record::Ended(_))));
    assert!(rig.worker.state(session).is_none() && rig.worker.wake_at().is_none());
    assert!(rig.disk.live_sessions().is_empty());
}

#[test]
fn a_session_does_not_linger_away_while_an_answer_is_owed_to_it() {
    let mut rig = Rig::new(script(|_, event, ask| {
        if let EventBody::InteractionDeleted(_) = &event.body {
            ask.request(tandem_words::RequestBody::QueryGroup { group: "sales".to_owned() });
        }
        Act::Wait
    }));
    let session = rig.call(1, 100);
    rig.event(session, 1_000, deleted(1));
    rig.advance(100_000);
    rig.settle();
    assert_eq!(rig.worker.live_sessions(), 1);
    rig.answer(session, 1, 100_500, EventBody::Done);
    rig.advance(100_500);
    rig.settle();
    assert_eq!(rig.worker.live_sessions(), 0, "now it has lingered long enough");
    assert!(matches!(rig.disk.records(session).last(), Some(Record::Ended(_))));
}

#[test]
fn a_session_that_gets_a_new_interaction_does_not_linger() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 100);
    rig.event(session, 1_000, deleted(1));
    rig.event(session, 2_000, EventBody::CallCreated(crate::rig::interaction(&"out".into())));
    rig.advance(100_000);
    rig.settle();
    assert_eq!((rig.worker.live_sessions(), rig.worker.wake_at()), (1, None));
    rig.event(
        session,
        200_000,
        EventBody::InteractionDeleted(tandem_words::Deletion { interaction: "out".into(), cause: tandem_words::EndCause::Strategy }),
    );
    assert_eq!(rig.worker.wake_at(), Some(260_000));
}

#[test]
fn a_session_that_never_had_an_interaction_does_not_linger() {
    let mut rig = Rig::new(listener());
    let opening = crate::rig::opening(session_in(1, 5), None, 100);
    rig.input(tandem_session::Input::Open(Box::new(opening), None));
    rig.settle();
    rig.advance(1_000_000_000);
    rig.settle();
    assert_eq!(rig.worker.live_sessions(), 1);
}
