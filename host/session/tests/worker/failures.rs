//! Guests that fail: once more alone, then recorded; neighbours come back (design, section 3).

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tandem_journal::{Outcome, StepFailureKind};
use tandem_native_guests::{Act, NativeGuests, Script};
use tandem_session::{Arrival, Life, WorkerOptions};
use tandem_switch_link::Over;
use tandem_words::{EventBody, StoppedBy};

use crate::rig::{Rig, VERSION, deleted, digit, held, listener, script};

/// Digit `t` traps `times` times; `e` is an error; `p` plays.
fn fragile(times: u32) -> Script {
    let traps = Arc::new(AtomicU32::new(0));
    script(move |_, event, ask| match &event.body {
        EventBody::Digit(digit) => match digit.key.as_str() {
            "t" if traps.fetch_add(1, Ordering::SeqCst) < times => {
                ask.play(&digit.interaction, "never");
                Act::trap()
            }
            "e" => {
                ask.play(&digit.interaction, "never");
                Act::Error("no".to_owned())
            }
            "p" => {
                ask.play(&digit.interaction, "menu");
                Act::Wait
            }
            _ => Act::Wait,
        },
        _ => Act::Wait,
    })
}

fn failure(outcome: Outcome) -> StepFailureKind {
    match outcome {
        Outcome::Failed(failure) => failure.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_step_that_trapped_once_is_tried_again_alone_and_leaves_no_trace() {
    let mut rig = Rig::new(fragile(1));
    let session = rig.call(1, 100);
    let neighbour = rig.call(2, 100);
    assert!(rig.guests.are_neighbours(session, neighbour));
    rig.event(session, 200, digit(1, "p"));
    rig.event(session, 300, digit(1, "t"));
    assert_eq!(rig.state(session).seq(), 2, "the step that died is not there");
    rig.settle();
    assert_eq!(rig.disk.events(session).len(), 3);
    assert_eq!(rig.outcome(session), Outcome::Wait);
    assert!(!rig.guests.are_neighbours(session, neighbour));
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added p t");
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)"]);
    assert_eq!(rig.w(), 4);
}

#[test]
fn a_step_that_traps_again_is_recorded_and_its_requests_are_undone() {
    let mut rig = Rig::new(fragile(2));
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "t"));
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Trap);
    assert!(rig.requests_sent().is_empty());
    assert_eq!(rig.sent.last().map(|step| (step.over, step.interactions.clone())), Some((Some(Over::Failed), vec![held("c1")])));
    assert_eq!(rig.guests.counts().deaths, 2);
    assert_eq!(rig.worker.live_sessions(), 0);
    assert_eq!(rig.w(), 2);
}

#[test]
fn an_error_fails_the_step_without_a_second_try_and_kills_nobody() {
    let mut rig = Rig::new(fragile(0));
    let session = rig.call(1, 100);
    let neighbour = rig.call(2, 100);
    rig.event(session, 200, digit(1, "e"));
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Error);
    assert!(rig.requests_sent().is_empty());
    assert_eq!((rig.guests.counts().deaths, rig.guests.counts().steps), (0, 3));
    assert!(rig.guests.memory(neighbour).is_some());
}

#[test]
fn neighbours_come_back_when_they_are_needed_with_their_uncommitted_steps() {
    let mut rig = Rig::new(fragile(2));
    let guilty = rig.call(1, 100);
    let neighbour = rig.call(2, 100);
    rig.settle();
    rig.event(neighbour, 150, digit(2, "p"));
    rig.event(guilty, 200, digit(1, "t"));
    assert!(rig.guests.memory(neighbour).is_none());
    rig.event(neighbour, 300, digit(2, "5"));
    // Nothing is committed since, and the rows are read now: the uncommitted step is the worker's to add.
    while !rig.loads.is_empty() {
        rig.load();
    }
    assert_eq!(rig.guests.memory(neighbour).unwrap().get("seen"), "interaction.added p 5");
    rig.settle();
    assert_eq!(rig.disk.events(neighbour).len(), 3);
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)"]);
    assert_eq!(rig.state(neighbour).life(), Life::Live);
}

