//! After a crash: what is told again, what is not, and rows that cannot be read.

use tandem_journal::{Outcome, Record, StepFailureKind, encode};
use tandem_native_guests::{Act, Script};
use tandem_session::{Arrival, Input, WorkerOptions, fold};
use tandem_switch_link::Over;
use tandem_words::{EventBody, Gap, StoppedBy};

use crate::rig::{Rig, deleted, digit, key, listener, player, script};

#[test]
fn only_what_the_gateway_has_not_seen_is_sent_again() {
    let mut rig = Rig::new(script(|_, event, ask| {
        if let EventBody::Digit(digit) = &event.body {
            ask.play(&digit.interaction, &digit.key);
        }
        Act::Wait
    }));
    let session = rig.call(1, 100);
    for at in [200, 300, 400] {
        rig.event(session, at, digit(1, "1"));
    }
    rig.settle();
    let mut rig = rig.crash(&[key(session, 3), key(session, 2)]);
    assert_eq!(rig.sent.iter().map(|step| (step.seq, step.requests.len(), step.epoch)).collect::<Vec<_>>(), [(3, 1, 2), (4, 1, 2)]);
    assert_eq!(rig.requests_sent(), ["dialog.playsound(2)", "dialog.playsound(3)"]);
    // Its guest is not needed for that.
    assert_eq!(rig.guests.counts().starts, 0);
    rig.answer(session, 2, 500, EventBody::PlayDone(StoppedBy::End));
    rig.settle();
    assert_eq!(rig.disk.events(session).len(), 5);
}

#[test]
fn a_recovered_session_hears_of_it_first_where_it_asks() {
    let asks = listener().manifest(|manifest| manifest.send_session_recovered = true);
    for (script, expected) in [(asks, "interaction.added session.recovered 1"), (listener(), "interaction.added 1")] {
        let mut rig = Rig::new(script);
        let session = rig.call(1, 100);
        rig.settle();
        let mut rig = rig.crash(&[]);
        rig.event(session, 300, digit(1, "1"));
        rig.settle();
        assert_eq!(rig.guests.memory(session).unwrap().get("seen"), expected);
        // A new connection in the same epoch is no recovery.
        rig.reconnect(&[]);
        rig.settle();
        assert_eq!(rig.guests.memory(session).unwrap().get("seen"), expected);
    }
}

#[test]
fn session_recovered_waits_for_the_rows_like_any_event() {
    let mut rig = Rig::new(listener().manifest(|manifest| manifest.send_session_recovered = true));
    let session = rig.call(1, 100);
    rig.settle();
    let mut rig = rig.crash_without_reconciling();
    // An event that came first, by whatever way, is still behind it.
    rig.event(session, 300, digit(1, "1"));
    assert_eq!(rig.loads.len(), 1);
    rig.input(Input::Reconciled { unknown: Default::default(), fresh: true, remembers: true });
    rig.settle();
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added session.recovered 1");
}

#[test]
fn a_timer_set_in_session_recovered_counts_from_where_the_session_stopped() {
    let asks = script(|_, event, ask| {
        if event.body == EventBody::SessionRecovered {
            ask.after(1_000);
        }
        Act::Wait
    });
    let mut rig = Rig::new(asks.manifest(|manifest| manifest.send_session_recovered = true));
    let session = rig.call(1, 100);
    rig.settle();
    let mut rig = rig.crash(&[]);
    // Its guest is back when much has happened.
    rig.event(session, 600, digit(1, "1"));
    rig.event(session, 2_000, digit(1, "2"));
    rig.settle();
    assert_eq!(rig.worker.wake_at(), Some(1_100));
    rig.advance(2_000);
    rig.settle();
    assert_eq!(
        rig.disk.events(session),
        ["interaction.added", "session.recovered", "interaction.digit", "interaction.digit", "timer.fired"]
    );
    let times: Vec<u64> = rig.disk.steps(session).iter().map(|step| step.event.at).collect();
    assert_eq!(times, [100, 100, 600, 2_000, 2_000]);
}

#[test]
fn a_session_that_is_over_and_owed_hears_nothing_but_its_answers() {
    let mut rig = Rig::new(
        script(|_, event, ask| match &event.body {
            EventBody::InteractionAdded(call) => {
                ask.music(&call.id);
                Act::Wait
            }
            EventBody::Digit(_) => Act::Finish,
            _ => Act::Wait,
        })
        .manifest(|manifest| manifest.send_session_recovered = true),
    );
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.commit();
    let mut rig = rig.crash(&[]);
    let held: Vec<_> = rig.worker.inventory().interactions.iter().map(|held| held.session).collect();
    assert_eq!(held, [session], "its call is not forsaken as long as its last requests may not have left");
    rig.settle();
    // The gateway is told again that it is over: its call must not hear music for ever (P9).
    assert_eq!(rig.sent.iter().map(|step| step.over).collect::<Vec<_>>(), [Some(Over::Finished)]);
    assert_eq!((rig.worker.live_sessions(), rig.disk.steps(session).len()), (0, 2));
    rig.answer(session, 1, 400, EventBody::Done);
    rig.event(session, 500, deleted(1));
    rig.settle();
    assert_eq!((rig.outcome(session), rig.w()), (Outcome::Late, 4));
    assert!(rig.worker.state(session).is_none());
}

#[test]
fn a_gap_begins_where_the_session_s_own_time_ended() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 700);
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.input(Input::News(EventBody::Gap(Gap { interaction: None, since: 0 })));
    rig.settle();
    let steps = rig.disk.steps(session);
    assert_eq!(steps[1].event.body, EventBody::Gap(Gap { interaction: None, since: 700 }));
}

