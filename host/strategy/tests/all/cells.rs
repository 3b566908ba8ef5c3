//! Sessions in cells.

use std::{sync::Arc, thread};

use tandem_journal::{LocalTime, StepFailureKind};
use tandem_session::{Effort, GuestFailure, Guests, Next, Place, Written};
use tandem_strategy::{Cells, EngineLimits};
use tandem_words::{EventBody, Prompt, RequestBody, VersionId};

use crate::bed::{self, bed, bed_of, call, context, digit, id, patient};

fn played(requests: &[RequestBody]) -> Vec<String> {
    let sound = |prompt: &Prompt| match prompt {
        Prompt::Sound(name) => name.clone(),
        other => format!("{other:?}"),
    };
    let prompts = |request: &RequestBody| match request {
        RequestBody::Play { call, prompts, .. } if &**call == "c1" => prompts.iter().map(sound).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    };
    requests.iter().map(prompts).collect()
}

fn attached(requests: &[RequestBody], key: &str) -> Option<String> {
    let data = requests.iter().filter_map(|request| match request {
        RequestBody::Attach { data, .. } => Some(data),
        _ => None,
    });
    data.flatten().find(|property| property.key == key).map(|property| property.value.clone())
}

#[test]
fn a_session_in_a_cell_handles_events() {
    let mut bed = bed("fails");
    for number in 1..=3 {
        bed.start(number).unwrap();
    }
    assert_eq!((bed.cells.instances(), bed.cells.sessions()), (1, 3));
    for number in 1..=3 {
        let (next, requests) = bed.step(number, EventBody::InteractionAdded(call())).unwrap();
        assert_eq!((next, played(&requests)), (Next::Wait, vec!["menu".to_owned()]));
    }
    let (_, requests) = bed.step(2, digit("1")).unwrap();
    assert_eq!(played(&requests), ["thanks"]);
    let over = tandem_words::Deletion { interaction: "c1".into(), cause: tandem_words::EndCause::CallerHungUp };
    assert_eq!(bed.step(2, EventBody::InteractionDeleted(over)).unwrap().0, Next::Finish);
    assert_eq!(bed.cells.manifest(&bed.version).unwrap().name, "fails");
}

#[test]
fn a_restored_session_goes_on_as_the_first_would() {
    let mut bed = bed("bench");
    bed.with_call(1);
    let news = |json: &str| EventBody::Custom(tandem_words::Custom { name: "bench".to_owned(), json: json.to_owned() });
    assert_eq!(attached(&bed.step(1, news("[1,2,3]")).unwrap().1, "leaves").unwrap(), "3");
    let state = bed.cells.snapshot(id(1)).unwrap().unwrap();
    // In another cell, so that nothing but the state can have come along.
    bed.cells.restore(&bed.version.clone(), &context(1), &state, 1, Place::Own, Effort::Replay).unwrap();
    assert_eq!(bed.cells.snapshot(id(1)).unwrap().unwrap(), state);
    assert_eq!(attached(&bed.step(1, news("{\"a\":[4,5]}")).unwrap().1, "leaves").unwrap(), "5");
    assert_eq!(bed.cells.sessions(), 1);
}

#[test]
fn a_state_that_cannot_be_read_is_an_error_and_not_a_trap() {
    let mut bed = bed("bench");
    bed.with_call(1);
    let failure = bed.cells.restore(&bed.version.clone(), &context(2), b"nonsense", 1, Place::Shared, Effort::Replay).unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (StepFailureKind::Error, false));
    assert!(failure.message.contains("strategy bench 0.1.0"), "{failure}");
    assert_eq!(bed.cells.take_dead(), []);
    assert!(bed.step(1, EventBody::TimerFired).is_ok());
}

#[test]
fn a_trap_kills_the_cell_and_all_its_sessions_are_told() {
    let mut bed = bed("traps-in-event");
    for number in [3, 1, 2] {
        bed.with_call(number);
    }
    let (written, result) = bed.written(2, digit("9"));
    let failure = result.unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (StepFailureKind::Trap, true));
    assert!(failure.message.contains("traps-in-event") && failure.message.contains("on-event"), "{failure}");
    assert_eq!(written.requests.len(), 1, "the draft comes back with what was asked for before the trap");
    assert_eq!(bed.cells.take_dead(), [id(1), id(2), id(3)]);
    assert_eq!(bed.cells.take_dead(), []);
    assert_eq!((bed.cells.instances(), bed.cells.sessions(), bed.engine.instances()), (0, 0, 0));
    assert_eq!(bed.step(1, digit("1")).unwrap_err().kind, StepFailureKind::Unavailable);
    bed.with_call(4);
    assert!(bed.step(4, digit("1")).is_ok());
}

#[test]
fn a_session_in_its_own_place_dies_alone() {
    let mut bed = bed("traps-in-event");
    bed.with_call(1);
    bed.start_in(2, Place::Own).unwrap();
    assert_eq!(bed.cells.instances(), 2);
    bed.step(2, EventBody::InteractionAdded(call())).unwrap();
    bed.step(2, digit("9")).unwrap_err();
    assert_eq!(bed.cells.take_dead(), [id(2)]);
    assert!(bed.step(1, digit("1")).is_ok());
}

