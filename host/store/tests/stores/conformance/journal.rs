//! The journal: all or nothing, in order, and back again.

use tandem_store::{Misfit, StoreError};
use tandem_words::SessionId;

use super::{Place, promises};
use crate::rows::{NODE, Primary, again, ended, id, last_step, opened, snapshot, step, text, visit};

promises![
    a_batch_is_all_or_nothing,
    rows_stand_in_their_order,
    what_was_committed_is_there_after_reopening,
    the_last_snapshot_whose_step_exists_counts,
    ended_sessions_are_not_live,
    a_restart_begins_afresh,
    rows_that_do_not_fit_are_refused,
];

/// The last row does not fit, so nothing of the batch is written: no row, no claim, no renewal, no watermark.
fn a_batch_is_all_or_nothing(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(1), None)]);
    let mut batch = primary.batch(vec![step(id(1), 1), opened(id(2), Some(visit("call-2", 1))), step(id(2), 2)]);
    batch.watermarks = vec![tandem_journal::Watermark { switch: "main".into(), incarnation: 1, position: 5 }];
    assert!(primary.store.commit(&batch).is_err());
    let mut reader = primary.reader();
    assert_eq!(reader.claim_owner(&visit("call-2", 1)).unwrap(), None);
    assert_eq!(reader.session_rows(id(2)).unwrap(), None);
    assert!(reader.watermarks(NODE).unwrap().is_empty());
    assert_eq!(reader.lease(NODE).unwrap().unwrap().lease.counter, 1);
    assert_eq!(primary.all_rows(id(1)), ["101-1-1 opened"]);
    // The same handle knows it too.
    batch.rows[2] = step(id(2), 1);
    assert!(primary.commit(&batch).unwrap().is_empty());
    assert_eq!(primary.all_rows(id(2)), ["101-1-2 opened", "101-1-2 step 1"]);
}

fn rows_stand_in_their_order(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(2), None), opened(id(1), None), step(id(1), 1)]);
    primary.write(vec![step(id(2), 1), step(id(1), 2), step(id(2), 2), snapshot(id(1), 2), ended(id(2), 2)]);
    let mut exported = Vec::new();
    let mut reader = primary.reader();
    let mut export = |upto: usize| {
        exported.clear();
        let visit = &mut |data: &[u8]| {
            exported.push(text(data));
            if exported.len() == upto { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        };
        reader.export(visit).unwrap();
        exported.clone()
    };
    let all = [
        "101-1-2 opened",
        "101-1-1 opened",
        "101-1-1 step 1",
        "101-1-2 step 1",
        "101-1-1 step 2",
        "101-1-2 step 2",
        "101-1-1 snapshot 2",
        "101-1-2 ended",
    ];
    assert_eq!(export(usize::MAX), all);
    assert_eq!(export(3), all[..3]);
}

fn what_was_committed_is_there_after_reopening(place: &Place) {
    let mut first = Primary::of(place(), NODE);
    first.write(vec![opened(id(1), Some(visit("call-1", 1))), step(id(1), 1)]);
    drop(first);
    let mut second = Primary::of(place(), NODE);
    assert_eq!(second.lease.epoch, 2);
    second.write(vec![step(id(1), 2)]);
    let newer = SessionId { node: NODE, epoch: 2, number: 1 };
    second.write(vec![opened(newer, None)]);
    drop(second);
    let mut third = Primary::of(place(), NODE);
    third.write(vec![step(id(1), 3)]);
    assert_eq!(third.all_rows(id(1)), ["101-1-1 opened", "101-1-1 step 1", "101-1-1 step 2", "101-1-1 step 3"]);
    assert_eq!(third.reader().live_sessions(NODE).unwrap(), [id(1), newer]);
}

fn check_rows(primary: &Primary, session: SessionId, snapshot: Option<&str>, tail: &[&str]) {
    let named = |name: &str| format!("{session} {name}");
    let rows = primary.reader().session_rows(session).unwrap().unwrap();
    assert_eq!(rows.snapshot.as_deref().map(text), snapshot.map(named));
    assert_eq!(rows.tail.iter().map(|data| text(data)).collect::<Vec<_>>(), tail.iter().map(|name| named(name)).collect::<Vec<_>>());
    let mut visited = None;
    let visit = &mut |id, rows| {
        if id == session {
            assert!(visited.is_none(), "{session} is visited twice");
            visited = Some(rows);
        }
        std::ops::ControlFlow::Continue(())
    };
    primary.reader().for_each_live_session(session.node, visit).unwrap();
    assert_eq!(visited, Some(rows), "{session}");
}

