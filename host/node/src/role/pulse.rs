//! Whether every thread of a primary still moves. A lease that is renewed by a thread which nobody watches says nothing about
//! the others (design, section 5).

use std::collections::BTreeMap;

use tandem_words::{Bug, planted};

/// The threads of a primary, by name. Each ticks at least each eighth of the lease's timeout, also when it has nothing to do.
#[derive(Debug, Clone)]
pub struct Pulse {
    timeout_ms: u64,
    looked_at_ms: u64,
    tickers: BTreeMap<String, Ticker>,
}

#[derive(Debug, Clone, Copy)]
struct Ticker {
    ticks: u64,
    silent_ms: u64,
}

impl Pulse {
    /// Nobody ticks yet. Time is that of the boot-time clock.
    pub fn new(timeout_ms: u64, now_ms: u64) -> Self {
        Pulse { timeout_ms, looked_at_ms: now_ms, tickers: BTreeMap::new() }
    }

    /// One look: how often each of them has ticked in all. A name that is new is watched from now on, one that is missing no
    /// longer. To be done each eighth of the timeout.
    ///
    /// The time since the last look counts for a quarter of the timeout at most: when the whole process was stopped, the
    /// threads are given the time to show that they go on. A clock that jumped back counts nothing, once.
    pub fn look<'n>(&mut self, now_ms: u64, ticks: impl IntoIterator<Item = (&'n str, u64)>) {
        let passed_ms = now_ms.saturating_sub(self.looked_at_ms).min(self.timeout_ms / 4);
        self.looked_at_ms = now_ms;
        let mut before = std::mem::take(&mut self.tickers);
        for (name, ticks) in ticks {
            let silent_ms = match before.remove(name) {
                Some(ticker) if ticker.ticks == ticks => ticker.silent_ms + passed_ms,
                _ => 0,
            };
            self.tickers.insert(name.to_owned(), Ticker { ticks, silent_ms });
        }
    }

    /// Whether the lease may be renewed, and with it anything committed: nobody has been silent for half of the timeout.
    pub fn may_renew(&self) -> bool {
        planted(Bug::LeaseRenewedUnwatched) || self.silent_for(self.timeout_ms / 2).is_none()
    }

    /// Who has been silent for the timeout: it hangs, and the process must end.
    pub fn stuck(&self) -> Option<&str> {
        self.silent_for(self.timeout_ms)
    }

    fn silent_for(&self, ms: u64) -> Option<&str> {
        self.tickers.iter().find(|(_, ticker)| ticker.silent_ms >= ms).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_thread_stops_the_renewals_first_and_then_the_process() {
        let mut pulse = Pulse::new(1_000, 0);
        for round in 0..=8 {
            pulse.look(round * 125, [("committer", round), ("worker-0", 7), ("worker-1", round)]);
            assert_eq!(pulse.may_renew(), round < 4, "round {round}");
            assert_eq!(pulse.stuck(), (round == 8).then_some("worker-0"), "round {round}");
        }
        pulse.look(1_125, [("committer", 9), ("worker-0", 8), ("worker-1", 9)]);
        assert!(pulse.may_renew() && pulse.stuck().is_none());
    }

    #[test]
    fn threads_of_a_process_that_was_stopped_are_not_stuck() {
        let mut pulse = Pulse::new(1_000, 0);
        pulse.look(0, [("node", 1)]);
        pulse.look(3_600_000, [("node", 1)]);
        assert!(pulse.may_renew() && pulse.stuck().is_none());
        pulse.look(3_600_125, [("node", 2)]);
        assert!(pulse.may_renew());
    }

    #[test]
    fn a_clock_that_jumped_back_hides_no_stuck_thread() {
        let mut pulse = Pulse::new(1_000, 3_600_000);
        for round in 0..=9 {
            pulse.look(round * 125, [("worker-0", 7)]);
        }
        assert!(!pulse.may_renew() && pulse.stuck() == Some("worker-0"));
    }

    #[test]
    fn a_thread_that_ended_is_not_watched_any_more() {
        let mut pulse = Pulse::new(1_000, 0);
        for at in [0, 250, 500] {
            pulse.look(at, [("reader", 1)]);
        }
        assert!(!pulse.may_renew());
        pulse.look(750, []);
        assert!(pulse.may_renew());
    }
}
