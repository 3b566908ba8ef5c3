//! An instance that is not primary, and when it becomes one.
//!
//! The node's lock tells of a holder's death, the lease of its hang. Times are milliseconds of the candidate's own boot-time
//! clock, which counts suspends.

use tandem_words::{Bug, Epoch, InstanceName, planted};

/// Who the candidate is, and how the pair is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandidateOptions {
    /// Its name.
    pub instance: InstanceName,
    /// `lease.timeout`, ms.
    pub timeout_ms: u64,
    /// The letter that shall lead when both start; none: whoever comes first.
    pub preferred: Option<char>,
    /// What is done with a holder that hangs.
    pub fencing: Fencing,
}

/// What is done with a holder that hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    /// It is killed. Then the lock comes free, and nothing of it can come late: also no transaction that it holds open.
    Kill,
    /// Nothing: the lease is taken beside it, and the epoch alone keeps it from acting. For tests.
    EpochOnly,
}

/// A lease as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSeen {
    /// Its epoch.
    pub epoch: Epoch,
    /// One more with each renewal.
    pub counter: u64,
    /// Whether its holder gave it back.
    pub released: bool,
    /// Who took it.
    pub holder: InstanceName,
    /// Whom the holder named when it gave it back.
    pub heir: Option<InstanceName>,
}

/// What one look at lease and lock showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observation {
    /// The lease; none: the node never had one.
    pub lease: Option<LeaseSeen>,
    /// Stands for the process that took the lock last, as the lock's file says; 0: unknown. Another value is a sign of life:
    /// somebody has just taken the lock, and is about to take the lease.
    pub locked_by: u64,
    /// Counted up in the lock's file by another process that has the lock and moves, but cannot write to the store: the disk is
    /// full. A holder that hangs counts nothing up. What the candidate itself has written there is left out (0).
    pub beat: u64,
}

/// The lock, as the candidate has it or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LockSeen {
    /// Somebody else has it, or nobody asked for it.
    #[default]
    NotMine,
    /// This candidate has it.
    Mine {
        /// Whether the process that took the lease lives, and is another one than this. Then the lock's file was removed
        /// while it led (or it is just ending), and the lock says nothing: the lease decides.
        holder_lives: bool,
    },
}

/// What a candidate wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Nothing; ask again.
    Watch,
    /// Take the lease.
    Lead,
    /// Kill the process that holds the lock or, where the candidate has that, the lease of this epoch (0: there is none).
    Kill {
        /// The lease's epoch.
        epoch: Epoch,
    },
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Candidate {
    options: CandidateOptions,
    /// Before that, the other one is let go first.
    not_before_ms: u64,
    seen: Option<Seen>,
    lock: LockSeen,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    what: Observation,
    /// When the last look at it ended.
    until_ms: u64,
    /// For how long it stood unchanged, counted carefully.
    unchanged_ms: u64,
}

impl Candidate {
    /// One whose process has just started. Where the other one is preferred, it is given one timeout to come first.
    pub fn starting(options: CandidateOptions, now_ms: u64) -> Self {
        let other_first = options.preferred.is_some_and(|letter| letter != options.instance.letter);
        let wait_ms = if other_first { options.timeout_ms } else { 0 };
        Candidate { options, not_before_ms: now_ms.saturating_add(wait_ms), seen: None, lock: LockSeen::NotMine }
    }

    /// One that was primary. That it gave the role to an heir, the lease tells it.
    pub fn again(options: CandidateOptions) -> Self {
        Candidate { options, not_before_ms: 0, seen: None, lock: LockSeen::NotMine }
    }

