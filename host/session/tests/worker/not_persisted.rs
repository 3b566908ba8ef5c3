//! Sessions that are not persisted: their openings and ends are rows, their steps pass through.

use tandem_journal::{EndedBy, Opening, Record, StepFailureKind, Survival};
use tandem_native_guests::{Act, Script};
use tandem_session::{Arrival, Input, WorkerOptions};
use tandem_switch_link::{Held, Over, SwitchEvent};
use tandem_synch_link::Change;
use tandem_words::{EventBody, Restart, RestartCause, SessionId, StoppedBy};

use crate::rig::{Rig, call_id, deleted, digit, interaction, key, listener, player, script, word};

/// A call whose session is not persisted.
fn call(rig: &mut Rig, number: u64, at: u64) -> SessionId {
    let opening = Opening { survival: Survival::Restarted, ..rig.opening(number, at) };
    let session = opening.session;
    let added = rig.switch_event(at, EventBody::InteractionAdded(interaction(&call_id(number))));
    rig.input(Input::Open(Box::new(opening), Some(added)));
    session
}

fn rows(rig: &Rig, session: SessionId) -> Vec<String> {
    let name = |record| match record {
        Record::Opened(opening) => format!("opened {}", opening.incarnation),
        Record::Step(step) => format!("step {}", step.event.seq),
        Record::Snapshot(_) => "snapshot".to_owned(),
        Record::Ended(ending) => format!("{:?} behind {}", ending.by, ending.seq),
    };
    rig.disk.records(session).into_iter().map(name).collect()
}

/// What the backup was told, in short.
fn told(rig: &Rig) -> Vec<String> {
    let name = |change: &Change| match change {
        Change::Opened(opening) => format!("opened {}", opening.incarnation),
        Change::Heard { event, .. } => word(&event.body),
        Change::Asked { requests, .. } => format!("asked {requests:?}"),
        Change::Over(_) => "over".to_owned(),
        Change::Missed(_) => "missed".to_owned(),
    };
    rig.released.iter().flat_map(|release| &release.changes).map(name).collect()
}

fn seen(rig: &Rig, session: SessionId) -> String {
    rig.guests.memory(session).unwrap().get("seen").to_owned()
}

fn restart(partial: bool) -> Restart {
    Restart { interaction: Some(call_id(1)), cause: RestartCause::NotPersisted, partial }
}

fn at() -> Held {
    Held { id: call_id(1), visit: Some(1) }
}

