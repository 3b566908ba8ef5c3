//! Rows that are read before they are asked for, after a crash.

use tandem_journal::SessionRows;
use tandem_session::{Input, Records, WorkerOptions};
use tandem_words::SessionId;

use crate::rig::{Rig, digit, listener};

fn rows(rig: &Rig, session: SessionId) -> SessionRows {
    rig.disk.session_rows(session).unwrap()
}

fn read_ahead(rig: &mut Rig, session: SessionId) {
    let records = Records::read(&rows(rig, session)).unwrap();
    rig.input(Input::ReadAhead(session, records));
}

/// Two steps, then another process.
fn crashed(options: WorkerOptions) -> (Rig, SessionId) {
    let mut rig = Rig::with(listener(), options);
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    (rig.crash(&[]), session)
}

fn seen(rig: &Rig, session: SessionId) -> String {
    rig.guests.memory(session).unwrap().get("seen").to_owned()
}

#[test]
fn a_session_that_was_read_ahead_is_not_read_again() {
    let (mut rig, session) = crashed(WorkerOptions::default());
    read_ahead(&mut rig, session);
    assert_eq!(rig.guests.counts().starts, 0, "not before it is needed");
    rig.event(session, 300, digit(1, "2"));
    assert!(rig.loads.is_empty());
    rig.settle();
    assert_eq!(seen(&rig, session), "interaction.added 1 2");
    assert!(!rig.worker.rebuild_ahead(), "it is here");
}

#[test]
fn guests_are_rebuilt_when_nothing_else_is_to_be_done() {
    let (mut rig, session) = crashed(WorkerOptions::default());
    read_ahead(&mut rig, session);
    assert_eq!((rig.worker.rebuild_ahead(), rig.worker.rebuild_ahead()), (true, false));
    assert!(rig.worker.drain().is_empty());
    assert_eq!((rig.worker.present_sessions(), rig.guests.counts().replays), (1, 2));
    rig.event(session, 300, digit(1, "2"));
    assert!(rig.loads.is_empty());
    rig.settle();
    assert_eq!(seen(&rig, session), "interaction.added 1 2");
}

#[test]
fn a_rebuild_that_nobody_waits_for_gives_way_and_the_sessions_next_event_makes_it() {
    let (mut rig, session) = crashed(WorkerOptions::default());
    read_ahead(&mut rig, session);
    let steps = std::cell::Cell::new(0);
    assert!(rig.worker.rebuild_ahead_while(&|| steps.replace(steps.get() + 1) == 0), "one step of two");
    assert_eq!((rig.worker.present_sessions(), rig.guests.counts().replays), (0, 1));
    assert!(!rig.worker.rebuild_ahead() && rig.worker.drain().is_empty());
    rig.event(session, 300, digit(1, "2"));
    rig.settle();
    assert_eq!(seen(&rig, session), "interaction.added 1 2");
}

#[test]
fn a_session_that_waits_for_its_rows_goes_on_with_those_that_come_first() {
    let (mut rig, session) = crashed(WorkerOptions::default());
    rig.event(session, 300, digit(1, "2"));
    assert!(rig.worker.is_loading(session) && rig.worker.wants_records(session));
    read_ahead(&mut rig, session);
    assert!(!rig.worker.is_loading(session) && !rig.worker.wants_records(session));
    assert_eq!(seen(&rig, session), "interaction.added 1 2");
    // The reader's come too late.
    rig.settle();
    assert_eq!(seen(&rig, session), "interaction.added 1 2");
    assert_eq!(rig.disk.events(session).len(), 3);
}

#[test]
fn rows_of_a_session_that_has_moved_on_are_of_no_use() {
    let (mut rig, session) = crashed(WorkerOptions { passivate_after_ms: 1_000, ..WorkerOptions::default() });
    let old = Records::read(&rows(&rig, session)).unwrap();
    rig.event(session, 300, digit(1, "2"));
    rig.settle();
    rig.advance(5_000);
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 0);
    rig.input(Input::ReadAhead(session, old));
    assert!(!rig.worker.rebuild_ahead());
    rig.event(session, 6_000, digit(1, "3"));
    assert_eq!(rig.loads.len(), 1);
    rig.settle();
    assert_eq!(seen(&rig, session), "interaction.added 1 2 3");
}

#[test]
fn what_does_not_fit_is_read_when_it_is_needed() {
    let (mut rig, session) = crashed(WorkerOptions { max_records_ahead: 2, ..WorkerOptions::default() });
    read_ahead(&mut rig, session);
    assert!(!rig.worker.rebuild_ahead());
    rig.event(session, 300, digit(1, "2"));
    assert_eq!(rig.loads.len(), 1);
}
