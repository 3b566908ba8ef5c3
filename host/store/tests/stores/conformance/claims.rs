//! P1: at most one session is created for a visit, whatever fails while it is created.

use tandem_journal::{Claim, LostClaim};
use tandem_store::Disposition;
use tandem_words::{NodeId, RequestKey, SessionId};

use super::{Place, promises};
use crate::rows::{NODE, Primary, again, id, last_step, opened, snapshot, step, visit, visit_in};

promises![
    a_late_winner_loses,
    a_visit_of_another_life_of_the_switch_is_another_visit,
    a_loser_of_the_same_batch_loses,
    rows_that_follow_a_lost_opening_are_dropped,
    a_repeated_loss_is_reported_again,
    a_claim_outlives_its_session,
    a_restart_keeps_its_claim,
    a_request_is_claimed_once,
    claims_of_an_interaction_are_found,
    nodes_that_race_for_a_visit_win_it_once,
];

fn lost(session: u64, claim: Claim, owner: u64) -> LostClaim {
    LostClaim { session: id(session), claim, owner: id(owner) }
}

/// The whole session of the batch is dropped, and the others of the batch are written.
fn a_late_winner_loses(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let claim = visit("call-1", 1);
    assert!(primary.write(vec![opened(id(1), Some(claim.clone()))]).is_empty());
    let losses = primary.write(vec![
        opened(id(2), Some(claim.clone())),
        opened(id(3), Some(visit("call-1", 2))),
        step(id(2), 1),
        step(id(3), 1),
        snapshot(id(2), 1),
        step(id(1), 1),
    ]);
    assert_eq!(losses, [lost(2, claim.clone(), 1)]);
    let mut reader = primary.reader();
    assert_eq!(reader.session_rows(id(2)).unwrap(), None);
    assert_eq!(reader.live_sessions(NODE).unwrap(), [id(1), id(3)]);
    assert_eq!(reader.claim_owner(&claim).unwrap(), Some(id(1)));
    assert_eq!(primary.all_rows(id(3)), ["101-1-3 opened", "101-1-3 step 1"]);
    assert_eq!(primary.all_rows(id(1)), ["101-1-1 opened", "101-1-1 step 1"]);
    assert_eq!(reader.counts().unwrap().rows, 4);
}

fn a_visit_of_another_life_of_the_switch_is_another_visit(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let lives = [visit_in(1, "call-1", 1), visit_in(2, "call-1", 1)];
    assert!(primary.write(vec![opened(id(1), Some(lives[0].clone())), opened(id(2), Some(lives[1].clone()))]).is_empty());
    let mut reader = primary.reader();
    assert_eq!(lives.map(|claim| reader.claim_owner(&claim).unwrap()), [Some(id(1)), Some(id(2))]);
    assert_eq!(reader.sessions_of_interaction("call-1").unwrap(), [id(1), id(2)]);
}

fn a_loser_of_the_same_batch_loses(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let claim = visit("call-1", 1);
    let losses =
        primary.write(vec![opened(id(1), Some(claim.clone())), opened(id(2), Some(claim.clone())), step(id(2), 1), step(id(1), 1)]);
    assert_eq!(losses, [lost(2, claim, 1)]);
    assert_eq!(primary.reader().live_sessions(NODE).unwrap(), [id(1)]);
    assert_eq!(primary.all_rows(id(1)).len(), 2);
}

/// A session runs ahead of its commits: its steps may be on the way when its loss becomes known.
fn rows_that_follow_a_lost_opening_are_dropped(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let claim = visit("call-1", 1);
    primary.write(vec![opened(id(1), Some(claim.clone()))]);
    primary.write(vec![opened(id(2), Some(claim.clone())), step(id(2), 1)]);
    let losses = primary.write(vec![step(id(2), 2), step(id(1), 1), last_step(id(2), 3)]);
    assert_eq!(losses, [lost(2, claim, 1)]);
    assert!(primary.all_rows(id(2)).is_empty());
    assert_eq!(primary.all_rows(id(1)).len(), 2);
}

