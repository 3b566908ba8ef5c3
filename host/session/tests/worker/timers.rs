//! Timers: on the agenda, in the order of time, gone when they are cancelled.

use tandem_native_guests::Act;
use tandem_words::EventBody;

use crate::rig::{Rig, digit, key, script};

/// Sets timers of these delays when the call comes; `x` cancels the first.
fn timers(delays: &'static [u32]) -> tandem_native_guests::Script {
    script(move |memory, event, ask| {
        match &event.body {
            EventBody::InteractionAdded(_) => delays.iter().for_each(|delay| _ = ask.after(*delay)),
            EventBody::TimerFired => memory.push("fired", &event.request.unwrap().to_string()),
            EventBody::Digit(digit) if digit.key == "x" => ask.cancel(1),
            _ => {}
        }
        Act::Wait
    })
}

#[test]
fn timers_fire_in_the_order_of_time() {
    let mut rig = Rig::new(timers(&[300, 100, 200]));
    let session = rig.call(1, 1_000);
    assert_eq!(rig.worker.wake_at(), Some(1_100));
    rig.advance(1_099);
    assert_eq!(rig.guests.memory(session).unwrap().list("fired"), [""; 0]);
    rig.advance(5_000);
    assert_eq!(rig.guests.memory(session).unwrap().list("fired"), ["2", "3", "1"]);
    rig.settle();
    let times: Vec<u64> = rig.disk.steps(session).iter().map(|step| step.event.at).collect();
    assert_eq!(times, [1_000, 1_100, 1_200, 1_300]);
    assert_eq!(rig.worker.wake_at(), None);
}

#[test]
fn a_timer_due_before_an_event_goes_before_it() {
    let mut rig = Rig::new(timers(&[100]));
    let session = rig.call(1, 1_000);
    rig.event(session, 1_100, digit(1, "7"));
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added timer.fired 7");
}

#[test]
fn an_event_of_one_session_does_not_hold_up_the_timer_of_another() {
    let mut rig = Rig::new(timers(&[100]));
    let one = rig.call(1, 1_000);
    let other = rig.call(2, 1_050);
    rig.event(other, 1_120, digit(2, "7"));
    assert_eq!(rig.guests.memory(one).unwrap().get("seen"), "interaction.added timer.fired");
    assert_eq!(rig.guests.memory(other).unwrap().get("seen"), "interaction.added 7");
}

#[test]
fn a_cancelled_timer_answers_cancelled_once_and_leaves_the_agenda() {
    let mut rig = Rig::new(timers(&[100]));
    let session = rig.call(1, 1_000);
    rig.event(session, 1_050, digit(1, "x"));
    rig.event(session, 1_060, digit(1, "x"));
    assert_eq!(rig.worker.wake_at(), None);
    rig.advance(2_000);
    rig.settle();
    rig.advance(3_000);
    rig.settle();
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added x x error");
    assert!(!rig.state(session).is_open(1));
    let cancels = rig
        .disk
        .steps(session)
        .iter()
        .flat_map(|step| step.requests.clone())
        .filter(|request| request.body.name() == "control.cancel")
        .count();
    assert_eq!(cancels, 1, "a second cancel is none");
}

#[test]
fn a_timer_that_waits_when_it_is_cancelled_does_not_fire() {
    // The event that cancels is at the same instant, and the session is held up by its commits.
    let options = tandem_session::WorkerOptions { max_steps_ahead: 2, ..Default::default() };
    let mut rig = Rig::with(timers(&[100]), options);
    let session = rig.call(1, 1_000);
    rig.event(session, 1_050, digit(1, "x"));
    rig.advance(1_200);
    rig.settle();
    assert_eq!(rig.guests.memory(session).unwrap().list("fired"), [""; 0]);
}

#[test]
fn timers_of_a_recovered_session_fire_where_they_would_have() {
    let mut rig = Rig::new(timers(&[100, 5_000]));
    let session = rig.call(1, 1_000);
    rig.settle();
    let mut rig = rig.crash(&[]);
    assert_eq!(rig.worker.wake_at(), Some(1_100));
    rig.event(session, 1_400, digit(1, "7"));
    rig.settle();
    assert_eq!(rig.disk.events(session), ["interaction.added", "timer.fired", "interaction.digit"]);
    assert_eq!(rig.disk.steps(session)[1].event.at, 1_100);
    assert_eq!(rig.worker.wake_at(), Some(6_000));
    let mut rig = rig.crash(&[key(session, 2)]);
    rig.advance(6_000);
    rig.settle();
    assert_eq!(rig.disk.events(session).len(), 4);
}

#[test]
fn a_dead_session_s_timers_are_off_the_agenda() {
    let mut rig = Rig::new(script(|_, event, ask| match &event.body {
        EventBody::InteractionAdded(_) => {
            ask.after(50_000);
            Act::Wait
        }
        EventBody::Digit(_) => Act::Finish,
        _ => Act::Wait,
    }));
    let session = rig.call(1, 1_000);
    assert_eq!(rig.worker.wake_at(), Some(51_000));
    rig.event(session, 2_000, digit(1, "1"));
    assert_eq!(rig.worker.wake_at(), None);
}

#[test]
fn quiet_until_is_the_next_timer_and_bounded() {
    let mut rig = Rig::new(timers(&[100_000, 5_000]));
    let session = rig.call(1, 1_000);
    rig.settle();
    assert_eq!(rig.sent[0].quiet_until, Some(6_000));
    rig.advance(6_000);
    rig.settle();
    assert_eq!(rig.sent[1].quiet_until, Some(66_000), "at most max-quiet from now");
    rig.event(session, 6_500, digit(1, "x"));
    rig.settle();
    assert_eq!(rig.sent.last().unwrap().quiet_until, None);
}
