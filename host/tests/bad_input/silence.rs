//! No call is left in silence, whatever its strategy does or does not do (P9).

use tandem_gateway::record::CallOutcome;
use tandem_journal::{Outcome, StepFailureKind};
use tandem_strategy::{Engine, EngineLimits};
use tandem_words::EventBody;

use crate::table::{lay, lay_with, patient};

#[test]
fn a_session_that_finishes_without_routing_leaves_its_call_to_the_default_route() {
    let mut table = lay(&["finishes"]).start();
    let call = table.dial("8000");
    table.pass_to(1_000);
    table.press(&call, "1");
    assert_eq!(table.steps(table.session(&call)).iter().filter(|step| step.outcome == Outcome::Finish).count(), 1);
    table.host_dies(0);
    table.pass_to(2_000);
    // The digit cut the menu short, and music alone does not hold a call that nobody has.
    assert_eq!(table.default_routed(&call), Some(1_000), "{:?}", table.heard(&call));
    table.pass_to(60_000);
    assert_eq!(table.end(&call).unwrap().1, CallOutcome::DefaultRouted);
}

#[test]
fn a_session_that_idles_in_silence_loses_its_call_at_the_control_deadline_and_hears_of_it() {
    let mut table = lay(&["fails"]).start();
    let call = table.dial("8000");
    table.pass_to(60_000);
    // The menu, and four seconds of nothing.
    assert_eq!(table.default_routed(&call), Some(6_000), "{:?}", table.heard(&call));
    let heard = |body: &EventBody| matches!(body, EventBody::InteractionDefaultRouted(_));
    assert_eq!(table.steps(table.session(&call)).iter().filter(|step| heard(&step.event.body)).count(), 1);
    assert!(table.is_well(&call));
}

#[test]
fn a_host_that_dies_and_stays_away_loses_its_calls_to_the_default_route_in_time() {
    let mut table = lay(&["fails", "echo"]).start();
    let [silent, music] = ["8000", "8001"].map(|number| table.dial(number));
    table.pass_to(1_000);
    table.host_dies(30_000);
    table.pass_to(40_000);
    assert_eq!(table.default_routed(&silent), Some(6_000));
    assert_eq!(table.default_routed(&music), None, "music is no silence");
    // Whoever comes back hears what happened meanwhile, and serves who is left.
    let heard = |body: &EventBody| matches!(body, EventBody::InteractionDefaultRouted(_));
    assert_eq!(table.steps(table.session(&silent)).iter().filter(|step| heard(&step.event.body)).count(), 1);
    table.press(&music, "7");
    assert_eq!(table.heard(&music).last().unwrap().1, "dialog.playsound digits 7");
}

#[test]
fn a_routing_point_without_a_strategy_sends_its_calls_to_the_default_route() {
    let mut table = lay(&["fails"]).start();
    let call = table.dial("8009");
    table.pass_to(60_000);
    assert_eq!(table.default_routed(&call), Some(20_000), "at the answer deadline: {:?}", table.heard(&call));
    // Nobody waits for it, and W goes past it.
    let next = table.dial("8000");
    assert_eq!(table.heard(&next).last().unwrap().1, "dialog.playsound menu");
}

#[test]
fn a_strategy_whose_component_is_not_there_leaves_its_calls_to_the_default_route_at_once() {
    let mut table = lay(&["fails"]).without_components().start();
    let call = table.dial("8000");
    assert_eq!(table.default_routed(&call), Some(0));
    let failure = table.failure(&call);
    assert_eq!(failure.kind, StepFailureKind::Unavailable);
    assert!(failure.message.contains("not loaded on this instance; deploy it again"), "{}", failure.message);
}

#[test]
fn an_answer_of_err_sends_the_call_to_the_default_route_at_once() {
    let mut table = lay(&["fails"]).start();
    let call = table.dial("8000");
    table.pass_to(500);
    table.press(&call, "9");
    assert_eq!(table.default_routed(&call), Some(500));
    assert_eq!(table.failure(&call).kind, StepFailureKind::Error);
}

#[test]
fn a_host_that_is_full_sends_new_calls_to_the_default_route_and_keeps_the_others() {
    let engine = Engine::new(EngineLimits { instances: 1, ..patient() }).unwrap();
    let mut table = lay_with(engine, &["fails", "echo"]).start();
    let [one, other, more] = ["8000", "8001", "8000"].map(|number| table.dial(number));
    let failure = table.failure(&other);
    assert_eq!(failure.kind, StepFailureKind::Limit);
    assert!(failure.message.contains("EngineLimits::instances"), "{}", failure.message);
    assert_eq!(table.default_routed(&other), Some(0));
    for call in [one, more] {
        table.press(&call, "1");
        assert_eq!(table.applied(&call).len(), 2);
        assert!(table.is_well(&call));
    }
}
