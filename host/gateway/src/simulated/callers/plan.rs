//! What one caller will do.

/// One caller, from arrival to the end of the talk. Times are UTC milliseconds of switch time, durations milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerPlan {
    /// From 1, in order of arrival.
    pub number: u32,
    /// When the call reaches the switch.
    pub arrive_at_ms: u64,
    /// The caller's own number.
    pub calling: String,
    /// The routing point called.
    pub dials: String,
    /// How long the caller waits in a queue, ringing included, before hanging up there.
    pub patience_ms: u64,
    /// Hangs up so long after arrival, if no strategy has begun to route the call by then; none: bears any menu.
    pub hangs_up_at_ms: Option<u64>,
    /// What is pressed when the strategy collects digits.
    pub digits: Digits,
    /// Talk time with whoever answers.
    pub service_ms: u64,
    /// The caller's class, higher is more important: for user data. Whether a route's priority follows is the strategy's affair.
    pub priority: i32,
    /// Head start in the queue that this class of caller has.
    pub credit_ms: u32,
    /// What the call is about; empty: not said.
    pub service_type: String,
    /// Of everything else that may have to be drawn for this caller.
    pub seed: u64,
}

/// What a caller presses, collect by collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits {
    /// At the first collect, the second …
    pub answers: Vec<Answer>,
    /// At the collects after those.
    pub after: After,
    /// Announcements that a key interrupts count as collects: for strategies that listen for keys and collect none.
    pub at_prompts: bool,
}

/// What a caller does at collects that no answer is left for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// All answers once more, from the first.
    Repeat,
    /// Presses nothing.
    Silence,
}

/// What is pressed at one collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// In order, `0` to `9`, `*` and `#`, valid choices or not; empty: no input.
    pub keys: String,
    /// From the beginning of the collect, its prompts included, to the first key.
    pub delay_ms: u64,
    /// From key to key.
    pub between_ms: u64,
}

/// A practised finger; below every sensible inter-digit time-out.
const BETWEEN_KEYS_MS: u64 = 300;

impl Answer {
    /// These keys after this delay, 300 ms apart.
    pub fn new(keys: impl Into<String>, delay_ms: u64) -> Self {
        Self { keys: keys.into(), delay_ms, between_ms: BETWEEN_KEYS_MS }
    }
}

impl Digits {
    /// Never presses anything.
    pub fn silence() -> Self {
        Self { answers: Vec::new(), after: After::Silence, at_prompts: false }
    }

    /// What the caller presses at the `k`-th collect of the call, counted from 1; none: nothing.
    pub fn at_collect(&self, k: u32) -> Option<&Answer> {
        let index = usize::try_from(k).ok()?.checked_sub(1)?;
        let index = match self.after {
            After::Repeat => index.checked_rem(self.answers.len())?,
            After::Silence => index,
        };
        self.answers.get(index).filter(|answer| !answer.keys.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_by_collect_and_then_repeat_or_stop() {
        let keys = |after, of: &[&str]| {
            let digits = Digits { answers: of.iter().map(|keys| Answer::new(*keys, 0)).collect(), after, at_prompts: false };
            let pressed = |k| digits.at_collect(k).map_or("-".to_owned(), |answer| answer.keys.clone());
            (0..=5).map(pressed).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(keys(After::Repeat, &["9", "", "12#"]), "- 9 - 12# 9 -");
        assert_eq!(keys(After::Silence, &["9", "", "12#"]), "- 9 - 12# - -");
        assert_eq!(keys(After::Repeat, &[]), "- - - - - -");
        assert_eq!(Digits::silence().at_collect(1), None);
    }
}
