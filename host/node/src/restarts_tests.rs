use tandem_words::Origin;

use super::*;
use crate::testing::{added, answer, deleted, digit, key, session};

fn opening(number: u64, survival: Survival) -> Opening {
    Opening {
        session: session(number),
        incarnation: 1,
        epoch: 2,
        claim: Some(Claim::Visit { interaction: format!("c{number}"), switch: "main".into(), incarnation: 1, visit: 1 }),
        origin: Origin::Interaction,
        strategy: "welcome".to_owned(),
        version: tandem_words::VersionId([1; 32]),
        parameters: Vec::new(),
        switch: "main".into(),
        started_at: 1_000,
        survival,
    }
}

fn kept(number: u64, events: Vec<SwitchEvent>) -> KeptSession {
    let events = events.into_iter().map(|event| (1, event)).collect();
    KeptSession { opening: opening(number, Survival::Restarted), events, open: BTreeSet::new(), partial: false }
}

fn call(number: u64) -> InteractionId {
    format!("c{number}").into()
}

fn at(number: u64) -> Held {
    Held { id: call(number), visit: Some(1) }
}

/// Sessions 1 to `count`, each with a call that is kept.
fn restarts(count: u64, certain: bool) -> Restarts {
    let openings = (1..=count).map(|number| opening(number, Survival::Restarted)).collect();
    let copy = (1..=count).map(|number| (session(number), kept(number, vec![added(number, &call(number), 1, "8000")])));
    Restarts::new(RestartOptions::default(), openings, copy.collect(), certain)
}

/// The gateway says this of the calls 1, 2, 3 …
fn reconcile(restarts: &mut Restarts, states: &[InteractionState]) -> Vec<Dropped> {
    let states: Vec<_> = (1..).map(at).zip(states.iter().copied()).collect();
    let held: Vec<Holding> = restarts.holdings().cloned().collect();
    restarts.reconciled(&states, &[], &held)
}

fn numbers(batch: &[Restarting]) -> Vec<u64> {
    batch.iter().map(|restarting| restarting.session.number).collect()
}

use InteractionState::{AtRoutingPoint, Connected, DefaultRouted, Gone};

#[test]
fn with_a_certain_copy_whoever_has_a_call_starts_again() {
    let mut restarts = restarts(4, true);
    let dropped = reconcile(&mut restarts, &[AtRoutingPoint, Connected, DefaultRouted, Gone]);
    assert_eq!(dropped, [(session(3), Vec::new()), (session(4), Vec::new())]);
    let batch = restarts.tick(0);
    assert_eq!(numbers(&batch), [1, 2]);
    let expected = Restart { interaction: Some(call(1)), cause: RestartCause::NotPersisted, partial: false };
    assert_eq!((&batch[0].restart, batch[0].events.len()), (&expected, 1));
    assert!(restarts.is_empty());
}

#[test]
fn with_an_uncertain_copy_only_calls_at_their_routing_point_start_again() {
    let mut restarts = restarts(2, false);
    assert_eq!(reconcile(&mut restarts, &[AtRoutingPoint, Connected]), [(session(2), vec![at(2)])]);
    let batch = restarts.tick(0);
    assert_eq!(batch[0].restart, Restart { interaction: Some(call(1)), cause: RestartCause::Uncertain, partial: true });
}

#[test]
fn without_a_copy_the_claim_tells_whose_call_it_is() {
    for certain in [true, false] {
        let openings = vec![opening(1, Survival::Restarted)];
        let mut restarts = Restarts::new(RestartOptions::default(), openings, BTreeMap::new(), certain);
        assert_eq!(restarts.holdings().map(|held| (held.interaction.clone(), held.visit)).collect::<Vec<_>>(), [(call(1), Some((1, 1)))]);
        assert!(reconcile(&mut restarts, &[AtRoutingPoint]).is_empty());
        let batch = restarts.tick(0);
        // Certain and nothing kept: nothing of it counted for W, so the gateway tells all of it again.
        assert_eq!((batch[0].restart.partial, batch[0].events.len()), (!certain, 0));
    }
}

#[test]
fn a_session_whose_strategy_does_not_ask_for_it_is_left_and_its_call_told_of() {
    let openings = vec![opening(1, Survival::Left), opening(2, Survival::Left)];
    let mut restarts = Restarts::new(RestartOptions::default(), openings, BTreeMap::new(), true);
    let dropped = reconcile(&mut restarts, &[AtRoutingPoint, Gone]);
    assert_eq!(dropped, [(session(1), vec![at(1)]), (session(2), Vec::new())]);
    assert!(restarts.tick(0).is_empty());
}

#[test]
fn a_call_that_has_moved_on_to_another_session_is_that_one_s() {
    let mut restarts = restarts(1, false);
    let mut held: Vec<Holding> = restarts.holdings().cloned().collect();
    held.push(Holding { interaction: call(1), session: session(9), visit: Some((1, 2)), since: Some((1, 20)), controlled: true });
    assert_eq!(restarts.reconciled(&[(at(1), AtRoutingPoint)], &[], &held), [(session(1), Vec::new())]);
}

