//! How long a lease may be acted on.

/// A holder's view of its lease. Times are milliseconds of the boot-time clock, which counts suspends, so that an
/// instance that slept knows that it did (design, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    timeout_ms: u64,
    renewed_at_ms: u64,
}

impl Tenure {
    /// A lease taken by a transaction that began at this time.
    pub fn taken(timeout_ms: u64, began_at_ms: u64) -> Self {
        Tenure { timeout_ms, renewed_at_ms: began_at_ms }
    }

    /// A transaction that renewed the lease was acknowledged; it began at this time.
    pub fn renewed(&mut self, began_at_ms: u64) {
        self.renewed_at_ms = self.renewed_at_ms.max(began_at_ms);
    }

    /// Whether the holder may commit and send: it stops at two thirds of the timeout, before anybody else may begin.
    pub fn may_act(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.renewed_at_ms) < self.timeout_ms.saturating_mul(2) / 3
    }

    /// Whether it is time to renew: a quarter of the timeout has passed.
    pub fn wants_renewal(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.renewed_at_ms) >= self.timeout_ms / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_stops_at_two_thirds_and_renews_at_a_quarter() {
        let mut tenure = Tenure::taken(1_200, 10_000);
        assert!(tenure.may_act(10_799) && !tenure.may_act(10_800));
        assert!(!tenure.wants_renewal(10_299) && tenure.wants_renewal(10_300));
        tenure.renewed(10_500);
        assert!(tenure.may_act(11_299) && !tenure.may_act(11_300));
    }

    #[test]
    fn an_instance_that_slept_knows_that_it_may_not_act() {
        let tenure = Tenure::taken(1_000, 5_000);
        assert!(!tenure.may_act(5_000 + 3_600_000) && tenure.wants_renewal(5_000 + 3_600_000));
        assert!(tenure.may_act(4_000), "a transaction that began before it was told of");
    }

    #[test]
    fn a_renewal_that_was_answered_late_does_not_turn_the_clock_back() {
        let mut tenure = Tenure::taken(900, 1_000);
        tenure.renewed(500);
        assert!(tenure.may_act(1_599));
    }
}
