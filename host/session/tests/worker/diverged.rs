//! Persisted sessions whose replay differs, and whose manifest lets them start again.

use std::sync::atomic::{AtomicBool, Ordering};

use tandem_journal::{Outcome, Record, StepFailureKind};
use tandem_native_guests::{Act, Script};
use tandem_session::{Input, WorkerOptions};
use tandem_switch_link::Over;
use tandem_words::{EventBody, Gap, Restart, RestartCause, SessionId, StoppedBy};

use crate::rig::{Rig, call_id, digit, script};

/// Plays at every digit, and something else when that is replayed; `for_ever`: also in its second incarnation. The digit `c` is a
/// checkpoint, `t` a trap.
fn differs(for_ever: bool) -> Script {
    script(move |memory, event, ask| {
        let EventBody::Digit(digit) = &event.body else { return Act::Wait };
        let differs = ask.is_replay() && (for_ever || !memory.get("seen").contains("restarted"));
        ask.play(&digit.interaction, if differs { "something else" } else { "menu" });
        match &*digit.key {
            "c" => Act::Checkpoint,
            "t" => Act::trap(),
            _ => Act::Wait,
        }
    })
    .manifest(|manifest| manifest.restart_on_switchover = Some(true))
}

fn seen(rig: &Rig, session: SessionId) -> String {
    rig.guests.memory(session).unwrap().get("seen").to_owned()
}

/// Each step as its incarnation, event and the request it answers.
fn steps(rig: &Rig, session: SessionId) -> Vec<(u32, &'static str, Option<u32>)> {
    rig.disk.steps(session).iter().map(|step| (step.incarnation, step.event.body.name(), step.event.request)).collect()
}

fn openings(rig: &Rig, session: SessionId) -> Vec<(u32, u64)> {
    let opened = |record| match record {
        Record::Opened(opening) => Some((opening.incarnation, opening.epoch)),
        _ => None,
    };
    rig.disk.records(session).into_iter().filter_map(opened).collect()
}

#[test]
fn it_starts_again_hears_why_and_then_all_that_its_call_did() {
    let mut rig = Rig::new(differs(false));
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.answer(session, 1, 250, EventBody::PlayDone(StoppedBy::End));
    rig.event(session, 260, digit(1, "2"));
    rig.settle();
    let kept = rig.disk.records(session);
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, digit(1, "3"));
    rig.settle();
    // The answer to what the old incarnation still waited for.
    rig.answer(session, 2, 400, EventBody::PlayDone(StoppedBy::End));
    rig.settle();
    assert_eq!(seen(&rig, session), "session.restarted interaction.added 1 dialog.playsound.done 2 3 dialog.playsound.done");
    assert!(rig.disk.records(session).starts_with(&kept), "the journal stands");
    assert_eq!(openings(&rig, session), [(1, 1), (2, 2)]);
    assert!(steps(&rig, session)[4..].iter().all(|(incarnation, _, request)| (*incarnation, *request) == (2, None)));
    let restart = Restart { interaction: Some(call_id(1)), cause: RestartCause::ReplayDiverged, partial: false };
    assert_eq!(rig.disk.steps(session)[4].event.body, EventBody::SessionRestarted(restart));
    let asked: Vec<(u32, u32)> =
        rig.sent.iter().flat_map(|step| step.requests.iter().map(|asked| (step.incarnation, asked.request))).collect();
    assert_eq!(asked, [(2, 1), (2, 2), (2, 3)], "the old requests are not sent again");
    assert!(rig.differed.len() == 1 && rig.differed[0].contains("replaying step 2"), "{:?}", rig.differed);
    assert_eq!((rig.outcome(session), rig.w()), (Outcome::Wait, 6));
}

#[test]
fn who_differs_again_is_given_up_and_so_is_who_may_not_start_again() {
    for (script, incarnations) in [(differs(true), 2), (differs(true).manifest(|manifest| manifest.restart_on_switchover = Some(false)), 1)]
    {
        let mut rig = Rig::with(script, WorkerOptions { restart_diverged: true, ..WorkerOptions::default() });
        let session = rig.call(1, 100);
        rig.event(session, 200, digit(1, "1"));
        rig.settle();
        for at in [300, 400] {
            rig = rig.crash(&[]);
            if rig.disk.live_sessions().is_empty() {
                break;
            }
            rig.event(session, at, digit(1, "2"));
            rig.settle();
        }
        let failed = matches!(rig.outcome(session), Outcome::Failed(failure) if failure.kind == StepFailureKind::ReplayDiverged);
        assert!(failed && openings(&rig, session).len() == incarnations, "{:?}", steps(&rig, session));
    }
}

#[test]
fn where_the_manifest_is_silent_the_option_counts_and_a_session_that_is_given_up_frees_its_call() {
    let silent = || differs(false).manifest(|manifest| manifest.restart_on_switchover = None);
    for (restart_diverged, over) in [(true, None), (false, Some(Over::Failed))] {
        let mut rig = Rig::with(silent(), WorkerOptions { restart_diverged, ..WorkerOptions::default() });
        let session = rig.call(1, 100);
        rig.event(session, 200, digit(1, "1"));
        rig.settle();
        let mut rig = rig.crash(&[]);
        rig.event(session, 300, digit(1, "2"));
        rig.settle();
        assert_eq!((rig.sent.last().unwrap().over, rig.differed.len()), (over, 1), "it is counted, whatever becomes of it");
    }
}

#[test]
fn what_stands_before_its_snapshot_is_heard_again_too() {
    let mut rig = Rig::new(differs(false));
    let session = rig.call(1, 100);
    for (at, key) in [(200, "1"), (300, "c"), (400, "2")] {
        rig.event(session, at, digit(1, key));
    }
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.event(session, 500, digit(1, "3"));
    rig.settle();
    // Its snapshot has no "restarted" in it, so it differs behind that.
    assert_eq!(seen(&rig, session), "session.restarted interaction.added 1 c 2 3");
}

