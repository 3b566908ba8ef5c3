use super::*;
use crate::testing::{added, answer, deleted, deployments, digit, interaction, key, session};

fn assignment() -> Assignment {
    Assignment::new(101, 3, "main".into(), deployments())
}

fn opened(meaning: Meaning) -> Opening {
    match meaning {
        Meaning::Open(opening) => *opening,
        other => panic!("{other:?}"),
    }
}

fn holding(number: u64, call: &str, visit: Visit, since: Position) -> Holding {
    Holding { interaction: call.into(), session: session(number), visit: Some((1, visit)), since: Some((1, since)), controlled: true }
}

#[test]
fn a_visit_makes_a_session_as_its_routing_point_is_deployed() {
    let mut assignment = assignment();
    let opening = opened(assignment.meaning(1, &added(1, "c1", 1, "8000")));
    assert_eq!((opening.session, opening.incarnation, opening.epoch), (session(1), 1, 3));
    assert_eq!(opening.claim, Some(Claim::Visit { interaction: "c1".to_owned(), switch: "main".into(), incarnation: 1, visit: 1 }));
    assert_eq!((opening.strategy.as_str(), opening.started_at, opening.origin), ("welcome", 1_000, Origin::Interaction));
    assert_eq!(opened(assignment.meaning(1, &added(2, "c2", 1, "8001"))).session, session(2));
    assert_eq!(assignment.meaning(1, &added(3, "c3", 1, "9999")), Meaning::NotDeployed("9999".to_owned()));
    assert_eq!(assignment.sessions(), 2);
}

#[test]
fn events_go_to_the_session_of_their_interaction_until_its_end() {
    let mut assignment = assignment();
    assert_eq!(assignment.meaning(1, &digit(1, "c1")), Meaning::Nobody);
    let first = opened(assignment.meaning(1, &added(2, "c1", 1, "8000"))).session;
    assert_eq!(assignment.meaning(1, &digit(3, "c1")), Meaning::Of(first));
    assert_eq!(assignment.meaning(1, &digit(4, "c2")), Meaning::Nobody);
    assert_eq!(assignment.meaning(1, &deleted(5, "c1")), Meaning::Of(first));
    assert_eq!(assignment.meaning(1, &digit(6, "c1")), Meaning::Nobody);
    let second = opened(assignment.meaning(1, &added(7, "c1", 2, "8001"))).session;
    assert_eq!(assignment.meaning(1, &digit(8, "c1")), Meaning::Of(second));
    assignment.forget(first);
    assert_eq!(assignment.meaning(1, &digit(9, "c1")), Meaning::Of(second));
    assignment.forget(second);
    assert_eq!((assignment.meaning(1, &digit(10, "c1")), assignment.sessions()), (Meaning::Nobody, 0));
}

#[test]
fn answers_go_to_who_asked_and_a_created_call_is_theirs() {
    let mut assignment = assignment();
    assert_eq!(assignment.meaning(1, &answer(1, key(7, 1), EventBody::Done)), Meaning::Of(session(7)));
    let created = EventBody::CallCreated(interaction("out", ""));
    assert_eq!(assignment.meaning(1, &answer(2, key(7, 2), created.clone())), Meaning::Of(session(7)));
    assert_eq!(assignment.meaning(1, &answer(2, key(7, 2), created)), Meaning::Of(session(7)));
    assert_eq!(assignment.meaning(1, &digit(3, "out")), Meaning::Of(session(7)));
    assignment.forget(session(7));
    assert_eq!((assignment.meaning(1, &digit(4, "out")), assignment.sessions()), (Meaning::Nobody, 0));
}

#[test]
fn a_visit_that_is_told_again_is_of_its_session_and_a_new_one_of_a_new() {
    let mut assignment = assignment();
    assignment.recovered(&[holding(40, "c1", 2, 5)], (1, 5), |_| None);
    assert_eq!(assignment.meaning(1, &digit(4, "c1")), Meaning::Nobody, "of the visit before");
    assert_eq!(assignment.meaning(1, &added(5, "c1", 2, "8000")), Meaning::Of(session(40)));
    assert_eq!(opened(assignment.meaning(1, &added(6, "c1", 3, "8000"))).session, session(1));
    // One that is over is not known: its claim will tell.
    assignment.forget(session(40));
    assert_eq!(opened(assignment.meaning(1, &added(5, "c1", 2, "8000"))).session, session(2));
}

#[test]
fn the_same_visit_of_another_life_of_the_switch_is_another_visit() {
    let mut assignment = assignment();
    assignment.recovered(&[holding(40, "c1", 1, 5)], (2, 1), |_| None);
    let opening = opened(assignment.meaning(2, &added(1, "c1", 1, "8000")));
    assert_eq!(opening.session, session(1));
    assert_eq!(opening.claim, Some(Claim::Visit { interaction: "c1".to_owned(), switch: "main".into(), incarnation: 2, visit: 1 }));
    assert_eq!(assignment.meaning(2, &digit(2, "c1")), Meaning::Of(session(1)));
    assignment.forget(session(40));
    assert_eq!(assignment.meaning(2, &added(1, "c1", 1, "8000")), Meaning::Of(session(1)), "told again");
}

