//! Changes that a backup may still need, and those it has not acknowledged.

use std::collections::VecDeque;

use tandem_switch_link::Mark;
use tandem_synch_link::Change;

/// What may wait for an absent backup (`backup-synch-max-buffer`, `backup-synch-max-age`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferLimits {
    /// Bytes of changes, as they would be sent.
    pub bytes: usize,
    /// How old the oldest may get.
    pub age_ms: u64,
}

impl Default for BufferLimits {
    fn default() -> Self {
        BufferLimits { bytes: 100_000, age_ms: 600_000 }
    }
}

/// The newest changes, as far as the limits allow: all behind `floor`.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    limits: BufferLimits,
    floor: u64,
    changes: VecDeque<Buffered>,
    bytes: usize,
}

#[derive(Debug)]
struct Buffered {
    seq: u64,
    change: Change,
    bytes: usize,
    since_ms: u64,
}

impl Buffer {
    pub(super) fn new(limits: BufferLimits) -> Self {
        Buffer { limits, ..Buffer::default() }
    }

    pub(super) fn push(&mut self, now_ms: u64, seq: u64, change: Change, bytes: usize) {
        self.changes.push_back(Buffered { seq, change, bytes, since_ms: now_ms });
        self.bytes += bytes;
        while self.bytes > self.limits.bytes && self.pop() {}
    }

    /// Forgets what is too old.
    pub(super) fn age(&mut self, now_ms: u64) {
        let too_old = |change: &Buffered, age_ms| now_ms.saturating_sub(change.since_ms) > age_ms;
        while self.changes.front().is_some_and(|oldest| too_old(oldest, self.limits.age_ms)) && self.pop() {}
    }

    /// The backup has these.
    pub(super) fn forget(&mut self, up_to: u64) {
        while self.changes.front().is_some_and(|oldest| oldest.seq <= up_to) && self.pop() {}
    }

    fn pop(&mut self) -> bool {
        let Some(oldest) = self.changes.pop_front() else { return false };
        self.bytes -= oldest.bytes;
        self.floor = oldest.seq;
        true
    }

    /// Whether everything behind `seq` is here.
    pub(super) fn reaches(&self, seq: u64) -> bool {
        seq >= self.floor
    }

    /// All changes behind `seq` that are here, with their sizes.
    pub(super) fn behind(&self, seq: u64) -> impl Iterator<Item = (u64, &Change, usize)> {
        let lacks = move |buffered: &&Buffered| buffered.seq > seq;
        self.changes.iter().filter(lacks).map(|buffered| (buffered.seq, &buffered.change, buffered.bytes))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What was sent and is not acknowledged.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    sent: VecDeque<Sent>,
    bytes: usize,
}

#[derive(Debug)]
struct Sent {
    seq: u64,
    at_ms: u64,
    bytes: usize,
    /// Counts with it.
    mark: Option<Mark>,
}

impl InFlight {
    pub(super) fn push(&mut self, now_ms: u64, seq: u64, bytes: usize, mark: Option<Mark>) {
        self.sent.push_back(Sent { seq, at_ms: now_ms, bytes, mark });
        self.bytes += bytes;
    }

    /// The marks that count now.
    pub(super) fn acknowledged(&mut self, seq: u64) -> Vec<Mark> {
        let mut marks = Vec::new();
        while let Some(oldest) = self.sent.pop_front_if(|oldest| oldest.seq <= seq) {
            self.bytes -= oldest.bytes;
            marks.extend(oldest.mark);
        }
        marks
    }

    /// Nobody will acknowledge them: all marks.
    pub(super) fn clear(&mut self) -> Vec<Mark> {
        self.acknowledged(u64::MAX)
    }

    /// The number of the first of them.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.sent.front().map(|oldest| oldest.seq)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How long the oldest has waited.
    pub(super) fn waits_ms(&self, now_ms: u64) -> u64 {
        self.sent.front().map_or(0, |oldest| now_ms.saturating_sub(oldest.at_ms))
    }
}
