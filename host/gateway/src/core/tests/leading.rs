use tandem_switch_link::{GatewayMessage, HostMessage, InteractionState, Refusal, RequestState};

use crate::{core::testing::*, port::Condition, record::Line};

fn refused(messages: &[GatewayMessage]) -> Option<Refusal> {
    refusal(messages).map(|(reason, _)| reason)
}

#[test]
fn only_the_highest_epoch_leads_and_only_by_the_same_store_and_cluster() {
    let other_store = HostMessage::Lead { epoch: 9, store: 8 };
    let other_cluster = HostMessage::Hello { protocols: vec![1], cluster: "cc2".into(), node: 101, instance: "101/b".into(), token: None };
    // Connection A leads in epoch 3; B says these.
    let cases = [
        (hello_of(101, 'b'), lead(4), None),
        (hello_of(101, 'b'), lead(3), Some(Refusal::Fenced)),
        (hello_of(101, 'a'), lead(3), None),
        (hello_of(101, 'b'), lead(2), Some(Refusal::Fenced)),
        (hello_of(101, 'b'), other_store, Some(Refusal::Store)),
        (other_cluster, lead(9), Some(Refusal::Store)),
        (hello_of(102, 'a'), lead(1), None),
    ];
    for (hello_b, lead_b, expected) in cases {
        let mut desk = Desk::new();
        desk.greets(A, hello());
        assert_eq!(desk.says(A, [lead(3)]), [GatewayMessage::Leading { epoch: 3, now: 0 }]);
        desk.greets(B, hello_b);
        let answer = desk.says(B, [lead_b.clone()]);
        assert_eq!(refused(&answer), expected, "{lead_b:?}: {answer:?}");
        assert_eq!(matches!(answer[..], [GatewayMessage::Leading { .. }]), expected.is_none());
    }
}

#[test]
fn the_same_epoch_leads_again_once_its_connection_is_closed() {
    let mut desk = Desk::led();
    desk.core.closed(A);
    assert!(!desk.core.is_led());
    desk.greets(B, hello());
    assert_eq!(desk.says(B, [lead(1)]), [GatewayMessage::Leading { epoch: 1, now: 0 }]);
    assert!(desk.core.is_led());
    let led: Vec<_> = desk.lines.iter().filter(|line| matches!(line, Line::Led { .. } | Line::Unled { .. })).cloned().collect();
    assert_eq!(led, [Line::Led { at: 0, node: 101, epoch: 1 }, Line::Unled { at: 0, node: 101 }, Line::Led { at: 0, node: 101, epoch: 1 }]);
}

#[test]
fn a_keepsake_is_handed_out_with_each_new_epoch_and_fences_the_next_life() {
    let mut desk = Desk::new();
    assert_eq!(desk.core.take_keepsake(), Some(keepsake()), "the incarnation is new");
    desk.greets(A, hello());
    desk.core.received(A, lead(3));
    let kept = desk.core.take_keepsake().unwrap();
    assert_eq!(kept.nodes[&101].epoch, 3);
    desk.core.closed(A);
    desk.greets(A, hello());
    desk.core.received(A, lead(3));
    assert_eq!(desk.core.take_keepsake(), None, "nothing new");

    let text = serde_json::to_string(&kept).unwrap();
    let next = serde_json::from_str::<crate::core::Keepsake>(&text).unwrap().next_life(0);
    assert_eq!(next.incarnation, 6);
    let mut desk = Desk::with(options(), next);
    assert!(!desk.core.has_been_led(), "the next life waits for its own first lead");
    desk.greets(A, hello());
    assert_eq!(refused(&desk.says(A, [lead(2)])), Some(Refusal::Fenced));
    desk.greets(B, hello());
    assert_eq!(refused(&desk.says(B, [lead(3)])), None);
}

#[test]
fn a_higher_epoch_ends_the_rights_of_the_old_connection_at_once() {
    for message in [HostMessage::Step(step(1, 1, "c1", vec![(1, play("c1", 10))])), HostMessage::Acknowledge(mark(0)), reconcile(None)] {
        let mut desk = Desk::led();
        desk.greets(B, hello_of(101, 'b'));
        desk.says(B, [lead(2)]);
        assert_eq!(desk.says(A, [HostMessage::Heartbeat, HostMessage::Idle { seq: 1, wake_at: None }]), [], "these do no harm");
        assert_eq!(refused(&desk.says(A, [message])), Some(Refusal::Fenced));
        assert!(desk.core.is_led(), "the new one still leads");
    }
}

