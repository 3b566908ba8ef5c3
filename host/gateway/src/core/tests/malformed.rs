use tandem_switch_link::{HostMessage, Mark, Refusal, StepMessage};
use tandem_words::RequestBody;

use crate::core::{MAX_CONNECTIONS, testing::*};

#[test]
fn a_message_that_has_no_place_is_refused_by_name_and_nothing_else_is_disturbed() {
    let a_step = || step(1, 1, "c1", vec![(1, play("c1", 10))]);
    let ready = || vec![hello_of(102, 'a'), lead(1), reconcile(None)];
    let with = |mut messages: Vec<HostMessage>, last: HostMessage| {
        messages.push(last);
        messages
    };
    let of_102 = |change: fn(&mut StepMessage)| {
        let mut step = a_step();
        step.session.node = 102;
        change(&mut step);
        HostMessage::Step(step)
    };
    let cases = [
        (vec![lead(1)], "before `hello`"),
        (vec![HostMessage::Heartbeat], "before `hello`"),
        (vec![hello_of(102, 'a'), hello_of(102, 'a')], "second `hello`"),
        (vec![hello_of(102, 'x')], "102/x"),
        (
            vec![HostMessage::Hello { protocols: vec![1], cluster: "cc1".into(), node: 102, instance: "101/a".into(), token: None }],
            "not of node 102",
        ),
        (vec![hello_of(102, 'a'), reconcile(None)], "`reconcile` before `lead`"),
        (vec![hello_of(102, 'a'), HostMessage::Step(a_step())], "`step` before `lead`"),
        (vec![hello_of(102, 'a'), HostMessage::Acknowledge(mark(0))], "`acknowledge` before `lead`"),
        (vec![hello_of(102, 'a'), lead(1), lead(1)], "leads here already"),
        (vec![hello_of(102, 'a'), lead(1), of_102(|_| ())], "before `reconcile`"),
        (vec![hello_of(102, 'a'), lead(1), HostMessage::Acknowledge(mark(0))], "before `reconcile`"),
        (vec![hello_of(102, 'a'), lead(1), reconcile(Some(mark(2)))], "after position 2"),
        (with(ready(), reconcile(None)), "comes once"),
        (with(ready(), HostMessage::Acknowledge(mark(2))), "1 was the last one sent"),
        (with(ready(), HostMessage::Acknowledge(Mark { incarnation: 4, position: 0 })), "incarnation 4"),
        (with(ready(), HostMessage::Idle { seq: 9, wake_at: None }), "idle(9)"),
        (with(ready(), HostMessage::Step(a_step())), "its own sessions"),
        (with(ready(), of_102(|step| step.epoch = 2)), "never led"),
        (with(ready(), of_102(|step| step.requests[0].body = RequestBody::After { delay_ms: 1 })), "timer.after"),
    ];
    for (messages, expected) in cases {
        let mut desk = Desk::led();
        desk.core.reported(vec![added("c1", 0)]);
        desk.frames(A);
        desk.core.connected(B);
        let (reason, message) = refusal(&desk.says(B, messages.clone())).unwrap_or_else(|| panic!("taken: {messages:?}"));
        assert_eq!(reason, Refusal::Malformed, "{message}");
        assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        assert_eq!(desk.says(B, [hello_of(102, 'a')]), [], "a refused connection is not read any more");
        // The other node's primary goes on.
        desk.says(A, [HostMessage::Step(a_step())]);
        assert_eq!(desk.acts().len(), 1);
    }
}

#[test]
fn other_versions_of_the_protocol_are_refused() {
    let mut desk = Desk::new();
    desk.core.connected(A);
    let hello = HostMessage::Hello { protocols: vec![2, 3], cluster: "cc1".into(), node: 101, instance: "101/a".into(), token: None };
    let (reason, message) = refusal(&desk.says(A, [hello])).unwrap();
    assert_eq!(reason, Refusal::Protocol);
    assert!(message.contains("[2, 3]"), "{message}");
}

#[test]
fn connections_are_bounded() {
    let mut desk = Desk::led();
    for number in 2..=MAX_CONNECTIONS as u64 {
        desk.core.connected(crate::core::ConnectionId(number));
    }
    let late = crate::core::ConnectionId(1_000);
    desk.core.connected(late);
    let (_, message) = refusal(&desk.frames(late)).unwrap();
    assert!(message.contains("limit"), "{message}");
    desk.core.closed(B);
    desk.greets(late, hello_of(102, 'a'));
    assert_eq!(desk.says(late, [lead(1)]).len(), 1);
}

#[test]
fn an_unreadable_frame_closes_its_connection_only() {
    let mut desk = Desk::led();
    desk.greets(B, hello_of(102, 'a'));
    desk.core.malformed(B, "a frame on the switch link cannot be read".into());
    assert_eq!(refusal(&desk.frames(B)).unwrap().0, Refusal::Malformed);
    assert!(desk.core.is_led());
}