    /// It looked at lease and lock; the look began and ended then. To be done sixteen times a timeout or so: a gap
    /// between two looks counts for half of it at most.
    pub fn saw(&mut self, what: Observation, began_ms: u64, ended_ms: u64) {
        let unchanged_ms = match self.seen {
            // The time between two looks counts from the end of the one to the beginning of the other, and for half of the
            // timeout at most: a candidate that slept must not take a holder that slept beside it for one that hangs.
            Some(seen) if seen.what == what => seen.unchanged_ms + began_ms.saturating_sub(seen.until_ms).min(self.options.timeout_ms / 2),
            _ => 0,
        };
        self.seen = Some(Seen { what, until_ms: ended_ms, unchanged_ms });
        // Its clock may have jumped back.
        self.not_before_ms = self.not_before_ms.min(ended_ms.saturating_add(self.options.timeout_ms));
    }

    /// Whether it has the lock, as it stands now.
    pub fn lock(&mut self, lock: LockSeen) {
        let lost = std::mem::replace(&mut self.lock, lock) != LockSeen::NotMine && lock == LockSeen::NotMine;
        if let Some(seen) = self.seen.as_mut().filter(|_| lost && self.options.fencing == Fencing::Kill) {
            // What stood unchanged while it had the lock itself says nothing of who has it now.
            seen.unchanged_ms = 0;
        }
    }

    /// The epoch that stands, as last seen; 0: none.
    pub fn epoch(&self) -> Epoch {
        self.seen.and_then(|seen| seen.what.lease).map_or(0, |lease| lease.epoch)
    }

    /// Whether it may wait for the lock: not before it has looked at the lease, not while a preferred one may still come, and
    /// not while the heir of a released lease may.
    pub fn wants_lock(&self, now_ms: u64) -> bool {
        let Some(seen) = self.seen else { return false };
        let heir = seen.what.lease.filter(|lease| lease.released).and_then(|lease| lease.heir);
        let is_heir = heir == Some(self.options.instance) && !planted(Bug::HeirWaits);
        let after_heir = heir.is_none() || self.expired();
        is_heir || (after_heir && now_ms >= self.not_before_ms)
    }

    /// What is to be done now. After `Kill` it waits one timeout before it says so again.
    pub fn decide(&mut self, now_ms: u64) -> Move {
        if !self.wants_lock(now_ms) {
            return Move::Watch;
        }
        let lease = self.seen.and_then(|seen| seen.what.lease);
        let free = lease.is_none_or(|lease| lease.released);
        let leads = match (self.options.fencing, self.lock) {
            (Fencing::Kill, LockSeen::NotMine) => false,
            (Fencing::Kill, LockSeen::Mine { holder_lives }) => !holder_lives || free,
            // Beside a holder that sleeps somebody may lead without the lock, so the lock says nothing.
            (Fencing::EpochOnly, lock) => self.expired() || (free && lock != LockSeen::NotMine),
        };
        if leads {
            return Move::Lead;
        }
        if self.options.fencing == Fencing::EpochOnly || !self.expired() {
            return Move::Watch;
        }
        if let Some(seen) = &mut self.seen {
            seen.unchanged_ms = 0;
        }
        Move::Kill { epoch: lease.map_or(0, |lease| lease.epoch) }
    }