#[test]
fn news_of_an_end_that_the_session_knows_is_none() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 100);
    rig.event(session, 200, deleted(1));
    rig.arrive(session, Arrival::News(deleted(1)));
    rig.arrive(session, Arrival::News(EventBody::InteractionDefaultRouted("c1".into())));
    rig.arrive(session, Arrival::News(deleted(5)));
    let other = rig.call(2, 300);
    rig.arrive(other, Arrival::News(EventBody::InteractionDefaultRouted("c2".into())));
    rig.arrive(other, Arrival::News(deleted(2)));
    rig.settle();
    assert_eq!(rig.disk.events(session), ["interaction.added", "interaction.deleted"]);
    assert_eq!(rig.disk.events(other), ["interaction.added", "interaction.default-routed", "interaction.deleted"]);
}

#[test]
fn rows_that_are_damaged_fail_the_session_whose_state_is_known() {
    let mut rig = Rig::new(player());
    let session = rig.call(1, 100);
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, digit(1, "1"));
    let mut rows = rig.disk.session_rows(session).unwrap();
    rows.tail[0] = vec![1, 0xc1];
    rig.loads.clear();
    rig.input(Input::Loaded(session, Some(Box::new(rows))));
    rig.settle();
    assert!(matches!(rig.outcome(session), Outcome::Failed(failure) if failure.kind == StepFailureKind::Unavailable));
    assert_eq!(rig.unreadable.len(), 1);
    assert_eq!(rig.sent.last().unwrap().over, Some(Over::Failed));
    assert_eq!(rig.w(), 2);
}

#[test]
fn an_unreadable_session_is_named_by_what_is_wrong_with_it() {
    let mut rig = Rig::new(player());
    let session = rig.call(1, 100);
    rig.settle();
    let rows = rig.disk.session_rows(session).unwrap();
    let damaged = |change: &dyn Fn(&mut tandem_journal::SessionRows)| {
        let mut rows = rows.clone();
        change(&mut rows);
        fold(&rows).unwrap_err()
    };
    for (error, says) in [
        (damaged(&|rows| rows.opening.clear()), "empty"),
        (damaged(&|rows| rows.opening[0] = 99), "format 99"),
        (damaged(&|rows| rows.tail[0].truncate(9)), "damaged"),
        (damaged(&|rows| rows.opening = rows.tail[0].clone()), "opening"),
    ] {
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn inventory_tells_what_is_held_and_awaited() {
    let holder: Script = script(|_, event, ask| {
        if let EventBody::InteractionAdded(call) = &event.body {
            ask.route(&call.id, "sales");
            ask.after(1_000);
            ask.send("101-1-9", "hello");
        }
        Act::Wait
    });
    let mut rig = Rig::new(holder);
    let session = rig.call(1, 100);
    let lost = rig.call(2, 100);
    rig.event(lost, 200, EventBody::InteractionDefaultRouted("c2".into()));
    let gone = rig.call(3, 100);
    rig.event(gone, 200, deleted(3));
    let inventory = rig.worker.inventory();
    let held: Vec<_> = inventory.interactions.iter().map(|held| (&*held.interaction, held.session, held.visit, held.controlled)).collect();
    assert_eq!(held, [("c1", session, Some((1, 1)), true), ("c2", lost, Some((1, 1)), false)]);
    assert_eq!(inventory.requests, [key(session, 1), key(lost, 1), key(gone, 1)]);
}

#[test]
fn of_a_session_whose_last_step_the_gateway_knows_nothing_is_said_again() {
    let plays = || {
        script(|_, event, ask| {
            match &event.body {
                EventBody::Digit(digit) if digit.key == "p" => drop(ask.play(&digit.interaction, "menu")),
                EventBody::Digit(digit) if digit.key == "q" => drop(ask.after(5_000)),
                _ => {}
            }
            Act::Wait
        })
    };
    let told = |keys: &[&str], unknown: bool, remembers: bool| {
        let mut rig = Rig::new(plays());
        let session = rig.call(1, 100);
        keys.iter().for_each(|key| rig.event(session, 200, digit(1, key)));
        rig.settle();
        let mut rig = rig.crash_without_reconciling();
        let unknown = unknown.then_some(key(session, 1)).into_iter().collect();
        rig.input(Input::Reconciled { unknown: std::sync::Arc::new(unknown), fresh: true, remembers });
        rig.settle();
        rig.sent.len()
    };
    assert_eq!(told(&["p"], false, true), 0, "the announcement runs: its step has come");
    assert_eq!(told(&["p"], true, true), 1);
    assert_eq!(told(&["p"], false, false), 1, "a gateway that has died since knows nothing of who has the call");
    // What the last step said, of its quiet too, may not have come.
    assert_eq!(told(&["p", "q"], false, true), 1);
    assert_eq!(told(&["q"], false, true), 1);
}

#[test]
fn a_former_primary_that_reads_what_a_later_one_wrote_does_nothing_more() {
    let mut rig = Rig::with(listener(), WorkerOptions { passivate_after_ms: 1_000, ..WorkerOptions::default() });
    let session = rig.call(1, 100);
    rig.settle();
    rig.advance(5_000);
    rig.settle();
    assert_eq!(rig.worker.present_sessions(), 0);
    let mut later = rig.disk.steps(session).last().unwrap().clone();
    (later.event.seq, later.epoch) = (2, 2);
    rig.disk.rows.push(encode(&Record::Step(later)).unwrap());
    let released = rig.released.len();
    rig.event(session, 6_000, digit(1, "1"));
    rig.load();
    assert!(rig.queue.is_empty() && rig.loads.is_empty() && rig.warned.is_empty(), "neither a step nor a word of a replay that differs");
    assert_eq!((rig.released.len(), rig.worker.present_sessions()), (released, 0));
}
