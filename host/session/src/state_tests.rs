use tandem_journal::{Outcome, Source, Step, StepFailure, StepFailureKind};
use tandem_words::{Deletion, EndCause, Event, EventBody, Message, Restart, RestartCause, Routed, UserDataChange};

use super::*;
use crate::limits::{MAX_GONE, MAX_SENDERS};
use crate::testing::{SESSION, interaction, opening, play, step, with_call};

fn deleted(id: &str) -> EventBody {
    EventBody::InteractionDeleted(Deletion { interaction: id.into(), cause: EndCause::CallerHungUp })
}

fn apply(state: &mut SessionState, body: EventBody, at: Timestamp, requests: &[RequestBody]) {
    let step = step(state, body, at, requests);
    state.apply(&step);
}

/// The request's answer comes.
fn answer(state: &mut SessionState, request: u32, body: EventBody) {
    let mut answer = step(state, body, 1_150, &[]);
    answer.event.request = Some(request);
    state.apply(&answer);
}

#[test]
fn an_interaction_stands_where_its_events_put_it() {
    let routed = Routed { interaction: "c1".into(), target: String::new(), answered_by: String::new(), waited_ms: 0 };
    for (body, standing, held) in [
        (EventBody::TimerFired, Standing::Here, true),
        (EventBody::RouteDone(routed), Standing::Routed, true),
        (EventBody::InteractionNotControlled("c1".into()), Standing::Lost, false),
        (EventBody::InteractionDefaultRouted("c1".into()), Standing::Lost, false),
        (deleted("c1"), Standing::Gone, false),
    ] {
        let mut state = with_call();
        apply(&mut state, body, 1_100, &[]);
        assert_eq!((state.standing(&"c1".into()), state.holds(&"c1".into())), (Some(standing), held));
        assert_eq!(state.live_interactions().count(), usize::from(held));
        assert_eq!(state.alone_since(), (!held).then_some(1_100));
        let holdings: Vec<_> = state.holdings().map(|held| (held.session, held.visit, held.controlled)).collect();
        assert_eq!(holdings, if standing == Standing::Gone { vec![] } else { vec![(SESSION, Some((1, 2)), held)] });
    }
}

#[test]
fn a_session_that_starts_again_has_its_call_also_where_nobody_knows_its_beginning() {
    let mut state = SessionState::opened(opening());
    let restart = Restart { interaction: Some("c1".into()), cause: RestartCause::Uncertain, partial: true };
    apply(&mut state, EventBody::SessionRestarted(restart), 1_100, &[]);
    assert!(state.holds(&"c1".into()));
    apply(&mut state, EventBody::InteractionAdded(interaction("c1")), 1_100, &[]);
    assert_eq!(state.interactions["c1"].interaction, interaction("c1"), "what is known of it counts");
}

#[test]
fn what_is_over_stays_over() {
    let mut state = with_call();
    apply(&mut state, deleted("c1"), 1_100, &[]);
    apply(&mut state, EventBody::InteractionDefaultRouted("c1".into()), 1_200, &[]);
    assert_eq!((state.standing(&"c1".into()), state.alone_since()), (Some(Standing::Gone), Some(1_100)));
    apply(&mut state, EventBody::InteractionAdded(interaction("c1")), 1_300, &[]);
    assert_eq!((state.standing(&"c1".into()), state.alone_since()), (Some(Standing::Here), None));
}

#[test]
fn a_session_that_never_had_an_interaction_is_not_alone() {
    let mut state = SessionState::opened(opening());
    apply(&mut state, EventBody::TimerFired, 2_000, &[]);
    assert_eq!(state.alone_since(), None);
}

#[test]
fn user_data_follows_attaches_at_once_and_changes_by_others() {
    let mut state = with_call();
    let attach = RequestBody::Attach { interaction: "c1".into(), data: vec![Property::new("tier", "silver"), Property::new("pin", "1")] };
    let delete = RequestBody::DeleteUserData { interaction: "c1".into(), keys: vec!["pin".to_owned()] };
    apply(&mut state, EventBody::TimerFired, 1_100, &[attach, delete]);
    assert_eq!((state.user_data("c1", "tier"), state.user_data("c1", "pin")), (Some("silver"), None));
    answer(&mut state, 1, EventBody::Done);
    assert_eq!((state.user_data("c1", "tier"), state.user_data("c1", "pin")), (Some("silver"), None));
    answer(&mut state, 2, EventBody::Done);
    let change = UserDataChange { interaction: "c1".into(), changed: vec![Property::new("x", "y")], deleted: vec!["tier".to_owned()] };
    apply(&mut state, EventBody::UserDataChanged(change), 1_200, &[]);
    assert_eq!((state.user_data("c1", "tier"), state.user_data("c1", "x")), (None, Some("y")));
}

