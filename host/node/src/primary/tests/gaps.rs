//! What the switch no longer has, and what follows from that.

use super::*;

#[test]
fn lost_events_become_a_gap_and_w_goes_over_it_when_all_is_said_and_durable() {
    let mut link = Link::new();
    link.lead(1);
    let stock = Stock {
        after: Some(mark(1, 7)),
        interactions: vec![holding(9, "c1", 1), holding(10, "c2", 1), holding(11, "c3", 1)],
        requests: vec![key(9, 1), key(9, 2), key(9, 3)],
    };
    let interactions = vec![InteractionState::AtRoutingPoint, InteractionState::Gone, InteractionState::DefaultRouted];
    let directives = link.reconcile(stock, 20, interactions, vec![RequestState::Answered, RequestState::Answered, RequestState::Open]);
    assert_eq!(names(&directives), ["follow 7", "reconciled true", "warn", "news gap to all"]);
    // One of the answers is still to come.
    let directives = link.take(told(&[answer(20, key(9, 2), EventBody::PlayDone(StoppedBy::End))]));
    assert_eq!(names(&directives), ["deliver 20 to 9"]);
    assert_eq!(link.primary.idle(Some(99_999)), Some(Directive::Send(HostMessage::Idle { seq: 4, wake_at: Some(90_000) })));
    let directives = link.take(vec![GatewayMessage::Clock { now: 90_000 }]);
    assert_eq!(
        names(&directives),
        ["answer error to 1", "news interaction.deleted to 10", "news interaction.default-routed to 11", "advance 90000"]
    );
    let unknown = |directive: &Directive| matches!(directive, Directive::Answer(_, EventBody::Failed(failure)) if failure.code == ErrorCode::OutcomeUnknown);
    assert!(unknown(&directives[0]));
    // W stays until that is durable.
    assert!(link.take(vec![]).is_empty());
    assert!(link.primary.idle(None).is_some());
    assert_eq!(link.take(vec![]), [Directive::Follow(mark(1, 19))]);
    assert!(link.take(vec![]).is_empty(), "once");
}

#[test]
fn a_gap_is_told_once_and_its_truths_again_if_the_connection_broke() {
    let mut link = Link::new();
    let stock = || Stock { after: Some(mark(1, 7)), interactions: vec![holding(9, "c1", 1)], requests: vec![] };
    let lost = |link: &mut Link, kept_from| {
        link.lead(1);
        names(&link.reconcile(stock(), kept_from, vec![InteractionState::Gone], vec![]))
    };
    assert_eq!(lost(&mut link, 20), ["follow 7", "reconciled true", "warn", "news gap to all"]);
    link.primary.disconnected();
    link.connect();
    assert_eq!(lost(&mut link, 20), ["follow 7", "reconciled false"]);
    let directives = link.take(vec![GatewayMessage::Clock { now: 91_000 }]);
    assert_eq!(names(&directives), ["news interaction.deleted to 9", "advance 91000"]);
    link.primary.disconnected();
    link.connect();
    assert_eq!(lost(&mut link, 25), ["follow 7", "reconciled false", "warn", "news gap to all"], "more was lost");
}

#[test]
fn a_gap_begins_where_the_primary_last_heard() {
    let mut link = Link::serving();
    link.take(told(&[added(1, "c1", 1, "8000"), digit(2, "c1")]));
    link.primary.disconnected();
    link.connect();
    link.lead(1);
    let directives = link.reconcile(Stock { after: Some(mark(1, 2)), ..Stock::default() }, 9, vec![], vec![]);
    assert!(directives.contains(&Directive::NewsForAll(EventBody::Gap(Gap { interaction: None, since: 2_000 }))), "{directives:?}");
}

/// A primary of incarnation 1 whose switch has lost its memory; it has sent requests 1 and 2.
fn after_a_lost_life(link: &mut Link, kept_from: Position, requests: Vec<RequestState>) -> Vec<Directive> {
    link.lead(2);
    let stock = Stock { after: Some(mark(1, 2)), interactions: vec![holding(1, "c1", 1)], requests: vec![key(1, 1), key(1, 2)] };
    link.reconcile(stock, kept_from, vec![InteractionState::Gone], requests)
}

