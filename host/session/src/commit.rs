//! The queue in front of the disk: what is finished waits here, goes into one batch, and is released when that is durable.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use tandem_journal::{Batch, FormatError, Lease, LostClaim, Record, Row, Watermark, encode};
use tandem_switch_link::Mark;
use tandem_words::{Bug, Incarnation, Position, SessionId, SwitchIncarnation, SwitchName, planted};

use crate::{Release, SessionState};

/// Records of one session that become durable together.
#[derive(Debug)]
pub struct Finished {
    /// Whose.
    pub session: SessionId,
    /// In which run.
    pub incarnation: Incarnation,
    /// The step they end with.
    pub seq: u32,
    /// In order.
    pub records: Vec<Arc<Record>>,
    /// The switch event that is done with.
    pub mark: Option<Mark>,
    /// What leaves the host afterwards.
    pub release: Release,
}

impl Finished {
    pub(crate) fn empty(state: &SessionState, mark: Option<Mark>, release: Release) -> Self {
        let (session, incarnation, seq) = (state.session(), state.opening().incarnation, state.seq());
        Finished { session, incarnation, seq, records: Vec::new(), mark, release }
    }

    /// Its rows; written by the worker's thread, so that the committer only has to hand them on.
    pub fn rows(&self) -> Result<Vec<Row>, FormatError> {
        self.records.iter().map(|record| encode(record)).collect()
    }
}

/// What a durable commit means for one session.
#[derive(Debug)]
pub enum Durable {
    /// Its records up to `seq` are durable, and this leaves the host.
    Released(Box<Release>),
    /// It came too late for its claim and never was.
    Lost(LostClaim),
}

/// Which positions of a switch are done with: W and the islands above it.
#[derive(Debug)]
struct Positions {
    incarnation: SwitchIncarnation,
    low: Position,
    above: BTreeSet<Position>,
}

impl Positions {
    fn behind(after: Mark) -> Self {
        Positions { incarnation: after.incarnation, low: after.position, above: BTreeSet::new() }
    }

    fn done(&mut self, mark: Mark) {
        if mark.incarnation != self.incarnation || mark.position <= self.low {
            return;
        }
        self.above.insert(mark.position);
        self.rise();
    }

    /// All up to here are done with, or lost; the islands above stay.
    fn begin_behind(&mut self, low: Position) {
        self.low = self.low.max(low);
        self.above = self.above.split_off(&(self.low + 1));
        self.rise();
    }

    fn rise(&mut self) {
        while self.above.first().is_some_and(|next| *next == self.low + 1) {
            self.above.pop_first();
            self.low += 1;
        }
    }
}

/// See the module. One batch is under way at a time; it is repeated unchanged until it is acknowledged or the lease is gone.
#[derive(Debug)]
pub struct CommitQueue {
    lease: Lease,
    switch: SwitchName,
    /// None until the switch is followed.
    positions: Option<Positions>,
    /// Of a newer life of the switch, until it is followed.
    next: Option<Positions>,
    waiting: VecDeque<(Finished, Vec<Row>)>,
    under_way: Option<(Batch, Vec<Finished>)>,
    /// W of the last acknowledged batch.
    durable: Option<Mark>,
    solo: bool,
    /// Sessions that came too late for their claim. What follows of one that is not persisted has no rows, so the store does not
    /// report it again.
    losers: BTreeSet<SessionId>,
}

impl CommitQueue {
    /// A queue of a primary with this lease, for one switch.
    pub fn new(lease: Lease, switch: SwitchName) -> Self {
        CommitQueue {
            lease,
            switch,
            positions: None,
            next: None,
            waiting: VecDeque::new(),
            under_way: None,
            durable: None,
            solo: true,
            losers: BTreeSet::new(),
        }
    }

