//! Real time and switch time: when may time pass?

use std::time::{Duration, Instant};

use tandem_gateway::core::Pace;
use tandem_words::Timestamp;

use super::Speed;

/// What was lost while time stood still is made up for at once, up to this; a longer pause just makes the run longer.
const MOST_CATCHING_UP: Duration = Duration::from_secs(1);

/// How fast switch time passes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rate {
    Still,
    Times(u32),
    Max,
}

/// Pairs an instant of real time with one of switch time, and reckons from there.
#[derive(Debug)]
pub(super) struct Pacer {
    speed: Speed,
    rate: Rate,
    /// Time does not wait for a host.
    moving: bool,
    real: Instant,
    switch: Timestamp,
}

impl Pacer {
    pub(super) fn new(speed: Speed, real: Instant, switch: Timestamp) -> Self {
        Pacer { speed, rate: Rate::Still, moving: false, real, switch }
    }

    /// To be called whenever the pace may have changed: it is now `pace`, `switch` at `real`.
    pub(super) fn pace(&mut self, pace: Pace, real: Instant, switch: Timestamp) {
        let rate = match (pace, self.speed) {
            // The pair stays: an instant that waited for the host is made up for.
            (Pace::Frozen | Pace::Waiting, _) => {
                self.moving = false;
                return;
            }
            (Pace::Free, _) => Rate::Times(1),
            (Pace::Settled, Speed::Times(times)) => Rate::Times(times),
            (Pace::Settled, Speed::Max) => Rate::Max,
        };
        let late = || self.real_at(switch).is_none_or(|planned| real.saturating_duration_since(planned) > MOST_CATCHING_UP);
        if rate != self.rate || !self.moving && late() {
            *self = Pacer { rate, real, switch, ..*self };
        }
        self.moving = true;
    }

    /// When `switch` may be passed to; none: not by itself.
    pub(super) fn real_at(&self, switch: Timestamp) -> Option<Instant> {
        let ahead_ms = switch.saturating_sub(self.switch);
        match self.rate {
            Rate::Still => None,
            Rate::Max => Some(self.real),
            Rate::Times(times) => self.real.checked_add(Duration::from_micros(ahead_ms.saturating_mul(1_000) / u64::from(times))),
        }
    }

    /// Which switch time it is at `real`, where `now` is the last one passed to and nothing is due between.
    pub(super) fn switch_at(&self, real: Instant, now: Timestamp) -> Timestamp {
        match self.rate {
            Rate::Still | Rate::Max => now,
            Rate::Times(times) => {
                let passed = real.saturating_duration_since(self.real).as_micros().saturating_mul(u128::from(times)) / 1_000;
                self.switch.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)).max(now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_only_adds_waiting() {
        let start = Instant::now();
        for (speed, expected_ms) in [(Speed::Times(1), Some(6_000)), (Speed::Times(60), Some(100)), (Speed::Max, Some(0))] {
            let mut pacer = Pacer::new(speed, start, 1_000);
            assert_eq!(pacer.real_at(7_000), None, "still frozen");
            pacer.pace(Pace::Settled, start, 1_000);
            assert_eq!(pacer.real_at(7_000), expected_ms.map(|ms| start + Duration::from_millis(ms)));
        }
    }

    #[test]
    fn time_runs_at_real_speed_while_nobody_leads_whatever_the_speed() {
        let start = Instant::now();
        for speed in [Speed::Times(60), Speed::Max, Speed::Times(1)] {
            let mut pacer = Pacer::new(speed, start, 0);
            pacer.pace(Pace::Settled, start, 0);
            pacer.pace(Pace::Free, start + Duration::from_millis(100), 6_000);
            assert_eq!(pacer.switch_at(start + Duration::from_millis(350), 6_000), if speed == Speed::Times(1) { 6_000 } else { 6_250 });
        }
    }

    #[test]
    fn waiting_for_the_host_is_made_up_for_within_a_bound() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut pacer = Pacer::new(Speed::Times(1), start, 0);
        pacer.pace(Pace::Settled, start, 0);
        pacer.pace(Pace::Waiting, after(500), 500);
        pacer.pace(Pace::Settled, after(700), 500);
        assert_eq!(pacer.real_at(800), Some(after(800)));
        pacer.pace(Pace::Settled, after(5_000), 800);
        assert_eq!(pacer.real_at(9_000), Some(after(9_000)), "nobody was waited for");
        pacer.pace(Pace::Waiting, after(5_000), 800);
        pacer.pace(Pace::Settled, after(5_000), 800);
        assert_eq!(pacer.real_at(900), Some(after(5_100)));
    }
}