#[test]
fn attaches_that_fail_are_as_if_they_had_never_been() {
    let mut state = with_call();
    let attach = |value: &str| RequestBody::Attach { interaction: "c1".into(), data: vec![Property::new("tier", value)] };
    let delete = RequestBody::DeleteUserData { interaction: "c1".into(), keys: vec!["tier".to_owned()] };
    apply(&mut state, EventBody::TimerFired, 1_100, &[attach("silver"), attach("lead"), delete]);
    let refused = || EventBody::Failed(Failure::new(ErrorCode::Rejected, ""));
    assert_eq!(state.user_data("c1", "tier"), None);
    answer(&mut state, 3, refused());
    assert_eq!(state.user_data("c1", "tier"), Some("lead"));
    answer(&mut state, 1, refused());
    assert_eq!(state.user_data("c1", "tier"), Some("lead"), "the second one may still succeed");
    answer(&mut state, 2, refused());
    assert_eq!(state.user_data("c1", "tier"), Some("gold"));
}

#[test]
fn a_begun_answer_to_an_attach_can_be_taken_back() {
    let mut state = with_call();
    let attach = RequestBody::Attach { interaction: "c1".into(), data: vec![Property::new("tier", "silver")] };
    apply(&mut state, EventBody::TimerFired, 1_100, &[attach]);
    let before = state.clone();
    let event = Event { seq: 3, at: 2_000, switch_at: None, seed: 0, request: Some(1), body: EventBody::Done };
    let undo = state.begin(&Source::Host, &event);
    assert_ne!(state.interactions, before.interactions);
    state.undo(undo);
    assert_eq!(state, before);
}

#[test]
fn refused_attaches_change_nothing() {
    let mut state = with_call();
    let attach = RequestBody::Attach { interaction: "c1".into(), data: vec![Property::new("tier", "lead")] };
    let mut step = step(&state, EventBody::TimerFired, 1_100, &[attach]);
    step.requests[0].refused = Some(Failure::new(ErrorCode::Gone, ""));
    state.apply(&step);
    assert_eq!(state.user_data("c1", "tier"), Some("gold"));
    assert!(!state.is_owed() && state.is_open(1), "the host owes the refusal, nobody else anything");
}

#[test]
fn timers_count_from_their_step_and_quiet_is_bounded() {
    let mut state = with_call();
    let timers = [RequestBody::After { delay_ms: 90_000 }, RequestBody::At { time: 50_000 }, RequestBody::After { delay_ms: u32::MAX }];
    apply(&mut state, EventBody::TimerFired, 2_000, &timers);
    assert_eq!((state.next_due(), state.quiet_until(60_000)), (Some(50_000), Some(50_000)));
    let mut cancel = step(&state, EventBody::TimerFired, 2_000, &[RequestBody::Cancel]);
    cancel.requests[0].id = 2;
    state.apply(&cancel);
    assert_eq!((state.next_due(), state.quiet_until(60_000)), (Some(92_000), Some(62_000)));
    assert_eq!(state.next_request(), 4, "a cancel has no number of its own");
}

#[test]
fn events_and_messages_are_known_again() {
    let mut state = with_call();
    assert!(state.has_seen(1, 10) && state.has_seen(1, 3) && !state.has_seen(1, 11) && !state.has_seen(2, 3));
    let from = |session, incarnation, request| RequestKey { session, incarnation, request };
    let other = SessionId { number: 9, ..SESSION };
    let message = Message { sender: String::new(), name: String::new(), json: String::new() };
    let mut heard = step(&state, EventBody::Message(message), 1_100, &[]);
    heard.source = Source::Message(from(other, 1, 4));
    state.apply(&heard);
    assert!(state.has_heard(from(other, 1, 4)) && state.has_heard(from(other, 1, 2)));
    assert!(!state.has_heard(from(other, 1, 5)) && !state.has_heard(from(other, 2, 4)) && !state.has_heard(from(SESSION, 1, 4)));
    assert!(state.has_seen(1, 10), "a message has no position");
}

#[test]
fn only_switch_and_sessions_owe_answers() {
    let send = RequestBody::Send { session: String::new(), name: String::new(), json: String::new() };
    let start = RequestBody::StartSession(tandem_words::StartSession { strategy: String::new(), parameters: Vec::new() });
    for (request, for_switch, owed) in
        [(play("c1"), true, true), (send, false, true), (start, false, true), (RequestBody::After { delay_ms: 1 }, false, false)]
    {
        let mut state = with_call();
        apply(&mut state, EventBody::TimerFired, 1_100, std::slice::from_ref(&request));
        assert_eq!((state.open_request(1).unwrap().is_for_switch(), state.is_owed()), (for_switch, owed), "{request:?}");
        let mut answer = step(&state, EventBody::Done, 1_200, &[]);
        answer.event.request = Some(1);
        state.apply(&answer);
        assert!(!state.is_owed() && !state.is_open(1));
    }
}