#[test]
fn another_life_of_the_switch_is_a_gap_and_w_stays_in_the_old_one_until_that_is_durable() {
    let mut link = Link::serving();
    link.take(told(&[added(1, "c1", 1, "8000"), digit(2, "c1")]));
    link.primary.disconnected();
    link.connect();
    let directives = after_a_lost_life(&mut link, 1, vec![]);
    assert_eq!(directives[0], Directive::Prepare(mark(2, 0)));
    assert_eq!(names(&directives), ["prepare 0", "reconciled false", "warn", "news gap to all"]);
    let directives = link.take(told(&[added(1, "c7", 1, "8000")]));
    assert_eq!(names(&directives), ["open 2"]);
    assert!(link.primary.idle(None).is_some());
    assert_eq!(names(&link.take(vec![GatewayMessage::Clock { now: 1 }])), ["news interaction.deleted to 1", "advance 1"]);
    assert!(link.primary.idle(None).is_some());
    assert_eq!(link.take(vec![]), [Directive::Follow(mark(2, 0))]);
}

#[test]
fn what_a_new_life_of_the_gateway_does_not_know_may_have_been_done_and_is_never_sent_again() {
    let outcome_unknown = |link: &mut Link| {
        let directives = link.take(vec![GatewayMessage::Clock { now: 1 }]);
        let unknown = |directive: &Directive| match directive {
            Directive::Answer(key, EventBody::Failed(failure)) if failure.code == ErrorCode::OutcomeUnknown => Some(key.request),
            _ => None,
        };
        directives.iter().filter_map(unknown).collect::<Vec<_>>()
    };
    let mut link = Link::new();
    let states = || vec![RequestState::Unknown, RequestState::Open];
    let directives = after_a_lost_life(&mut link, 1, states());
    assert!(directives.contains(&Directive::Reconciled { unknown: BTreeSet::new(), fresh: true, remembers: false }), "{directives:?}");
    assert_eq!(outcome_unknown(&mut link), [1]);
    // Killed before the answer was durable: the next primary finds the same W, and comes to the same.
    let mut next = Link::new();
    let directives = after_a_lost_life(&mut next, 1, states());
    assert!(directives.contains(&Directive::Reconciled { unknown: BTreeSet::new(), fresh: true, remembers: false }), "{directives:?}");
    assert_eq!(outcome_unknown(&mut next), [1]);
}

#[test]
fn a_third_life_of_the_switch_is_a_gap_again() {
    let mut link = Link::new();
    assert_eq!(names(&after_a_lost_life(&mut link, 1, vec![]))[0], "prepare 0");
    link.primary.disconnected();
    link.connect();
    assert_eq!(names(&after_a_lost_life(&mut link, 1, vec![])), ["prepare 0", "reconciled false"], "the same life once more");
    link.primary.disconnected();
    link.connect();
    link.lead(3);
    let stock = Stock { after: Some(mark(1, 2)), ..Stock::default() };
    assert_eq!(names(&link.reconcile(stock, 1, vec![], vec![])), ["prepare 0", "reconciled false", "warn", "news gap to all"]);
}

#[test]
fn a_node_that_never_committed_has_lost_nothing() {
    let mut link = Link::new();
    link.lead(1);
    let directives = link.reconcile(Stock::default(), 5_001, vec![], vec![]);
    assert_eq!(names(&directives), ["follow 5000", "reconciled true"]);
    assert_eq!(names(&link.take(told(&[added(5_001, "c1", 1, "8000")]))), ["open 1"]);
}

#[test]
fn an_earlier_visit_whose_end_was_lost_hears_that_the_call_has_moved() {
    let mut link = Link::new();
    link.lead(1);
    let stock = Stock { after: Some(mark(1, 7)), interactions: vec![holding(9, "c1", 1), holding(10, "c1", 2)], requests: vec![] };
    let here = InteractionState::AtRoutingPoint;
    link.reconcile(stock, 20, vec![here, here], vec![]);
    let directives = link.take(vec![GatewayMessage::Clock { now: 90_000 }]);
    assert_eq!(names(&directives), ["news interaction.deleted to 9", "advance 90000"]);
}