#[test]
fn an_instance_that_comes_again_in_its_epoch_replaces_its_broken_connection() {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0)]);
    desk.says(A, [HostMessage::Step(step(1, 1, "c1", vec![(1, play("c1", 10))]))]);
    desk.greets(B, hello());
    assert_eq!(desk.says(B, [lead(1)]), [GatewayMessage::Leading { epoch: 1, now: 0 }]);
    assert_eq!(desk.core.take_orders().len(), 1, "what came before counts");
    assert_eq!(refused(&desk.says(A, [HostMessage::Step(step(1, 2, "c1", vec![]))])), Some(Refusal::Fenced));
    assert!(desk.core.is_led());
}

#[test]
fn a_secret_is_asked_for_where_there_is_one() {
    for (token, expected) in [(None, Some(Refusal::Token)), (Some("wrong!"), Some(Refusal::Token)), (Some("secret"), None)] {
        let mut desk = Desk::with(crate::core::Options { token: Some("secret".into()), ..options() }, keepsake());
        desk.core.connected(A);
        let HostMessage::Hello { protocols, cluster, node, instance, .. } = hello() else { unreachable!() };
        let hello = HostMessage::Hello { protocols, cluster, node, instance, token: token.map(str::to_owned) };
        assert_eq!(refused(&desk.says(A, [hello])), expected);
    }
}

#[test]
fn events_flow_from_reconcile_on_and_are_kept_until_every_node_acknowledged_them() {
    let mut desk = Desk::led();
    desk.greets(B, hello_of(102, 'a'));
    desk.says(B, [lead(1)]);
    desk.core.reported(vec![added("c1", 0), added("c2", 0), added("c3", 0)]);
    assert!(positions(&desk.frames(B)).is_empty(), "B has not reconciled");
    desk.says(A, [HostMessage::Acknowledge(mark(2))]);
    assert_eq!(desk.core.kept_events(), 3, "B has not acknowledged");
    let answer = desk.says(B, [reconcile(None)]);
    assert!(matches!(answer[0], GatewayMessage::Reconciled { kept_from: 1, .. }));
    assert_eq!(positions(&answer), [1, 2, 3]);
    desk.says(B, [HostMessage::Acknowledge(mark(3)), HostMessage::Acknowledge(mark(1))]);
    assert_eq!(desk.core.kept_events(), 1, "the lowest of all W counts, and none goes back");
    desk.core.reported(vec![added("c4", 0)]);
    assert_eq!(positions(&desk.frames(A)), [4]);
}

#[test]
fn reconcile_tells_from_where_events_are_kept() {
    // (retain, acknowledged before, after) -> (kept_from, backlog), of five events.
    let of = |incarnation, position| Some(tandem_switch_link::Mark { incarnation, position });
    let cases = [
        (100, None, None, 1, vec![1, 2, 3, 4, 5]),
        (100, None, of(5, 2), 1, vec![3, 4, 5]),
        (100, None, of(5, 5), 1, vec![]),
        (100, None, of(4, 99), 1, vec![1, 2, 3, 4, 5]),
        (2, None, of(5, 1), 4, vec![4, 5]),
        (100, Some(3), of(5, 3), 4, vec![4, 5]),
        (100, Some(5), of(5, 5), 6, vec![]),
    ];
    for (retain, acknowledged, after, kept_from, backlog) in cases {
        let mut desk = Desk::with(crate::core::Options { retain, ..options() }, keepsake());
        desk.greets(A, hello());
        desk.says(A, [lead(1), reconcile(None)]);
        desk.core.reported((1..=5).map(|n| added(&format!("c{n}"), 0)).collect());
        desk.says(A, acknowledged.map(|position| HostMessage::Acknowledge(mark(position))));
        desk.core.closed(A);
        desk.greets(B, hello());
        let answer = desk.says(B, [lead(2), reconcile(after)]);
        assert!(matches!(answer[1], GatewayMessage::Reconciled { kept_from: told, .. } if told == kept_from), "{answer:?}");
        assert_eq!(positions(&answer), backlog);
    }
}

