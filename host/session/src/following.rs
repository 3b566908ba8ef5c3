//! What a backup knows of its primary's sessions before it takes over: the journal's rows, folded as they come. No guest, and nothing
//! that the store does not have: a takeover then reads only what was written since.

use std::collections::BTreeMap;

use tandem_journal::{Record, decode};
use tandem_words::{NodeId, SessionId};

use crate::{Folded, SessionState};

/// See the module.
#[derive(Debug)]
pub struct Following {
    node: NodeId,
    sessions: BTreeMap<SessionId, Folded>,
}

impl Following {
    /// Of this node's sessions; none so far.
    pub fn new(node: NodeId) -> Self {
        Following { node, sessions: BTreeMap::new() }
    }

    /// A session as the store had it. The rows behind that may be told again.
    pub fn begin(&mut self, folded: Folded) {
        self.sessions.insert(folded.state.session(), folded);
    }

    /// The journal's next row. One that was seen before changes nothing. The message is for people: what was followed is worth nothing
    /// any more.
    pub fn row(&mut self, data: &[u8]) -> Result<(), String> {
        let record = decode(data).map_err(|error| error.to_string())?;
        let session = record.session();
        if session.node != self.node {
            return Ok(());
        }
        let record = match record {
            Record::Opened(opening) => {
                let known = self.sessions.get(&session).map(|known| known.state.opening().incarnation);
                if known < Some(opening.incarnation) {
                    self.begin(Folded { state: SessionState::opened(opening), last_snapshot: 0 });
                }
                return Ok(());
            }
            record => record,
        };
        let Some(Folded { state, last_snapshot }) = self.sessions.get_mut(&session) else { return Ok(()) };
        let run = state.opening().incarnation;
        match record {
            Record::Step(step) if step.incarnation == run => {
                let expected = state.seq().saturating_add(1);
                if step.event.seq > expected {
                    return Err(format!("session {session} goes on with step {}, and {expected} is missing", step.event.seq));
                }
                if step.event.seq == expected {
                    state.apply(&step);
                }
                if step.last {
                    self.sessions.remove(&session);
                }
            }
            Record::Snapshot(kept) if kept.incarnation == run && kept.seq <= state.seq() => *last_snapshot = kept.seq.max(*last_snapshot),
            Record::Ended(ending) if ending.incarnation == run => drop(self.sessions.remove(&session)),
            _ => {}
        }
        Ok(())
    }

    /// How many live.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Those that live, as the store has them.
    pub fn into_sessions(self) -> impl Iterator<Item = Folded> {
        self.sessions.into_values()
    }
}
