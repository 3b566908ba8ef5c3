//! How long to wait before a connection is tried again.

use std::time::Duration;

/// The first pause; doubled each time up to [`LONGEST`]. A gateway that restarts is met soon, one that is down, or refuses this
/// instance, is not hammered.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// A connection that lived so long was a good one. One that ends sooner was refused, or broke the protocol at once.
const GOOD_AFTER: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub struct Pauses {
    next: Duration,
    /// What has been told of this outage last: the same once more says nothing new.
    told: String,
}

impl Default for Pauses {
    fn default() -> Self {
        Pauses { next: FIRST, told: String::new() }
    }
}

impl Pauses {
    /// A connection ended, or could not be made (it lived for no time), for this reason. How long to wait, and whether the
    /// reason is worth a word.
    pub fn after(&mut self, lived: Duration, why: &str) -> (Duration, bool) {
        if lived >= GOOD_AFTER {
            *self = Pauses::default();
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        let news = self.told != why;
        why.clone_into(&mut self.told);
        (pause, news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_closes_at_once_is_not_hammered() {
        let mut pauses = Pauses::default();
        let waits: Vec<_> = (0..7).map(|_| pauses.after(Duration::from_millis(3), "closed").0.as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1_000, 1_000]);
    }

    #[test]
    fn after_a_good_connection_the_first_pause_is_short_and_told_of_and_so_is_another_reason() {
        let mut pauses = Pauses::default();
        assert!(pauses.after(Duration::ZERO, "refused").1);
        assert!(!pauses.after(Duration::ZERO, "refused").1);
        assert!(pauses.after(Duration::ZERO, "not a frame").1);
        assert_eq!(pauses.after(Duration::from_secs(60), "not a frame"), (FIRST, true));
    }
}
