//! Two instances, one store, clocks that agree on nothing but their pace; they sleep, die, come back, and hand over, and
//! now and then its disk is full.

use proptest::{collection::vec, prelude::*};
use tandem_words::InstanceName;

use super::{Candidate, CandidateOptions, Fencing, LeaseSeen, LockSeen, Move, Observation, Tenure};

const TIMEOUT_MS: u64 = 1_000;
const TICK_MS: u64 = 25;

#[derive(Debug, Clone)]
enum Fault {
    Sleep { who: usize, ms: u64 },
    Die { who: usize },
    HandOver,
    Full { ms: u64 },
}

enum Role {
    /// Until then.
    Dead(u64),
    Candidate(Candidate),
    Primary {
        epoch: u64,
        tenure: Tenure,
    },
}

struct Instance {
    name: InstanceName,
    clock_ahead_ms: u64,
    asleep_until: u64,
    looks_at: u64,
    role: Role,
}

struct World {
    fencing: Fencing,
    now: u64,
    lease: Option<LeaseSeen>,
    lock: Option<usize>,
    /// Counts who has had the lock.
    locked_by: u64,
    /// Who has counted it up last, and when.
    beat: (u64, usize, u64),
    full_until: u64,
    instances: [Instance; 2],
    /// Who must be next, while it is awake and alive.
    heir: Option<usize>,
}

impl World {
    fn new(fencing: Fencing, ahead: [u64; 2], preferred: Option<char>) -> Self {
        let instance = |letter, clock_ahead_ms| {
            let name = InstanceName { node: 101, letter };
            let options = CandidateOptions { instance: name, timeout_ms: TIMEOUT_MS, preferred, fencing };
            Instance {
                name,
                clock_ahead_ms,
                asleep_until: 0,
                looks_at: 0,
                role: Role::Candidate(Candidate::starting(options, clock_ahead_ms)),
            }
        };
        let instances = [instance('a', ahead[0]), instance('b', ahead[1])];
        World { fencing, now: 0, lease: None, lock: None, locked_by: 0, beat: (0, 0, 0), full_until: 0, instances, heir: None }
    }

    fn options(&self, who: usize) -> CandidateOptions {
        CandidateOptions { instance: self.instances[who].name, timeout_ms: TIMEOUT_MS, preferred: None, fencing: self.fencing }
    }

    fn awake(&self, who: usize) -> bool {
        self.instances[who].asleep_until <= self.now && !matches!(self.instances[who].role, Role::Dead(_))
    }

    fn let_go(&mut self, who: usize) {
        self.lock = self.lock.filter(|holder| *holder != who);
    }

    fn dies(&mut self, who: usize) {
        self.instances[who].role = Role::Dead(self.now + 700);
        self.instances[who].asleep_until = 0;
        self.let_go(who);
        self.heir = None;
    }

    fn suffers(&mut self, fault: &Fault) {
        match *fault {
            Fault::Sleep { who, ms } => {
                self.instances[who].asleep_until = self.now + ms;
                self.heir = None;
            }
            Fault::Full { ms } => {
                self.full_until = self.now + ms;
                self.heir = None;
            }
            Fault::Die { who } => self.dies(who),
            Fault::HandOver => {
                let leads = |who: &usize| self.lease.is_some_and(|lease| self.acts_under(*who) == Some(lease.epoch));
                let Some(who) = (0..2).filter(|who| self.awake(*who) && self.has_room()).find(leads) else { return };
                let heir = 1 - who;
                if let Some(lease) = self.lease.as_mut() {
                    (lease.released, lease.heir) = (true, Some(self.instances[heir].name));
                }
                self.let_go(who);
                self.heir = self.awake(heir).then_some(heir);
                self.instances[who].role = Role::Candidate(Candidate::again(self.options(who)));
            }
        }
    }

    fn has_room(&self) -> bool {
        self.full_until <= self.now
    }

    /// It could not write, and shows that it moves, where it has the lock.
    fn beats(&mut self, who: usize) {
        if self.lock == Some(who) {
            self.beat = (self.beat.0 + 1, who, self.now);
        }
    }

    fn acts_under(&self, who: usize) -> Option<u64> {
        match &self.instances[who].role {
            Role::Primary { epoch, tenure } if tenure.may_act(self.now + self.instances[who].clock_ahead_ms) => Some(*epoch),
            _ => None,
        }
    }

