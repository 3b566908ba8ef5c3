//! What one session may cost (P12).

use tandem_journal::{Outcome, StepFailureKind};
use tandem_session::WorkerOptions;
use tandem_switch_link::Over;

use crate::rig::{Rig, digit, listener};

fn failure(outcome: Outcome) -> StepFailureKind {
    match outcome {
        Outcome::Failed(failure) => failure.kind,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_without_snapshots_may_go_only_so_far() {
    let options = WorkerOptions { max_journal_steps: 10, ..WorkerOptions::default() };
    let mut rig = Rig::with(listener().without_snapshots(), options);
    let session = rig.call(1, 100);
    for at in 0..20 {
        rig.event(session, 200 + at, digit(1, "1"));
    }
    rig.settle();
    assert_eq!(rig.disk.steps(session).len(), 12);
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Limit);
    assert_eq!(rig.disk.events(session).last(), Some(&"error"));
    assert_eq!((rig.sent.last().unwrap().over, rig.w()), (Some(Over::Failed), 21));
}

#[test]
fn a_session_that_gives_snapshots_goes_on() {
    let options = WorkerOptions { max_journal_steps: 10, snapshot_every: 5, ..WorkerOptions::default() };
    let mut rig = Rig::with(listener(), options);
    let session = rig.call(1, 100);
    (0..100).for_each(|at| rig.event(session, 200 + at, digit(1, "1")));
    rig.settle();
    assert_eq!(rig.outcome(session), Outcome::Wait);
}

#[test]
fn what_waits_is_bounded_while_commits_stand_still() {
    let options = WorkerOptions { max_steps_ahead: 4, max_waiting: 10, ..WorkerOptions::default() };
    let mut rig = Rig::with(listener(), options);
    let session = rig.call(1, 100);
    (0..50).for_each(|at| rig.event(session, 200 + at, digit(1, "1")));
    assert_eq!(rig.worker.live_sessions(), 0);
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Limit);
    assert_eq!(rig.w(), 51);
    assert!(rig.worker.state(session).is_none());
}

#[test]
fn what_waits_is_bounded_while_rows_are_read() {
    let options = WorkerOptions { max_waiting: 10, ..WorkerOptions::default() };
    let mut rig = Rig::with(listener(), options);
    let session = rig.call(1, 100);
    rig.settle();
    let mut rig = rig.crash(&[]);
    (0..50).for_each(|at| rig.event(session, 200 + at, digit(1, "1")));
    assert_eq!((rig.loads.len(), rig.worker.live_sessions()), (1, 0));
    rig.settle();
    assert_eq!(failure(rig.outcome(session)), StepFailureKind::Limit);
    assert_eq!((rig.disk.steps(session).len(), rig.w()), (2, 51));
    assert!(rig.worker.state(session).is_none(), "the rows that came late found nobody");
}

#[test]
fn messages_to_an_unknown_session_are_bounded_too() {
    let options = WorkerOptions { max_waiting: 3, ..WorkerOptions::default() };
    let mut rig = Rig::with(listener(), options);
    let nobody = crate::rig::session_in(1, 99);
    for request in 1..=20 {
        let from = crate::rig::key(crate::rig::session_in(1, 1), request);
        let message = tandem_words::Message { sender: String::new(), name: "m".to_owned(), json: String::new() };
        rig.arrive(nobody, tandem_session::Arrival::Message { from, strategy: "native".to_owned(), message });
    }
    rig.settle();
    assert_eq!(rig.answered.len(), 20, "each is answered");
}

#[test]
fn a_session_that_asks_in_circles_comes_to_an_end() {
    use tandem_native_guests::Act;
    use tandem_words::EventBody;

    use crate::rig::script;
    let denied = script(|_, event, ask| {
        if !matches!(event.body, EventBody::Digit(_)) {
            ask.play(&"another".into(), "mine");
        }
        Act::Wait
    });
    let at_once = script(|_, event, ask| {
        if !matches!(event.body, EventBody::Digit(_)) {
            ask.after(0);
        }
        Act::Wait
    });
    for circles in [denied, at_once] {
        let mut rig = Rig::new(circles);
        let session = rig.call(1, 100);
        for _ in 0..2_000 {
            rig.settle();
            rig.advance(100);
        }
        assert_eq!(failure(rig.outcome(session)), StepFailureKind::Limit);
        assert_eq!(rig.disk.steps(session).len(), 1_003);
    }
}

#[test]
fn a_session_that_asks_the_switch_in_circles_comes_to_an_end() {
    use tandem_native_guests::Act;
    use tandem_words::EventBody;
    let groups = crate::rig::script(|_, _, ask| {
        ask.request(tandem_words::RequestBody::QueryGroup { group: "sales".to_owned() });
        Act::Wait
    });
    let mut rig = Rig::new(groups);
    let session = rig.call(1, 100);
    for request in 1..1_100 {
        rig.settle();
        rig.answer(session, request, 100, EventBody::Done);
    }
    rig.settle();
    let steps = rig.disk.steps(session);
    let failed = steps.iter().find(|step| matches!(step.outcome, Outcome::Failed(_))).unwrap();
    assert_eq!((failure(failed.outcome.clone()), failed.event.seq), (StepFailureKind::Limit, 1_003));
}

#[test]
fn a_burst_of_events_from_outside_is_no_circle() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 100);
    (0..3_000).for_each(|_| rig.event(session, 100, digit(1, "1")));
    rig.settle();
    assert_eq!(rig.outcome(session), Outcome::Wait);
}
