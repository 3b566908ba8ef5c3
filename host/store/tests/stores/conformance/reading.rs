//! The reading side.

use std::ops::ControlFlow;

use tandem_store::{Counts, SessionSummary};
use tandem_words::SessionId;

use super::{Place, promises};
use crate::rows::{NODE, Primary, again, id, last_step, opened, snapshot, step, text};

promises![
    an_empty_store_answers,
    sessions_are_listed_with_their_state,
    recovery_visits_old_and_young_sessions,
    a_visitor_may_commit_and_stop,
    what_was_written_since_is_read_in_parts
];

fn an_empty_store_answers(place: &Place) {
    let mut reader = place().reader().unwrap();
    assert_eq!(reader.session_rows(id(1)).unwrap(), None);
    assert!(reader.all_rows_of(id(1)).unwrap().is_empty());
    assert!(reader.live_sessions(NODE).unwrap().is_empty());
    assert_eq!(Counts { bytes: 0, ..reader.counts().unwrap() }, Counts::default());
    reader.for_each_live_session(NODE, &mut |_, _| panic!("a session")).unwrap();
    reader.sessions(&mut |_| panic!("a session")).unwrap();
    reader.export(&mut |_| panic!("a row")).unwrap();
    assert_eq!(reader.last_row().unwrap(), 0);
    reader.rows_behind(0, 10, &mut |_, _| panic!("a row")).unwrap();
}

fn sessions_are_listed_with_their_state(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(2), None), opened(id(1), None), step(id(1), 1), last_step(id(1), 2), step(id(2), 1), snapshot(id(2), 1)]);
    primary.write(vec![again(2, opened(id(2), None))]);
    let mut list = Vec::new();
    primary
        .reader()
        .sessions(&mut |session: SessionSummary| {
            list.push((session.session, session.incarnation, session.live, session.steps, text(&session.opening)));
            ControlFlow::Continue(())
        })
        .unwrap();
    let named = |name: &str| name.to_owned();
    assert_eq!(list, [(id(2), 2, true, 0, named("101-1-2 opened #2")), (id(1), 1, false, 2, named("101-1-1 opened"))]);
    let counts = primary.reader().counts().unwrap();
    assert_eq!((counts.sessions, counts.live, counts.steps, counts.rows), (2, 1, 2, 7));
    assert!(counts.bytes > 0);
}

/// Sessions that lie far back, with and without a snapshot near the end, among thousands that are over.
fn recovery_visits_old_and_young_sessions(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write((1..=4).map(|number| opened(id(number), None)).collect());
    primary.write(vec![step(id(1), 1), step(id(2), 1), snapshot(id(2), 1), step(id(2), 2)]);
    for thousand in 1..8 {
        let over = (0..1_000).map(|number| id(1_000 * thousand + number));
        primary.write(over.flat_map(|id| [opened(id, None), last_step(id, 1)]).collect());
    }
    primary.write(vec![step(id(3), 1), step(id(4), 1), snapshot(id(4), 1), opened(id(5), None), step(id(4), 2)]);
    let mut reader = primary.reader();
    let live: Vec<SessionId> = (1..=5).map(id).collect();
    assert_eq!(reader.live_sessions(NODE).unwrap(), live);
    let mut visited = Vec::new();
    reader
        .for_each_live_session(NODE, &mut |id, rows| {
            visited.push((id, rows));
            ControlFlow::Continue(())
        })
        .unwrap();
    visited.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(visited.iter().map(|(id, _)| *id).collect::<Vec<_>>(), live);
    for (id, rows) in visited {
        assert_eq!(reader.session_rows(id).unwrap().unwrap(), rows, "{id}");
        let expected = [(0, 1), (1, 1), (0, 1), (1, 1), (0, 0)][usize::try_from(id.number - 1).unwrap()];
        assert_eq!((usize::from(rows.snapshot.is_some()), rows.tail.len()), expected, "{id}");
    }
}

fn a_visitor_may_commit_and_stop(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write((1..=5).map(|number| opened(id(number), None)).collect());
    let mut reader = primary.reader();
    let mut visited = 0;
    reader
        .for_each_live_session(NODE, &mut |id, rows| {
            visited += 1;
            assert!(rows.tail.is_empty());
            primary.write(vec![step(id, 1)]);
            if visited == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((visited, reader.counts().unwrap().steps), (3, 3));
}

fn what_was_written_since_is_read_in_parts(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(1), None), opened(id(2), None)]);
    let mut reader = primary.reader();
    let mut through = reader.last_row().unwrap();
    assert_eq!(through, 2);
    primary.write(vec![step(id(1), 1), last_step(id(2), 1), step(id(1), 2)]);
    let mut parts = Vec::new();
    for rows in [2, 2, 2] {
        let mut part = Vec::new();
        let after = through;
        let visit = &mut |at, data: &[u8]| {
            through = at;
            part.push((at, text(data)));
        };
        reader.rows_behind(after, rows, visit).unwrap();
        parts.push(part);
    }
    let named = |at, name: &str| (at, name.to_owned());
    assert_eq!(parts[0], [named(3, "101-1-1 step 1"), named(4, "101-1-2 step 1")]);
    assert_eq!(parts[1..], [vec![named(5, "101-1-1 step 2")], vec![]]);
    assert_eq!(reader.last_row().unwrap(), 5);
}
