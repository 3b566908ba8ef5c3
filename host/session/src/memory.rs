//! Which sessions are in memory: snapshots, and passivation of idle ones.

use tandem_journal::{Record, Snapshot};
use tandem_words::{SessionId, Timestamp};

use crate::{Finished, Guests, Output, SessionState, Worker, release, slot::Presence, snapshot};

impl<G: Guests> Worker<G> {
    /// Takes idle sessions out of memory (`sessions.passivate-after`). One that has made a step since, or is not quiet, is
    /// looked at again later.
    pub(crate) fn passivate_idle(&mut self) {
        let Some(before) = self.now.checked_sub(self.options.passivate_after_ms) else { return };
        while let Some((_, id)) = self.idle.first().copied().filter(|(at, _)| *at <= before) {
            self.forget_idle(id);
            let Some(slot) = self.slots.get(&id).filter(|slot| slot.presence == Presence::Here) else { continue };
            match slot.state.as_deref().map(SessionState::at) {
                Some(at) if at > before => self.look_at(id, at),
                _ if slot.waiting.is_empty() && slot.uncommitted.is_empty() => self.passivate(id),
                _ => self.look_at(id, self.now.max(before.saturating_add(1))),
            }
        }
    }

    /// The session is in memory; from `at` on its idle time counts, if it makes no step.
    pub(crate) fn look_at(&mut self, id: SessionId, at: Timestamp) {
        self.forget_idle(id);
        // A session that is not persisted stays: nothing could bring it back.
        if let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.persisted) {
            slot.idle_since = Some(at);
            self.idle.insert((at, id));
        }
    }

    /// The session is no longer in memory, or about to leave it.
    pub(crate) fn forget_idle(&mut self, id: SessionId) {
        if let Some(at) = self.slots.get_mut(&id).and_then(|slot| slot.idle_since.take()) {
            self.idle.remove(&(at, id));
        }
    }

    fn passivate(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(state) = slot.state.as_deref() else { return };
        slot.passivating = true;
        if slot.last_snapshot < state.seq() {
            let mut finished = Finished::empty(state, None, release::nothing(state));
            self.add_snapshot(id, &mut finished);
            if !finished.records.is_empty() {
                self.hand_in(id, finished);
            }
        }
        self.leave_memory_if_passivating(id);
    }

    /// The last commit of a session that is to leave memory has been acknowledged, or none was needed.
    pub(crate) fn leave_memory_if_passivating(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if !slot.passivating || !slot.uncommitted.is_empty() {
            return;
        }
        slot.passivating = false;
        if slot.waiting.is_empty() && slot.presence == Presence::Here {
            slot.presence = Presence::Absent;
            self.guests.remove(id);
        } else if slot.presence == Presence::Here {
            self.look_at(id, self.now);
        }
    }

    /// Asks the guest for its state and puts it behind the step. A guest that has none to give is recovered by replay; one
    /// that gives more than `limits.state`, or fails at it, too.
    pub(crate) fn add_snapshot(&mut self, id: SessionId, finished: &mut Finished) {
        let answer = self.guests.snapshot(id);
        if answer.as_ref().is_err_and(|failure| failure.instance_died) {
            self.died(id);
        }
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.asked_snapshot = slot.state.as_deref().map_or(0, SessionState::seq);
        }
        let Ok(Some(guest)) = answer else { return };
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let Some(state) = slot.state.as_deref() else { return };
        if guest.len() > self.options.state_bytes {
            if !std::mem::replace(&mut slot.told_of_state, true) {
                let (bytes, limit, strategy) = (guest.len(), self.options.state_bytes, &state.opening().strategy);
                let what = format!(
                    "session {id} of {strategy}: its state of {bytes} bytes is not kept; the limit is {limit} (limits.state). Until it \
                     gets smaller the session is recovered by replay, and may make {} steps (limits.max-journal-steps)",
                    self.options.max_journal_steps
                );
                self.outputs.push(Output::Warn(what));
            }
            return;
        }
        let Some(host) = snapshot::encode(state) else { return };
        let state_version = self.guests.manifest(&state.opening().version).map_or(0, |manifest| manifest.state_version);
        let (incarnation, seq) = (state.opening().incarnation, state.seq());
        slot.last_snapshot = seq;
        slot.hand_out(finished, Record::Snapshot(Snapshot { session: id, incarnation, seq, host, guest, state_version }));
    }
}
