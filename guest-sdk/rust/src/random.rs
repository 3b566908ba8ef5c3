//! Random numbers that a replay repeats.

use std::cell::Cell;

/// Random numbers seeded from the event (SplitMix64). Every event reseeds them, so that a session restored from a snapshot
/// draws the same numbers as one that was never away. Not for secrets.
#[derive(Debug, Default)]
pub struct Random(Cell<u64>);

impl Random {
    /// Starts from this seed.
    pub fn reseed(&self, seed: u64) {
        self.0.set(seed);
    }

    /// All 64 bits.
    pub fn next_u64(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound` - 1; 0 where `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        // The high half of the product: even enough, and no division.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// One of these; none of an empty slice.
    pub fn pick<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_within_bounds() {
        let (a, b) = (Random::default(), Random::default());
        a.reseed(42);
        b.reseed(42);
        let drawn: Vec<u64> = (0..1000).map(|_| a.below(6)).collect();
        assert_eq!(drawn, (0..1000).map(|_| b.below(6)).collect::<Vec<_>>());
        assert!((0..6).all(|face| drawn.iter().filter(|d| **d == face).count() > 100), "{drawn:?}");
        assert_eq!((a.below(0), a.pick::<u8>(&[])), (0, None));
    }
}
