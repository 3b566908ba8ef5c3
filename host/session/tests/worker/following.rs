//! What a backup has of its primary's sessions when it takes over.

use std::cell::Cell;

use tandem_journal::{Record, decode};
use tandem_native_guests::{Act, NativeGuests, Script};
use tandem_session::{Folded, Following, Records, WorkerOptions};
use tandem_words::{EventBody, SessionId};

use crate::rig::{Rig, deleted, digit, script};

fn records(rig: &Rig) -> Vec<Record> {
    rig.disk.rows.iter().map(|row| decode(&row.data).unwrap()).collect()
}

fn read(rig: &Rig, session: SessionId) -> Records {
    Records::read(&rig.disk.session_rows(session).unwrap()).unwrap()
}

/// A backup with guests of its own that has followed all there is.
fn followed(rig: &Rig) -> Following<NativeGuests> {
    let mut following = Following::new(101, rig.guests.afresh(), rig.options);
    records(rig).iter().for_each(|record| following.record(record).unwrap());
    following
}

/// What it has of its only session.
fn only(following: Following<NativeGuests>) -> (NativeGuests, Folded) {
    let (guests, mut sessions) = following.into_parts();
    assert_eq!(sessions.len(), 1);
    (guests, sessions.remove(0))
}

/// Plays the digit pressed. `c` is a checkpoint, and in a replay `w` asks for something else and `t` traps.
fn calls() -> Script {
    script(|_, event, ask| match &event.body {
        EventBody::Digit(digit) => match (&*digit.key, ask.is_replay()) {
            ("c", _) => Act::Checkpoint,
            ("t", true) => Act::trap(),
            (key, replays) => {
                ask.play(&digit.interaction, if replays && key == "w" { "something else" } else { key });
                Act::Wait
            }
        },
        EventBody::InteractionDeleted(_) => Act::Finish,
        _ => Act::Wait,
    })
}

/// A call for each of these, at which the digits were pressed.
fn pressed(calls_and_keys: &[&[&str]]) -> (Rig, Vec<SessionId>) {
    let mut rig = Rig::new(calls());
    let sessions = calls_and_keys.iter().zip(1..).map(|(keys, number)| {
        let session = rig.call(number, 100);
        keys.iter().for_each(|key| rig.event(session, 200, digit(number, key)));
        rig.settle();
        session
    });
    let sessions = sessions.collect();
    (rig, sessions)
}

fn seen(guests: &NativeGuests, session: SessionId) -> String {
    guests.memory(session).unwrap().get("seen").to_owned()
}

#[test]
fn a_backup_knows_what_the_store_does_however_often_it_is_told() {
    let (mut rig, sessions) = pressed(&[&["1", "c", "2"], &[]]);
    rig.event(sessions[1], 300, deleted(2));
    rig.settle();
    let mut following = Following::new(101, rig.guests.afresh(), rig.options);
    // It began in the middle, when the first was as it is now.
    following.begin(&read(&rig, sessions[0]), &|| true).unwrap();
    records(&rig).iter().for_each(|record| following.record(record).unwrap());
    let read = read(&rig, sessions[0]).fold().unwrap();
    let (guests, folded) = only(following);
    assert_eq!((folded.state, folded.last_snapshot, folded.here), (read.state, read.last_snapshot, true));
    assert_eq!((guests.sessions(), seen(&guests, sessions[0])), (vec![sessions[0]], "interaction.added 1 c 2".to_owned()));
    let mut other = Following::new(102, rig.guests.afresh(), rig.options);
    records(&rig).iter().for_each(|record| other.record(record).unwrap());
    assert!(other.is_empty());
}

#[test]
fn a_backup_that_missed_a_row_says_so() {
    let (rig, _) = pressed(&[&["1"]]);
    let (records, mut following) = (records(&rig), Following::new(101, rig.guests.afresh(), rig.options));
    following.record(&records[0]).unwrap();
    let error = following.record(&records[2]).unwrap_err();
    assert!(error.contains("101-1-1 goes on with step 2, and 1 is missing"), "{error}");
}

#[test]
fn a_session_whose_guest_has_kept_up_goes_on_without_being_read() {
    let (rig, sessions) = pressed(&[&["1", "2"]]);
    let (guests, folded) = only(followed(&rig));
    let mut rig = rig.crash_as(guests, vec![folded]);
    assert_eq!(rig.worker.present_sessions(), 1);
    rig.event(sessions[0], 300, digit(1, "3"));
    assert!(rig.loads.is_empty());
    rig.settle();
    assert_eq!(seen(&rig.guests, sessions[0]), "interaction.added 1 2 3");
    // As any other it leaves memory when it is idle.
    rig.advance(300 + rig.options.passivate_after_ms);
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 0);
}

