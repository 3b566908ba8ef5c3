//! Strategies that break: their own calls go to the default route, and nobody else notices.

use tandem_gateway::record::CallOutcome;
use tandem_journal::StepFailureKind;
use tandem_words::{EventBody, InteractionId};

use crate::table::{Table, lay};

/// Guests that play `menu` when a call comes and `thanks` on a digit, and what the digit 9 does to them.
const GUILTY: [(&str, StepFailureKind, &str); 5] = [
    ("traps-in-event", StepFailureKind::Trap, "digit 9 was pressed"),
    ("fails", StepFailureKind::Error, "digit 9 was pressed"),
    ("loops", StepFailureKind::Time, "limits.step-cpu"),
    ("eats-memory", StepFailureKind::Memory, "limits.cell-memory"),
    ("makes-requests", StepFailureKind::Limit, "limits.requests-per-step"),
];

struct Day {
    table: Table,
    guilty: InteractionId,
    neighbours: [InteractionId; 3],
}

/// Two calls at the guest and one at `welcome`; at 3 s the first one presses this key, and then another calls. At 5 s the host
/// dies, so that what goes on rests on what was committed.
fn day(guest: &str, key: &str) -> Day {
    let mut table = lay(&[guest, "welcome"]).start();
    let [guilty, beside, elsewhere] = ["8000", "8000", "8001"].map(|number| table.dial(number));
    table.pass_to(1_000);
    table.press(&beside, "1");
    table.pass_to(3_000);
    table.press(&guilty, key);
    let later = table.dial("8000");
    table.pass_to(4_000);
    table.press(&beside, "2");
    table.pass_to(5_000);
    table.press(&later, "1");
    table.host_dies(0);
    table.pass_to(6_000);
    table.press(&beside, "3");
    table.pass_to(9_000);
    for call in [&beside, &later, &elsewhere] {
        table.hang_up(call);
    }
    table.pass_to(60_000);
    Day { table, guilty, neighbours: [beside, elsewhere, later] }
}

#[test]
fn a_guest_that_breaks_in_an_event_costs_its_own_call_its_strategy_and_nobody_else_anything() {
    for (guest, kind, says) in GUILTY {
        let Day { table, guilty, neighbours } = day(guest, "9");
        assert_eq!(
            table.heard(&guilty)[1..],
            [(0, "dialog.playsound menu".into()), (2_000, "Silence".into()), (3_000, "DefaultRoute".into())],
            "{guest}"
        );
        assert_eq!(table.end(&guilty).unwrap().1, CallOutcome::DefaultRouted);
        let failure = table.failure(&guilty);
        assert_eq!(failure.kind, kind, "{guest}: {}", failure.message);
        assert!(failure.message.contains(says) && failure.message.contains(guest), "{}", failure.message);
        // What it had done before is in the journal, and the switch was asked for nothing of the failed step.
        let steps = table.steps(table.session(&guilty));
        assert!(matches!(steps[0].event.body, EventBody::InteractionAdded(_)));
        assert_eq!(table.applied(&guilty).len(), 1, "{guest}: the menu");

        let Day { table: without, neighbours: same, .. } = day(guest, "1");
        assert_eq!(neighbours, same);
        for call in &neighbours {
            assert!(table.is_well(call), "{guest}: {call}");
            assert_eq!(table.heard(call), without.heard(call), "{guest}: {call}");
            assert_eq!(table.end(call), without.end(call), "{guest}: {call}");
            assert_eq!(table.applied(call), without.applied(call), "{guest}: {call}");
        }
        let thanks = |(_, what): &(u64, String)| what == "dialog.playsound thanks";
        assert_eq!(table.heard(&neighbours[0]).into_iter().filter(thanks).count(), 3, "{guest}");
        assert_eq!(table.duplicates(), without.duplicates());
    }
}