#[test]
fn what_is_over_the_cap_is_lost_and_it_is_told_so() {
    let mut rig = Rig::with(differs(false), WorkerOptions { max_held: 2, ..WorkerOptions::default() });
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "1"));
    rig.event(session, 210, digit(1, "2"));
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, digit(1, "3"));
    rig.settle();
    assert_eq!(seen(&rig, session), "session.restarted interaction.added 1 3");
    assert!(matches!(&rig.disk.steps(session)[3].event.body, EventBody::SessionRestarted(restart) if restart.partial));
}

#[test]
fn whoever_takes_over_in_the_middle_of_it_tells_the_rest_before_anything_else() {
    // Behind each of the new incarnation's steps, and before the first.
    for committed in 0..5 {
        let mut rig = Rig::with(differs(false), WorkerOptions { max_steps_ahead: 2, ..WorkerOptions::default() });
        let session = rig.call(1, 100);
        rig.commit();
        for (at, key) in [(200, "1"), (300, "2")] {
            rig.event(session, at, digit(1, key));
            rig.commit();
        }
        let mut rig = rig.crash(&[]);
        let live = rig.switch_event(400, digit(1, "3"));
        rig.arrive(session, live.clone());
        rig.load();
        rig.load_whole();
        (0..committed).for_each(|_| _ = rig.commit_rows(1));
        let mut rig = rig.crash_without_reconciling();
        rig.arrive(session, live);
        rig.input(Input::Reconciled { unknown: Default::default(), fresh: true, remembers: true });
        rig.settle();
        assert_eq!(seen(&rig, session), "session.restarted interaction.added 1 2 3", "behind commit {committed}");
        assert_eq!(openings(&rig, session).len(), 2);
    }
}

#[test]
fn a_gap_behind_the_switch_s_last_event_is_told_to_each_run_once() {
    // Behind each of the new incarnation's steps, and before the first.
    for committed in 0..5 {
        let mut rig = Rig::with(differs(false), WorkerOptions { max_steps_ahead: 2, ..WorkerOptions::default() });
        let session = rig.call(1, 100);
        rig.event(session, 200, digit(1, "1"));
        rig.input(Input::News(EventBody::Gap(Gap { interaction: None, since: 200 })));
        rig.settle();
        let mut rig = rig.crash(&[]);
        rig.event(session, 300, digit(1, "2"));
        rig.load();
        rig.load_whole();
        (0..committed).for_each(|_| _ = rig.commit_rows(1));
        let mut rig = rig.crash(&[]);
        rig.settle();
        rig.event(session, 400, digit(1, "3"));
        rig.settle();
        let seen = seen(&rig, session);
        assert_eq!(seen.matches("gap").count(), 1, "behind commit {committed}: {seen}");
    }
}

#[test]
fn a_timer_of_the_old_incarnation_is_none_of_the_new() {
    let timed = script(|_, event, ask| {
        if matches!(event.body, EventBody::InteractionAdded(_)) {
            ask.after(if ask.is_replay() { 499 } else { 500 });
        }
        Act::Wait
    });
    let mut rig = Rig::new(timed.manifest(|manifest| manifest.restart_on_switchover = Some(true)));
    let session = rig.call(1, 100);
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.advance(700);
    rig.settle();
    assert_eq!(seen(&rig, session), "session.restarted interaction.added");
    rig.advance(1_000);
    rig.settle();
    rig.advance(1_200);
    rig.settle();
    assert_eq!(seen(&rig, session), "session.restarted interaction.added timer.fired");
}

#[test]
fn a_neighbour_of_a_guest_that_dies_starts_again_too_and_no_uncommitted_step_is_forgotten() {
    let mut rig = Rig::new(differs(false));
    let (session, guilty) = (rig.call(1, 100), rig.call(2, 100));
    rig.commit();
    rig.event(session, 200, digit(1, "1"));
    rig.event(guilty, 210, digit(2, "t"));
    rig.event(session, 300, digit(1, "2"));
    while !rig.loads.is_empty() {
        rig.load();
    }
    // The journal is read before the commit, and handed over behind it.
    let stale = rig.disk.all_rows_of(session);
    rig.commit();
    rig.whole.clear();
    rig.input(Input::LoadedAll(session, stale));
    rig.event(session, 400, digit(1, "3"));
    rig.settle();
    assert_eq!(seen(&rig, session), "session.restarted interaction.added 1 2 3");
    assert_eq!(openings(&rig, session), [(1, 1), (2, 1)]);
}

#[test]
fn an_opening_that_is_on_its_way_makes_the_stored_rows_those_of_another_incarnation() {
    // Its first snapshot costs the new incarnation its instance, before anything of it is durable.
    let died = AtomicBool::new(false);
    let script = differs(false).on_snapshot(move |memory| {
        if memory.get("seen").contains("restarted") && !died.swap(true, Ordering::SeqCst) { Err(Act::trap()) } else { Ok(false) }
    });
    let mut rig = Rig::new(script);
    let session = rig.call(1, 100);
    rig.event(session, 200, digit(1, "c"));
    rig.settle();
    let mut rig = rig.crash(&[]);
    rig.event(session, 300, digit(1, "2"));
    rig.load();
    rig.load_whole();
    assert_eq!((rig.loads.len(), openings(&rig, session).len()), (1, 1));
    rig.load();
    assert_eq!(seen(&rig, session), "session.restarted interaction.added c 2");
    rig.settle();
    assert_eq!((openings(&rig, session).len(), rig.outcome(session)), (2, Outcome::Wait));
}