#[test]
fn commits_acknowledged_while_rows_are_read_are_not_lost_to_the_rebuild() {
    let mut rig = Rig::new(fragile(2));
    let guilty = rig.call(1, 100);
    let neighbour = rig.call(2, 100);
    rig.settle();
    rig.event(neighbour, 150, digit(2, "5"));
    rig.event(guilty, 200, digit(1, "t"));
    rig.event(neighbour, 300, digit(2, "6"));
    // The reader reads first, then the commit is acknowledged, then what was read arrives.
    let stale = rig.disk.session_rows(neighbour).map(Box::new);
    while !rig.queue.is_empty() {
        rig.commit();
    }
    rig.loads.retain(|session| *session != neighbour);
    rig.input(tandem_session::Input::Loaded(neighbour, stale));
    assert_eq!(rig.guests.memory(neighbour).unwrap().get("seen"), "interaction.added 5 6");
    rig.settle();
    assert_eq!(rig.disk.events(neighbour).len(), 3);
}

#[test]
fn a_start_that_fails_fails_the_session_with_its_first_event() {
    for (act, kind) in [(Act::Error("no".to_owned()), StepFailureKind::Error), (Act::trap(), StepFailureKind::Trap)] {
        let failing = listener().on_start(move |_, _| act.clone());
        let mut rig = Rig::new(failing);
        let session = rig.call(1, 100);
        rig.settle();
        assert_eq!(rig.disk.events(session), ["interaction.added"]);
        assert_eq!(failure(rig.outcome(session)), kind);
        assert_eq!(rig.sent[0].over, Some(Over::Failed));
        assert_eq!((rig.sent[0].interactions.len(), rig.w()), (1, 1), "its call goes to the default route");
    }
}

#[test]
fn a_start_that_trapped_in_company_may_succeed_alone() {
    let starts = AtomicU32::new(0);
    let mut rig =
        Rig::new(listener().on_start(move |_, _| if starts.fetch_add(1, Ordering::SeqCst) == 0 { Act::trap() } else { Act::Wait }));
    let session = rig.call(1, 100);
    rig.settle();
    assert_eq!((rig.outcome(session), rig.guests.counts().starts), (Outcome::Wait, 2));
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    assert_eq!((rig.guests.counts().starts, rig.guests.counts().replays), (2, 0), "it is there");
}

#[test]
fn a_version_that_is_not_loaded_fails_its_calls_and_no_others() {
    let mut rig = Rig::of(NativeGuests::new(), WorkerOptions::default());
    let session = rig.call(1, 100);
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Unavailable);
}

#[test]
fn a_request_over_a_limit_ends_the_step() {
    let mut rig = Rig::new(script(|_, event, ask| {
        if let EventBody::Digit(digit) = &event.body {
            (0..300).for_each(|_| _ = ask.play(&digit.interaction, "again"));
        }
        Act::Wait
    }));
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Limit);
    assert!(rig.requests_sent().is_empty());
}

#[test]
fn a_replay_that_differs_fails_the_session_and_the_journal_wins() {
    let differs = script(|_, event, ask| {
        if let EventBody::Digit(digit) = &event.body {
            let sound = if ask.is_replay() { "something else" } else { "menu" };
            ask.play(&digit.interaction, sound);
        }
        Act::Wait
    });
    let mut rig = Rig::new(differs);
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, digit(1, "2"));
    rig.settle();
    let steps = rig.disk.steps(session);
    assert_eq!(failure(steps[2].outcome.clone()), StepFailureKind::ReplayDiverged);
    assert!(matches!(&steps[2].outcome, Outcome::Failed(failure) if failure.message.contains("step 2")), "{:?}", steps[2].outcome);
    assert_eq!(steps[1].requests[0].id, 1);
    assert_eq!(rig.sent.last().unwrap().over, Some(Over::Failed));
    assert_eq!(rig.w(), 3);
}

