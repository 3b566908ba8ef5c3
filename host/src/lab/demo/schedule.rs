//! What befalls a pair, in which order.

use rand::{Rng, RngExt, seq::SliceRandom};

use super::Blow;

/// One switchover in so many is followed by a kill of the instance that has just taken over (P8).
const AGAIN_ONE_IN: u32 = 8;

/// A blow, and what is drawn with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) blow: Blow,
    /// How often the instance that has just taken over is killed in turn.
    pub(super) again: u32,
}

/// So many of these blows: every second one a kill, where that is among them; of the others none comes again before each has come.
/// The first one that moves the role is struck again, so that no run is without it.
pub(super) fn schedule(chance: &mut impl Rng, blows: &[Blow], count: u32) -> Vec<Planned> {
    let others: Vec<Blow> = blows.iter().copied().filter(|blow| *blow != Blow::Kill || blows.len() == 1).collect();
    let (mut round, mut planned, mut struck_again) = (Vec::new(), Vec::new(), false);
    for place in 0..count {
        let blow = if place % 2 == 0 && blows.contains(&Blow::Kill) {
            Blow::Kill
        } else {
            if round.is_empty() {
                round.clone_from(&others);
                round.shuffle(chance);
            }
            round.pop().unwrap_or_default()
        };
        let mut again = 0;
        if blow.moves_role() {
            while chance.random_ratio(1, AGAIN_ONE_IN) {
                again += 1;
            }
            again = again.max(u32::from(!struck_again));
            struck_again = true;
        }
        planned.push(Planned { blow, again });
    }
    planned
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn drawn(seed: u64, blows: &[Blow], count: u32) -> Vec<Planned> {
        schedule(&mut ChaCha8Rng::seed_from_u64(seed), blows, count)
    }

    #[test]
    fn twelve_blows_are_enough_for_each_kind_and_every_second_one_is_a_kill() {
        for seed in 0..100 {
            let planned = drawn(seed, Blow::value_variants(), 12);
            assert_eq!(planned, drawn(seed, Blow::value_variants(), 12), "the same for a seed");
            for blow in Blow::value_variants() {
                assert!(planned.iter().any(|planned| planned.blow == *blow), "{blow:?} is not in {planned:?}");
            }
            assert!(planned.iter().step_by(2).all(|planned| planned.blow == Blow::Kill) && planned[0].again > 0, "{planned:?}");
        }
    }

    #[test]
    fn only_the_blows_that_were_asked_for_come() {
        assert!(drawn(1, &[Blow::Kill], 5).iter().all(|planned| planned.blow == Blow::Kill));
        assert!(drawn(1, &[Blow::Hang, Blow::Gateway], 4).iter().filter(|planned| planned.blow == Blow::Hang).count() == 2);
        assert!(drawn(1, &[Blow::Gateway], 3).iter().all(|planned| planned.again == 0), "nobody takes over");
    }
}
