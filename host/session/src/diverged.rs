//! A persisted session whose replay differs from its journal (design, section 8; P10): it starts again from the beginning, once, where
//! its manifest allows that.
//!
//! The journal wins: nothing in it is taken back. What the new incarnation is to hear stands there, so all of it is read; and once more
//! by whoever takes over, who cannot know how much of it the new incarnation had heard.

use std::{collections::VecDeque, sync::Arc};

use tandem_journal::{Claim, Opening, Outcome, Record, Source, Step, StepFailure, StepFailureKind, Survival, decode};
use tandem_switch_link::SwitchEvent;
use tandem_words::{Bug, EventBody, Incarnation, Restart, RestartCause, SessionId, planted};

use crate::{
    Arrival, Guests, Output, SessionState, Worker,
    slot::{Presence, Slot},
};

impl<G: Guests> Worker<G> {
    /// Whether a session that failed to come back starts again. One that was started again has differed before, and is given up.
    pub(crate) fn may_start_again(&self, state: &SessionState, failure: &StepFailure) -> bool {
        let Opening { survival, incarnation, version, claim, .. } = state.opening();
        let first = *survival == Survival::Recovered && *incarnation == 1;
        let manifest = self.guests.manifest(version).and_then(|manifest| manifest.restart_on_switchover);
        let wanted = state.live_interactions().next().is_some() || !matches!(claim, Some(Claim::Visit { .. }));
        failure.kind == StepFailureKind::ReplayDiverged && first && wanted && manifest.unwrap_or(self.options.restart_diverged)
    }

    /// It waits for its journal.
    pub(crate) fn begin_again(&mut self, id: SessionId, failure: &StepFailure) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        slot.unheard = true;
        let version = slot.state.as_deref().map(|state| state.opening().version);
        self.alone.extend(version);
        self.outputs.push(Output::Differs(format!("{}. Its journal stands; it starts again from the beginning", failure.message)));
        self.outputs.push(Output::LoadAll(id));
    }

    /// The rows asked for by [`Output::LoadAll`], of all incarnations.
    pub fn loaded_all(&mut self, id: SessionId, rows: &[Vec<u8>]) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.unheard && slot.presence != Presence::Over) else { return };
        slot.unheard = false;
        let mut records: Vec<Arc<Record>> = match rows.iter().map(|row| decode(row).map(Arc::new)).collect() {
            Ok(records) => records,
            Err(error) => return self.give_up(id, error.to_string()),
        };
        let stored = records.iter().filter_map(|record| step_of_first(record)).map(|step| step.event.seq).max();
        let own = slot.uncommitted.iter().filter(|record| step_of_first(record).is_some_and(|step| Some(step.event.seq) > stored));
        records.extend(own.cloned());
        slot.forget_acknowledged();
        let mut heard: VecDeque<Arrival> = records.iter().filter_map(|record| step_of_first(record)).filter_map(again).collect();
        let partial = heard.len() > self.options.max_held;
        heard.truncate(self.options.max_held);
        match slot.state.as_deref().map(|state| state.opening().incarnation) {
            Some(run) if run > 1 => hear_the_rest(slot, heard, records.iter().filter_map(|record| step_of(run, record))),
            _ => self.replace(id, heard, partial),
        }
        self.serve(id);
    }

    /// The new incarnation. Its opening is durable with its first step.
    fn replace(&mut self, id: SessionId, heard: VecDeque<Arrival>, partial: bool) {
        let Some(old) = self.slots.remove(&id) else { return };
        self.forget_times(id, &old);
        self.no_longer_ahead(id);
        self.guests.remove(id);
        let Some(state) = old.state else { return };
        let interaction = state.live_interactions().next().map(|interaction| interaction.id.clone());
        let restart = Restart { interaction, cause: RestartCause::ReplayDiverged, partial };
        let opening = state.opening().clone();
        let (incarnation, started_at) = (opening.incarnation.saturating_add(1), self.now.max(state.at()));
        let opening = Opening { incarnation, epoch: self.epoch, started_at, ..opening };
        let mut waiting = VecDeque::from([Arrival::News(EventBody::SessionRestarted(restart))]);
        waiting.extend(heard);
        // Numbers of requests begin again, so a timer of the old incarnation would be taken for one of the new.
        let of_old =
            |arrival: &Arrival| matches!(arrival, Arrival::Timer(_) | Arrival::Linger | Arrival::News(EventBody::SessionRecovered));
        waiting.extend(old.waiting.into_iter().filter(|arrival| !of_old(arrival) || planted(Bug::OldTimerKept)));
        let slot = Slot { waiting, alone: true, handed_out: old.handed_out, ..Slot::opened(opening) };
        self.slots.insert(id, slot);
    }
}

/// Of the incarnation that differed.
fn step_of_first(record: &Record) -> Option<&Step> {
    step_of(1, record)
}

fn step_of(run: Incarnation, record: &Record) -> Option<&Step> {
    match record {
        Record::Step(step) if step.incarnation == run && step.outcome != Outcome::Late => Some(step),
        _ => None,
    }
}

/// What a new incarnation hears of an old one's step: what the switch told, and the host in its place.
fn again(step: &Step) -> Option<Arrival> {
    let body = step.event.body.clone();
    match (&step.source, &body) {
        (Source::Switch { incarnation, position }, _) => {
            let at = step.event.switch_at.unwrap_or(step.event.at);
            let event = SwitchEvent { position: *position, at, interaction: None, visit: None, answers: None, body };
            Some(Arrival::Again { incarnation: *incarnation, event })
        }
        (Source::Host, EventBody::Gap(_) | EventBody::InteractionDeleted(_) | EventBody::InteractionDefaultRouted(_)) => {
            Some(Arrival::News(body))
        }
        _ => None,
    }
}

/// Another epoch began it: what it has not heard of the old incarnation's events comes before anything else. `steps`: its own.
fn hear_the_rest<'s>(slot: &mut Slot, mut heard: VecDeque<Arrival>, steps: impl Iterator<Item = &'s Step>) {
    let mut behind = 0;
    for step in steps.filter_map(again) {
        match heard.iter().skip(behind).position(|old| *old == step) {
            Some(skipped) => behind += skipped + 1,
            // Of its own time, which came behind all of them. What the host says, every epoch may say.
            None if matches!(step, Arrival::Again { .. }) => behind = heard.len(),
            None => {}
        }
    }
    heard.drain(..behind);
    let told = usize::from(slot.waiting.front() == Some(&Arrival::News(EventBody::SessionRecovered)));
    let live = slot.waiting.split_off(told);
    slot.waiting.extend(heard);
    slot.waiting.extend(live);
}
