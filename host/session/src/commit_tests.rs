use tandem_journal::Claim;
use tandem_words::RequestKey;

use super::*;
use crate::{SessionState, release, testing};

fn queue() -> CommitQueue {
    let mut queue = CommitQueue::new(Lease { node: 101, epoch: 3, counter: 0 }, "main".into());
    queue.follow(mark(0));
    queue
}

fn mark(position: Position) -> Mark {
    Mark { incarnation: 1, position }
}

/// Something of session `number`, with so many rows, done with this position.
fn finished(queue: &mut CommitQueue, number: u64, rows: usize, position: Position) {
    let mut opening = testing::opening();
    opening.session.number = number;
    let state = SessionState::opened(opening.clone());
    let row = encode(&Record::Opened(opening)).unwrap();
    queue.finished(Finished::empty(&state, Some(mark(position)), release::nothing(&state)), vec![row; rows]);
}

fn w(batch: &Batch) -> Position {
    batch.watermarks[0].position
}

fn positions(queue: &mut CommitQueue, rows: usize) -> Position {
    let w = w(queue.batch(rows));
    let _ = queue.acknowledged(&[]);
    assert_eq!(queue.durable(), Some(mark(w)));
    w
}

#[test]
fn w_rises_over_islands_when_their_gap_is_filled() {
    let mut queue = queue();
    for (done, expected) in [(2, 0), (4, 0), (1, 2), (6, 2), (3, 4), (5, 6)] {
        finished(&mut queue, done, 1, done);
        assert_eq!(positions(&mut queue, 10), expected, "after {done}");
    }
}

#[test]
fn w_never_passes_what_is_not_in_this_batch_or_an_earlier_one() {
    let mut queue = queue();
    for position in 1..=6 {
        finished(&mut queue, position, 2, position);
    }
    assert_eq!([3, 3, 1].map(|rows| positions(&mut queue, rows)), [2, 4, 5]);
    assert!(!queue.is_empty());
    assert_eq!(positions(&mut queue, 3), 6);
    assert!(queue.is_empty());
}

#[test]
fn ignored_events_count_at_once_and_are_carried_by_the_next_renewal() {
    let mut queue = queue();
    finished(&mut queue, 1, 1, 2);
    queue.ignored(mark(1));
    assert_eq!(positions(&mut queue, 10), 2);
    queue.ignored(mark(3));
    queue.ignored(mark(3));
    queue.ignored(Mark { incarnation: 2, position: 4 });
    assert!(queue.is_empty());
    let batch = queue.batch(10);
    assert_eq!((batch.rows.len(), w(batch)), (0, 3));
}

#[test]
fn a_batch_is_repeated_unchanged_until_it_is_acknowledged() {
    let mut queue = queue();
    finished(&mut queue, 1, 1, 1);
    let first = queue.batch(10).clone();
    finished(&mut queue, 2, 1, 2);
    queue.ignored(mark(3));
    assert_eq!(*queue.batch(10), first);
    assert_eq!(queue.durable(), None);
    let _ = queue.acknowledged(&[]);
    assert_eq!(queue.durable(), Some(mark(1)));
    let second = queue.batch(10);
    assert_eq!((second.lease.counter, w(second)), (first.lease.counter + 1, 3));
}

#[test]
fn what_is_released_stands_in_the_order_of_the_batch_and_losers_are_told_so() {
    let mut queue = queue();
    for (number, position) in [(7, 1), (5, 2), (7, 3)] {
        finished(&mut queue, number, 1, position);
    }
    let _ = queue.batch(10);
    let claim = Claim::Request(RequestKey { session: testing::SESSION, incarnation: 1, request: 1 });
    let session = SessionId { number: 7, ..testing::SESSION };
    let lost = LostClaim { session, claim, owner: testing::SESSION };
    let told: Vec<_> = queue
        .acknowledged(std::slice::from_ref(&lost))
        .iter()
        .map(|durable| match durable {
            Durable::Released(release) => (release.session.number, true),
            Durable::Lost(of) => (of.session.number, *of != lost),
        })
        .collect();
    assert_eq!(told, [(7, false), (5, true), (7, false)]);
    assert_eq!(queue.durable(), Some(mark(3)), "its events are done with all the same");
}

#[test]
fn an_acknowledgement_without_a_batch_means_nothing() {
    assert!(queue().acknowledged(&[]).is_empty());
}

#[test]
fn following_again_keeps_what_is_known_of_the_same_life_and_nothing_of_another() {
    let mut queue = queue();
    for position in [1, 3, 6] {
        finished(&mut queue, position, 1, position);
    }
    assert_eq!(positions(&mut queue, 10), 1);
    // The same connection again: the islands stay.
    queue.follow(mark(1));
    assert_eq!(positions(&mut queue, 10), 1);
    // Position 2 is lost: W goes over it, and over what was done behind it.
    queue.follow(mark(2));
    assert_eq!(positions(&mut queue, 10), 3);
    queue.follow(Mark { incarnation: 2, position: 0 });
    let batch = queue.batch(10);
    assert_eq!(batch.watermarks[0], Watermark { switch: "main".into(), incarnation: 2, position: 0 });
}

#[test]
fn a_new_life_of_the_switch_is_known_but_not_committed_until_it_is_followed() {
    let of = |incarnation, position| Mark { incarnation, position };
    let mut queue = queue();
    finished(&mut queue, 1, 1, 1);
    queue.prepare(of(2, 0));
    [of(2, 1), of(2, 3), of(3, 1)].into_iter().for_each(|mark| queue.ignored(mark));
    assert_eq!(positions(&mut queue, 10), 1, "of the old life");
    // The connection broke, and the same life is told of once more.
    queue.prepare(of(2, 0));
    queue.follow(of(2, 0));
    let batch = queue.batch(10);
    assert_eq!(batch.watermarks[0], Watermark { switch: "main".into(), incarnation: 2, position: 1 });
    let _ = queue.acknowledged(&[]);
    queue.ignored(of(2, 2));
    assert_eq!(queue.batch(10).watermarks[0].position, 3);
}

#[test]
fn a_primary_that_has_not_followed_the_old_life_leaves_its_w_as_the_store_has_it() {
    let mut queue = CommitQueue::new(Lease { node: 101, epoch: 3, counter: 0 }, "main".into());
    queue.prepare(Mark { incarnation: 2, position: 0 });
    finished(&mut queue, 1, 1, 1);
    assert!(queue.batch(10).watermarks.is_empty());
}

#[test]
fn a_life_of_the_switch_that_ends_before_it_is_followed_counts_for_nothing() {
    let mut queue = queue();
    queue.prepare(Mark { incarnation: 2, position: 0 });
    queue.ignored(Mark { incarnation: 2, position: 1 });
    queue.prepare(Mark { incarnation: 3, position: 0 });
    queue.follow(Mark { incarnation: 3, position: 0 });
    let batch = queue.batch(10);
    assert_eq!(batch.watermarks[0], Watermark { switch: "main".into(), incarnation: 3, position: 0 });
}

#[test]
fn nothing_is_said_of_a_switch_that_is_not_followed() {
    let mut queue = CommitQueue::new(Lease { node: 101, epoch: 3, counter: 0 }, "main".into());
    finished(&mut queue, 1, 1, 1);
    assert!(queue.batch(10).watermarks.is_empty());
}
