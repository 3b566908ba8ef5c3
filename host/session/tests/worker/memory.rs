//! Snapshots, and sessions that leave memory.

use tandem_journal::{Outcome, Record};
use tandem_native_guests::{Act, Script};
use tandem_session::WorkerOptions;
use tandem_words::EventBody;

use crate::rig::{Rig, digit, listener, script};

fn options() -> WorkerOptions {
    WorkerOptions { snapshot_every: 5, passivate_after_ms: 1_000, ..WorkerOptions::default() }
}

fn snapshots(rig: &Rig, session: tandem_words::SessionId) -> Vec<u32> {
    let seq = |record: Record| match record {
        Record::Snapshot(snapshot) => Some(snapshot.seq),
        _ => None,
    };
    rig.disk.records(session).into_iter().filter_map(seq).collect()
}

/// Checkpoints at digit `c`.
fn checkpoints() -> Script {
    script(|_, event, _| match &event.body {
        EventBody::Digit(digit) if digit.key == "c" => Act::Checkpoint,
        _ => Act::Wait,
    })
}

#[test]
fn a_snapshot_stands_behind_every_nth_step_and_every_checkpoint() {
    let mut rig = Rig::with(checkpoints(), options());
    let session = rig.call(1, 100);
    for (at, pressed) in (0..12).zip(["1", "c", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1"]) {
        rig.event(session, 200 + at, digit(1, pressed));
    }
    rig.settle();
    assert_eq!(snapshots(&rig, session), [3, 8, 13]);
    let mut rig = rig.crash(&[]);
    rig.event(session, 500, digit(1, "9"));
    rig.settle();
    assert_eq!((rig.guests.counts().restores, rig.guests.counts().replays, rig.guests.counts().starts), (1, 0, 0));
    assert!(rig.guests.memory(session).unwrap().get("seen").ends_with("1 1 9"));
}

#[test]
fn a_guest_without_snapshots_is_asked_for_one_now_and_then_only() {
    let mut rig = Rig::with(listener().without_snapshots(), options());
    let session = rig.call(1, 100);
    (0..20).for_each(|at| rig.event(session, 200 + at, digit(1, "1")));
    rig.settle();
    assert_eq!((rig.guests.counts().snapshots, snapshots(&rig, session).len()), (4, 0));
}

#[test]
fn a_snapshot_that_is_too_large_is_left_out() {
    let mut rig = Rig::with(listener(), WorkerOptions { state_bytes: 10, ..options() });
    let session = rig.call(1, 100);
    (0..10).for_each(|at| rig.event(session, 200 + at, digit(1, "1")));
    rig.settle();
    assert_eq!(snapshots(&rig, session), [0; 0]);
    assert_eq!(rig.outcome(session), Outcome::Wait);
    assert_eq!(rig.warned.len(), 1, "once");
    assert!(rig.warned[0].contains("limits.state") && rig.warned[0].contains("101-1-1"), "{:?}", rig.warned);
}

#[test]
fn what_was_done_before_may_take_longer_when_it_is_done_again() {
    let mut rig = Rig::with(listener(), options());
    let session = rig.call(1, 100);
    rig.settle();
    assert_eq!((rig.guests.counts().starts, rig.guests.counts().replayed_starts), (1, 0));
    let mut rig = rig.crash(&[]);
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    assert_eq!((rig.guests.counts().starts, rig.guests.counts().replayed_starts), (1, 1));
    (0..10).for_each(|at| rig.event(session, 300 + at, digit(1, "1")));
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.event(session, 400, digit(1, "1"));
    rig.settle();
    assert_eq!((rig.guests.counts().restores, rig.guests.counts().replayed_starts), (1, 1));
}

#[test]
fn an_idle_session_leaves_memory_and_comes_back_as_it_was() {
    let mut rig = Rig::with(listener(), options());
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    rig.advance(1_199);
    assert_eq!(rig.worker.present_sessions(), 1);
    rig.advance(1_200);
    assert_eq!(rig.worker.present_sessions(), 1, "not before its snapshot is durable");
    rig.settle();
    assert_eq!((rig.worker.present_sessions(), rig.guests.counts().removes), (0, 1));
    assert_eq!(snapshots(&rig, session), [2]);
    assert_eq!(rig.worker.live_sessions(), 1);
    rig.event(session, 5_000, digit(1, "2"));
    rig.settle();
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added 1 2");
    assert_eq!((rig.guests.counts().restores, rig.guests.counts().replays), (1, 0));
    // And again: a session that came back is idle again some day.
    rig.advance(10_000);
    rig.settle();
    assert_eq!((rig.worker.present_sessions(), snapshots(&rig, session)), (0, vec![2, 3]));
}

#[test]
fn a_session_without_snapshots_leaves_memory_too_and_is_replayed() {
    let mut rig = Rig::with(listener().without_snapshots(), options());
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    rig.advance(3_000);
    assert_eq!(rig.worker.present_sessions(), 0);
    rig.event(session, 5_000, digit(1, "2"));
    rig.settle();
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added 1 2");
    assert_eq!(rig.guests.counts().replays, 2);
}

#[test]
fn a_session_that_is_used_while_its_snapshot_is_on_the_way_stays() {
    let mut rig = Rig::with(listener(), options());
    let session = rig.call(1, 100);
    rig.settle();
    rig.advance(2_000);
    rig.event(session, 2_100, digit(1, "1"));
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 1);
    rig.advance(3_100);
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 0);
}

#[test]
fn a_session_with_something_uncommitted_stays_in_memory() {
    let mut rig = Rig::with(listener(), options());
    let session = rig.call(1, 100);
    rig.advance(50_000);
    assert_eq!(rig.worker.present_sessions(), 1);
    rig.settle();
    rig.advance(60_000);
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 0);
    assert_eq!(snapshots(&rig, session), [1]);
}

#[test]
fn a_passivated_session_keeps_its_timers() {
    let mut rig = Rig::with(
        script(|_, event, ask| {
            if let EventBody::InteractionAdded(_) = &event.body {
                ask.after(60_000);
            }
            Act::Wait
        }),
        options(),
    );
    let session = rig.call(1, 100);
    rig.settle();
    rig.advance(10_000);
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 0);
    rig.advance(60_100);
    rig.settle();
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added timer.fired");
}
