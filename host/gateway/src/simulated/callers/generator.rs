//! Made-up callers: Poisson arrivals, exponential patience and talk, digits by distribution.

use rand::RngExt;

use super::chance::{Drawn, caller_seed, chance, exponential, exponential_ms, weighted};
use super::plan::{After, Answer, CallerPlan, Digits};

/// Callers of one run. 10,000,000: a year of a large centre; each costs some 500 B once it is planned.
pub const MAX_CALLERS: u32 = 10_000_000;

/// Answers drawn ahead; a caller who meets more collects begins again with the first.
const DRAWN_ANSWERS: usize = 8;

/// How the callers of a run come about.
#[derive(Debug, Clone, PartialEq)]
pub struct Generator {
    /// Of the run.
    pub seed: u64,
    /// Switch time at which callers begin to arrive, UTC milliseconds.
    pub starts_at_ms: u64,
    /// For so long.
    pub duration_ms: u64,
    /// Mean rate of arrival.
    pub calls_per_hour: f64,
    /// What is dialled, at least one.
    pub dialled: Vec<Dialled>,
    /// Mean of the exponential patience in a queue.
    pub mean_patience_ms: u64,
    /// Mean of the exponential talk time.
    pub mean_service_ms: u64,
    /// Shortest and longest time to the first key, uniform between.
    pub reaction_ms: (u64, u64),
    /// Of a hundred callers so many hang up in the menu if they are still there …
    pub vru_hang_up_percent: u32,
    /// … after an exponential time of this mean.
    pub mean_vru_hang_up_ms: u64,
}

/// A routing point and those who call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialled {
    /// Number of the routing point.
    pub number: String,
    /// Share of the callers, relative to the other weights.
    pub weight: u32,
    /// Of these callers' plans.
    pub service_type: String,
    /// Of these callers' plans.
    pub priority: i32,
    /// Of these callers' plans.
    pub credit_ms: u32,
    /// What these callers press, drawn anew for each collect; empty: nothing ever.
    pub presses: Vec<Choice>,
    /// Of these callers' plans.
    pub at_prompts: bool,
}

/// Keys pressed at a collect, valid or not, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Empty: no input.
    pub keys: String,
    /// Relative to the other weights.
    pub weight: u32,
}

/// What makes a generator useless.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GeneratorError {
    /// No caller could dial anything.
    #[error("no routing point is dialled: list at least one with a weight above 0")]
    NothingDialled,
    /// Not a rate.
    #[error("{0} calls per hour is not a rate: it must be a number above 0")]
    BadRate(f64),
    /// More than [`MAX_CALLERS`].
    #[error("about {expected:.0} callers are asked for, the limit is {MAX_CALLERS}: lower the rate or the duration")]
    TooMany {
        /// Rate times duration.
        expected: f64,
    },
    /// The shortest reaction is longer than the longest.
    #[error("the reaction time runs from {0} to {1} ms: the second must not be below the first")]
    BadReaction(u64, u64),
}

impl Default for Generator {
    /// An hour of 200 callers to `8000`, most of whom press 1.
    fn default() -> Self {
        let presses = [("1", 60), ("2", 20), ("0", 10), ("7", 5), ("", 5)];
        let presses = presses.map(|(keys, weight)| Choice { keys: keys.to_owned(), weight }).to_vec();
        Self {
            seed: 1,
            starts_at_ms: 0,
            duration_ms: 3_600_000,
            calls_per_hour: 200.0,
            dialled: vec![Dialled::new("8000", presses)],
            mean_patience_ms: 120_000,
            mean_service_ms: 180_000,
            reaction_ms: (500, 3_000),
            vru_hang_up_percent: 3,
            mean_vru_hang_up_ms: 10_000,
        }
    }
}

impl Dialled {
    /// Weight 1, an ordinary caller without service type.
    pub fn new(number: impl Into<String>, presses: Vec<Choice>) -> Self {
        Self { number: number.into(), weight: 1, service_type: String::new(), priority: 0, credit_ms: 0, presses, at_prompts: false }
    }
}

