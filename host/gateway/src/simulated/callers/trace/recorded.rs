//! What the trace recorded, to draw from where a row did not.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;

use super::super::chance::one_of;
use super::row::{Course, Row};
use super::{DEFAULT_PATIENCE_MS, DEFAULT_SERVICE_MS};

/// Recorded times in ms, ascending, by service type and of all.
#[derive(Debug, Default)]
struct Times {
    by_type: BTreeMap<String, Vec<u64>>,
    all: Vec<u64>,
}

impl Times {
    fn of<'a>(rows: &'a [Row], time: impl Fn(&'a Row) -> Option<u64>) -> Self {
        let mut times = Self::default();
        for (row, time_ms) in rows.iter().filter_map(|row| Some((row, time(row)?))) {
            times.by_type.entry(row.service_type.clone()).or_default().push(time_ms);
            times.all.push(time_ms);
        }
        times.by_type.values_mut().chain([&mut times.all]).for_each(|times| times.sort_unstable());
        times
    }

    /// One above `over_ms`, of the type if there is such, else of any type.
    fn draw(&self, chance: &mut ChaCha8Rng, service_type: &str, over_ms: Option<u64>) -> Option<u64> {
        let above = |times: &Vec<u64>, chance: &mut ChaCha8Rng| {
            let begin = over_ms.map_or(0, |over_ms| times.partition_point(|time_ms| *time_ms <= over_ms));
            one_of(chance, times.get(begin..).unwrap_or_default())
        };
        let of_type = self.by_type.get(service_type).and_then(|times| above(times, chance));
        of_type.or_else(|| above(&self.all, chance))
    }
}

pub(super) struct Recorded {
    patience: Times,
    service: Times,
}

impl Recorded {
    pub(super) fn of(rows: &[Row]) -> Self {
        let patience = Times::of(rows, |row| match row.course {
            Course::HungUpInQueue { queue_ms } => Some(queue_ms),
            _ => None,
        });
        let service = Times::of(rows, |row| match row.course {
            Course::Served { service_ms, .. } => Some(service_ms),
            _ => None,
        });
        Self { patience, service }
    }

    /// The patience of a caller who is known to have waited `over_ms`.
    pub(super) fn patience_ms(&self, chance: &mut ChaCha8Rng, service_type: &str, over_ms: u64) -> u64 {
        let drawn = self.patience.draw(chance, service_type, Some(over_ms));
        drawn.unwrap_or(over_ms.saturating_add(DEFAULT_PATIENCE_MS))
    }

    pub(super) fn service_ms(&self, chance: &mut ChaCha8Rng, service_type: &str) -> u64 {
        self.service.draw(chance, service_type, None).unwrap_or(DEFAULT_SERVICE_MS)
    }
}
