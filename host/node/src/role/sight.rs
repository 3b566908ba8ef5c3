//! A primary that does not see its switch hands over to a backup that does (design, section 5).

/// What a primary knows of both sights of the switch. Times are milliseconds of the boot-time clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    timeout_ms: u64,
    /// Since when both has held: this one is blind, and the other is not.
    blind_since_ms: Option<u64>,
}

impl Sight {
    /// Of a primary with this `lease.timeout`.
    pub fn new(timeout_ms: u64) -> Self {
        Sight { timeout_ms, blind_since_ms: None }
    }

    /// How it stands: whether this instance has the gateway's welcome, and whether the other says that it has. Returns whether
    /// to hand over: that has been so for the timeout.
    pub fn look(&mut self, reaches: bool, other_reaches: bool, now_ms: u64) -> bool {
        if reaches || !other_reaches {
            self.blind_since_ms = None;
            return false;
        }
        // A clock that jumped back begins again.
        let since_ms = *self.blind_since_ms.insert(self.blind_since_ms.map_or(now_ms, |since_ms| since_ms.min(now_ms)));
        now_ms.saturating_sub(since_ms) >= self.timeout_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_is_blind_for_the_timeout_beside_one_that_sees_hands_over() {
        let mut sight = Sight::new(1_000);
        assert!(!sight.look(false, true, 0) && !sight.look(false, true, 999) && sight.look(false, true, 1_000));
        assert!(!sight.look(true, true, 1_100), "it sees again");
        assert!(!sight.look(false, true, 1_200) && !sight.look(false, true, 2_199));
        assert!(!sight.look(false, false, 2_300), "the gateway is gone for both: nobody could do better");
        assert!(!sight.look(false, true, 9_000) && sight.look(false, true, 10_000));
        let mut sight = Sight::new(1_000);
        assert!(!sight.look(false, true, 3_600_000) && !sight.look(false, true, 100) && sight.look(false, true, 1_100), "its clock jumped");
    }
}