fn the_last_snapshot_whose_step_exists_counts(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(1), None)]);
    check_rows(&primary, id(1), None, &[]);
    primary.write(vec![snapshot(id(1), 0)]);
    check_rows(&primary, id(1), Some("snapshot 0"), &[]);
    primary.write(vec![step(id(1), 1), step(id(1), 2)]);
    check_rows(&primary, id(1), Some("snapshot 0"), &["step 1", "step 2"]);
    primary.write(vec![snapshot(id(1), 2), step(id(1), 3)]);
    check_rows(&primary, id(1), Some("snapshot 2"), &["step 3"]);
    // A snapshot before its step: as if a crash had come between the two.
    primary.write(vec![snapshot(id(1), 4)]);
    check_rows(&primary, id(1), Some("snapshot 2"), &["step 3"]);
    primary.write(vec![step(id(1), 4)]);
    check_rows(&primary, id(1), Some("snapshot 2"), &["step 3", "step 4"]);
    // One that comes late, with steps in between.
    primary.write(vec![snapshot(id(1), 3)]);
    check_rows(&primary, id(1), Some("snapshot 3"), &["step 4"]);
    primary.write(vec![snapshot(id(1), 2), step(id(1), 5)]);
    check_rows(&primary, id(1), Some("snapshot 3"), &["step 4", "step 5"]);
    assert_eq!(primary.all_rows(id(1)).len(), 11);
}

fn ended_sessions_are_not_live(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write((1..=5).map(|number| opened(id(number), None)).collect());
    primary.write(vec![last_step(id(2), 1), ended(id(4), 0), step(id(5), 1)]);
    let mut reader = primary.reader();
    assert_eq!(reader.live_sessions(NODE).unwrap(), [id(1), id(3), id(5)]);
    let mut visited = Vec::new();
    let mut visit = |id, _| {
        visited.push(id);
        std::ops::ControlFlow::Continue(())
    };
    reader.for_each_live_session(NODE, &mut visit).unwrap();
    visited.sort_unstable();
    assert_eq!(visited, [id(1), id(3), id(5)]);
    // What is over can still be read.
    let rows = reader.session_rows(id(4)).unwrap().unwrap();
    assert_eq!(rows.tail.iter().map(|data| text(data)).collect::<Vec<_>>(), ["101-1-4 ended"]);
}

fn a_restart_begins_afresh(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(1), None), step(id(1), 1), snapshot(id(1), 1), step(id(1), 2)]);
    primary.write(vec![again(2, opened(id(1), None)), again(2, step(id(1), 1))]);
    let rows = primary.reader().session_rows(id(1)).unwrap().unwrap();
    assert_eq!((text(&rows.opening).as_str(), rows.snapshot), ("101-1-1 opened #2", None));
    assert_eq!(rows.tail.iter().map(|data| text(data)).collect::<Vec<_>>(), ["101-1-1 step 1 #2"]);
    check_rows(&primary, id(1), None, &["step 1 #2"]);
    assert_eq!(primary.all_rows(id(1)).len(), 6);
    // A session that was over lives again.
    primary.write(vec![again(2, last_step(id(1), 2))]);
    assert!(primary.reader().live_sessions(NODE).unwrap().is_empty());
    primary.write(vec![again(3, opened(id(1), None))]);
    assert_eq!(primary.reader().live_sessions(NODE).unwrap(), [id(1)]);
}

fn rows_that_do_not_fit_are_refused(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(1), None), step(id(1), 1), opened(id(2), None), last_step(id(2), 1)]);
    for (row, misfit) in [
        (step(id(3), 1), Misfit::NotOpened),
        (snapshot(id(3), 0), Misfit::NotOpened),
        (opened(id(1), None), Misfit::OpenedAgain { found: 1, stands: 1 }),
        (again(2, step(id(1), 2)), Misfit::OtherIncarnation { found: 2, stands: 1 }),
        (step(id(1), 1), Misfit::OutOfOrder { found: 1, stands: 1 }),
        (step(id(1), 3), Misfit::OutOfOrder { found: 3, stands: 1 }),
        (step(id(2), 2), Misfit::Over),
        (ended(id(2), 1), Misfit::Over),
        (opened(SessionId { node: 5, ..id(1) }, None), Misfit::OtherNode { node: NODE }),
    ] {
        match primary.store.commit(&primary.batch(vec![row.clone()])) {
            Err(StoreError::Misfit { session, misfit: found }) => assert_eq!((session, found), (row.session, misfit)),
            result => panic!("{row:?}: {result:?}"),
        }
    }
    // A snapshot behind the end is of no use, and does no harm.
    primary.write(vec![snapshot(id(2), 1), step(id(1), 2)]);
    assert_eq!(primary.reader().live_sessions(NODE).unwrap(), [id(1)]);
}