#[test]
fn a_guest_that_traps_at_replay_only_is_tried_alone_and_then_failed() {
    let mut rig = Rig::new(script(|_, _, ask| if ask.is_replay() { Act::trap() } else { Act::Wait }));
    let session = rig.call(1, 100);
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, digit(1, "2"));
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Trap);
    assert_eq!(rig.guests.counts().deaths, 2);
    assert!(rig.loads.is_empty());
}

#[test]
fn a_snapshot_that_traps_costs_the_cell_once() {
    let guests = script(|_, _, _| Act::Checkpoint).on_snapshot(|_| Err(Act::trap()));
    let mut rig = Rig::new(guests);
    let session = rig.call(1, 100);
    let neighbour = rig.call(2, 100);
    rig.settle();
    for at in 2..6 {
        rig.event(session, at * 100, digit(1, "1"));
        rig.settle();
    }
    assert_eq!(rig.disk.events(session).len(), 5);
    assert_eq!(rig.disk.events(neighbour).len(), 1);
    assert_eq!(rig.state(session).life(), Life::Live);
    assert_eq!(rig.guests.memory(neighbour), None, "it was not needed since");
}

#[test]
fn a_failed_session_still_takes_the_answers_it_is_owed() {
    let mut rig = Rig::new(fragile(2));
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "p"));
    rig.event(session, 300, digit(1, "t"));
    rig.settle();
    assert_eq!(rig.disk.live_sessions(), [session], "its play is under way: it is recovered, to be sure that it was sent");
    rig.answer(session, 1, 400, EventBody::PlayDone(StoppedBy::Cancelled));
    rig.event(session, 500, deleted(1));
    rig.settle();
    assert_eq!(rig.outcome(session), Outcome::Late);
    assert!(rig.disk.steps(session).last().unwrap().last);
    assert_eq!((rig.disk.live_sessions().len(), rig.w()), (0, 5));
    assert!(rig.worker.state(session).is_none());
}

#[test]
fn an_operator_s_end_is_a_failure_at_once() {
    let mut rig = Rig::new(fragile(0));
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "p"));
    rig.arrive(session, Arrival::Terminate);
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Terminated);
    assert_eq!(rig.sent.last().unwrap().over, Some(Over::Failed));
    // What was asked for before is still answered, and a second end is none.
    rig.arrive(session, Arrival::Terminate);
    rig.answer(session, 1, 400, EventBody::PlayDone(StoppedBy::Cancelled));
    rig.settle();
    assert_eq!(rig.disk.live_sessions().len(), 0);
    assert_eq!(VERSION, rig.disk.steps(session)[0].version);
}

#[test]
fn what_a_step_says_and_how_it_fails_is_told_once_and_not_before_it_is_durable() {
    let mut rig = Rig::new(script(|_, event, ask| match &event.body {
        EventBody::Digit(digit) if digit.key == "e" => {
            ask.log("about to fail");
            Act::Error("no".to_owned())
        }
        EventBody::Digit(_) => {
            ask.log("a digit");
            ask.milestone("pressed");
            Act::Wait
        }
        _ => Act::Wait,
    }));
    let said = |rig: &Rig| {
        let said = rig.released.iter().filter_map(|release| release.said.clone());
        let told = said.map(|said| (said.lines.into_iter().map(|(_, text)| text).collect::<String>(), said.failure.is_some()));
        told.collect::<Vec<_>>()
    };
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    assert_eq!(said(&rig), []);
    rig.settle();
    assert_eq!(said(&rig), [("a digit".to_owned(), false)]);
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, digit(1, "e"));
    rig.settle();
    assert_eq!(said(&rig), [("about to fail".to_owned(), true)], "and nothing of the replay");
}
