//! A session's place in its worker.

use std::{collections::VecDeque, sync::Arc};

use tandem_journal::{Opening, Record, Survival};
use tandem_switch_link::Held;
use tandem_synch_link::Change;
use tandem_words::Timestamp;

use crate::{Arrival, Finished, SessionState};

/// Where the session's guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// In memory.
    Here,
    /// Not in memory: never started yet, recovered, passivated, or lost with its cell.
    Absent,
    /// Its rows have been asked for.
    Loading,
    /// It is not persisted and its primary has died: it waits to be started again.
    Awaiting,
    /// The session is over; the slot waits for its last commit and the last answers.
    Over,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub presence: Presence,
    /// None only while nothing is known of the session but its id.
    pub state: Option<Box<SessionState>>,
    pub waiting: VecDeque<Arrival>,
    /// Whether its steps are rows. Else a cell that dies is rebuilt from `memory`.
    pub persisted: bool,
    /// Of a session that is not persisted: its opening or last snapshot, and the steps behind that. Of one that was recovered: the
    /// same, as it was read, until its guest is rebuilt.
    pub memory: Vec<Arc<Record>>,
    /// More arrived than could be held while it waited to be started again.
    pub partial: bool,
    /// Its whole journal is asked for, or will be: another incarnation's events come before anything else.
    pub unheard: bool,
    /// Records that the store may not have yet: what a rebuild needs on top of the stored rows.
    pub uncommitted: VecDeque<Arc<Record>>,
    /// How many of them are acknowledged, and kept only because rows are being read.
    pub acknowledged: usize,
    /// How many records it has handed out for the commit, in all its time in this slot.
    pub handed_out: u32,
    /// Whether the opening is among them.
    pub opening_handed_out: bool,
    /// An earlier epoch made it: what it has asked the host for must be done again.
    pub recovered: bool,
    /// Its guest, or a neighbour, has failed: it is rebuilt in an instance of its own.
    pub alone: bool,
    /// Behind which step the last snapshot stands.
    pub last_snapshot: u32,
    /// Behind which step the guest was last asked for one; it may have none to give.
    pub asked_snapshot: u32,
    /// How many steps it has made of the host's own events, and of answers, at this session time.
    pub at_once: (Timestamp, u32),
    /// Its entry in the worker's list of idle sessions.
    pub idle_since: Option<Timestamp>,
    /// A snapshot is on its way, after which the session leaves memory.
    pub passivating: bool,
    /// The log has been told that its state is too large to keep.
    pub told_of_state: bool,
    /// What the gateway was told last of the session (interactions, quiet-until).
    pub told: Option<(Vec<Held>, Option<Timestamp>)>,
}

impl Slot {
    /// Of a session of which nothing is known.
    pub fn unknown() -> Self {
        Slot {
            presence: Presence::Absent,
            state: None,
            waiting: VecDeque::new(),
            persisted: true,
            memory: Vec::new(),
            partial: false,
            unheard: false,
            uncommitted: VecDeque::new(),
            acknowledged: 0,
            handed_out: 0,
            opening_handed_out: true,
            recovered: false,
            alone: false,
            last_snapshot: 0,
            asked_snapshot: 0,
            at_once: (0, 0),
            idle_since: None,
            passivating: false,
            told_of_state: false,
            told: None,
        }
    }

    /// Of a new session.
    pub fn opened(opening: Opening) -> Self {
        let record = Arc::new(Record::Opened(opening.clone()));
        let persisted = opening.survival == Survival::Recovered;
        Slot {
            persisted,
            memory: if persisted { Vec::new() } else { vec![Arc::clone(&record)] },
            state: Some(Box::new(SessionState::opened(opening))),
            uncommitted: VecDeque::from([record]),
            opening_handed_out: false,
            ..Slot::unknown()
        }
    }

