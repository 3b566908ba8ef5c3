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
    /// Whether this outage has been told of: what follows says nothing new.
    told: bool,
}

impl Default for Pauses {
    fn default() -> Self {
        Pauses { next: FIRST, told: false }
    }
}

impl Pauses {
    /// A connection ended, or could not be made (it lived for no time). How long to wait, and whether it is worth a word.
    pub fn after(&mut self, lived: Duration) -> (Duration, bool) {
        if lived >= GOOD_AFTER {
            *self = Pauses::default();
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        (pause, !std::mem::replace(&mut self.told, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_closes_at_once_is_not_hammered() {
        let mut pauses = Pauses::default();
        let waits: Vec<_> = (0..7).map(|_| pauses.after(Duration::from_millis(3)).0.as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1_000, 1_000]);
    }

    #[test]
    fn after_a_good_connection_the_first_pause_is_short_and_told_of() {
        let mut pauses = Pauses::default();
        assert!(pauses.after(Duration::ZERO).1);
        assert!(!pauses.after(Duration::ZERO).1);
        assert_eq!(pauses.after(Duration::from_secs(60)), (FIRST, true));
    }
}
