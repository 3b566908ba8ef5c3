use tandem_switch_link::{GatewayMessage, HostMessage, Over};

use crate::{
    core::{ConnectionId, Exchange, Pace, testing::*},
    record::Line,
};

fn idle(exchange: &mut Exchange<ScriptedSwitch>, id: ConnectionId, seq: u64, wake_at: Option<u64>) {
    exchange.received(id, vec![HostMessage::Idle { seq, wake_at }]);
}

/// An exchange led by A, settled at time 0 (A has handled frame 1).
fn led(calls: &[(u64, &str)]) -> Exchange<ScriptedSwitch> {
    let mut exchange = exchange(calls);
    exchange.connected(A);
    exchange.received(A, vec![hello(), lead(1), reconcile(None)]);
    let (_, seq) = sent(&exchange.turn(), A);
    idle(&mut exchange, A, seq, None);
    let turn = exchange.turn();
    assert_eq!(sent(&turn, A).1, 0, "nothing at time 0");
    exchange
}

#[test]
fn time_stands_still_until_the_first_lead_if_the_gateway_waits_for_a_host() {
    for (wait_for_host, expected) in [(true, Pace::Frozen), (false, Pace::Free)] {
        let options = crate::core::Options { wait_for_host, ..options() };
        let mut exchange = Exchange::new(options, keepsake(), ScriptedSwitch::calls(&[(0, "c1")]), 1, 0);
        exchange.connected(A);
        exchange.received(A, vec![hello()]);
        exchange.turn();
        assert_eq!(exchange.pace(), expected);
        assert_eq!(exchange.core().live_calls(), usize::from(!wait_for_host));
        exchange.received(A, vec![lead(1)]);
        exchange.turn();
        assert_eq!(exchange.pace(), Pace::Waiting, "it has not reconciled");
    }
}

#[test]
fn an_instant_lasts_until_every_primary_is_idle() {
    let mut exchange = led(&[(500, "c1"), (900, "c2")]);
    exchange.connected(B);
    exchange.received(B, vec![hello_of(102, 'a'), lead(1), reconcile(None)]);
    let (_, seq_b) = sent(&exchange.turn(), B);
    assert_eq!(exchange.pace(), Pace::Waiting);
    idle(&mut exchange, B, seq_b, None);
    assert_eq!((exchange.pace(), exchange.next_instant()), (Pace::Settled, Some(500)));

    exchange.pass_to(10_000);
    assert_eq!(exchange.now(), 500, "never past the next instant");
    let turn = exchange.turn();
    let ((told_a, seq_a), (told_b, seq_b)) = (sent(&turn, A), sent(&turn, B));
    assert_eq!((positions(&told_a), positions(&told_b)), (vec![1], vec![1]), "one frame for each");
    exchange.received(A, vec![HostMessage::Step(step(1, 1, "c1", vec![(1, play("c1", 100)), (2, attach("c1"))]))]);
    idle(&mut exchange, A, seq_a, None);
    assert!(exchange.turn().frames.is_empty(), "B has not said that it is idle");
    assert!(exchange.switch().orders.is_empty(), "and so nothing is applied");
    idle(&mut exchange, B, seq_b, None);
    let turn = exchange.turn();
    let (told, seq_a) = sent(&turn, A);
    assert_eq!(positions(&told), [2], "what the requests caused at once");
    assert_eq!((exchange.pace(), exchange.now()), (Pace::Waiting, 500));
    idle(&mut exchange, A, seq_a, None);
    let (_, seq_b) = sent(&turn, B);
    idle(&mut exchange, B, seq_b, None);
    assert!(exchange.turn().frames.is_empty());
    assert_eq!((exchange.pace(), exchange.next_instant()), (Pace::Settled, Some(600)));
}

#[test]
fn a_primary_is_told_the_time_it_asked_for_and_cannot_stop_time_by_asking() {
    let mut exchange = led(&[(500, "c1")]);
    idle(&mut exchange, A, 1, Some(300));
    exchange.turn();
    exchange.pass_to(exchange.next_instant().unwrap());
    let (told, seq) = sent(&exchange.turn(), A);
    assert_eq!(told, [GatewayMessage::Clock { now: 300 }]);
    idle(&mut exchange, A, seq, Some(200));
    assert!(exchange.turn().frames.is_empty());
    assert_eq!(exchange.next_instant(), Some(301));
    idle(&mut exchange, A, seq, Some(500));
    exchange.pass_to(500);
    let (told, seq) = sent(&exchange.turn(), A);
    assert_eq!(positions(&told), [1], "the event first; the clock once it is handled");
    idle(&mut exchange, A, seq, Some(500));
    assert_eq!(sent(&exchange.turn(), A).0, [GatewayMessage::Clock { now: 500 }]);
}

