//! The simulation itself: it repeats, it covers, and what it finds nothing in are the product's own rules.
#![allow(clippy::unwrap_used, clippy::panic)]

use tandem_simulation::{Coverage, World};

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [1, 52] {
        let (one, again) = (World::play(seed, true), World::play(seed, true));
        assert_eq!(one.trace.hash(), again.trace.hash(), "seed {seed}");
        assert!(one.trace.lines().count() > 1_000);
    }
    assert_ne!(World::play(1, true).trace.hash(), World::play(2, true).trace.hash());
}

#[test]
fn a_seed_is_two_minutes_with_thirty_callers_and_five_faults_and_breaks_no_promise() {
    let mut coverage = Coverage::default();
    for seed in 1..=25 {
        let outcome = World::play(seed, false);
        assert_eq!(outcome.finding, None, "seed {seed}");
        assert!(outcome.simulated_ms >= 120_000 && outcome.leads > 0, "seed {seed}");
        assert!(outcome.coverage.faults() >= 5, "seed {seed}: {:?}", outcome.coverage);
        coverage.add(&outcome.coverage);
    }
    assert!(coverage.faults() > 200);
}

#[cfg(feature = "planted-bugs")]
#[test]
fn a_planted_bug_is_found_by_the_checker_that_is_meant_for_it() {
    use tandem_words::{Bug, plant};
    for (bug, seed, checker) in
        [(Bug::EpochCheckSkipped, 4, "P5"), (Bug::MessageBeforeCommit, 1, "P2"), (Bug::TimersBeforeBacklog, 1, "timers")]
    {
        plant(Some(bug));
        let found = (seed..seed + 50).find_map(|seed| World::play(seed, false).finding);
        plant(None);
        assert_eq!(found.unwrap_or_else(|| panic!("{bug:?} was not found")).checker, checker, "{bug:?}");
    }
}

/// The guest is "simulated" of `tests/guests`.
#[test]
fn strategies_do_the_same_natively_and_as_components() {
    let as_components = World::play_in_wasm(50, true).unwrap();
    assert_eq!(as_components.finding, None);
    assert_eq!(as_components.trace.hash(), World::play(50, true).trace.hash());
    assert!(World::play_in_wasm(51, true).is_none(), "one seed in fifty");
}
