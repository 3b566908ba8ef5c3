//! What a backup knows of its primary's sessions before it takes over: the journal's rows, folded as they come. No guest, and nothing
//! that the store does not have: a takeover then reads only what was written since.

use std::collections::BTreeMap;

use tandem_journal::{Record, decode};
use tandem_words::{Bug, NodeId, SessionId, planted};

use crate::{Folded, SessionState};

/// See the module.
#[derive(Debug)]
pub struct Following {
    node: NodeId,
    /// The last row that it knows.
    through: u64,
    sessions: BTreeMap<SessionId, Folded>,
}

impl Following {
    /// Of this node's sessions; none so far. `through`: the journal's last row, read before the sessions are ([`Following::begin`]), so
    /// that no row is missed that is written meanwhile.
    pub fn new(node: NodeId, through: u64) -> Self {
        Following { node, through, sessions: BTreeMap::new() }
    }

    /// A session as the store had it. Rows that are in it already may be told again.
    pub fn begin(&mut self, folded: Folded) {
        self.sessions.insert(folded.state.session(), folded);
    }

    /// The rows behind this one are wanted next.
    pub fn through(&self) -> u64 {
        self.through
    }

    /// The journal's next row, and its number. What it tells of a session that knows it already changes nothing. The message is for
    /// people: what was followed is worth nothing any more.
    pub fn row(&mut self, at: u64, data: &[u8]) -> Result<(), String> {
        if at != self.through.saturating_add(1) {
            return Err(format!("row {at} of the journal was read behind row {}", self.through));
        }
        self.through = at;
        let record = decode(data).map_err(|error| error.to_string())?;
        let session = record.session();
        if session.node != self.node {
            return Ok(());
        }
        let record = match record {
            Record::Opened(opening) => {
                let known = self.sessions.get(&session).map(|known| known.state.opening().incarnation);
                let is_news = known < Some(opening.incarnation) && !(known.is_some() && planted(Bug::FormerRunFollowed));
                if is_news && !planted(Bug::OpeningsNotFollowed) {
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

    /// Those that live. `last_row`: the journal's last one, asked for when nobody writes of this node any more. The message is for
    /// people: that one was not reached, so a session may be missing, or be further than is known.
    pub fn into_sessions(self, last_row: u64) -> Result<Vec<Folded>, String> {
        if self.through < last_row && !planted(Bug::FollowedTooShort) {
            return Err(format!("the journal was read to row {}, and has {last_row}", self.through));
        }
        Ok(self.sessions.into_values().collect())
    }
}
