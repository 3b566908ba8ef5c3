//! Time limits of one call of a guest: CPU time of the thread and time that passes.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A guest was stopped because of its time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it had used {cpu_ms} ms of CPU time ({limit_cpu_ms} allowed, limits.step-cpu) in {wall_ms} ms ({limit_wall_ms} allowed, limits.step-wall); look for a loop without end"
)]
pub(crate) struct OutOfTime {
    cpu_ms: u128,
    wall_ms: u128,
    limit_cpu_ms: u128,
    limit_wall_ms: u128,
}

/// Looked at with every tick of the epoch while a guest runs.
///
/// Time counts from the first tick within the call: nearly all calls end before one, and so never read a clock. A limit is
/// therefore kept to within one tick.
pub(crate) struct Deadline {
    cpu: Duration,
    wall: Duration,
    since: Option<(Duration, Instant)>,
}

impl Deadline {
    pub(crate) fn new((cpu, wall): (Duration, Duration)) -> Self {
        Deadline { cpu, wall, since: None }
    }

    /// A tick has passed.
    pub(crate) fn tick(&mut self) -> Result<(), OutOfTime> {
        let (cpu, now) = (cpu_of_this_thread(), Instant::now());
        let (cpu_then, then) = *self.since.get_or_insert((cpu, now));
        let (cpu, wall) = (cpu.saturating_sub(cpu_then), now.saturating_duration_since(then));
        if cpu < self.cpu && wall < self.wall {
            return Ok(());
        }
        Err(OutOfTime {
            cpu_ms: cpu.as_millis(),
            wall_ms: wall.as_millis(),
            limit_cpu_ms: self.cpu.as_millis(),
            limit_wall_ms: self.wall.as_millis(),
        })
    }
}

fn cpu_of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tick_starts_the_time() {
        let mut deadline = Deadline::new((Duration::ZERO, Duration::from_secs(3_600)));
        assert!(deadline.tick().is_err(), "a limit of nothing is passed at once");
        let mut deadline = Deadline::new((Duration::from_secs(3_600), Duration::from_secs(3_600)));
        assert_eq!(deadline.tick(), Ok(()));
        assert_eq!(deadline.tick(), Ok(()));
        assert!(deadline.since.is_some());
    }

    #[test]
    fn cpu_time_counts_work_and_not_waiting() {
        let before = cpu_of_this_thread();
        std::thread::sleep(Duration::from_millis(300));
        assert!(cpu_of_this_thread() - before < Duration::from_millis(200));
        let mut deadline = Deadline::new((Duration::from_millis(20), Duration::from_secs(3_600)));
        let mut turns = 0_u64;
        while deadline.tick().is_ok() {
            turns += 1;
        }
        assert!(turns > 1);
    }
}