#[test]
fn reconcile_tells_the_truth_about_calls_and_requests() {
    let mut desk = Desk::led();
    desk.core.reported(["c1", "c2", "c3", "c4"].map(|id| added(id, 0)).to_vec());
    desk.condition("c2", Condition::Routed);
    desk.core.reported(hung_up("c3"));
    desk.condition("c4", Condition::DefaultRouted);
    desk.says(A, [HostMessage::Step(step(1, 1, "c1", vec![(1, play("c1", 10)), (2, play("c1", 10))]))]);
    desk.acts();
    desk.answer(key(1, 1), "c1");
    // Not yet applied when B leads: it was sent by whoever led then, so it counts.
    desk.says(A, [HostMessage::Step(step(1, 2, "c1", vec![(3, play("c1", 10))]))]);
    desk.greets(B, hello_of(101, 'b'));
    let answer = desk.says(
        B,
        [
            lead(2),
            HostMessage::Reconcile {
                after: None,
                interactions: ["c1", "c2", "c3", "c4", "c5"].map(|call| held(call, 1)).to_vec(),
                requests: (1..=4).map(|request| key(1, request)).collect(),
                more: false,
            },
        ],
    );
    let Some(GatewayMessage::Reconciled { interactions, requests, .. }) = answer.get(1) else { panic!("{answer:?}") };
    use InteractionState::{AtRoutingPoint, Connected, DefaultRouted, Gone};
    assert_eq!(interactions.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [AtRoutingPoint, Connected, Gone, DefaultRouted, Gone]);
    use RequestState::{Answered, Open, Unknown};
    assert_eq!(requests.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [Answered, Open, Open, Unknown]);
}

#[test]
fn a_node_of_200_000_sessions_reconciles_in_parts() {
    let mut desk = Desk::new();
    desk.greets(A, hello());
    desk.says(A, [lead(1)]);
    let all: Vec<_> = (0..200_000).map(|call| held(&format!("1790000000000-c{call}"), 1)).collect();
    let keys: Vec<_> = (0..200_000).map(|number| key(number, 1)).collect();
    let parts = all.chunks(9_000).zip(keys.chunks(9_000));
    let last = parts.len() - 1;
    for (part, (interactions, requests)) in parts.enumerate() {
        let (interactions, requests) = (interactions.to_vec(), requests.to_vec());
        desk.core.received(A, HostMessage::Reconcile { after: None, interactions, requests, more: part < last });
    }
    let (frames, refused) = desk.core.take_frames();
    assert!(refused.is_empty());
    let (mut interactions, mut requests, mut mores) = (vec![], vec![], vec![]);
    for (_, frame) in frames {
        assert!(tandem_switch_link::encode_gateway_frame(&frame).unwrap().len() <= tandem_switch_link::MAX_FRAME_BYTES);
        for message in frame.messages {
            let GatewayMessage::Reconciled { interactions: told, requests: answers, more, .. } = message else { panic!("{message:?}") };
            interactions.extend(told.into_iter().map(|(held, _)| held));
            requests.extend(answers.into_iter().map(|(key, _)| key));
            mores.push(more);
        }
    }
    assert!(interactions == all && requests == keys, "all, in order");
    assert_eq!(mores.iter().position(|more| !more), Some(mores.len() - 1));
}

#[test]
fn what_was_pushed_out_may_be_acknowledged_though_nothing_is_kept() {
    let mut desk = Desk::with(crate::core::Options { retain: 0, ..options() }, keepsake());
    desk.greets(A, hello());
    desk.says(A, [lead(1), reconcile(None)]);
    desk.core.reported(vec![added("c1", 0), added("c2", 0)]);
    desk.core.closed(A);
    desk.greets(A, hello());
    let told = desk.says(A, [lead(2), reconcile(Some(mark(1))), HostMessage::Acknowledge(mark(2))]);
    assert!(matches!(told[1], GatewayMessage::Reconciled { kept_from: 3, .. }), "{told:?}");
    assert_eq!(refusal(&told), None);
}
