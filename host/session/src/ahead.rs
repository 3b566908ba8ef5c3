//! Recovered sessions whose records are read before they are asked for: their guests are rebuilt without another read, and as long as
//! nothing else is to be done before anything comes for them.

use tandem_words::{Bug, SessionId, planted};

use crate::{
    Guests, Records, SessionState, Worker,
    slot::{Presence, Slot},
};

impl<G: Guests> Worker<G> {
    /// Behind [`Worker::recover`]: what the session was folded of, or the same read once more. One that waits for its rows goes on;
    /// else they are kept until its guest is rebuilt. Past `max_records_ahead`, or where the session has moved on, they are dropped.
    pub fn read_ahead(&mut self, id: SessionId, records: Records) {
        let room = self.options.max_records_ahead.saturating_sub(self.records_ahead);
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.persisted && slot.memory.is_empty()) else { return };
        let seq = slot.state.as_deref().map_or(0, SessionState::seq);
        let of_run = slot.state.as_deref().is_some_and(|state| records.are_of(state.opening().incarnation));
        let moved_on = seq != records.last_step() && !planted(Bug::EarlierStepReadAhead);
        if seq == 0 || !of_run || moved_on || !slot.uncommitted.is_empty() {
            return;
        }
        match slot.presence {
            Presence::Loading => {
                slot.presence = Presence::Absent;
                slot.memory = records.0;
                self.rebuild_from_memory(id);
                self.serve(id);
                self.forget_if_done(id);
            }
            Presence::Absent if records.0.len() <= room => {
                self.records_ahead += records.0.len();
                self.ahead.insert(id, records.0.len());
                slot.memory = records.0;
            }
            _ => {}
        }
    }

    /// Whether the session's records would be of use.
    pub fn wants_records(&self, id: SessionId) -> bool {
        let wants = |slot: &Slot| matches!(slot.presence, Presence::Absent | Presence::Loading) && slot.persisted && slot.memory.is_empty();
        self.slots.get(&id).is_some_and(wants)
    }

    /// Whether the session waits for its rows.
    pub fn is_loading(&self, id: SessionId) -> bool {
        self.slots.get(&id).is_some_and(|slot| slot.presence == Presence::Loading)
    }

    /// To be called when nothing else is to be done: rebuilds the guest of one session that was read ahead. False: there is none.
    /// Nothing but time comes of it: where the rebuild fails, the session's next event finds that out again, and is told of it.
    pub fn rebuild_ahead(&mut self) -> bool {
        self.rebuild_ahead_while(&|| true)
    }

    /// The same, as long as there still is nothing else to be done, which is asked before each step: a long session that gives way is
    /// left to its next event.
    pub fn rebuild_ahead_while(&mut self, idle: &dyn Fn() -> bool) -> bool {
        let Some((id, _)) = self.ahead.first_key_value() else { return false };
        let id = *id;
        self.no_longer_ahead(id);
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.persisted) else { return true };
        let (records, alone) = (std::mem::take(&mut slot.memory), slot.alone);
        if slot.presence == Presence::Absent && !records.is_empty() {
            match self.replay(&records, alone, idle) {
                Ok(state) => self.come_back(id, state),
                Err(_) => {
                    self.guests.remove(id);
                    self.mark_dead();
                }
            }
        }
        true
    }

    pub(crate) fn no_longer_ahead(&mut self, id: SessionId) {
        let records = self.ahead.remove(&id).unwrap_or_default();
        self.records_ahead = self.records_ahead.saturating_sub(records);
    }
}
