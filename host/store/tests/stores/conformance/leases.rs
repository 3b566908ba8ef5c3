//! Leases, epochs, batches, watermarks, and what belongs to the store as a whole.

use tandem_journal::{Batch, Lease, Watermark};
use tandem_store::{Disposition, StoreError};
use tandem_words::VersionId;

use super::{Place, promises};
use crate::rows::{NODE, Primary, holder, id, opened, snapshot, step};

promises![
    a_lease_begins_at_one_and_counts_its_holders,
    a_former_holder_can_not_commit,
    a_holder_that_comes_back_knows_what_happened_meanwhile,
    a_released_lease_commits_no_more,
    nobody_commits_without_a_lease,
    a_batch_without_rows_renews,
    a_lease_says_whether_its_holder_was_alone,
    a_repeated_batch_is_written_once,
    a_skipped_batch_is_refused,
    watermarks_never_sink,
    two_nodes_share_a_store,
    components_are_kept_once,
    the_store_id_stays,
];

fn a_lease_begins_at_one_and_counts_its_holders(place: &Place) {
    let mut store = place();
    assert_eq!(store.read_lease(NODE).unwrap(), None);
    let first = store.take_lease(NODE, &holder(1)).unwrap();
    assert_eq!(first, Lease { node: NODE, epoch: 1, counter: 0 });
    let second = place().take_lease(NODE, &holder(2)).unwrap();
    assert_eq!(second, Lease { node: NODE, epoch: 2, counter: 0 });
    let row = store.read_lease(NODE).unwrap().unwrap();
    assert_eq!((row.lease, row.holder, row.released, row.heir), (second, holder(2), false, None));
}

fn a_former_holder_can_not_commit(place: &Place) {
    let mut former = Primary::of(place(), NODE);
    former.write(vec![opened(id(1), None)]);
    let mut new = Primary::of(place(), NODE);
    for _ in 0..2 {
        let error = former.commit(&former.batch(vec![step(id(1), 1)])).unwrap_err();
        assert!(matches!(error, StoreError::LeaseLost { node: NODE, ours: 1, found: 2, released: false }), "{error}");
        assert_eq!(error.disposition(), Disposition::DropCells);
    }
    let error = former.store.release_lease(former.lease, None).unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { found: 2, .. }), "{error}");
    assert_eq!(new.all_rows(id(1)), ["101-1-1 opened"]);
    new.write(vec![step(id(1), 1)]);
    assert_eq!(new.all_rows(id(1)), ["101-1-1 opened", "101-1-1 step 1"]);
}

fn a_holder_that_comes_back_knows_what_happened_meanwhile(place: &Place) {
    let mut first = Primary::of(place(), NODE);
    first.write(vec![opened(id(1), None), step(id(1), 1)]);
    let mut second = Primary::of(place(), NODE);
    second.write(vec![step(id(1), 2)]);
    first.lease = first.store.take_lease(NODE, &holder(1)).unwrap();
    first.write(vec![step(id(1), 3)]);
    assert_eq!(first.all_rows(id(1)).len(), 4);
}

fn a_released_lease_commits_no_more(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let heir = "101/b".parse().unwrap();
    for _ in 0..2 {
        primary.store.release_lease(primary.lease, Some(heir)).unwrap();
    }
    let row = primary.store.read_lease(NODE).unwrap().unwrap();
    assert_eq!((row.released, row.heir, row.lease.epoch), (true, Some(heir), 1));
    let error = primary.commit(&primary.batch(Vec::new())).unwrap_err();
    assert!(matches!(error, StoreError::LeaseLost { found: 1, released: true, .. }), "{error}");
    let next = primary.store.take_lease(NODE, &holder(3)).unwrap();
    assert_eq!(next.epoch, 2);
    assert!(!primary.store.read_lease(NODE).unwrap().unwrap().released);
}

fn nobody_commits_without_a_lease(place: &Place) {
    for epoch in [0, 1] {
        let batch =
            Batch { lease: Lease { node: NODE, epoch, counter: 1 }, watermarks: Vec::new(), rows: vec![opened(id(1), None)], solo: false };
        assert!(matches!(place().commit(&batch), Err(StoreError::LeaseLost { found: 0, .. })));
    }
}

fn a_batch_without_rows_renews(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    for counter in 1..4 {
        assert!(primary.write(Vec::new()).is_empty());
        assert_eq!(primary.store.read_lease(NODE).unwrap().unwrap().lease.counter, counter);
    }
}

