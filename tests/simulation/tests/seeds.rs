//! The simulation itself: it repeats, it covers, and what it finds nothing in are the product's own rules.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use tandem_simulation::{Components, Coverage, Finding, World, compare, is_compared};
use tandem_test_guests::guest;

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

fn with_components(seed: u64, component: &[u8]) -> Option<Finding> {
    let components = Components::load(component).unwrap();
    compare(&World::play(seed, true), &World::play_with_components(seed, &components))
}

#[test]
fn a_seed_goes_the_same_way_with_components() {
    assert_eq!((is_compared(50), is_compared(51)), (true, false), "every fiftieth");
    assert_eq!(with_components(50, guest("simulated").unwrap().wasm), None);
}

#[test]
fn a_component_that_does_something_else_is_found() {
    // What is asked of the switch, and what is remembered.
    for (text, other) in [("goodbye", "goodbyf"), ("times-fired", "times-fireD")] {
        let wrong = replaced(guest("simulated").unwrap().wasm, text, other);
        let finding = with_components(50, &wrong).unwrap();
        assert_eq!(finding.checker, "components");
        assert!(finding.what.contains(other), "{}", finding.what);
    }
}

fn replaced(component: &[u8], text: &str, other: &str) -> Vec<u8> {
    let mut bytes = component.to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(text.as_bytes())).collect();
    assert!(!places.is_empty(), "the component has no text {text:?}");
    places.into_iter().for_each(|at| bytes[at..at + text.len()].copy_from_slice(other.as_bytes()));
    bytes
}
