//! Seeded chance: a stream of its own for each caller and, within it, for each thing drawn. So a draw more of one kind
//! moves no other.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is drawn. The numbers are part of every recorded run: never renumber.
#[derive(Debug, Clone, Copy)]
pub(super) enum Drawn {
    Gap = 1,
    Dialled = 2,
    Patience = 3,
    Service = 4,
    Digits = 5,
    HangUp = 6,
    Calling = 7,
}

/// A caller's own seed.
pub(super) fn caller_seed(run_seed: u64, number: u32) -> u64 {
    let mut chance = ChaCha8Rng::seed_from_u64(run_seed);
    chance.set_stream(u64::from(number));
    chance.next_u64()
}

pub(super) fn chance(caller_seed: u64, drawn: Drawn) -> ChaCha8Rng {
    let mut chance = ChaCha8Rng::seed_from_u64(caller_seed);
    chance.set_stream(drawn as u64);
    chance
}

pub(super) fn exponential(chance: &mut ChaCha8Rng, mean: f64) -> f64 {
    // 1 - [0, 1) is never 0.
    -(1.0 - chance.random::<f64>()).ln() * mean
}

pub(super) fn exponential_ms(chance: &mut ChaCha8Rng, mean_ms: u64) -> u64 {
    exponential(chance, mean_ms as f64).round() as u64
}

/// One of these, by weight; none where all weights are 0.
pub(super) fn weighted<'a, T>(chance: &mut ChaCha8Rng, of: &'a [T], weight: impl Fn(&T) -> u32) -> Option<&'a T> {
    let total: u64 = of.iter().map(|one| u64::from(weight(one))).sum();
    if total == 0 {
        return None;
    }
    let mut left = chance.random_range(0..total);
    of.iter().find(|one| {
        let weight = u64::from(weight(one));
        let here = left < weight;
        left = left.saturating_sub(weight);
        here
    })
}

/// One of these; none where there is none.
pub(super) fn one_of(chance: &mut ChaCha8Rng, of: &[u64]) -> Option<u64> {
    if of.is_empty() { None } else { of.get(chance.random_range(0..of.len())).copied() }
}
