//! Sessions that are not persisted, after their primary has died: they wait, and then start again from the beginning, or are over.

use tandem_journal::{Claim, EndedBy, Ending, Opening, Record};
use tandem_switch_link::{Held, SwitchEvent};
use tandem_synch_link::Change;
use tandem_words::{Bug, ErrorCode, EventBody, Restart, SessionId, SwitchIncarnation, Timestamp, planted};

use crate::{
    Arrival, Finished, Guests, Worker, release,
    slot::{Presence, Slot},
};

impl<G: Guests> Worker<G> {
    /// At the beginning of an epoch: a session that the store has, but not its steps. What comes for it is held until it is
    /// started again ([`Worker::restart`]) or is not ([`Worker::discard`]).
    pub fn await_restart(&mut self, opening: Opening) {
        self.slots.insert(opening.session, Slot::awaiting(opening));
    }

    /// A new incarnation: it hears `session.restarted`, then the events that an earlier one has heard, then what was held.
    pub fn restart(&mut self, id: SessionId, at: Timestamp, restart: Restart, events: Vec<(SwitchIncarnation, SwitchEvent)>) {
        self.advance(at);
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.presence == Presence::Awaiting) else { return };
        let Some(opening) = slot.state.as_deref().map(|state| state.opening().clone()) else { return };
        let incarnation = opening.incarnation.saturating_add(1);
        let started_at = self.now.max(opening.started_at);
        let held = std::mem::take(&mut slot.waiting);
        let partial = restart.partial || slot.partial;
        *slot = Slot::opened(Opening { incarnation, epoch: self.epoch, started_at, ..opening });
        slot.waiting.push_back(Arrival::News(EventBody::SessionRestarted(Restart { partial, ..restart })));
        slot.waiting.extend(events.into_iter().map(|(incarnation, event)| Arrival::Again { incarnation, event }));
        slot.waiting.extend(held);
        if planted(Bug::LiveBeforeKept) {
            slot.waiting.make_contiguous().sort_by_key(|arrival| matches!(arrival, Arrival::Again { .. }));
        }
        self.serve(id);
    }

    /// It is not started again. Of its calls, these take their default route.
    pub fn discard(&mut self, id: SessionId, interactions: Vec<Held>) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.presence == Presence::Awaiting) else { return };
        let Some(state) = slot.state.as_deref_mut() else { return };
        state.end();
        let (incarnation, at) = (state.opening().incarnation, self.now.max(state.at()));
        let ending = Ending { session: id, incarnation, seq: 0, epoch: self.epoch, at, by: EndedBy::NotRestarted };
        let mut finished = Finished::empty(state, None, release::of_discard(state, self.epoch, interactions));
        slot.tell_backup(&mut finished, [Change::Over(id)]);
        slot.hand_out(&mut finished, Record::Ended(ending));
        self.hand_in(id, finished);
        self.bury(id);
    }

    /// Something for a session that waits to be started again. Beyond `max_held` it is lost, and the session will be told so.
    pub(crate) fn hold(&mut self, id: SessionId, arrival: Arrival) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if arrival == Arrival::Terminate {
            let claim = slot.state.as_deref().and_then(|state| state.opening().claim.clone());
            let call = match claim {
                Some(Claim::Visit { interaction, visit, .. }) => Some(Held { id: interaction.into(), visit: Some(visit) }),
                _ => None,
            };
            return self.discard(id, call.into_iter().collect());
        }
        if slot.waiting.len() < self.options.max_held {
            slot.waiting.push_back(arrival);
            return;
        }
        slot.partial = true;
        // Who starts it again after this primary must say so, too: W passes the event when the backup knows of it.
        if let Some(state) = slot.state.as_deref() {
            let mut finished = Finished::empty(state, arrival.mark(), release::nothing(state));
            slot.tell_backup(&mut finished, (!planted(Bug::HeldLossNotTold)).then_some(Change::Missed(id)));
            self.hand_in(id, finished);
        }
        if arrival.mark().is_none() {
            self.turn_away(id, [arrival], ErrorCode::OverLimit, "too much waits for it to be started again");
        }
    }
}