#[test]
fn a_backlog_over_two_visits_finds_the_session_of_each() {
    for held in [[holding(40, "c1", 1, 2), holding(41, "c1", 2, 7)], [holding(41, "c1", 2, 7), holding(40, "c1", 1, 2)]] {
        let mut assignment = assignment();
        assignment.recovered(&held, (1, 5), |_| None);
        let meanings =
            [digit(5, "c1"), deleted(6, "c1"), added(7, "c1", 2, "8001"), digit(8, "c1")].map(|event| assignment.meaning(1, &event));
        assert_eq!(meanings, [40, 40, 41, 41].map(|number| Meaning::Of(session(number))));
    }
}

#[test]
fn events_are_of_the_session_to_which_the_call_came_last_before_them() {
    for (next, of) in [((1, 3), 40), ((1, 7), 40), ((1, 8), 41), ((2, 1), 41)] {
        let mut assignment = assignment();
        assignment.recovered(&[holding(40, "c1", 1, 2), holding(41, "c1", 2, 7)], next, |_| None);
        assert_eq!(assignment.meaning(1, &digit(next.1, "c1")), Meaning::Of(session(of)), "{next:?}");
    }
}

#[test]
fn a_loser_of_a_backlog_takes_nothing_from_the_session_that_has_the_call() {
    let mut assignment = assignment();
    // Session 41 has the second visit; that of the first is over, and its events are told again.
    assignment.recovered(&[holding(41, "c1", 2, 7)], (1, 5), |_| None);
    let loser = opened(assignment.meaning(1, &added(5, "c1", 1, "8000"))).session;
    assert_eq!(assignment.meaning(1, &deleted(6, "c1")), Meaning::Of(loser));
    assert_eq!(assignment.meaning(1, &added(7, "c1", 2, "8001")), Meaning::Of(session(41)));
    assignment.forget(loser);
    assert_eq!(assignment.meaning(1, &digit(8, "c1")), Meaning::Of(session(41)));
}

#[test]
fn a_session_starts_another_with_its_parameters_over_the_deployment_s() {
    let mut assignment = assignment();
    let parameters = vec![Property::new("language", "de")];
    let start = StartSession { strategy: "survey".to_owned(), parameters: parameters.clone() };
    let opening = assignment.started(key(7, 3), &start, 5_000).unwrap();
    assert_eq!((opening.claim, opening.parameters, opening.started_at), (Some(Claim::Request(key(7, 3))), parameters, 5_000));
    assert_eq!((opening.origin, opening.version), (Origin::Session, VersionId([2; 32])));
    let refused = assignment.started(key(7, 4), &StartSession { strategy: "none".to_owned(), parameters: Vec::new() }, 0);
    assert_eq!(refused.unwrap_err().code, ErrorCode::NotFound);
}

#[test]
fn a_parameter_that_the_strategy_does_not_have_is_refused_by_name() {
    let parameters = vec![Property::new("language", "de"), Property::new("langauge", "de")];
    let refused = assignment().started(key(7, 3), &StartSession { strategy: "survey".to_owned(), parameters }, 5_000).unwrap_err();
    assert_eq!(refused, Failure::new(ErrorCode::Rejected, "strategy survey has no parameter \"langauge\"; it has language"));
}

#[test]
fn a_session_that_starts_itself_again_and_again_comes_to_an_end() {
    let mut assignment = assignment();
    let start = StartSession { strategy: "survey".to_owned(), parameters: Vec::new() };
    let mut by = key(100, 1);
    let chain = std::iter::from_fn(|| {
        let opening = assignment.started(by, &start, 5_000).ok()?;
        by.session = opening.session;
        Some(opening)
    });
    assert_eq!(chain.take(1_000).count(), 64);
    assert!(assignment.started(by, &start, 5_001).is_ok());
}

#[test]
fn one_that_waits_and_does_not_know_since_when_hears_nothing_of_the_visit_before_its_own() {
    let waits = |id: SessionId| (id == session(41)).then_some(7_000);
    let unsure = |session, visit| Holding { since: None, ..holding(session, "c1", visit, 1) };
    // The session of the first visit is over, or knows it to be over; what it had heard is told again.
    let mut node = assignment();
    node.recovered(&[unsure(41, 2)], (1, 5), waits);
    assert_eq!(node.meaning(1, &deleted(7, "c1")), Meaning::Nobody);
    assert_eq!(node.meaning(1, &digit(6, "c1")), Meaning::Nobody);
    assert_eq!(node.meaning(1, &digit(8, "c1")), Meaning::Of(session(41)));
    assert_eq!(node.meaning(1, &deleted(9, "c1")), Meaning::Of(session(41)));
    // It lives, and does not know it: that will be told again, and then that the call has come to the other one.
    let mut node = assignment();
    node.recovered(&[unsure(41, 2), holding(40, "c1", 1, 3)], (1, 5), waits);
    assert_eq!(node.meaning(1, &digit(6, "c1")), Meaning::Of(session(40)));
    assert_eq!(node.meaning(1, &deleted(7, "c1")), Meaning::Of(session(40)));
    assert_eq!(node.meaning(1, &added(7, "c1", 2, "8001")), Meaning::Of(session(41)));
    assert_eq!(node.meaning(1, &digit(7, "c1")), Meaning::Of(session(41)));
    // Both wait: the later visit is the later one.
    let mut node = assignment();
    node.recovered(&[unsure(41, 2), holding(40, "c1", 1, 3)], (1, 5), |_| Some(0));
    assert_eq!(node.meaning(1, &digit(6, "c1")), Meaning::Of(session(41)));
}
