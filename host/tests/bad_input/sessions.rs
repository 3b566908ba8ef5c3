//! Sessions that start others, send messages and set timers, while the host dies.

use tandem::lab::tabletop::Crashes;
use tandem_gateway::record::CallOutcome;
use tandem_journal::{Outcome, StepFailureKind};
use tandem_words::{EventBody, InteractionId, SessionId};

use crate::table::{Table, lay};

/// Never, and behind and before every commit.
const CRASHES: [Crashes; 3] = [Crashes::Never, Crashes::EveryStep { seed: 0 }, Crashes::EveryStep { seed: 1 }];

/// Messages of this name that reached a session, in order.
fn messages(table: &Table, session: SessionId, name: &str) -> Vec<String> {
    let steps = table.steps(session).into_iter().filter_map(|step| match &step.event.body {
        EventBody::Message(message) if message.name == name => Some(message.json.clone()),
        _ => None,
    });
    steps.collect()
}

fn messenger(crashes: Crashes, rounds: &str) -> (Table, InteractionId) {
    let mut laid = lay(&["messenger"]).with_parameter("8000", "rounds", rounds);
    laid.options.crashes = crashes;
    let mut table = laid.start();
    let call = table.dial("8000");
    table.pass_to(10_000);
    (table, call)
}

#[test]
fn messages_between_sessions_come_exactly_once_and_in_order_whenever_the_host_dies() {
    for crashes in CRASHES {
        let (table, call) = messenger(crashes, "7");
        let deaths = table.top.tally().deaths;
        assert_eq!(deaths > 5, crashes != Crashes::Never, "{deaths}");
        let session = table.session(&call);
        let partner = table.started_by(session);
        let numbers: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!(messages(&table, partner, "ping"), numbers, "{crashes:?}");
        assert_eq!(messages(&table, session, "pong"), numbers, "{crashes:?}");
        assert_eq!(messages(&table, partner, "stop").len(), 1, "{crashes:?}");
        assert_eq!(table.attached(&call, "rounds"), ["7"]);
        assert_eq!(table.steps(partner).iter().filter(|step| step.outcome == Outcome::Finish).count(), 1);
        assert!(table.heard(&call).iter().any(|(_, who)| who == "ann"), "{crashes:?}: {:?}", table.heard(&call));
        // Each send was answered once.
        let done = table.steps(session).iter().filter(|step| step.event.body == EventBody::Done && step.event.request.is_some()).count();
        assert_eq!(done, 7 + 3, "{crashes:?}: pings, stop, attach and music");
    }
}

#[test]
fn a_host_that_is_away_between_two_messages_delivers_the_rest_when_it_is_back() {
    let mut table = lay(&["messenger"]).start();
    // Between the calls' rounds, and before the second one's first.
    let calls = [0, 1].map(|_| {
        let call = table.dial("8000");
        table.host_dies(2_000);
        call
    });
    table.pass_to(30_000);
    for call in calls {
        let session = table.session(&call);
        assert_eq!(messages(&table, session, "pong"), ["1", "2", "3"]);
        assert_eq!(messages(&table, table.started_by(session), "ping"), ["1", "2", "3"]);
        assert_eq!(table.attached(&call, "rounds"), ["3"]);
    }
}

#[test]
fn a_partner_that_cannot_be_started_or_does_not_take_messages_is_an_answer_and_not_a_silence() {
    for (partner, says) in [("nobody", "no strategy \"nobody\" is deployed"), ("echo", "runs another strategy")] {
        for crashes in CRASHES {
            let mut laid = lay(&["messenger", "echo"]).with_parameter("8000", "partner", partner);
            laid.options.crashes = crashes;
            let mut table = laid.start();
            let call = table.dial("8000");
            table.pass_to(1_000);
            let failure = table.failure(&call);
            assert_eq!(failure.kind, StepFailureKind::Error);
            assert!(failure.message.contains(says), "{}", failure.message);
            assert_eq!(table.default_routed(&call), Some(0));
        }
    }
}

/// What `timers` attaches as `fired`.
const FIRED: [&str; 4] = ["2c", "1,2c", "1,2c,3", "1,2c,3,4"];

#[test]
fn timers_fire_once_each_in_their_order_whenever_the_host_dies() {
    for crashes in CRASHES {
        let mut laid = lay(&["timers"]);
        laid.options.crashes = crashes;
        let mut table = laid.start();
        let call = table.dial("8000");
        table.pass_to(60_000);
        assert_eq!(table.attached(&call, "fired"), FIRED, "{crashes:?}");
        assert_eq!(table.attached(&call, "berlin"), ["12"]);
        assert!(table.attached(&call, "nowhere")[0].contains("Europe/Nowhere"), "{:?}", table.attached(&call, "nowhere"));
        assert_eq!(table.end(&call), Some((4_000, CallOutcome::SelfServed)), "{crashes:?}");
    }
}

#[test]
fn timers_that_came_due_while_no_host_lived_fire_when_one_does_with_their_own_time() {
    // Away: over the first; over all but the first; over all.
    for (dies, away) in [(500, 1_000), (1_500, 10_000), (500, 20_000)] {
        let mut table = lay(&["timers"]).start();
        let call = table.dial("8000");
        table.pass_to(dies);
        table.host_dies(away);
        table.pass_to(60_000);
        assert_eq!(table.attached(&call, "fired"), FIRED, "{dies} {away}");
        let (at, outcome) = table.end(&call).unwrap();
        assert_eq!((at, outcome), ((dies + away).max(4_000), CallOutcome::SelfServed));
        let due: Vec<u64> = table
            .steps(table.session(&call))
            .iter()
            .filter(|step| step.event.body == EventBody::TimerFired)
            .map(|step| step.event.at - crate::table::START)
            .collect();
        assert_eq!(due, [1_000, 3_000, 4_000], "{dies} {away}");
    }
}
