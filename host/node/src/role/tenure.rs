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

    /// A transaction that renewed the lease was acknowledged; it began at this time. The last one counts: they are made one after
    /// the other, so one that began earlier than the one before began on a clock that jumped back.
    pub fn renewed(&mut self, began_at_ms: u64) {
        self.renewed_at_ms = began_at_ms;
    }

    /// Whether the holder may send: it stops at two thirds of the timeout, before anybody else may begin.
    pub fn may_act(&self, now_ms: u64) -> bool {
        self.age_ms(now_ms).is_some_and(|age_ms| age_ms < self.timeout_ms.saturating_mul(2) / 3)
    }

    /// Whether it is time to renew: a quarter of the timeout has passed.
    pub fn wants_renewal(&self, now_ms: u64) -> bool {
        self.age_ms(now_ms).is_none_or(|age_ms| age_ms >= self.timeout_ms / 4)
    }

    /// None: the clock jumped back, and nobody knows.
    fn age_ms(&self, now_ms: u64) -> Option<u64> {
        now_ms.checked_sub(self.renewed_at_ms)
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
    }

    #[test]
    fn one_whose_clock_jumped_back_renews_before_it_acts() {
        let mut tenure = Tenure::taken(900, 3_600_000);
        assert!(!tenure.may_act(1_000) && tenure.wants_renewal(1_000));
        tenure.renewed(1_000);
        assert!(tenure.may_act(1_599) && !tenure.may_act(1_600));
    }
}
