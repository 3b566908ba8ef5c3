//! Agents on duty, from who served: whoever was with a caller in an hour was there for that hour.

use std::collections::{BTreeMap, BTreeSet};

use super::HOUR_MS;
use super::row::{Course, Row};

/// An hour, and who was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourOnDuty {
    /// Begin of the hour, UTC milliseconds.
    pub from_ms: u64,
    /// Each agent who served in it, with the service types they served in it.
    pub agents: BTreeMap<String, BTreeSet<String>>,
}

/// An agent, and when they were there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentOnDuty {
    /// As in the trace.
    pub name: String,
    /// All service types they served in the selection.
    pub service_types: BTreeSet<String>,
    /// (from, to) in UTC milliseconds, in order, apart from each other.
    pub times: Vec<(u64, u64)>,
}

/// Hours that overlap the selection, but for those in which nobody served. Rows of other hours count where their service
/// reaches in.
pub(super) fn hours(rows: &[Row], from_ms: u64, to_ms: u64) -> Vec<HourOnDuty> {
    let selected = from_ms / HOUR_MS..to_ms.div_ceil(HOUR_MS);
    let mut hours: BTreeMap<u64, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for row in rows {
        let (Course::Served { queue_ms, service_ms }, Some(agent)) = (row.course, &row.agent) else { continue };
        let answered_at_ms = row.arrive_at_ms + row.vru_ms + queue_ms;
        let last_ms = answered_at_ms + service_ms.saturating_sub(1);
        for hour in (answered_at_ms / HOUR_MS..=last_ms / HOUR_MS).filter(|hour| selected.contains(hour)) {
            let agents = hours.entry(hour).or_default();
            agents.entry(agent.clone()).or_default().insert(row.service_type.clone());
        }
    }
    hours.into_iter().map(|(hour, agents)| HourOnDuty { from_ms: hour * HOUR_MS, agents }).collect()
}

pub(super) fn by_agent(hours: &[HourOnDuty]) -> Vec<AgentOnDuty> {
    let mut found: BTreeMap<&str, AgentOnDuty> = BTreeMap::new();
    for hour in hours {
        let to_ms = hour.from_ms + HOUR_MS;
        for (name, service_types) in &hour.agents {
            let agent =
                found.entry(name).or_insert_with(|| AgentOnDuty { name: name.clone(), service_types: BTreeSet::new(), times: Vec::new() });
            agent.service_types.extend(service_types.iter().cloned());
            match agent.times.last_mut() {
                Some((_, until_ms)) if *until_ms == hour.from_ms => *until_ms = to_ms,
                _ => agent.times.push((hour.from_ms, to_ms)),
            }
        }
    }
    found.into_values().collect()
}