    fn expired(&self) -> bool {
        self.seen.is_some_and(|seen| seen.unchanged_ms >= self.options.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: InstanceName = InstanceName { node: 101, letter: 'a' };
    const B: InstanceName = InstanceName { node: 101, letter: 'b' };
    const MINE: LockSeen = LockSeen::Mine { holder_lives: false };

    fn options() -> CandidateOptions {
        CandidateOptions { instance: B, timeout_ms: 1_000, preferred: None, fencing: Fencing::Kill }
    }

    fn lease(counter: u64) -> LeaseSeen {
        LeaseSeen { epoch: 4, counter, released: false, holder: A, heir: None }
    }

    fn held(counter: u64) -> Observation {
        Observation { lease: Some(lease(counter)), locked_by: 1, beat: 0 }
    }

    fn released(heir: Option<InstanceName>) -> Observation {
        Observation { lease: Some(LeaseSeen { released: true, heir, ..lease(9) }), locked_by: 1, beat: 0 }
    }

    /// Looks each quarter of the timeout; what it said, with the time.
    fn looks(candidate: &mut Candidate, times: std::ops::RangeInclusive<u64>, what: Observation) -> Vec<(u64, Move)> {
        let mut moves = Vec::new();
        for at in times.step_by(250) {
            candidate.saw(what, at, at);
            match candidate.decide(at) {
                Move::Watch => {}
                other => moves.push((at, other)),
            }
        }
        moves
    }

    #[test]
    fn the_lock_of_a_dead_holder_is_enough() {
        let mut candidate = Candidate::starting(options(), 0);
        assert!(!candidate.wants_lock(0), "it has not looked at the lease");
        candidate.saw(held(1), 0, 1);
        assert!(candidate.wants_lock(1));
        assert_eq!(candidate.decide(1), Move::Watch);
        candidate.lock(MINE);
        assert_eq!(candidate.decide(2), Move::Lead);
    }

    #[test]
    fn a_lease_that_stood_for_the_timeout_has_its_holder_killed_once_a_timeout() {
        let mut candidate = Candidate::starting(options(), 0);
        assert_eq!(looks(&mut candidate, 0..=3_000, held(7)), [1_000, 2_000, 3_000].map(|at| (at, Move::Kill { epoch: 4 })));
        candidate.lock(MINE);
        assert_eq!(candidate.decide(3_010), Move::Lead);
    }

    #[test]
    fn a_renewal_and_a_new_owner_of_the_lock_are_signs_of_life() {
        let mut candidate = Candidate::starting(options(), 0);
        assert_eq!(looks(&mut candidate, 0..=750, held(7)), []);
        assert_eq!(looks(&mut candidate, 1_000..=1_750, held(8)), []);
        assert_eq!(looks(&mut candidate, 2_000..=2_750, Observation { locked_by: 2, ..held(8) }), []);
    }

    #[test]
    fn one_that_cannot_renew_and_shows_that_it_moves_is_left_alone_until_it_stops_moving() {
        let mut candidate = Candidate::starting(options(), 0);
        for beat in 0..=40 {
            let at = beat * 250;
            assert_eq!(looks(&mut candidate, at..=at, Observation { beat, ..held(7) }), [], "at {at} ms");
        }
        let hangs = Observation { beat: 40, ..held(7) };
        assert_eq!(looks(&mut candidate, 10_250..=11_000, hangs), [(11_000, Move::Kill { epoch: 4 })]);
    }

    #[test]
    fn whoever_takes_a_lock_that_was_lost_is_not_killed_for_what_stood_before() {
        let mut candidate = Candidate::starting(options(), 0);
        candidate.lock(MINE);
        // It finds no room for its lease, for long; then the lock's file is removed, and the other one is faster.
        assert!(looks(&mut candidate, 0..=9_000, held(7)).iter().all(|(_, what)| *what == Move::Lead));
        candidate.lock(LockSeen::NotMine);
        assert_eq!(candidate.decide(9_001), Move::Watch);
        let other = Observation { locked_by: 2, ..held(7) };
        assert_eq!(looks(&mut candidate, 9_250..=10_250, other), [(10_250, Move::Kill { epoch: 4 })], "one that hangs is");
    }

    #[test]
    fn an_heir_that_finds_no_room_for_its_lease_is_waited_for_as_long_as_it_moves() {
        let mut former = Candidate::again(CandidateOptions { instance: A, ..options() });
        for beat in 0..=40 {
            former.saw(Observation { beat, ..released(Some(B)) }, beat * 250, beat * 250);
            assert!(!former.wants_lock(beat * 250));
        }
    }

    #[test]
    fn one_that_slept_looks_again_before_it_kills() {
        let mut candidate = Candidate::starting(options(), 0);
        candidate.saw(held(7), 0, 0);
        candidate.saw(held(7), 3_600_000, 3_600_000);
        assert_eq!(candidate.decide(3_600_000), Move::Watch);
        candidate.saw(held(7), 3_600_250, 3_600_250);
        assert_eq!(candidate.decide(3_600_250), Move::Watch);
        candidate.saw(held(7), 3_600_500, 3_600_500);
        assert_eq!(candidate.decide(3_600_500), Move::Kill { epoch: 4 });
    }

    #[test]
    fn the_time_a_look_takes_does_not_count() {
        let mut candidate = Candidate::starting(options(), 0);
        for at in (0..=20_000).step_by(500) {
            candidate.saw(held(7), at, at + 499);
            assert_eq!(candidate.decide(at + 499), Move::Watch, "after {at} ms");
        }
    }

    #[test]
    fn the_one_that_is_not_preferred_waits_one_timeout_at_its_start_only() {
        let options = CandidateOptions { preferred: Some('a'), ..options() };
        let mut candidate = Candidate::starting(options, 5_000);
        candidate.saw(Observation::default(), 5_000, 5_000);
        assert!(!candidate.wants_lock(5_999) && candidate.wants_lock(6_000));
        let mut jumps = Candidate::starting(options, 3_600_000);
        jumps.saw(Observation::default(), 5_000, 5_000);
        assert!(!jumps.wants_lock(5_999) && jumps.wants_lock(6_000), "its clock jumped back");
        let mut again = Candidate::again(options);
        again.saw(held(1), 5_000, 5_000);
        assert!(again.wants_lock(5_000));
        let mut preferred = Candidate::starting(CandidateOptions { preferred: Some('b'), ..options }, 5_000);
        preferred.saw(Observation::default(), 5_000, 5_000);
        assert!(preferred.wants_lock(5_000));
    }

    #[test]
    fn the_heir_comes_first_and_whoever_named_it_waits_for_the_epoch_or_the_timeout() {
        let mut heir = Candidate::starting(CandidateOptions { preferred: Some('a'), ..options() }, 0);
        heir.saw(released(Some(B)), 0, 0);
        assert!(heir.wants_lock(0), "an heir waits for nobody, were the other one preferred");
        let mut former = Candidate::again(CandidateOptions { instance: A, ..options() });
        former.lock(MINE);
        assert_eq!(looks(&mut former, 0..=750, released(Some(B))), []);
        assert!(!former.wants_lock(750));
        former.saw(held(1), 800, 800);
        assert!(former.wants_lock(800), "the epoch has moved on");
        let mut former = Candidate::again(CandidateOptions { instance: A, ..options() });
        former.lock(MINE);
        assert_eq!(looks(&mut former, 0..=1_000, released(Some(B))), [(1_000, Move::Lead)]);
    }

    #[test]
    fn a_lock_whose_file_was_removed_under_a_living_holder_says_nothing() {
        let mut candidate = Candidate::starting(options(), 0);
        candidate.lock(LockSeen::Mine { holder_lives: true });
        assert_eq!(looks(&mut candidate, 0..=0, held(7)), []);
        assert_eq!(looks(&mut candidate, 250..=1_250, held(8)), [(1_250, Move::Kill { epoch: 4 })], "when it hangs, too");
        candidate.saw(released(Some(B)), 1_300, 1_300);
        assert_eq!(candidate.decide(1_300), Move::Lead, "it gave the lease back");
    }

    #[test]
    fn with_the_epoch_alone_the_lease_decides_and_not_the_lock() {
        let options = CandidateOptions { fencing: Fencing::EpochOnly, ..options() };
        let mut beside = Candidate::starting(options, 0);
        for beat in 0..=8 {
            assert_eq!(looks(&mut beside, beat * 250..=beat * 250, Observation { beat, ..held(7) }), [], "it moves");
        }
        let mut candidate = Candidate::starting(options, 0);
        candidate.lock(MINE);
        assert_eq!(looks(&mut candidate, 0..=750, held(7)), []);
        candidate.lock(LockSeen::NotMine);
        candidate.saw(held(7), 1_000, 1_000);
        assert_eq!(candidate.decide(1_000), Move::Lead);
        let mut candidate = Candidate::starting(options, 0);
        candidate.lock(MINE);
        candidate.saw(released(None), 0, 0);
        assert_eq!(candidate.decide(0), Move::Lead);
    }
}