impl Generator {
    /// The callers, in order of arrival.
    pub fn callers(&self) -> Result<impl Iterator<Item = CallerPlan> + '_, GeneratorError> {
        if self.dialled.iter().all(|dialled| dialled.weight == 0) {
            return Err(GeneratorError::NothingDialled);
        }
        if !(self.calls_per_hour.is_finite() && self.calls_per_hour > 0.0) {
            return Err(GeneratorError::BadRate(self.calls_per_hour));
        }
        let expected = self.calls_per_hour * self.duration_ms as f64 / 3_600_000.0;
        if expected > f64::from(MAX_CALLERS) {
            return Err(GeneratorError::TooMany { expected });
        }
        if self.reaction_ms.0 > self.reaction_ms.1 {
            return Err(GeneratorError::BadReaction(self.reaction_ms.0, self.reaction_ms.1));
        }
        let mean_gap_ms = 3_600_000.0 / self.calls_per_hour;
        let arrivals = (1..=MAX_CALLERS).scan(0.0, move |after_ms, number| {
            let seed = caller_seed(self.seed, number);
            *after_ms += exponential(&mut chance(seed, Drawn::Gap), mean_gap_ms);
            Some((number, seed, *after_ms as u64))
        });
        let in_time = arrivals.take_while(|(.., after_ms)| *after_ms < self.duration_ms);
        Ok(in_time.filter_map(|(number, seed, after_ms)| self.caller(number, seed, after_ms)))
    }

    /// Never none: a weight above 0 was seen.
    fn caller(&self, number: u32, seed: u64, after_ms: u64) -> Option<CallerPlan> {
        let dialled = weighted(&mut chance(seed, Drawn::Dialled), &self.dialled, |dialled| dialled.weight)?;
        let mut hang_up = chance(seed, Drawn::HangUp);
        let hangs_up = hang_up.random_range(0..100) < self.vru_hang_up_percent;
        Some(CallerPlan {
            number,
            arrive_at_ms: self.starts_at_ms.saturating_add(after_ms),
            calling: format!("555{:07}", chance(seed, Drawn::Calling).random_range(0..10_000_000)),
            dials: dialled.number.clone(),
            patience_ms: exponential_ms(&mut chance(seed, Drawn::Patience), self.mean_patience_ms),
            hangs_up_at_ms: hangs_up.then(|| exponential_ms(&mut hang_up, self.mean_vru_hang_up_ms)),
            digits: self.digits(seed, dialled),
            service_ms: exponential_ms(&mut chance(seed, Drawn::Service), self.mean_service_ms),
            priority: dialled.priority,
            credit_ms: dialled.credit_ms,
            service_type: dialled.service_type.clone(),
            seed,
        })
    }

    fn digits(&self, seed: u64, dialled: &Dialled) -> Digits {
        let mut chance = chance(seed, Drawn::Digits);
        let answers = (0..DRAWN_ANSWERS).map_while(|_| {
            let choice = weighted(&mut chance, &dialled.presses, |choice| choice.weight)?;
            Some(Answer::new(choice.keys.clone(), chance.random_range(self.reaction_ms.0..=self.reaction_ms.1)))
        });
        Digits { answers: answers.collect(), after: After::Repeat, at_prompts: dialled.at_prompts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers(generator: &Generator) -> Vec<CallerPlan> {
        generator.callers().unwrap().collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_callers_and_another_seed_others() {
        let generator = Generator::default();
        assert_eq!(callers(&generator), callers(&generator));
        assert_ne!(callers(&generator), callers(&Generator { seed: 2, ..generator.clone() }));
    }

    #[test]
    fn a_caller_does_not_depend_on_how_many_others_call() {
        let generator = Generator::default();
        let few = callers(&generator);
        let many = callers(&Generator { calls_per_hour: 2_000.0, starts_at_ms: 77, ..generator });
        assert!(many.len() > few.len() * 5);
        for (few, many) in few.iter().zip(many) {
            assert_eq!(*few, CallerPlan { arrive_at_ms: few.arrive_at_ms, ..many });
        }
    }

    #[test]
    fn callers_are_numbered_from_1_in_order_of_arrival_and_in_time() {
        let generator = Generator { starts_at_ms: 1_000, ..Generator::default() };
        let callers = callers(&generator);
        assert!(callers.iter().map(|caller| caller.number).eq(1..=callers.len() as u32));
        assert!(callers.is_sorted_by_key(|caller| caller.arrive_at_ms));
        assert!(callers.iter().all(|caller| (1_000..3_601_000).contains(&caller.arrive_at_ms)));
    }

    #[test]
    fn means_and_shares_are_those_asked_for() {
        let second = Dialled { weight: 3, service_type: "IN".into(), ..Dialled::new("8001", Vec::new()) };
        let generator = Generator { duration_ms: 100 * 3_600_000, ..Generator::default() };
        let generator = Generator { dialled: vec![generator.dialled[0].clone(), second], ..generator };
        let callers = callers(&generator);
        let count = callers.len() as f64;
        let mean = |value: &dyn Fn(&CallerPlan) -> f64| callers.iter().map(value).sum::<f64>() / count;
        // 20,000 callers: 4 standard errors are 0.028 of an exponential's mean and of a Poisson count, 0.012 of a
        // share of one quarter, and 0.005 of one of 3 %.
        assert!((count / 20_000.0 - 1.0).abs() < 0.028, "{count}");
        assert!((mean(&|caller| caller.patience_ms as f64) / 120_000.0 - 1.0).abs() < 0.028);
        assert!((mean(&|caller| caller.service_ms as f64) / 180_000.0 - 1.0).abs() < 0.028);
        assert!((mean(&|caller| f64::from(caller.dials == "8001")) - 0.75).abs() < 0.013);
        assert!((mean(&|caller| f64::from(caller.hangs_up_at_ms.is_some())) - 0.03).abs() < 0.005);
        // Pressed at 5,000 × 8 collects: 4 standard errors of 60 % are 0.01.
        let pressed: Vec<_> = callers.iter().filter(|caller| caller.dials == "8000").collect();
        let answers = || pressed.iter().flat_map(|caller| &caller.digits.answers);
        let ones = answers().filter(|answer| answer.keys == "1").count() as f64;
        assert!((ones / answers().count() as f64 - 0.6).abs() < 0.01);
        assert!(answers().all(|answer| (500..=3_000).contains(&answer.delay_ms)));
        assert!(callers.iter().all(|caller| caller.dials == "8000" || caller.digits.at_collect(1).is_none()));
    }

    #[test]
    fn useless_settings_are_refused_by_name() {
        let with = |change: fn(&mut Generator)| {
            let mut generator = Generator::default();
            change(&mut generator);
            generator.callers().err().unwrap().to_string()
        };
        assert!(with(|generator| generator.dialled.clear()).contains("routing point"));
        assert!(with(|generator| generator.calls_per_hour = f64::NAN).contains("NaN calls per hour"));
        assert!(with(|generator| generator.calls_per_hour = 0.0).contains("0 calls per hour"));
        assert!(with(|generator| generator.calls_per_hour = 1e9).contains("limit is 10000000"));
        assert!(with(|generator| generator.reaction_ms = (2, 1)).contains("from 2 to 1 ms"));
    }
}
