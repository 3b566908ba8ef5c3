//! The threads together.

mod site;

use std::sync::{Arc, Mutex, atomic::Ordering};

use site::{HUNG, INSTANCE, Site};
use tandem_native_guests::{Act, Script};
use tandem_store::{Memory, Store, StoreError};
use tandem_switch_link::{GatewayMessage, HostMessage, Refusal};
use tandem_words::EventBody;

use super::{Fatal, InstanceError, this_process};
use crate::session::ToWorker;

fn is_step(message: &HostMessage) -> bool {
    matches!(message, HostMessage::Step(_))
}

fn is_idle(seq: u64) -> impl Fn(&HostMessage) -> bool {
    move |message| matches!(message, HostMessage::Idle { seq: told, .. } if *told == seq)
}

#[test]
fn a_told_instance_ends_with_its_lease_given_back() {
    let mut site = Site::new();
    site.serves();
    site.a_call_comes(1);
    site.hears(is_step);
    let store = site.store.clone();
    site.instance.stop();
    site.ends().unwrap();
    assert!(store.read_lease(INSTANCE.node).unwrap().unwrap().released);
    assert_eq!(store.reader().unwrap().counts().unwrap().steps, 1);
}

#[test]
fn idle_waits_for_the_disk_and_comes_behind_the_steps() {
    let mut site = Site::new();
    site.serves();
    site.fills_its_disk(true);
    (1..=20).for_each(|position| site.a_call_comes(position));
    let early = site.hears_in_a_while();
    assert!(early.iter().all(|message| matches!(message, HostMessage::Heartbeat)), "{early:?}");
    site.fills_its_disk(false);
    let last = 3 + 20;
    let heard = site.hears(is_idle(last));
    assert_eq!(heard.iter().filter(|message| is_step(message)).count(), 20, "{heard:?}");
    site.instance.stop();
    site.ends().unwrap();
}

#[test]
fn nothing_leaves_past_two_thirds_of_the_lease_and_what_was_held_back_leaves_with_its_renewal() {
    let mut site = Site::new();
    site.fills_its_disk(true);
    // Two thirds of 600 ms, and more.
    std::thread::sleep(std::time::Duration::from_millis(500));
    site.connects();
    assert_eq!(site.hears_in_a_while(), []);
    site.fills_its_disk(false);
    site.hears(|message| matches!(message, HostMessage::Hello { .. }));
    site.instance.stop();
    site.ends().unwrap();
}

#[test]
fn held_up_commits_are_said_and_an_instance_that_is_told_ends_all_the_same() {
    let mut site = Site::new();
    site.serves();
    site.fills_its_disk(true);
    site.a_call_comes(1);
    let deadline = std::time::Instant::now() + HUNG;
    let status = loop {
        let status = site.instance.status().unwrap();
        if status.held_up.is_some() {
            break status;
        }
        assert!(std::time::Instant::now() < deadline);
    };
    assert!(!status.serves() && status.standing().contains("no room left") && status.phase == "serving", "{status:?}");
    let store = site.store.clone();
    site.instance.stop();
    let error = site.ends().unwrap_err();
    assert!(matches!(&error, InstanceError::Fatal(Fatal::Unfinished { held_up: Some(_) })), "{error}");
    assert_eq!(store.reader().unwrap().counts().unwrap().steps, 0);
}

#[test]
fn a_lease_that_cannot_be_given_back_is_given_back_as_soon_as_it_can_or_the_process_ends() {
    for works_again in [true, false] {
        let mut site = Site::new();
        site.serves();
        site.keeps_its_lease.store(true, Ordering::SeqCst);
        let (store, keeps_its_lease) = (site.store.clone(), Arc::clone(&site.keeps_its_lease));
        site.instance.stop();
        let deadline = std::time::Instant::now() + HUNG;
        while site.instance.standing().is_none_or(|status| status.held_up.is_none()) {
            assert!(std::time::Instant::now() < deadline, "nobody was told");
        }
        keeps_its_lease.store(!works_again, Ordering::SeqCst);
        let ended = site.ends();
        assert_eq!(ended.is_ok(), works_again, "{ended:?}");
        assert_eq!(store.read_lease(INSTANCE.node).unwrap().unwrap().released, works_again);
    }
}

