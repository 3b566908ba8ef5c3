//! A session's events: in order, once each.

use tandem_session::{Arrival, Life};
use tandem_switch_link::SwitchEvent;
use tandem_words::{EventBody, StoppedBy};

use crate::rig::{Rig, deleted, digit, held, key, listener, player, script};

#[test]
fn events_become_steps_in_the_order_in_which_they_come() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 100);
    for digit_pressed in ["1", "2", "3"] {
        rig.event(session, 200, digit(1, digit_pressed));
    }
    rig.settle();
    assert_eq!(rig.disk.events(session), ["interaction.added", "interaction.digit", "interaction.digit", "interaction.digit"]);
    assert_eq!(rig.guests.memory(session).unwrap().get("seen"), "interaction.added 1 2 3");
    assert_eq!(rig.w(), 4);
}

#[test]
fn the_first_step_may_act_on_the_call_that_it_brings() {
    let mut rig = Rig::new(player());
    let session = rig.call(1, 100);
    assert!(rig.sent.is_empty(), "it left before its commit");
    rig.settle();
    assert_eq!(rig.disk.steps(session)[0].requests[0].refused, None);
    assert_eq!(rig.requests_sent(), ["dialog.playsound(1)"]);
    assert_eq!(rig.sent[0].interactions, [held("c1")]);
}

#[test]
fn user_data_of_an_event_is_seen_in_its_step() {
    let mut rig = Rig::new(script(|memory, event, ask| {
        match &event.body {
            EventBody::InteractionAdded(call) => _ = ask.attach(&call.id, "tier", "gold"),
            EventBody::UserDataChanged(change) => {
                memory.set("tier", ask.user_data(&change.interaction, "tier").unwrap_or_default());
            }
            _ => {}
        }
        tandem_native_guests::Act::Wait
    }));
    let session = rig.call(1, 100);
    rig.settle();
    rig.answer(session, 1, 150, EventBody::Done);
    let changed = vec![tandem_words::Property::new("tier", "silver")];
    rig.event(
        session,
        200,
        EventBody::UserDataChanged(tandem_words::UserDataChange { interaction: "c1".into(), changed, deleted: vec![] }),
    );
    assert_eq!(rig.guests.memory(session).unwrap().get("tier"), "silver");
}

#[test]
fn an_event_that_is_told_again_makes_no_step_and_counts_for_w_behind_the_first() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 100);
    let press = rig.switch_event(200, digit(1, "1"));
    rig.arrive(session, press.clone());
    rig.arrive(session, press);
    assert!(rig.ignored.is_empty(), "W must not pass it before its step is durable");
    rig.commit_rows(2);
    assert_eq!((rig.w(), rig.disk.steps(session).len()), (1, 1));
    rig.settle();
    assert_eq!((rig.w(), rig.disk.steps(session).len()), (2, 2));
}

#[test]
fn a_second_answer_to_a_request_is_dropped() {
    let mut rig = Rig::new(player());
    let session = rig.call(1, 100);
    rig.answer(session, 1, 200, EventBody::PlayDone(StoppedBy::End));
    rig.answer(session, 1, 300, EventBody::PlayDone(StoppedBy::Cancelled));
    rig.arrive(session, Arrival::Answer { key: crate::rig::key(session, 1), body: EventBody::Done });
    rig.arrive(session, Arrival::Answer { key: crate::rig::key(session, 9), body: EventBody::Done });
    rig.settle();
    assert_eq!(rig.disk.events(session), ["interaction.added", "dialog.playsound.done"]);
    assert_eq!(rig.w(), 3);
}

#[test]
fn an_answer_to_another_incarnation_is_dropped() {
    let mut rig = Rig::new(player());
    let session = rig.call(1, 100);
    let mut of_another_run = key(session, 1);
    of_another_run.incarnation = 2;
    let arrival = rig.answer_event(200, Some(of_another_run), EventBody::PlayDone(StoppedBy::End));
    rig.arrive(session, arrival);
    rig.settle();
    assert_eq!((rig.disk.steps(session).len(), rig.w()), (1, 2));
}

#[test]
fn an_event_of_an_unknown_session_counts_for_w_at_once() {
    let mut rig = Rig::new(listener());
    let nobody = crate::rig::session_in(1, 77);
    rig.event(nobody, 100, digit(1, "1"));
    assert_eq!(rig.ignored.len(), 1);
}

#[test]
fn session_time_never_goes_back_and_keeps_the_switch_s_stamp() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 500);
    rig.event(session, 400, digit(1, "1"));
    rig.settle();
    let event = &rig.disk.steps(session)[1].event;
    assert_eq!((event.at, event.switch_at), (500, Some(400)));
}

#[test]
fn seeds_differ_from_step_to_step_and_repeat_with_the_session() {
    let seeds = || {
        let mut rig = Rig::new(listener());
        let session = rig.call(1, 100);
        (0..5).for_each(|at| rig.event(session, 200 + at, digit(1, "1")));
        rig.settle();
        rig.disk.steps(session).iter().map(|step| step.event.seed).collect::<Vec<_>>()
    };
    let first = seeds();
    assert_eq!(first, seeds());
    let mut unique = first.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), first.len());
    assert!(first.iter().all(|seed| *seed < 1 << 53));
}

#[test]
fn a_position_of_another_life_of_the_switch_is_new() {
    let mut rig = Rig::new(listener());
    let session = rig.call(1, 100);
    let event = SwitchEvent { position: 1, at: 200, interaction: None, visit: None, answers: None, body: deleted(1) };
    rig.arrive(session, Arrival::Switch { incarnation: 2, event });
    rig.settle();
    assert_eq!(rig.disk.events(session), ["interaction.added", "interaction.deleted"]);
    assert_eq!(rig.state(session).life(), Life::Live);
}