/// What a new primary must know of the one before it, also where it dies itself before its first commit.
fn a_lease_says_whether_its_holder_was_alone(place: &Place) {
    let solo = |primary: &Primary| primary.store.read_lease(NODE).unwrap().unwrap().solo;
    let mut first = Primary::of(place(), NODE);
    assert!(solo(&first), "nobody is known to have had a copy");
    for alone in [false, true, false] {
        let batch = Batch { solo: alone, ..first.batch(Vec::new()) };
        first.commit(&batch).unwrap();
        assert_eq!(solo(&first), alone);
    }
    let second = Primary::of(place(), NODE);
    assert!(!solo(&second), "as the first one said");
    let mut third = Primary::of(place(), NODE);
    assert!(!solo(&third), "the second one said nothing");
    third.commit(&Batch { solo: true, ..third.batch(Vec::new()) }).unwrap();
    assert!(solo(&third));
    third.store.release_lease(third.lease, None).unwrap();
    assert!(solo(&third));
}

/// As when a commit was durable and its acknowledgement was not heard; also through another handle, as after a reconnect.
fn a_repeated_batch_is_written_once(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let batch = primary.batch(vec![opened(id(1), None), step(id(1), 1), snapshot(id(1), 1)]);
    for _ in 0..3 {
        primary.commit(&batch).unwrap();
        assert!(place().commit(&batch).unwrap().is_empty());
    }
    assert_eq!(primary.all_rows(id(1)).len(), 3);
    primary.write(vec![step(id(1), 2)]);
    assert_eq!(primary.all_rows(id(1)).len(), 4);
}

fn a_skipped_batch_is_refused(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    primary.write(vec![opened(id(1), None)]);
    primary.write(vec![step(id(1), 1)]);
    for counter in [0, 1, 4] {
        let mut batch = primary.batch(vec![step(id(1), 2)]);
        batch.lease.counter = counter;
        let error = primary.store.commit(&batch).unwrap_err();
        assert!(matches!(error, StoreError::OutOfOrder { stored: 2, .. }), "{error}");
        assert_eq!(error.disposition(), Disposition::EndProcess);
    }
    assert_eq!(primary.all_rows(id(1)).len(), 2);
}

fn watermarks_never_sink(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let mark = |switch: &str, incarnation, position| Watermark { switch: switch.into(), incarnation, position };
    for (given, stands) in [
        (mark("main", 1, 10), (1, 10)),
        (mark("main", 1, 9), (1, 10)),
        (mark("main", 1, 11), (1, 11)),
        (mark("main", 2, 3), (2, 3)),
        (mark("main", 1, 99), (2, 3)),
        (mark("main", 2, u64::MAX), (2, u64::MAX)),
        (mark("main", 2, 5), (2, u64::MAX)),
    ] {
        let mut batch = primary.batch(Vec::new());
        batch.watermarks = vec![given, mark("other", 1, 1)];
        primary.commit(&batch).unwrap();
        let marks = primary.reader().watermarks(NODE).unwrap();
        assert_eq!(marks, [mark("main", stands.0, stands.1), mark("other", 1, 1)]);
    }
    assert!(primary.reader().watermarks(NODE + 1).unwrap().is_empty());
}

fn two_nodes_share_a_store(place: &Place) {
    let mut east = Primary::of(place(), 101);
    let mut west = Primary::of(place(), 102);
    let western = |number| tandem_words::SessionId { node: 102, ..id(number) };
    for number in 1..20 {
        east.write(vec![opened(id(number), None), step(id(number), 1)]);
        west.write(vec![opened(western(number), None), step(western(number), 1)]);
    }
    for number in 1..20 {
        east.write(vec![step(id(number), 2)]);
        west.write(vec![step(western(number), 2)]);
    }
    assert_eq!((east.lease.epoch, west.lease.epoch), (1, 1));
    assert_eq!(east.reader().live_sessions(101).unwrap(), (1..20).map(id).collect::<Vec<_>>());
    assert_eq!(east.reader().live_sessions(102).unwrap(), (1..20).map(western).collect::<Vec<_>>());
    assert_eq!(east.all_rows(western(7)), ["102-1-7 opened", "102-1-7 step 1", "102-1-7 step 2"]);
    let error = east.commit(&east.batch(vec![step(western(1), 3)])).unwrap_err();
    assert!(matches!(error, StoreError::Misfit { .. }), "{error}");
}

fn components_are_kept_once(place: &Place) {
    let mut store = place();
    let version = VersionId([7; 32]);
    assert_eq!(store.component(version).unwrap(), None);
    let bytes: Vec<u8> = (0..300_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    store.keep_component(version, "welcome", &bytes).unwrap();
    place().keep_component(version, "another name", &bytes).unwrap();
    let kept = place().component(version).unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.bytes), ("welcome", bytes));
    assert_eq!(store.component(VersionId([8; 32])).unwrap(), None);
}

fn the_store_id_stays(place: &Place) {
    let id = place().store_id();
    assert_ne!(id, 0);
    let store = place();
    assert_eq!((store.store_id(), store.reader().unwrap().store_id().unwrap()), (id, id));
}