fn a_repeated_loss_is_reported_again(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let claim = visit("call-1", 1);
    primary.write(vec![opened(id(1), Some(claim.clone()))]);
    let batch = primary.batch(vec![opened(id(2), Some(claim.clone())), step(id(2), 1), opened(id(3), None)]);
    for _ in 0..2 {
        assert_eq!(primary.commit(&batch).unwrap(), [lost(2, claim.clone(), 1)]);
        assert_eq!(place().commit(&batch).unwrap(), [lost(2, claim.clone(), 1)]);
    }
    assert_eq!(primary.reader().counts().unwrap().rows, 2);
}

fn a_claim_outlives_its_session(place: &Place) {
    let mut first = Primary::of(place(), NODE);
    let claim = visit("call-1", 1);
    first.write(vec![opened(id(1), Some(claim.clone())), last_step(id(1), 1)]);
    drop(first);
    let mut second = Primary::of(place(), NODE);
    assert_eq!(second.write(vec![opened(id(2), Some(claim.clone()))]), [lost(2, claim, 1)]);
}

fn a_restart_keeps_its_claim(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let claim = visit("call-1", 1);
    primary.write(vec![opened(id(1), Some(claim.clone())), step(id(1), 1)]);
    assert!(primary.write(vec![again(2, opened(id(1), Some(claim.clone())))]).is_empty());
    assert_eq!(primary.reader().claim_owner(&claim).unwrap(), Some(id(1)));
    assert_eq!(primary.all_rows(id(1)).len(), 3);
}

fn a_request_is_claimed_once(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    let request = |request| Claim::Request(RequestKey { session: id(9), incarnation: 1, request });
    assert!(primary.write(vec![opened(id(1), Some(request(1))), opened(id(2), Some(request(2)))]).is_empty());
    assert_eq!(primary.write(vec![opened(id(3), Some(request(2)))]), [lost(3, request(2), 2)]);
    let mut reader = primary.reader();
    assert_eq!(reader.claim_owner(&request(1)).unwrap(), Some(id(1)));
    assert_eq!(reader.claim_owner(&request(3)).unwrap(), None);
    assert_eq!(reader.claim_owner(&Claim::Request(RequestKey { session: id(9), incarnation: 2, request: 1 })).unwrap(), None);
}

fn claims_of_an_interaction_are_found(place: &Place) {
    let mut primary = Primary::of(place(), NODE);
    for (number, interaction, at) in [(1, "call-1", 1), (2, "call-11", 1), (3, "call-1", 3), (4, "call-1", 2), (5, "", 1)] {
        primary.write(vec![opened(id(number), Some(visit(interaction, at)))]);
    }
    primary.write(vec![opened(id(6), None)]);
    let mut reader = primary.reader();
    assert_eq!(reader.sessions_of_interaction("call-1").unwrap(), [id(1), id(4), id(3)]);
    assert_eq!(reader.sessions_of_interaction("call-11").unwrap(), [id(2)]);
    assert_eq!(reader.sessions_of_interaction("").unwrap(), [id(5)]);
    assert!(reader.sessions_of_interaction("call-2").unwrap().is_empty());
}

fn nodes_that_race_for_a_visit_win_it_once(place: &Place) {
    const VISITS: u32 = 60;
    let race = |node: NodeId| {
        let mut primary = Primary::of(place(), node);
        move || {
            let mut lost = 0;
            for at in 1..=VISITS {
                let session = SessionId { node, epoch: 1, number: at.into() };
                let batch = primary.batch(vec![opened(session, Some(visit("call-1", at))), step(session, 1)]);
                lost += loop {
                    match primary.commit(&batch) {
                        Ok(lost) => break lost.len(),
                        Err(error) => assert_eq!(error.disposition(), Disposition::Repeat, "{error}"),
                    }
                };
            }
            lost
        }
    };
    let racers = [101, 102, 103].map(race);
    let lost: Vec<usize> = std::thread::scope(|scope| {
        let running = racers.map(|racer| scope.spawn(racer));
        running.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(lost.iter().sum::<usize>(), 2 * VISITS as usize, "{lost:?}");
    let mut reader = place().reader().unwrap();
    for at in 1..=VISITS {
        let owner = reader.claim_owner(&visit("call-1", at)).unwrap().unwrap();
        for node in [101, 102, 103] {
            let session = SessionId { node, epoch: 1, number: at.into() };
            assert_eq!(reader.all_rows_of(session).unwrap().len(), if session == owner { 2 } else { 0 }, "{session}");
        }
    }
}
