//! Digits being collected: the rules, without the call.
//!
//! The caller can press from the first moment; the first key stops the prompts. It ends by a terminator (which is not
//! among the keys, however few there are), by as many keys as there can be, or in time: with too few keys or none as
//! `no-input`, with enough as `end`.

use tandem_words::{CollectOptions, Digits, StoppedBy, Timestamp};

/// A collect that runs.
#[derive(Debug, Clone)]
pub(super) struct Collect {
    pub(super) keys: String,
    min_digits: usize,
    max_digits: usize,
    terminators: String,
    first_digit_timeout_ms: u64,
    inter_digit_timeout_ms: u64,
}

/// What follows from an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Goes on, at most until then.
    Until(Timestamp),
    /// Is over.
    Over(StoppedBy),
}

impl Collect {
    /// Of these options, with the switch's time-outs where they say 0. The error says what makes no sense in them.
    pub(super) fn new(options: &CollectOptions, first_digit_ms: u64, inter_digit_ms: u64) -> Result<Self, &'static str> {
        if options.max_digits == 0 {
            return Err("max-digits is 0; it must be 1 or more");
        }
        if options.max_digits < options.min_digits {
            return Err("max-digits is below min-digits");
        }
        let or = |timeout_ms: u32, default_ms| if timeout_ms == 0 { default_ms } else { u64::from(timeout_ms) };
        Ok(Collect {
            keys: String::new(),
            min_digits: usize::from(options.min_digits),
            max_digits: usize::from(options.max_digits),
            terminators: options.terminators.clone(),
            first_digit_timeout_ms: or(options.first_digit_timeout_ms, first_digit_ms),
            inter_digit_timeout_ms: or(options.inter_digit_timeout_ms, inter_digit_ms),
        })
    }

    /// Begins, with prompts of this length and the keys that were pressed ahead; those it does not take stay there.
    pub(super) fn begin(&mut self, now: Timestamp, prompts_ms: u64, type_ahead: &mut String) -> Progress {
        let mut progress = Progress::Until(now.saturating_add(prompts_ms).saturating_add(self.first_digit_timeout_ms));
        while let (Progress::Until(_), Some(key)) = (progress, type_ahead.chars().next()) {
            type_ahead.remove(0);
            progress = self.press(now, key);
        }
        progress
    }

    pub(super) fn press(&mut self, now: Timestamp, key: char) -> Progress {
        if self.terminators.contains(key) {
            return Progress::Over(StoppedBy::Terminator);
        }
        self.keys.push(key);
        if self.keys.len() >= self.max_digits {
            Progress::Over(StoppedBy::MaxDigits)
        } else {
            Progress::Until(now.saturating_add(self.inter_digit_timeout_ms))
        }
    }

    pub(super) fn timed_out(&self) -> StoppedBy {
        if self.keys.is_empty() || self.keys.len() < self.min_digits { StoppedBy::NoInput } else { StoppedBy::End }
    }

    pub(super) fn digits(self, stopped_by: StoppedBy) -> Digits {
        Digits { keys: self.keys, stopped_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(min_digits: u8, max_digits: u8) -> CollectOptions {
        CollectOptions {
            prompts: Vec::new(),
            min_digits,
            max_digits,
            terminators: "#".into(),
            first_digit_timeout_ms: 0,
            inter_digit_timeout_ms: 700,
            flush: false,
            sensitive: false,
        }
    }

    /// What becomes of a collect whose keys were all pressed ahead.
    fn check(min_digits: u8, max_digits: u8, pressed: &str, keys: &str, expected: StoppedBy, left: &str) {
        let mut collect = Collect::new(&options(min_digits, max_digits), 5_000, 3_000).unwrap();
        let mut type_ahead = pressed.to_owned();
        let stopped_by = match collect.begin(0, 0, &mut type_ahead) {
            Progress::Over(stopped_by) => stopped_by,
            Progress::Until(_) => collect.timed_out(),
        };
        let digits = collect.digits(stopped_by);
        assert_eq!((digits.keys.as_str(), digits.stopped_by, type_ahead.as_str()), (keys, expected, left), "{pressed:?}");
    }

    #[test]
    fn what_ends_a_collect() {
        check(1, 3, "", "", StoppedBy::NoInput, "");
        check(0, 3, "", "", StoppedBy::NoInput, "");
        check(2, 3, "1", "1", StoppedBy::NoInput, "");
        check(1, 3, "1", "1", StoppedBy::End, "");
        check(1, 3, "123", "123", StoppedBy::MaxDigits, "");
        check(1, 3, "12345", "123", StoppedBy::MaxDigits, "45");
        check(2, 3, "1#2", "1", StoppedBy::Terminator, "2");
        check(1, 3, "#", "", StoppedBy::Terminator, "");
    }

    #[test]
    fn time_runs_from_the_end_of_the_prompts_and_then_from_key_to_key() {
        let mut collect = Collect::new(&options(1, 3), 5_000, 3_000).unwrap();
        assert_eq!(collect.begin(100, 2_000, &mut String::new()), Progress::Until(7_100));
        assert_eq!(collect.press(500, '1'), Progress::Until(1_200), "the prompts are over");
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        assert!(Collect::new(&options(0, 0), 1, 1).is_err());
        assert!(Collect::new(&options(3, 2), 1, 1).is_err());
    }
}
