use tandem_switch_link::{GatewayMessage, HostMessage, RequestState, StepMessage};
use tandem_words::{ErrorCode, EventBody, RequestBody};

use crate::{
    core::testing::*,
    port::{Condition, Order},
    record::Verdict,
};

/// A led desk with calls c1 and c2.
fn desk() -> Desk {
    let mut desk = Desk::led();
    desk.core.reported(vec![added("c1", 0), added("c2", 0)]);
    desk.frames(A);
    desk
}

#[test]
fn requests_of_one_instant_act_in_the_order_of_session_seq_and_place_however_they_came() {
    let mut desk = desk();
    desk.says(
        A,
        [
            HostMessage::Step(step(2, 1, "c2", vec![(1, attach("c2")), (2, attach("c2"))])),
            HostMessage::Step(step(1, 2, "c1", vec![(3, attach("c1")), (2, attach("c1"))])),
            HostMessage::Step(StepMessage { incarnation: 2, ..step(1, 1, "c1", vec![(9, attach("c1"))]) }),
            HostMessage::Step(step(1, 1, "c1", vec![(1, attach("c1"))])),
        ],
    );
    assert_eq!(desk.core.take_orders(), [], "not before the end of the instant");
    let keys: Vec<_> = desk
        .acts()
        .into_iter()
        .map(|order| match order {
            Order::Apply { key, .. } => (key.session.number, key.incarnation, key.request),
            order => panic!("{order:?}"),
        })
        .collect();
    assert_eq!(keys, [(1, 1, 1), (1, 1, 3), (1, 1, 2), (1, 2, 9), (2, 1, 1), (2, 1, 2)]);
}

#[test]
fn a_request_seen_before_is_answered_with_its_state_and_not_applied_again() {
    let mut desk = desk();
    let again = || HostMessage::Step(step(1, 1, "c1", vec![(1, attach("c1"))]));
    let duplicate = |state| GatewayMessage::Duplicate { request: key(1, 1), state };
    desk.says(A, [again()]);
    assert_eq!(desk.acts().len(), 1);
    desk.says(A, [again(), again()]);
    assert_eq!(desk.acts(), []);
    assert_eq!(desk.frames(A), [duplicate(RequestState::Open), duplicate(RequestState::Open)]);
    desk.answer(key(1, 1), "c1");
    desk.frames(A);
    // Also for a primary that comes later.
    desk.greets(B, hello_of(101, 'b'));
    desk.says(B, [lead(2), reconcile(None)]);
    desk.says(B, [HostMessage::Step(StepMessage { epoch: 2, ..step(1, 1, "c1", vec![(1, attach("c1"))]) })]);
    assert_eq!(desk.acts(), []);
    assert_eq!(desk.frames(B), [duplicate(RequestState::Answered)]);
    use Verdict::{Applied, Duplicate};
    assert_eq!(desk.verdicts(), [(1, Applied), (1, Duplicate), (1, Duplicate), (1, Duplicate)]);
}

#[test]
fn a_step_of_those_who_may_not_act_is_recorded_and_never_applied() {
    let of_epoch = |epoch| HostMessage::Step(StepMessage { epoch, ..step(1, 1, "c1", vec![(1, attach("c1"))]) });
    // A leads in epoch 1, then B in epoch 2.
    for (id, epoch) in [(A, 1), (A, 2), (B, 1), (B, 3), (C, 2)] {
        let mut desk = desk();
        desk.greets(B, hello_of(101, 'b'));
        desk.says(B, [lead(2), reconcile(None)]);
        desk.greets(C, hello_of(101, 'a'));
        assert!(refusal(&desk.says(id, [of_epoch(epoch)])).is_some(), "{id:?} {epoch}");
        assert_eq!(desk.acts(), []);
        assert_eq!(desk.verdicts(), [(1, Verdict::Fenced)], "{id:?} {epoch}");
    }
}

#[test]
fn requests_on_a_call_that_is_gone_fail_at_a_position() {
    let mut desk = desk();
    desk.condition("c1", Condition::DefaultRouted);
    desk.core.reported(hung_up("c2"));
    desk.frames(A);
    desk.says(A, [HostMessage::Step(step(1, 1, "", vec![(1, attach("c1")), (2, attach("c2")), (3, attach("never"))]))]);
    assert_eq!(desk.acts(), []);
    let answers = events(&desk.frames(A));
    assert_eq!(answers.iter().map(|event| (event.position, event.answers.unwrap().request)).collect::<Vec<_>>(), [(4, 1), (5, 2), (6, 3)]);
    assert!(answers.iter().all(|event| matches!(&event.body, EventBody::Failed(failure) if failure.code == ErrorCode::Gone)));
    assert_eq!(desk.verdicts(), [(1, Verdict::Gone), (2, Verdict::Gone), (3, Verdict::Gone)]);
    desk.says(A, [HostMessage::Step(step(1, 1, "", vec![(1, attach("c1"))]))]);
    desk.acts();
    assert_eq!(desk.frames(A), [GatewayMessage::Duplicate { request: key(1, 1), state: RequestState::Answered }]);
}

#[test]
fn a_request_is_forgotten_with_the_acknowledgement_of_its_answer() {
    let mut desk = desk();
    desk.says(A, [HostMessage::Step(step(1, 1, "c1", vec![(1, attach("c1"))]))]);
    desk.acts();
    desk.answer(key(1, 1), "c1");
    let state = |desk: &Desk| desk.core.requests.state(&key(1, 1));
    desk.says(A, []);
    desk.says(A, [HostMessage::Acknowledge(mark(2))]);
    assert_eq!(state(&desk), RequestState::Answered);
    desk.says(A, [HostMessage::Acknowledge(mark(3))]);
    assert_eq!(state(&desk), RequestState::Unknown);
}

#[test]
fn a_cancel_and_a_priority_name_the_request_they_mean() {
    let mut desk = desk();
    desk.says(
        A,
        [HostMessage::Step(step(1, 1, "c1", vec![(4, RequestBody::SetPriority { route: 3, priority: 9 }), (3, RequestBody::Cancel)]))],
    );
    let body = RequestBody::SetPriority { route: 3, priority: 9 };
    assert_eq!(desk.acts(), [Order::Apply { key: key(1, 4), body, route: Some(key(1, 3)) }, Order::Cancel { key: key(1, 3) }]);
}

#[test]
fn a_flood_of_requests_is_applied_before_it_fills_the_memory() {
    let mut desk = desk();
    let many = crate::core::MAX_BUFFERED_REQUESTS as u32 + 1;
    desk.says(A, [HostMessage::Step(step(1, 1, "c1", (1..=many).map(|request| (request, attach("c1"))).collect()))]);
    assert_eq!(desk.core.take_orders().len(), many as usize);
}