#[test]
fn a_guest_that_traps_in_start_leaves_its_call_to_the_default_route_at_once() {
    let mut table = lay(&["traps-in-start", "fails"]).start();
    let neighbour = table.dial("8001");
    let calls = ["8000", "8000"].map(|number| table.dial(number));
    table.host_dies(0);
    table.pass_to(1_000);
    for call in calls {
        assert_eq!(table.default_routed(&call), Some(0), "{:?}", table.heard(&call));
        let failure = table.failure(&call);
        assert_eq!(failure.kind, StepFailureKind::Trap);
        assert!(failure.message.contains("traps-in-start") && failure.message.contains("was started"), "{}", failure.message);
        assert_eq!(table.steps(table.session(&call)).len(), 1, "the arrival, which is told as it was");
    }
    table.press(&neighbour, "1");
    table.pass_to(2_000);
    assert_eq!(table.heard(&neighbour).last().unwrap().1, "dialog.playsound thanks");
}

#[test]
fn a_guest_that_loops_or_eats_memory_in_start_costs_its_own_call_its_strategy_and_nobody_else_anything() {
    for (how, kind, says) in
        [("loops", StepFailureKind::Time, "limits.step-cpu"), ("eats-memory", StepFailureKind::Memory, "limits.cell-memory")]
    {
        // The neighbours live in the instance in which the guilty ones are started first: it is the same component.
        let mut table = lay(&["breaks-in-start", "breaks-in-start", "welcome"]).with_parameter("8000", "how", how).start();
        let neighbours = ["8001", "8002"].map(|number| table.dial(number));
        table.pass_to(500);
        let guilty = ["8000", "8000"].map(|number| table.dial(number));
        table.press(&neighbours[0], "1");
        let later = table.dial("8001");
        table.host_dies(0);
        table.pass_to(1_000);
        table.press(&later, "1");
        for call in &guilty {
            assert_eq!(table.default_routed(call), Some(500), "{how}: {:?}", table.heard(call));
            let failure = table.failure(call);
            assert_eq!(failure.kind, kind, "{how}: {}", failure.message);
            assert!(
                failure.message.contains(says)
                    && failure.message.contains("breaks-in-start")
                    && failure.message.contains("start was stopped"),
                "{}",
                failure.message
            );
            assert!(table.applied(call).is_empty(), "{how}");
        }
        for call in neighbours.iter().chain([&later]) {
            assert!(table.is_well(call), "{how}: {call}");
            assert_eq!(table.default_routed(call), None, "{how}: {call}");
        }
        for call in [&neighbours[0], &later] {
            table.pass_to(4_000);
            let heard: Vec<_> = table.heard(call).into_iter().map(|(_, what)| what).filter(|what| what.starts_with("dialog")).collect();
            assert_eq!(heard, ["dialog.playsound menu", "dialog.playsound thanks"], "{how}: {call}");
        }
    }
}

#[test]
fn a_session_that_failed_stays_failed_whoever_comes_next() {
    for (guest, kind, _) in GUILTY {
        let mut table = lay(&[guest]).start();
        let call = table.dial("8000");
        table.press(&call, "9");
        let known = table.steps(table.session(&call)).len();
        table.host_dies(500);
        table.pass_to(1_000);
        table.host_dies(0);
        table.pass_to(60_000);
        assert_eq!(table.failure(&call).kind, kind, "{guest}");
        assert!(table.steps(table.session(&call))[known..].iter().all(|step| step.outcome == tandem_journal::Outcome::Late), "{guest}");
        assert_eq!(table.default_routed(&call), Some(0), "{guest}");
    }
}

#[test]
fn a_guest_that_breaks_its_limits_again_and_again_is_stopped_each_time() {
    let mut table = lay(&["traps-in-event"]).start();
    let neighbour = table.dial("8000");
    for round in 1..=20 {
        let call = table.dial("8000");
        table.press(&call, "9");
        assert_eq!(table.failure(&call).kind, StepFailureKind::Trap);
        table.press(&neighbour, "1");
        assert_eq!(table.applied(&neighbour).len(), 1 + round, "its cell was rebuilt, and it goes on");
    }
    assert!(table.is_well(&neighbour));
}