#[test]
fn a_life_ends_as_its_outcome_says() {
    let failed = Outcome::Failed(StepFailure { kind: StepFailureKind::Trap, message: String::new() });
    for (outcome, life) in [
        (Outcome::Wait, Life::Live),
        (Outcome::Checkpoint, Life::Live),
        (Outcome::Late, Life::Live),
        (Outcome::Finish, Life::Finished),
        (failed, Life::Failed),
    ] {
        let mut state = with_call();
        let step = Step { outcome, ..step(&state, EventBody::TimerFired, 1_100, &[]) };
        state.apply(&step);
        assert_eq!(state.life(), life);
    }
}

#[test]
fn a_step_that_was_begun_can_be_taken_back_whatever_its_event() {
    let mut state = with_call();
    apply(&mut state, EventBody::TimerFired, 1_100, &[play("c1"), RequestBody::After { delay_ms: 5_000 }]);
    let message = Message { sender: String::new(), name: String::new(), json: String::new() };
    let change = UserDataChange { interaction: "c1".into(), changed: vec![Property::new("x", "y")], deleted: vec!["tier".to_owned()] };
    let routed = Routed { interaction: "c1".into(), target: String::new(), answered_by: String::new(), waited_ms: 0 };
    for body in [
        EventBody::InteractionAdded(interaction("c1")),
        EventBody::CallCreated(interaction("new")),
        deleted("c1"),
        deleted("unknown"),
        EventBody::InteractionNotControlled("c1".into()),
        EventBody::InteractionDefaultRouted("c1".into()),
        EventBody::RouteDone(routed),
        EventBody::UserDataChanged(change),
        EventBody::Message(message),
        EventBody::Done,
    ] {
        for (source, request) in [
            (Source::Switch { incarnation: 2, position: 3 }, Some(1)),
            (Source::Host, Some(2)),
            (Source::Message(RequestKey { session: SESSION, incarnation: 1, request: 1 }), None),
        ] {
            let before = state.clone();
            let event = Event { seq: 3, at: 2_000, switch_at: None, seed: 0, request, body: body.clone() };
            let undo = state.begin(&source, &event);
            assert_ne!(state, before);
            state.undo(undo);
            assert_eq!(state, before, "{body:?}");
        }
    }
}

#[test]
fn what_a_long_life_leaves_behind_is_bounded() {
    let mut state = with_call();
    let (calls, senders) = (MAX_GONE + 10, MAX_SENDERS + 10);
    for number in 0..calls {
        let id = format!("out{number:04}");
        apply(&mut state, EventBody::CallCreated(interaction(&id)), 1_100, &[]);
        apply(&mut state, deleted(&id), 1_100, &[]);
    }
    assert_eq!((state.interactions.len(), state.holds(&"c1".into())), (MAX_GONE + 1, true));
    assert_eq!((state.standing(&"out0000".into()), state.standing(&"out0073".into())), (None, Some(Standing::Gone)));
    let from = |number| RequestKey { session: SessionId { number, ..SESSION }, incarnation: 1, request: 1 };
    for number in 0..senders as u64 {
        let message = Message { sender: String::new(), name: String::new(), json: String::new() };
        let mut heard = step(&state, EventBody::Message(message), 1_200, &[]);
        heard.source = Source::Message(from(number));
        let before = state.clone();
        let undo = state.begin(&heard.source, &heard.event);
        state.undo(undo);
        assert!(state == before);
        state.apply(&heard);
    }
    assert_eq!(state.heard.len(), MAX_SENDERS);
    assert!(!state.has_heard(from(9)) && state.has_heard(from(10)));
}

#[test]
fn of_many_senders_the_one_that_was_silent_longest_is_forgotten() {
    let mut state = with_call();
    let mut hear = |number, request| {
        let message = Message { sender: String::new(), name: String::new(), json: String::new() };
        let mut heard = step(&state, EventBody::Message(message), 1_200, &[]);
        heard.source = Source::Message(RequestKey { session: SessionId { number, ..SESSION }, incarnation: 1, request });
        state.apply(&heard);
    };
    (1_000..1_000 + MAX_SENDERS as u64).for_each(|number| hear(number, 1));
    hear(1_000, 2);
    // Its id is lower than all others.
    hear(1, 1);
    hear(2, 1);
    let from = |number| RequestKey { session: SessionId { number, ..SESSION }, incarnation: 1, request: 1 };
    let known = [1, 2, 1_000, 1_001, 1_002, 1_003].map(|number| state.has_heard(from(number)));
    assert_eq!(known, [true, true, true, false, false, true]);
}