    fn tick(&mut self) {
        self.now += TICK_MS;
        for who in 0..2 {
            if let Role::Dead(until) = self.instances[who].role
                && until <= self.now
            {
                let options = self.options(who);
                let ahead = self.instances[who].clock_ahead_ms;
                self.instances[who].role = Role::Candidate(Candidate::starting(options, self.now + ahead));
            }
            if self.awake(who) {
                self.runs(who);
            }
        }
        // One that sleeps does not act; on its own clock it may not, either, once another one leads.
        let acting: Vec<_> = (0..2).filter_map(|who| self.acts_under(who)).collect();
        assert!(acting.len() < 2, "both may act at {}: {acting:?}", self.now);
    }

    fn runs(&mut self, who: usize) {
        let own_now = self.now + self.instances[who].clock_ahead_ms;
        let (lease, seen) = (
            self.lease,
            Observation { lease: self.lease, locked_by: self.locked_by, beat: if self.beat.1 == who { 0 } else { self.beat.0 } },
        );
        let has_room = self.has_room();
        let instance = &mut self.instances[who];
        match &mut instance.role {
            Role::Dead(_) => {}
            Role::Primary { epoch, tenure } if lease.is_some_and(|lease| lease.epoch == *epoch) => {
                if tenure.wants_renewal(own_now) && !has_room {
                    self.beats(who);
                } else if tenure.wants_renewal(own_now) {
                    tenure.renewed(own_now);
                    self.lease = lease.map(|lease| LeaseSeen { counter: lease.counter + 1, ..lease });
                }
            }
            Role::Primary { .. } => {
                self.let_go(who);
                self.instances[who].role = Role::Candidate(Candidate::again(self.options(who)));
            }
            Role::Candidate(candidate) => {
                if instance.looks_at <= self.now {
                    candidate.saw(seen, own_now, own_now);
                    instance.looks_at = self.now + TIMEOUT_MS / 4;
                }
                if self.lock.is_none() && candidate.wants_lock(own_now) {
                    self.lock = Some(who);
                    self.locked_by += 1;
                }
                candidate.lock(if self.lock == Some(who) { LockSeen::Mine { holder_lives: false } } else { LockSeen::NotMine });
                let moved = candidate.decide(own_now);
                self.moves(who, moved);
            }
        }
    }

    fn moves(&mut self, who: usize, moved: Move) {
        match moved {
            Move::Watch => {}
            Move::Kill { .. } => {
                assert_eq!(self.fencing, Fencing::Kill);
                if self.lock == Some(1 - who) {
                    let (_, by, at) = self.beat;
                    assert!(by == who || at + TIMEOUT_MS <= self.now, "killed at {} though it showed at {at} that it moves", self.now);
                    self.dies(1 - who);
                }
            }
            Move::Lead if !self.has_room() => {
                self.beats(who);
                // It looks again before it tries again: the holder may have renewed as soon as there was room.
                self.instances[who].looks_at = self.now + TICK_MS;
            }
            Move::Lead => {
                assert!(self.heir.is_none_or(|heir| heir == who), "the heir was overtaken at {}", self.now);
                self.heir = None;
                let epoch = self.lease.map_or(0, |lease| lease.epoch) + 1;
                self.lease = Some(LeaseSeen { epoch, counter: 0, released: false, holder: self.instances[who].name, heir: None });
                let began = self.now + self.instances[who].clock_ahead_ms;
                self.instances[who].role = Role::Primary { epoch, tenure: Tenure::taken(TIMEOUT_MS, began) };
            }
        }
    }

    fn runs_for(&mut self, ms: u64) {
        for _ in 0..ms / TICK_MS {
            self.tick();
        }
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (0..2_usize, 100..5_000_u64).prop_map(|(who, ms)| Fault::Sleep { who, ms }),
        (0..2_usize).prop_map(|who| Fault::Die { who }),
        Just(Fault::HandOver),
        (100..8_000_u64).prop_map(|ms| Fault::Full { ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_two_act_and_somebody_always_comes(
        kill in any::<bool>(),
        ahead in any::<[u32; 2]>(),
        preferred in prop_oneof![Just(None), Just(Some('a')), Just(Some('b'))],
        faults in vec((0..3_000_u64, fault()), 0..20),
    ) {
        let fencing = if kill { Fencing::Kill } else { Fencing::EpochOnly };
        let mut world = World::new(fencing, ahead.map(u64::from), preferred);
        for (after_ms, fault) in &faults {
            world.runs_for(*after_ms);
            world.suffers(fault);
        }
        // One may sleep for ever: the other one finds out.
        let sleeper = usize::from(kill);
        world.full_until = 0;
        world.instances[1 - sleeper].asleep_until = 0;
        world.suffers(&Fault::Sleep { who: sleeper, ms: u64::from(u32::MAX) });
        world.runs_for(4 * TIMEOUT_MS);
        prop_assert!((0..2).any(|who| world.awake(who) && world.acts_under(who).is_some()), "nobody leads");
    }
}
