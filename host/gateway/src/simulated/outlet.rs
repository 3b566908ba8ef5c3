//! What leaves the switch: reports for the core, lines for the record. Every request is answered through here, once.

use std::collections::BTreeMap;

use tandem_words::{EventBody, InteractionId, RequestKey, Timestamp};

use super::call::{Call, CallNumber};
use crate::port::Report;
use crate::record::{Heard, Line};

#[derive(Debug, Default)]
pub(super) struct Outlet {
    pub(super) reports: Vec<Report>,
    pub(super) record: Vec<Line>,
    /// Requests without an answer, and the call that each is open on.
    open: BTreeMap<RequestKey, CallNumber>,
}

impl Outlet {
    /// The request stays open on this call until it is answered.
    pub(super) fn open(&mut self, key: RequestKey, call: CallNumber) {
        self.open.insert(key, call);
    }

    /// On which call a request is open.
    pub(super) fn open_on(&self, key: &RequestKey) -> Option<CallNumber> {
        self.open.get(key).copied()
    }

    /// All of them.
    pub(super) fn all_open(&self) -> impl Iterator<Item = (RequestKey, CallNumber)> {
        self.open.iter().map(|(key, call)| (*key, *call))
    }

    pub(super) fn open_requests(&self) -> usize {
        self.open.len()
    }

    /// The one answer of a request that was opened; it is not open any more.
    pub(super) fn close(&mut self, key: RequestKey, interaction: Option<&InteractionId>, body: EventBody) {
        if self.open.remove(&key).is_some() {
            self.answer(key, interaction, body);
        }
    }

    /// The one answer of a request that was never opened.
    pub(super) fn answer(&mut self, key: RequestKey, interaction: Option<&InteractionId>, body: EventBody) {
        self.reports.push(Report::Event { interaction: interaction.cloned(), visit: None, answers: Some(key), body });
    }

    /// News of a call that answers nothing.
    pub(super) fn tell(&mut self, interaction: &InteractionId, body: EventBody) {
        self.reports.push(Report::Event { interaction: Some(interaction.clone()), visit: None, answers: None, body });
    }

    /// The call is at a routing point, for a strategy to take.
    pub(super) fn tell_added(&mut self, call: &Call) {
        self.reports.push(Report::Event {
            interaction: Some(call.interaction.id.clone()),
            visit: Some(call.visit),
            answers: None,
            body: EventBody::InteractionAdded(call.interaction.clone()),
        });
    }

    /// Tells what has changed for the caller, and for the deadlines of the core.
    pub(super) fn tell_state(&mut self, call: &mut Call, now: Timestamp) {
        let interaction = &call.interaction.id;
        let heard = call.heard();
        if heard != call.told.heard {
            call.told.silent_since = (heard == Some(Heard::Silence)).then_some(now);
            call.told.heard.clone_from(&heard);
            if let Some(heard) = heard {
                self.record.push(Line::Hears { at: now, interaction: interaction.clone(), heard });
            }
        }
        let condition = call.condition(call.told.silent_since);
        if condition != call.told.condition {
            call.told.condition = condition;
            self.reports.extend(condition.map(|condition| Report::Condition { interaction: interaction.clone(), condition }));
        }
    }
}