fn event_of(arrival: Arrival) -> (u64, SwitchEvent) {
    match arrival {
        Arrival::Switch { incarnation, event } => (incarnation, event),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_opening_and_the_end_are_written_and_nothing_leaves_before_the_commit() {
    let mut rig = Rig::new(script(|_, event, ask| match &event.body {
        EventBody::InteractionAdded(call) => {
            ask.play(&call.id, "welcome");
            ask.after(500);
            Act::Wait
        }
        EventBody::InteractionDeleted(_) => Act::Finish,
        _ => Act::Wait,
    }));
    let session = call(&mut rig, 1, 100);
    assert_eq!((rig.sent.len(), told(&rig).len()), (0, 0));
    rig.settle();
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)"]);
    rig.answer(session, 1, 300, EventBody::PlayDone(StoppedBy::End));
    rig.advance(700);
    rig.event(session, 800, deleted(1));
    rig.settle();
    assert_eq!(rows(&rig, session), ["opened 1", "Finished behind 4"]);
    assert_eq!(
        told(&rig),
        ["opened 1", "interaction.added", "asked [1]", "dialog.playsound.done", "interaction.deleted", "over"],
        "a timer is nothing that could be told again"
    );
    let marks: Vec<u64> = rig.released.iter().filter_map(|release| release.mark).map(|mark| mark.position).collect();
    assert_eq!((marks, rig.w()), (vec![1, 2, 3], 0), "they count for W when whoever holds the synch link says so");
    assert_eq!((rig.worker.live_sessions(), rig.disk.live_sessions().len()), (0, 0));
}

#[test]
fn a_session_that_fails_says_so_in_its_end() {
    let mut rig = Rig::new(script(|_, event, _| if matches!(event.body, EventBody::Digit(_)) { Act::trap() } else { Act::Wait }));
    let session = call(&mut rig, 1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.settle();
    let Some(Record::Ended(ending)) = rig.disk.records(session).pop() else { panic!() };
    assert!(matches!(&ending.by, EndedBy::Failed(failure) if failure.kind == StepFailureKind::Trap), "{ending:?}");
    assert_eq!(rig.sent.last().unwrap().over, Some(Over::Failed));
}

#[test]
fn neighbours_of_a_guest_that_dies_are_rebuilt_from_memory() {
    for strategy in [Script::without_snapshots as fn(Script) -> Script, |script| script] {
        let dies = strategy(script(|_, event, _| match &event.body {
            EventBody::Digit(digit) if digit.key == "t" => Act::trap(),
            _ => Act::Wait,
        }));
        let mut rig = Rig::with(dies, WorkerOptions { snapshot_every: 3, passivate_after_ms: 1_000, ..WorkerOptions::default() });
        let (guilty, neighbour) = (call(&mut rig, 1, 100), call(&mut rig, 2, 100));
        for key in ["1", "2", "3", "4"] {
            rig.event(neighbour, 200, digit(2, key));
            rig.settle();
        }
        rig.advance(50_000);
        assert_eq!(rig.worker.present_sessions(), 2, "nothing could bring them back from passivation");
        rig.event(guilty, 50_000, digit(1, "t"));
        rig.event(neighbour, 50_001, digit(2, "5"));
        rig.settle();
        assert_eq!((rig.loads.len(), rig.guests.counts().deaths), (0, 2));
        assert_eq!(seen(&rig, neighbour), "interaction.added 1 2 3 4 5");
        assert_eq!(rows(&rig, neighbour), ["opened 1"]);
    }
}

#[test]
fn a_session_that_waits_holds_what_comes_and_starts_again_with_all_it_had_heard() {
    let mut rig = Rig::new(player());
    let session = call(&mut rig, 1, 100);
    rig.settle();
    let opening = Opening { survival: Survival::Restarted, ..rig.opening(1, 100) };
    let heard = vec![
        (
            1,
            SwitchEvent {
                position: 1,
                at: 100,
                interaction: None,
                visit: None,
                answers: None,
                body: EventBody::InteractionAdded(interaction(&call_id(1))),
            },
        ),
        (1, SwitchEvent { position: 2, at: 150, interaction: None, visit: None, answers: Some(key(session, 9)), body: EventBody::Done }),
    ];
    let mut rig = rig.crash_without_live_ones();
    rig.input(Input::Await(Box::new(opening)));
    // What the gateway tells again, an answer to the run before, and an answer that comes for nobody.
    rig.arrive(session, Arrival::Switch { incarnation: 1, event: heard[1].1.clone() });
    rig.skip_positions(2);
    let old = rig.answer_event(900, Some(key(session, 1)), EventBody::PlayDone(StoppedBy::End));
    rig.arrive(session, old);
    rig.arrive(session, Arrival::Answer { key: key(session, 1), body: EventBody::Done });
    rig.event(session, 950, digit(1, "7"));
    rig.settle();
    assert_eq!((rig.sent.len(), rig.guests.counts().starts), (0, 0));
    rig.input(Input::Restart { session, at: 1_000, restart: restart(false), events: heard });
    rig.settle();
    assert_eq!(seen(&rig, session), "session.restarted interaction.added done dialog.playsound.done 7");
    assert_eq!(rows(&rig, session), ["opened 1", "opened 2"]);
    let state = rig.state(session);
    assert_eq!((state.opening().incarnation, state.opening().epoch, state.at(), state.seq()), (2, 2, 1_000, 5));
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)"]);
    assert_eq!((rig.sent[0].incarnation, rig.sent[0].epoch), (2, 2));
    // What it had heard is with the backup already.
    assert_eq!(told(&rig), ["opened 2", "asked [1]", "dialog.playsound.done", "7"]);
    let marks: Vec<u64> = rig.released.iter().filter_map(|release| release.mark).map(|mark| mark.position).collect();
    assert_eq!(marks, [2, 3, 4], "the one told again counts, though it made no step");
}

#[test]
fn answers_are_those_of_the_run_that_asked() {
    let mut rig = Rig::new(player());
    let opening = Opening { survival: Survival::Restarted, ..rig.opening(1, 100) };
    let session = opening.session;
    rig.input(Input::Await(Box::new(opening)));
    let added = rig.switch_event(100, EventBody::InteractionAdded(interaction(&call_id(1))));
    rig.input(Input::Restart { session, at: 100, restart: restart(false), events: vec![event_of(added)] });
    rig.settle();
    assert!(rig.state(session).is_open(1));
    rig.answer(session, 1, 200, EventBody::PlayDone(StoppedBy::End));
    rig.arrive(session, Arrival::Answer { key: key(session, 1), body: EventBody::Done });
    rig.settle();
    assert!(rig.state(session).is_open(1), "those answered the run before");
    let of_this_run = tandem_words::RequestKey { incarnation: 2, ..key(session, 1) };
    let done = rig.answer_event(300, Some(of_this_run), EventBody::PlayDone(StoppedBy::End));
    rig.arrive(session, done);
    rig.settle();
    assert!(!rig.state(session).is_open(1));
    assert_eq!(seen(&rig, session), "session.restarted interaction.added dialog.playsound.done dialog.playsound.done");
}

#[test]
fn more_than_can_be_held_makes_it_partial_and_counts_for_w_when_the_backup_knows_that() {
    let told = script(|memory, event, _| {
        if let EventBody::SessionRestarted(restart) = &event.body {
            memory.set("partial", restart.partial);
        }
        Act::Wait
    });
    let mut rig = Rig::with(told, WorkerOptions { max_held: 2, ..WorkerOptions::default() });
    let opening = Opening { survival: Survival::Restarted, ..rig.opening(1, 100) };
    let session = opening.session;
    rig.input(Input::Await(Box::new(opening)));
    (1..=4).for_each(|at| rig.event(session, 100 + at, digit(1, &at.to_string())));
    rig.settle();
    let lost = rig.released.iter().map(|release| (release.changes.clone(), release.mark.map(|mark| mark.position)));
    assert_eq!(lost.collect::<Vec<_>>(), [3, 4].map(|position| (vec![Change::Missed(session)], Some(position))));
    assert!(rig.ignored.is_empty());
    rig.input(Input::Restart { session, at: 200, restart: restart(false), events: Vec::new() });
    rig.settle();
    assert_eq!(seen(&rig, session), "session.restarted 1 2");
    assert_eq!(rig.guests.memory(session).unwrap().get("partial"), "true");
}

#[test]
fn one_that_is_not_started_again_ends_in_the_store_and_its_call_is_told_of() {
    let mut rig = Rig::new(listener());
    let session = call(&mut rig, 1, 100);
    rig.settle();
    let opening = Opening { survival: Survival::Restarted, ..rig.opening(1, 100) };
    let mut rig = rig.crash_without_live_ones();
    rig.input(Input::Await(Box::new(opening)));
    rig.skip_positions(1);
    rig.event(session, 300, digit(1, "1"));
    rig.input(Input::Discard(session, vec![at()]));
    rig.settle();
    assert_eq!(rows(&rig, session), ["opened 1", "NotRestarted behind 0"]);
    assert_eq!((rig.sent.len(), rig.sent[0].over, rig.sent[0].interactions.clone()), (1, Some(Over::Failed), vec![at()]));
    assert_eq!((told(&rig), rig.worker.live_sessions()), (vec!["over".to_owned()], 0));
    let marks: Vec<u64> = rig.released.iter().filter_map(|release| release.mark).map(|mark| mark.position).collect();
    assert_eq!(marks, [2], "behind its end");
    rig.input(Input::Restart { session, at: 400, restart: restart(false), events: Vec::new() });
    assert_eq!(rig.guests.counts().starts, 0, "it is over");
}

#[test]
fn an_operator_may_end_one_that_waits() {
    let mut rig = Rig::new(listener());
    let session = call(&mut rig, 1, 100);
    rig.settle();
    let opening = Opening { survival: Survival::Restarted, ..rig.opening(1, 100) };
    let mut rig = rig.crash_without_live_ones();
    rig.input(Input::Await(Box::new(opening)));
    rig.arrive(session, Arrival::Terminate);
    rig.settle();
    assert_eq!((rig.worker.live_sessions(), rig.released.iter().any(|release| release.over)), (0, true));
    assert_eq!((rig.sent[0].over, rig.sent[0].interactions.clone()), (Some(Over::Failed), vec![at()]));
}

#[test]
fn one_that_comes_late_for_its_claim_does_nothing_that_could_be_seen() {
    let mut rig = Rig::new(player());
    let winner = rig.call(1, 100);
    rig.settle();
    rig.sent.clear();
    let opening = Opening { survival: Survival::Restarted, session: crate::rig::session_in(1, 77), ..rig.opening(1, 100) };
    let late = opening.session;
    let added = rig.switch_event(100, EventBody::InteractionAdded(interaction(&call_id(1))));
    rig.input(Input::Open(Box::new(opening), Some(added)));
    rig.event(late, 150, digit(1, "1"));
    // The opening is refused while what follows of it, without rows, waits already.
    rig.commit_rows(1);
    rig.settle();
    assert_eq!((rig.sent.len(), rig.worker.state(late).is_some(), rig.worker.state(winner).is_some()), (0, false, true));
    assert_eq!(rig.disk.records(late).len(), 0);
    rig.commit();
    assert_eq!(rig.w(), 3, "what never was waits for no backup");
}
