//! What the oracle found, for programs (JSON) and for people (text).

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::json;

use crate::finding::{Finding, Findings, Kind};

/// Counts that say what the run was, not what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Calls that arrived.
    pub calls: u64,
    /// Sessions in the journal.
    pub sessions: u64,
    /// Steps in the journal.
    pub steps: u64,
    /// Calls that reached a target.
    pub routed: u64,
    /// Calls that their strategy ended without one.
    pub self_served: u64,
    /// Calls that hung up before either.
    pub abandoned: u64,
    /// Calls that were sent to the default route: the next two included.
    pub default_routed: u64,
    /// Of these, calls whose session was over (finished, failed) or asked for it.
    pub default_routed_by_strategy: u64,
    /// Of these, calls at a routing point at which no call ever had a session.
    pub default_routed_undeployed: u64,
    /// Events of the switch.
    pub events: u64,
    /// Of these, events that need not be in the journal: their session was over, or their call never had one.
    pub events_ignored: u64,
    /// Of these, answers that came when their session was over, and stand in the journal as such.
    pub late_events: u64,
    /// Of these, events that the switch could no longer tell and of which the session heard `gap`.
    pub events_in_gaps: u64,
    /// Of these, events after the last primary was gone for good.
    pub events_unheard: u64,
    /// Of these, events of sessions that are not persisted: whether they were heard stands nowhere.
    pub events_unwritten: u64,
    /// What happened while the gateway was dead; not among the events.
    pub events_missed: u64,
    /// How often a gateway began again that had lost its memory.
    pub gateway_restarts: u64,
    /// Of the sessions, those that are not persisted.
    pub not_persisted: u64,
    /// How often one of them was started again.
    pub restarted: u64,
    /// Requests as received.
    pub requests: u64,
    /// Of these, requests seen before.
    pub deduplicated: u64,
    /// Of these, requests of an epoch that no longer led.
    pub fenced: u64,
    /// Of these, requests on calls that were over or on their default route.
    pub gone: u64,
    /// Requests of which a new primary, or one with a new connection, asked what became of them, and that the gateway had received.
    pub requests_found: u64,
    /// The same, and it had not: they are sent then, unless it has lost its memory.
    pub requests_not_found: u64,
    /// Sessions that failed.
    pub failed_sessions: u64,
    /// Losses of a primary.
    pub faults: u64,
    /// The longest time from such a loss to the next primary, switch time.
    pub longest_fault_ms: u64,
    /// The comparison with the run without faults, where there was one.
    #[serde(flatten)]
    pub compared: Option<Compared>,
}

/// Of the comparison with the run without faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Callers compared.
    pub compared: u64,
    /// Of these, callers whose wait crossed a fault.
    pub fault_crossed: u64,
    /// Of those, callers whose call came out otherwise.
    pub differing_fault_crossed: u64,
    /// Of the callers whose call came out otherwise, those whose session was started again: they may hear an announcement twice.
    pub differing_restarted: u64,
    /// Callers behind such a call in the same busy period whose call came out otherwise.
    pub differing_behind: u64,
}

/// The oracle's word.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the run was.
    pub facts: Facts,
    pub(crate) findings: Findings,
    /// Of the run without faults, where its journal was given.
    pub twin: Option<Box<Report>>,
}

impl Report {
    pub(crate) fn new(facts: Facts, findings: Findings) -> Self {
        Report { facts, findings, twin: None }
    }

    /// How often this is wrong.
    pub fn count(&self, kind: Kind) -> u64 {
        self.findings.count(kind)
    }

    /// The first findings of a kind.
    pub fn findings(&self, kind: Kind) -> &[Finding] {
        self.findings.listed(kind)
    }

    /// What is wrong, and how often.
    pub fn wrong(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL.iter().map(|kind| (*kind, self.count(*kind))).filter(|(_, count)| *count > 0)
    }

    /// Nothing is wrong, and `calls = routed + self_served + abandoned + default_routed`.
    pub fn is_clean(&self) -> bool {
        self.wrong().next().is_none() && self.adds_up()
    }