#[test]
fn frames_behind_the_end_of_their_connection_are_not_taken() {
    let mut site = Site::new();
    site.serves();
    site.inbox.disconnected();
    site.a_call_comes(1);
    site.serves();
    // The gateway tells it again, and so it is the first time.
    site.a_call_comes(1);
    let heard = site.hears(is_idle(4));
    assert_eq!(heard.iter().filter(|message| is_step(message)).count(), 1, "{heard:?}");
    site.instance.stop();
    site.ends().unwrap();
}

#[test]
fn a_link_that_is_lost_while_stock_is_taken_takes_it_again() {
    let mut site = Site::new();
    site.fills_its_disk(true);
    site.connects();
    site.greets();
    for _ in 0..3 {
        site.inbox.disconnected();
        site.connects();
        site.greets();
    }
    site.fills_its_disk(false);
    site.hears(|message| matches!(message, HostMessage::Reconcile { .. }));
    let more = site.hears_in_a_while();
    assert!(more.iter().all(|message| matches!(message, HostMessage::Heartbeat)), "one reconciliation a connection: {more:?}");
    site.instance.stop();
    site.ends().unwrap();
}

#[test]
fn a_worker_that_is_busy_with_what_nobody_waits_for_does_not_make_the_node_look_stuck() {
    let mut site = Site::new();
    // Each answers a question that nobody hears out.
    let (ask, hear) = crossbeam_channel::bounded(0);
    for worker in &site.instance.workers {
        worker.send(ToWorker::Count(ask.clone())).unwrap();
    }
    site.connects();
    site.greets();
    for _ in 0..3 {
        site.hears(|message| matches!(message, HostMessage::Heartbeat));
        assert_eq!(site.instance.standing().unwrap().phase, "takingstock");
    }
    // The link is lost meanwhile: what was asked before is not taken for an answer.
    site.inbox.disconnected();
    site.connects();
    site.greets();
    site.hears(|message| matches!(message, HostMessage::Heartbeat));
    for _ in 0..site.instance.workers.len() {
        hear.recv().unwrap();
    }
    site.hears(|message| matches!(message, HostMessage::Reconcile { .. }));
    let more = site.hears_in_a_while();
    assert!(more.iter().all(|message| matches!(message, HostMessage::Heartbeat)), "one reconciliation a connection: {more:?}");
    site.instance.stop();
    site.ends().unwrap();
}

#[test]
fn a_thread_that_panics_takes_the_instance_with_it() {
    let mut site = Site::with(Memory::default(), Script::new("panics", |_, _, _| panic!("a bug in the host, not in a guest")));
    site.serves();
    site.a_call_comes(1);
    let error = site.ends().unwrap_err();
    assert!(matches!(&error, InstanceError::Fatal(Fatal::Panicked { thread }) if thread.starts_with("worker-")), "{error}");
}

#[test]
fn a_lost_lease_ends_the_instance() {
    let mut site = Site::new();
    site.serves();
    site.store.clone().take_lease(INSTANCE.node, &this_process(INSTANCE)).unwrap();
    let error = site.ends().unwrap_err();
    assert!(matches!(&error, InstanceError::Fatal(Fatal::Store(StoreError::LeaseLost { .. }))), "{error}");
}

#[test]
fn a_gateway_that_follows_another_ends_the_instance() {
    let mut site = Site::new();
    site.serves();
    site.says(GatewayMessage::Refused { reason: Refusal::Fenced, message: "epoch 9 leads".into() });
    let error = site.ends().unwrap_err();
    assert!(matches!(&error, InstanceError::Fatal(Fatal::Fenced(_))), "{error}");
}

#[test]
fn heartbeats_and_probes_wait_for_no_worker() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let inside = Arc::clone(&gate);
    let mut site = Site::with(
        Memory::default(),
        Script::new("slow", move |_, event, _| {
            if matches!(event.body, EventBody::InteractionAdded(_)) {
                drop(inside.lock());
            }
            Act::Wait
        }),
    );
    site.serves();
    site.a_call_comes(1);
    let asked = site.instance.clone();
    let asking = std::thread::spawn(move || asked.status());
    for _ in 0..3 {
        site.hears(|message| matches!(message, HostMessage::Heartbeat));
        assert_eq!(site.instance.standing().unwrap().phase, "serving");
    }
    assert_eq!(asking.join().unwrap().unwrap().live_sessions, None, "one worker could not say");
    drop(closed);
    site.hears(is_idle(4));
    assert_eq!(site.instance.status().unwrap().live_sessions, Some(1));
    site.instance.stop();
    site.ends().unwrap();
}