#[test]
fn a_guest_that_differs_is_told_of_and_is_no_part_of_a_takeover() {
    let (rig, sessions) = pressed(&[&["1", "w", "2"]]);
    let mut following = followed(&rig);
    let failures = following.take_failures();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].0 == sessions[0] && failures[0].1.message.contains("replaying step 3"), "{failures:?}");
    assert_eq!((following.absent(), following.next_absent()), (0, None), "it would differ again");
    let (guests, folded) = only(following);
    assert!(!folded.here && guests.sessions().is_empty());
    assert_eq!(folded.state, read(&rig, sessions[0]).fold().unwrap().state, "the journal stands");
}

#[test]
fn neighbours_of_a_guest_that_died_are_rebuilt() {
    let (rig, sessions) = pressed(&[&["1"], &["t"]]);
    let mut following = followed(&rig);
    assert_eq!((following.absent(), following.take_failures().len()), (1, 1));
    assert_eq!(following.next_absent(), Some(sessions[0]));
    following.begin(&read(&rig, sessions[0]), &|| true).unwrap();
    assert_eq!((following.absent(), following.next_absent()), (0, None));
    let (guests, folded) = following.into_parts();
    assert_eq!(folded.iter().map(|folded| folded.here).collect::<Vec<_>>(), [true, false]);
    assert_eq!(seen(&guests, sessions[0]), "interaction.added 1");
}

#[test]
fn a_guest_that_has_not_made_the_last_step_is_no_part_of_a_takeover() {
    let (rig, sessions) = pressed(&[&["1", "2"], &["1"]]);
    let (records, mut following) = (records(&rig), Following::new(101, rig.guests.afresh(), rig.options));
    let (last, before) = records.split_last().unwrap();
    assert_eq!(last.session(), sessions[1]);
    before.iter().for_each(|record| following.record(record).unwrap());
    following.fold_only(true);
    following.record(last).unwrap();
    assert_eq!(following.absent(), 1);
    let (guests, folded) = following.into_parts();
    assert_eq!(folded.iter().map(|folded| (folded.state.seq(), folded.here)).collect::<Vec<_>>(), [(3, true), (2, false)]);
    assert_eq!(guests.sessions(), [sessions[0]]);
}

#[test]
fn a_session_that_left_its_primarys_memory_leaves_the_backups_until_its_next_step() {
    let mut rig = Rig::with(calls(), WorkerOptions { passivate_after_ms: 1_000, ..WorkerOptions::default() });
    let (idle, busy) = (rig.call(1, 100), rig.call(2, 100));
    rig.event(busy, 1_000, digit(2, "1"));
    rig.settle();
    rig.event(busy, 1_200, digit(2, "2"));
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 1);
    let mut following = followed(&rig);
    assert_eq!(following.absent(), 0);
    rig.event(idle, 1_500, digit(1, "1"));
    rig.settle();
    records(&rig).iter().for_each(|record| following.record(record).unwrap());
    assert_eq!(following.next_absent(), Some(idle));
    following.begin(&read(&rig, idle), &|| true).unwrap();
    let (guests, _) = following.into_parts();
    assert_eq!((seen(&guests, idle), seen(&guests, busy)), ("interaction.added 1".to_owned(), "interaction.added 1 2".to_owned()));
}

#[test]
fn sessions_that_are_over_leave_no_guest_behind() {
    let (mut rig, sessions) = pressed(&[&[], &["1"]]);
    rig.event(sessions[0], 300, deleted(1));
    rig.event(sessions[1], 300, deleted(2));
    rig.settle();
    let (guests, folded) = only(followed(&rig));
    assert!(guests.sessions().is_empty());
    assert!(folded.state.session() == sessions[1] && !folded.here, "it is kept for the answer that it is owed");
}

#[test]
fn a_guest_that_gives_way_is_left_behind_and_rebuilt_later() {
    let (rig, sessions) = pressed(&[&["1", "2"]]);
    let mut following = Following::new(101, rig.guests.afresh(), rig.options);
    let steps = Cell::new(0);
    let two_steps = || steps.replace(steps.get() + 1) < 2;
    following.begin(&read(&rig, sessions[0]), &two_steps).unwrap();
    assert_eq!((following.absent(), following.next_absent()), (1, Some(sessions[0])));
    following.begin(&read(&rig, sessions[0]), &|| true).unwrap();
    assert_eq!(following.absent(), 0);
    assert_eq!(seen(&only(following).0, sessions[0]), "interaction.added 1 2");
}

#[test]
fn a_version_that_the_backup_has_not_loaded_yet_is_tried_with_the_next_step() {
    let (mut rig, sessions) = pressed(&[&["1"]]);
    let mut following = Following::new(101, NativeGuests::new(), rig.options);
    records(&rig).iter().for_each(|record| following.record(record).unwrap());
    assert_eq!((following.absent(), following.next_absent()), (1, Some(sessions[0])));
    following.begin(&read(&rig, sessions[0]), &|| true).unwrap();
    assert_eq!((following.absent(), following.take_failures()), (0, Vec::new()), "nobody is told each time");
    rig.event(sessions[0], 300, digit(1, "2"));
    rig.settle();
    records(&rig).iter().for_each(|record| following.record(record).unwrap());
    assert_eq!(following.next_absent(), Some(sessions[0]));
}