    fn adds_up(&self) -> bool {
        let Facts { calls, routed, self_served, abandoned, default_routed, .. } = self.facts;
        calls == routed + self_served + abandoned + default_routed
    }
}

/// One flat object: facts, counts of what is wrong, `clean`, and the `findings` by kind; `twin`: the same of the other run.
impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = serde_json::to_value(&self.facts).map_err(serde::ser::Error::custom)?;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("clean", &self.is_clean())?;
        for (key, value) in facts.as_object().into_iter().flatten() {
            map.serialize_entry(key, value)?;
        }
        for kind in Kind::ALL {
            map.serialize_entry(kind.name(), &self.count(*kind))?;
        }
        let listed = self.wrong().map(|(kind, _)| (kind.name().to_owned(), json!(self.findings(kind))));
        map.serialize_entry("findings", &listed.collect::<serde_json::Map<_, _>>())?;
        if let Some(twin) = &self.twin {
            map.serialize_entry("twin", twin)?;
        }
        map.end()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = &self.facts;
        writeln!(
            f,
            "{} calls = {} routed + {} self-served + {} abandoned + {} default-routed{}",
            facts.calls,
            facts.routed,
            facts.self_served,
            facts.abandoned,
            facts.default_routed,
            if self.adds_up() { "" } else { "   DOES NOT ADD UP" },
        )?;
        if facts.default_routed_by_strategy + facts.default_routed_undeployed > 0 {
            let (by_strategy, undeployed) = (facts.default_routed_by_strategy, facts.default_routed_undeployed);
            writeln!(f, "  of the last, {by_strategy} left to it by their strategy and {undeployed} at numbers without one")?;
        }
        writeln!(
            f,
            "{} sessions ({} failed), {} steps, {} losses of a primary, for {} ms at most",
            facts.sessions, facts.failed_sessions, facts.steps, facts.faults, facts.longest_fault_ms
        )?;
        writeln!(
            f,
            "{} events: {} rightly ignored, {} late answers, {} told as a gap, {} with nobody left to hear",
            facts.events, facts.events_ignored, facts.late_events, facts.events_in_gaps, facts.events_unheard,
        )?;
        if facts.not_persisted > 0 {
            let Facts { not_persisted, restarted, events_unwritten, .. } = facts;
            writeln!(f, "{not_persisted} sessions are not persisted, with {events_unwritten} events; started again: {restarted} times")?;
        }
        if facts.gateway_restarts > 0 {
            let Facts { gateway_restarts, events_missed, .. } = facts;
            writeln!(f, "{gateway_restarts} times a gateway lost its memory; {events_missed} events happened while none was there")?;
        }
        writeln!(
            f,
            "{} requests: {} deduplicated, {} fenced, {} for calls that were gone; asked about at takeovers {} that had been received, {} that had not",
            facts.requests, facts.deduplicated, facts.fenced, facts.gone, facts.requests_found, facts.requests_not_found
        )?;
        if let Some(compared) = &facts.compared {
            writeln!(
                f,
                "{} callers compared with the run without faults: {} crossed a fault, {} of them came out otherwise; so did {} behind them, \
                 and {} whose session was started again",
                compared.compared,
                compared.fault_crossed,
                compared.differing_fault_crossed,
                compared.differing_behind,
                compared.differing_restarted,
            )?;
        }
        for kind in Kind::ALL {
            let count = self.count(*kind);
            writeln!(f, "  {:<5} {:>6}  {}", if count == 0 { "ok" } else { "WRONG" }, count, kind.name())?;
        }
        for (kind, count) in self.wrong() {
            let listed = self.findings(kind);
            writeln!(f, "\n{} ({count}): {}", kind.name(), kind.meaning().trim())?;
            listed.iter().try_for_each(|finding| writeln!(f, "  - {finding}"))?;
            let more = count.saturating_sub(listed.len() as u64);
            if more > 0 {
                writeln!(f, "  - and {more} more")?;
            }
        }
        Ok(())
    }
}