#[test]
fn a_session_that_another_one_started_needs_no_call() {
    let claim = Some(Claim::Request(key(7, 1)));
    for certain in [true, false] {
        let openings = vec![Opening { claim: claim.clone(), ..opening(1, Survival::Restarted) }];
        let mut restarts = Restarts::new(RestartOptions::default(), openings, BTreeMap::new(), certain);
        assert!(reconcile(&mut restarts, &[]).is_empty());
        assert_eq!(restarts.tick(0)[0].restart.interaction, None);
    }
}

#[test]
fn a_clock_that_jumps_back_costs_one_cycle() {
    let mut restarts = restarts(20, true);
    reconcile(&mut restarts, &[AtRoutingPoint; 20]);
    assert_eq!(restarts.tick(3_600_000).len(), 8);
    assert_eq!((restarts.tick(1_000).len(), restarts.wake_at()), (0, Some(1_050)));
    assert_eq!((restarts.tick(1_049).len(), restarts.tick(1_050).len()), (0, 8));
}

#[test]
fn restarts_keep_to_their_quota_and_timeout_exactly() {
    let mut restarts = restarts(20, true);
    assert_eq!((restarts.tick(1_000).len(), restarts.wake_at()), (0, None), "the truth is not known yet");
    assert!(reconcile(&mut restarts, &[AtRoutingPoint; 20]).is_empty());
    assert_eq!(restarts.wake_at(), Some(0));
    let mut history = Vec::new();
    for now in 1_000..1_200 {
        let batch = restarts.tick(now);
        if !batch.is_empty() {
            history.push((now, batch.len(), restarts.wake_at()));
        }
    }
    assert_eq!(history, [(1_000, 8, Some(1_050)), (1_050, 8, Some(1_100)), (1_100, 4, None)]);
    assert!(restarts.is_empty());
}

#[test]
fn a_strategy_with_a_timeout_of_its_own_has_cycles_of_its_own() {
    let mut restarts = restarts(4, true);
    restarts.options = RestartOptions { quota: 1, timeout_ms: 50, timeouts_ms: [("slow".to_owned(), 500)].into() };
    for number in [2, 4] {
        restarts.waiting.get_mut(&session(number)).unwrap().opening.strategy = "slow".to_owned();
    }
    reconcile(&mut restarts, &[AtRoutingPoint; 4]);
    assert_eq!([0, 50, 100, 499, 500].map(|now| numbers(&restarts.tick(now))), [vec![1, 2], vec![3], vec![], vec![], vec![4]]);
}

#[test]
fn a_call_that_ends_meanwhile_takes_its_session_out_of_the_queue() {
    let mut restarts = restarts(2, true);
    reconcile(&mut restarts, &[AtRoutingPoint; 2]);
    assert_eq!(restarts.event(session(1), 1, &digit(10, "c1")), None);
    assert_eq!(restarts.event(session(1), 1, &deleted(11, "c1")), Some((session(1), Vec::new())));
    assert_eq!(restarts.event(session(1), 1, &deleted(11, "c1")), None);
    assert_eq!(numbers(&restarts.tick(0)), [2]);
}

#[test]
fn a_session_that_was_ended_meanwhile_does_not_start_again() {
    let mut restarts = restarts(2, true);
    reconcile(&mut restarts, &[AtRoutingPoint; 2]);
    restarts.forget(session(2));
    assert_eq!(numbers(&restarts.tick(0)), [1]);
}

#[test]
fn requests_of_earlier_runs_are_asked_for_until_they_are_answered() {
    let mut copy = kept(1, vec![added(1, "c1", 1, "8000")]);
    copy.open = [key(1, 3), key(1, 4), key(1, 5)].into();
    let openings = vec![opening(1, Survival::Restarted)];
    let mut restarts = Restarts::new(RestartOptions::default(), openings, [(session(1), copy)].into(), true);
    assert_eq!(restarts.requests().collect::<Vec<_>>(), [key(1, 3), key(1, 4), key(1, 5)]);
    reconcile(&mut restarts, &[AtRoutingPoint]);
    restarts.event(session(1), 1, &answer(9, key(1, 3), EventBody::Done));
    assert_eq!(restarts.tick(0).len(), 1);
    assert_eq!(restarts.requests().collect::<Vec<_>>(), [key(1, 4), key(1, 5)]);
    restarts.event(session(1), 1, &answer(10, key(1, 4), EventBody::Done));
    assert_eq!(restarts.requests().collect::<Vec<_>>(), [key(1, 5)]);
    restarts.reconciled(&[], &[(key(1, 5), RequestState::Unknown)], &[]);
    assert_eq!(restarts.requests().count(), 0);
}

#[test]
fn of_two_visits_of_a_call_the_later_one_has_it_also_where_nobody_knows_since_when() {
    let mut unknown = opening(1, Survival::Restarted);
    unknown.claim = Some(Claim::Visit { interaction: "c1".to_owned(), switch: "main".into(), incarnation: 1, visit: 2 });
    let mut restarts = Restarts::new(RestartOptions::default(), vec![unknown], BTreeMap::new(), false);
    let mut held: Vec<Holding> = restarts.holdings().cloned().collect();
    held.push(Holding { interaction: call(1), session: session(9), visit: Some((1, 1)), since: Some((1, 7)), controlled: true });
    let states = [(at(1), Gone), (Held { visit: Some(2), ..at(1) }, AtRoutingPoint)];
    assert_eq!(restarts.reconciled(&states, &[], &held), []);
    assert_eq!(numbers(&restarts.tick(0)), [1]);
}
