//! One ended session in a hundred is replayed alone (design, section 3; P10): does its strategy do the same without neighbours, and a
//! second time? Sessions that are brought back are compared at that; this looks at strategies whose sessions never need it.

use std::sync::Arc;

use tandem_journal::{Outcome, Record, SessionRows};
use tandem_words::SessionId;

use super::{Start, apply, is_a_difference, read, replay_step, start_of};
use crate::{Effort, GuestFailure, Guests, Output, Place, Worker, slot::Slot};

/// Of so many ended sessions one is replayed. A hundredth of the work once more; what differs always is found within minutes.
const ONE_IN: u64 = 100;

impl<G: Guests> Worker<G> {
    /// A session is over, and all of it durable.
    pub(crate) fn sample(&mut self, id: SessionId, slot: &Slot) {
        if slot.persisted && id.number.is_multiple_of(ONE_IN) {
            self.samples.insert(id);
            self.outputs.push(Output::Load(id));
        }
    }

    /// Its rows. Where they cannot be read that is told when somebody needs them.
    pub(crate) fn replay_sample(&mut self, id: SessionId, rows: Option<&SessionRows>) {
        let Some(Ok(records)) = rows.map(read) else { return };
        let Ok(start) = start_of(&records) else { return };
        let opening = start.state.opening().clone();
        let differs = self.repeat(start, &records).err().filter(|failure| is_a_difference(failure.kind));
        self.guests.remove(id);
        self.mark_dead();
        if let Some(GuestFailure { message, .. }) = differs {
            self.alone.insert(opening.version);
            self.outputs.push(Output::Differs(format!(
                "session {id} is over, and was replayed alone as a sample of strategy {}: {message}. Its journal stands; sessions of this \
                 version that begin from now on have an instance each",
                opening.strategy
            )));
        }
    }

    /// Behind its last snapshot, as far as it ran well.
    fn repeat(&mut self, start: Start<'_>, records: &[Arc<Record>]) -> Result<(), GuestFailure> {
        let Start { state, snapshot, tail, .. } = start;
        let (version, context) = (state.opening().version, state.context());
        match snapshot {
            Some(kept) => self.guests.restore(&version, &context, &kept.guest, kept.state_version, Place::Own, Effort::Replay)?,
            None => self.guests.start(&version, &context, Place::Own, Effort::Replay)?,
        }
        let mut state = Box::new(state);
        for record in records.iter().skip(tail) {
            match &**record {
                Record::Step(step) if step.event.seq > state.seq() && step.outcome != Outcome::Late => {
                    if let Outcome::Failed(_) = step.outcome {
                        return Ok(());
                    }
                    let (after, result) = replay_step(&mut self.guests, self.options.step, state, step);
                    state = after;
                    result?;
                }
                record => apply(&mut state, record),
            }
        }
        Ok(())
    }
}
