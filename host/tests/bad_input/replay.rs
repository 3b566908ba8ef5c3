//! A strategy that does not repeat itself.

use tandem_journal::StepFailureKind;
use tandem_session::WorkerOptions;
use tandem_words::{EventBody, InteractionId, RestartCause};

use crate::table::{Table, lay};

/// Two calls at `differs`, which counts in a place that all sessions share, so that their counts get mixed.
fn mixed(change: impl FnOnce(&mut WorkerOptions)) -> (Table, [InteractionId; 2]) {
    let mut laid = lay(&["differs", "fails"]);
    change(&mut laid.options.worker);
    let mut table = laid.start();
    // Two arrivals and their music's answers come before; in a replay alone it would be 2.
    let calls = [0, 1].map(|_| table.dial("8000"));
    table.press(&calls[0], "1");
    table.press(&calls[1], "1");
    assert_eq!(table.attached(&calls[0], "count"), ["4"]);
    (table, calls)
}

#[test]
fn a_replay_that_differs_ends_the_session_names_the_step_and_the_journal_stands() {
    let (mut table, calls) = mixed(|_| {});
    let neighbour = table.dial("8001");
    let kept: Vec<_> = table.steps(table.session(&calls[0])).into_iter().cloned().collect();
    table.host_dies(0);
    table.press(&calls[0], "2");
    let session = table.session(&calls[0]);
    let failure = table.failure(&calls[0]);
    assert_eq!(failure.kind, StepFailureKind::ReplayDiverged, "{}", failure.message);
    assert!(failure.message.contains(&session.to_string()) && failure.message.contains("must not use statics"), "{}", failure.message);
    assert!(table.default_routed(&calls[0]).is_some());
    // What was asked for stands in the journal and at the switch as it was, once.
    assert_eq!(table.attached(&calls[0], "count"), ["4"]);
    assert!(table.steps(session).into_iter().take(kept.len()).eq(&kept));
    // The event that brought it to light is recorded too.
    assert!(table.steps(session).iter().any(|step| matches!(&step.event.body, EventBody::Digit(digit) if digit.key == "2")));
    table.press(&neighbour, "1");
    table.pass_to(1_000);
    assert_eq!(table.heard(&neighbour).last().unwrap().1, "dialog.playsound thanks");
    assert!(table.is_well(&neighbour));
}

#[test]
fn where_it_may_start_again_it_does_alone_and_keeps_its_call() {
    let (mut table, calls) = mixed(|worker| worker.restart_diverged = true);
    let session = table.session(&calls[0]);
    let kept: Vec<_> = table.steps(session).into_iter().cloned().collect();
    for key in ["2", "3"] {
        // In an instance of its own the count is the session's own, so the second time it does not differ.
        table.host_dies(0);
        table.press(&calls[0], key);
    }
    assert!(table.is_well(&calls[0]) && table.default_routed(&calls[0]).is_none());
    let steps = table.steps(session);
    assert!(steps.iter().copied().take(kept.len()).eq(&kept), "the journal stands");
    let again: Vec<_> = steps.into_iter().filter(|step| step.incarnation == 2).map(|step| &step.event).collect();
    assert!(matches!(&again[0].body, EventBody::SessionRestarted(restart)
        if restart.cause == RestartCause::ReplayDiverged && restart.interaction.as_ref() == Some(&calls[0]) && !restart.partial));
    assert!(matches!(&again[1].body, EventBody::InteractionAdded(_)) && again[..kept.len()].iter().all(|event| event.request.is_none()));
    let digit = |event: &&tandem_words::Event| match &event.body {
        EventBody::Digit(digit) => Some(digit.key.clone()),
        _ => None,
    };
    assert_eq!(again.iter().filter_map(digit).collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn a_session_that_left_memory_comes_back_from_its_snapshot_and_repeats_nothing() {
    let (mut table, calls) = mixed(|worker| worker.passivate_after_ms = 0);
    table.pass_to(1_000);
    assert_eq!(table.top.tally().somebody_in_memory, 0);
    table.press(&calls[0], "2");
    table.press(&calls[1], "2");
    assert!(calls.iter().all(|call| table.is_well(call) && table.default_routed(call).is_none()));
    assert_eq!(calls.map(|call| table.attached(&call, "count").len()), [2, 2]);
}