#[test]
fn a_deadline_waits_for_those_who_wake_at_the_same_instant() {
    let mut exchange = led(&[(500, "c1")]);
    exchange.pass_to(500);
    let (_, seq) = sent(&exchange.turn(), A);
    exchange.received(A, vec![quiet(step(1, 1, "c1", vec![(1, play("c1", 100))]), 10_000)]);
    idle(&mut exchange, A, seq, Some(10_000));
    exchange.turn();
    exchange.pass_to(600);
    let (_, seq) = sent(&exchange.turn(), A);
    idle(&mut exchange, A, seq, Some(10_000));
    exchange.turn();
    exchange.pass_to(99_999);
    assert_eq!(exchange.now(), 10_000);
    let (told, seq) = sent(&exchange.turn(), A);
    assert_eq!(told, [GatewayMessage::Clock { now: 10_000 }]);
    exchange.received(A, vec![HostMessage::Step(step(1, 2, "c1", vec![(2, play("c1", 100))]))]);
    idle(&mut exchange, A, seq, None);
    assert!(exchange.turn().frames.is_empty());
    assert_eq!(exchange.next_instant(), Some(10_100), "served at the last moment");
}

#[test]
fn time_runs_free_while_a_node_has_no_primary_and_what_was_committed_still_acts() {
    let mut exchange = led(&[(500, "c1"), (700, "c2")]);
    exchange.pass_to(500);
    exchange.turn();
    exchange.received(A, vec![HostMessage::Step(step(1, 1, "c1", vec![(1, play("c1", 10))]))]);
    exchange.turn();
    assert_eq!(exchange.pace(), Pace::Waiting);
    exchange.closed(A);
    let turn = exchange.turn();
    assert_eq!(exchange.pace(), Pace::Free);
    assert!(turn.lines.iter().any(|line| matches!(line, Line::Unled { at: 500, node: 101 })));
    assert_eq!(exchange.switch().orders.len(), 1, "the step was committed before it was sent");
    for expected in [510, 700, 4_510, 20_700] {
        exchange.pass_to(u64::MAX);
        assert_eq!(exchange.now(), expected);
        exchange.turn();
    }
    assert_eq!(exchange.switch().orders.len(), 3, "both on their default routes");
    exchange.connected(B);
    exchange.received(B, vec![hello(), lead(2), reconcile(Some(mark(1)))]);
    assert_eq!(positions(&sent(&exchange.turn(), B).0), [2, 3, 4, 5], "nothing is lost");
    assert_eq!(exchange.pace(), Pace::Waiting, "the new primary has the floor");
}

#[test]
fn a_primary_that_stalls_is_waited_for_again_once_it_is_idle() {
    let mut exchange = led(&[(500, "c1"), (700, "c2"), (900, "c3")]);
    exchange.pass_to(500);
    exchange.turn();
    assert_eq!(exchange.pace(), Pace::Waiting);
    exchange.stalled();
    assert_eq!(exchange.pace(), Pace::Free);
    exchange.pass_to(700);
    let (_, seq) = sent(&exchange.turn(), A);
    assert_eq!(exchange.pace(), Pace::Free, "still stalled");
    idle(&mut exchange, A, seq, None);
    exchange.turn();
    exchange.pass_to(900);
    exchange.turn();
    assert_eq!(exchange.pace(), Pace::Waiting);
}

#[test]
fn a_run_is_over_when_no_call_lives_and_no_primary_wants_the_time() {
    let mut exchange = led(&[(500, "c1")]);
    exchange.pass_to(500);
    let (_, seq) = sent(&exchange.turn(), A);
    let bye = step(1, 1, "c1", vec![(1, tandem_words::RequestBody::Disconnect { interaction: "c1".into() })]);
    exchange.received(A, vec![over(bye, Over::Finished)]);
    idle(&mut exchange, A, seq, Some(60_500));
    let (_, seq) = sent(&exchange.turn(), A);
    assert!(!exchange.over(), "its answer was not handled yet");
    idle(&mut exchange, A, seq, Some(60_500));
    exchange.turn();
    assert!(!exchange.over(), "the session lingers");
    exchange.pass_to(60_500);
    let (_, seq) = sent(&exchange.turn(), A);
    idle(&mut exchange, A, seq, None);
    exchange.turn();
    assert!(exchange.over());
    assert_eq!(exchange.end(), Line::End { at: 60_500, calls: 0 });
    assert_eq!(exchange.tally().applied, 1);
}