#[test]
fn an_error_fails_the_step_and_leaves_the_cell_alive() {
    let mut bed = bed("fails");
    bed.with_call(1);
    bed.with_call(2);
    let failure = bed.step(1, digit("9")).unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (StepFailureKind::Error, false));
    assert!(failure.message.contains("digit 9 was pressed"), "{failure}");
    assert_eq!(bed.cells.take_dead(), []);
    assert!(bed.step(2, digit("1")).is_ok());
}

#[test]
fn a_trap_in_start_leaves_nothing_behind() {
    let mut bed = bed("traps-in-start");
    let failure = bed.start(1).unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (StepFailureKind::Trap, true));
    assert!(failure.message.contains("start"), "{failure}");
    assert_eq!((bed.cells.take_dead(), bed.cells.instances(), bed.cells.sessions()), (Vec::new(), 0, 0));
}

#[test]
fn cells_come_and_go_with_their_sessions() {
    let mut bed = bed_of(bed::wasm("fails"), EngineLimits { cell_sessions: 2, ..patient() });
    for number in 1..=5 {
        bed.start(number).unwrap();
    }
    assert_eq!(bed.cells.instances(), 3);
    bed.cells.remove(id(2));
    bed.start(6).unwrap();
    assert_eq!(bed.cells.instances(), 3, "places that have become free are taken");
    bed.start_in(7, Place::Own).unwrap();
    assert_eq!(bed.cells.instances(), 4);
    for number in 1..=9 {
        bed.cells.remove(id(number));
    }
    assert_eq!((bed.cells.instances(), bed.cells.sessions()), (1, 0), "the last one is kept warm");
    bed.with_call(8);
    assert_eq!(bed.cells.instances(), 1);
    // A session that is started again replaces itself.
    bed.start(8).unwrap();
    assert_eq!(bed.cells.sessions(), 1);
}

#[test]
fn instances_have_a_limit_and_cells_a_share_of_it() {
    let mut bed = bed_of(bed::wasm("fails"), EngineLimits { instances: 4, cell_sessions: 1, ..patient() });
    for number in 1..=3 {
        bed.start_in(number, Place::Own).unwrap();
    }
    let full = |failure: GuestFailure| {
        assert_eq!((failure.kind, failure.instance_died), (StepFailureKind::Limit, false));
        assert!(failure.message.contains("EngineLimits::instances"), "{failure}");
    };
    full(bed.start_in(4, Place::Own).unwrap_err());
    bed.start(4).unwrap();
    full(bed.start(5).unwrap_err());
    bed.cells.remove(id(1));
    bed.start(5).unwrap();
}

#[test]
fn a_version_that_is_not_loaded_is_unavailable() {
    let mut bed = bed("fails");
    let other = VersionId([7; 32]);
    assert_eq!(bed.cells.start(&other, &context(1), Place::Shared, Effort::First).unwrap_err().kind, StepFailureKind::Unavailable);
    assert!(bed.cells.manifest(&other).is_none());
}

#[test]
fn local_times_of_a_replay_are_those_that_were_kept() {
    let berlin = |written: Written| {
        let bodies: Vec<_> = written.requests.into_iter().map(|request| request.body).collect();
        (attached(&bodies, "berlin").unwrap(), written.local_times)
    };
    let mut bed = bed("timers");
    bed.start(1).unwrap();
    let (today, mut kept) = berlin(bed.written(1, EventBody::InteractionAdded(call())).0);
    assert_eq!(today, "12");
    assert!(kept[1].answer.clone().unwrap_err().contains("Europe/Nowhere"));
    kept[0].answer = Ok(LocalTime { hour: 5, ..kept[0].answer.clone().unwrap() });
    bed.start(2).unwrap();
    assert_eq!(berlin(bed.replayed(2, EventBody::InteractionAdded(call()), &kept).0), ("5".to_owned(), kept));
}

#[test]
fn two_workers_share_a_catalogue() {
    let bed = bed("fails");
    let workers: Vec<_> = (0..2)
        .map(|worker| {
            let (engine, catalogue, version) = (bed.engine.clone(), bed.catalogue.clone(), bed.version);
            thread::spawn(move || {
                let mut cells = Cells::new(engine, catalogue, Box::new(|| ()));
                for number in 1..=100 {
                    cells.start(&version, &context(worker * 100 + number), Place::Shared, Effort::First).unwrap();
                }
                cells.sessions()
            })
        })
        .collect();
    assert_eq!(workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>(), [100, 100]);
    assert_eq!(bed.engine.instances(), 0, "an instance ends with its worker");
}

#[test]
fn a_version_is_added_once_and_while_others_read() {
    let bed = bed("fails");
    let add = |name: &str| {
        let (engine, catalogue, name) = (bed.engine.clone(), bed.catalogue.clone(), name.to_owned());
        thread::spawn(move || catalogue.add(tandem_strategy::Strategy::load(&engine, bed::wasm(&name), None).unwrap()).unwrap())
    };
    for thread in [add("loops"), add("loops"), add("fails")] {
        thread.join().unwrap();
    }
    let names: Vec<_> = bed.catalogue.iter().map(|strategy| strategy.manifest().name.clone()).collect();
    assert_eq!(names, ["fails", "loops"]);
    assert!(Arc::ptr_eq(bed.catalogue.get(&bed.version).unwrap(), bed.catalogue.iter().next().unwrap()));
}