    /// The switch's events follow behind this mark. Marks of another incarnation count no longer.
    pub fn follow(&mut self, after: Mark) {
        match self.next.take() {
            Some(next) if next.incarnation == after.incarnation => self.positions = Some(next),
            _ => {}
        }
        match &mut self.positions {
            Some(positions) if positions.incarnation == after.incarnation => positions.begin_behind(after.position),
            positions => *positions = Some(Positions::behind(after)),
        }
    }

    /// The events of a newer life of the switch come behind this mark. W stays in the old life until the new one is followed:
    /// whoever takes over before that must find out, too, that the switch has lost its events.
    pub fn prepare(&mut self, after: Mark) {
        match &mut self.next {
            Some(next) if next.incarnation == after.incarnation => next.begin_behind(after.position),
            next => *next = Some(Positions::behind(after)),
        }
    }

    /// Something finished, with its rows.
    pub fn finished(&mut self, finished: Finished, rows: Vec<Row>) {
        self.waiting.push_back((finished, rows));
    }

    /// An event that no session takes.
    pub fn ignored(&mut self, mark: Mark) {
        self.done(mark);
    }

    fn done(&mut self, mark: Mark) {
        self.positions.iter_mut().chain(&mut self.next).for_each(|positions| positions.done(mark));
    }

    /// Whether W may rest on events that no backup has acknowledged; true until it is said that one does. Durable with the next new
    /// batch, so to be said before the first of such events counts.
    pub fn set_solo(&mut self, solo: bool) {
        self.solo = solo;
    }

    /// The lease, with the counter of the last batch.
    pub fn lease(&self) -> Lease {
        self.lease
    }

    /// Whether nothing waits and nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_none()
    }

    /// The batch to commit now: the one under way, or a new one of what waits, at most `rows` rows and something more. With
    /// nothing waiting it is a renewal of the lease, which also carries W on.
    pub fn batch(&mut self, rows: usize) -> &Batch {
        let (batch, items) = self.under_way.take().unwrap_or_else(|| self.fill(rows));
        &self.under_way.insert((batch, items)).0
    }

    fn fill(&mut self, rows: usize) -> (Batch, Vec<Finished>) {
        self.lease.counter += 1;
        let mut batch = Batch { lease: self.lease, watermarks: Vec::new(), rows: Vec::new(), solo: self.solo };
        let mut items = Vec::new();
        while batch.rows.len() < rows
            && let Some((finished, mut own)) = self.waiting.pop_front()
        {
            batch.rows.append(&mut own);
            if let Some(mark) = finished.mark {
                self.done(mark);
            }
            items.push(finished);
        }
        if let Some(Positions { incarnation, low, above }) = &self.positions {
            let highest = above.last().filter(|_| planted(Bug::ResumeAtHighest));
            let (incarnation, position) = (*incarnation, *highest.unwrap_or(low));
            batch.watermarks.push(Watermark { switch: self.switch.clone(), incarnation, position });
        }
        (batch, items)
    }

    /// The batch under way is durable. What it means, in the order of the batch.
    pub fn acknowledged(&mut self, lost: &[LostClaim]) -> Vec<Durable> {
        let Some((batch, items)) = self.under_way.take() else { return Vec::new() };
        if let Some(Watermark { incarnation, position, .. }) = batch.watermarks.first().cloned() {
            self.durable = Some(Mark { incarnation, position });
        }
        let mut durable = Vec::with_capacity(items.len());
        for Finished { session, release, .. } in items {
            let claim = lost.iter().find(|claim| claim.session == session);
            if claim.is_none() && !self.losers.contains(&session) {
                durable.push(Durable::Released(Box::new(release)));
                continue;
            }
            if let Some(mark) = release.mark {
                self.ignored(mark);
            }
            if let Some(claim) = claim {
                self.losers.insert(session);
                durable.push(Durable::Lost(claim.clone()));
            }
        }
        if planted(Bug::ReleaseOutOfOrder) {
            durable.reverse();
        }
        durable
    }

    /// W, as far as it is durable.
    pub fn durable(&self) -> Option<Mark> {
        self.durable
    }
}

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