    /// Of a session that the store has; `here`: its guest has come with it.
    pub fn recovered(state: Box<SessionState>, last_snapshot: u32, here: bool) -> Self {
        let presence = match state.is_live() {
            true if here => Presence::Here,
            true => Presence::Absent,
            false => Presence::Over,
        };
        // Only one that has differed has another incarnation: it keeps its instance to itself.
        let unheard = state.is_live() && state.opening().incarnation > 1;
        let state = Some(state);
        Slot { presence, state, unheard, alone: unheard, last_snapshot, asked_snapshot: last_snapshot, recovered: true, ..Slot::unknown() }
    }

    /// Of a session that may be started again.
    pub fn awaiting(opening: Opening) -> Self {
        let state = Some(Box::new(SessionState::opened(opening)));
        Slot { presence: Presence::Awaiting, persisted: false, state, ..Slot::unknown() }
    }

    /// Records ahead of the last acknowledged commit.
    pub fn ahead(&self) -> usize {
        self.uncommitted.len().saturating_sub(self.acknowledged)
    }

    /// The last step that is known to be durable.
    pub fn durable_seq(&self) -> u32 {
        let first = self.uncommitted.iter().skip(self.acknowledged).find(|record| matches!(***record, Record::Step(_)));
        let seq = self.state.as_deref().map_or(0, SessionState::seq);
        first.map_or(seq, |record| record.seq().saturating_sub(1))
    }

    /// Whether nothing keeps it any more.
    pub fn is_done(&self) -> bool {
        self.presence == Presence::Over && self.uncommitted.is_empty() && !self.state.as_deref().is_some_and(SessionState::is_owed)
    }

    /// The first `records` of all that were handed out are durable. While rows are being read they are kept: the read may have
    /// missed them.
    pub fn committed(&mut self, records: u32) {
        let behind = usize::try_from(self.handed_out.saturating_sub(records)).unwrap_or(usize::MAX);
        // An opening that still waits to be handed out is behind all of them.
        let waiting = usize::from(!self.opening_handed_out);
        let durable = self.uncommitted.len().saturating_sub(behind).saturating_sub(waiting);
        if self.presence == Presence::Loading || self.unheard {
            self.acknowledged = self.acknowledged.max(durable);
        } else {
            self.uncommitted.drain(..durable);
            self.acknowledged = 0;
        }
    }

    /// Rows have been read and merged: what was acknowledged meanwhile is no longer needed.
    pub fn forget_acknowledged(&mut self) {
        self.uncommitted.drain(..self.acknowledged.min(self.uncommitted.len()));
        self.acknowledged = 0;
    }

    /// A record goes to the commit queue, and is kept here until it is durable. Of a session that is not persisted it goes through
    /// the queue without being written, its end excepted.
    pub fn hand_out(&mut self, finished: &mut Finished, record: Record) {
        let record = Arc::new(record);
        self.uncommitted.push_back(Arc::clone(&record));
        self.handed_out = self.handed_out.saturating_add(1);
        if !self.persisted {
            if matches!(*record, Record::Snapshot(_)) {
                self.memory.clear();
            }
            self.memory.push(Arc::clone(&record));
        }
        if self.persisted || matches!(*record, Record::Ended(_)) {
            finished.records.push(record);
        }
    }

    /// What the backup must know of a session that is not persisted; before its records are handed out. The event counts for W
    /// when the backup has it, so the commit queue is not told of its mark.
    pub fn tell_backup(&self, finished: &mut Finished, changes: impl IntoIterator<Item = Change>) {
        if self.persisted {
            return;
        }
        let release = &mut finished.release;
        release.mark = finished.mark.take();
        if !self.opening_handed_out
            && let Some(Record::Opened(opening)) = self.uncommitted.front().map(|record| &**record)
        {
            release.changes.push(Change::Opened(Box::new(opening.clone())));
        }
        release.changes.extend(changes);
    }

    /// The opening goes with the session's first records, in the same commit (P1: a claim without a session cannot exist).
    pub fn hand_out_opening(&mut self, finished: &mut Finished) {
        if !self.opening_handed_out {
            self.opening_handed_out = true;
            finished.records.extend(self.uncommitted.front().cloned());
            self.handed_out = self.handed_out.saturating_add(1);
        }
    }
}
