//! What a backup has, as the wire tells it, and what the lease's row says of it: whether its copy must count as certain.

use std::collections::BTreeMap;

use tandem_synch_link::PrimaryMessage;
use tandem_words::Epoch;

use crate::agenda::Process;

/// One backup's copy.
#[derive(Debug, Default)]
struct Copy {
    /// Of the primary that it hears.
    epoch: Epoch,
    /// It is complete, in this epoch.
    full: Option<Epoch>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Synch {
    copies: BTreeMap<Process, Copy>,
    /// As the last durable batch says.
    solo: bool,
    /// Processes that took the lease with a copy that had everything.
    certain: BTreeMap<Process, bool>,
}

impl Default for Synch {
    fn default() -> Self {
        Synch { copies: BTreeMap::new(), solo: true, certain: BTreeMap::new() }
    }
}

impl Synch {
    /// It is a backup from now on, and has nothing.
    pub(super) fn begins(&mut self, process: Process) {
        self.copies.insert(process, Copy::default());
    }

    pub(super) fn connected(&mut self, process: Process, epoch: Epoch) {
        self.copies.entry(process).or_default().epoch = epoch;
    }

    pub(super) fn heard(&mut self, process: Process, message: &PrimaryMessage) {
        let copy = self.copies.entry(process).or_default();
        match message {
            PrimaryMessage::Begin => copy.full = None,
            PrimaryMessage::End { .. } => copy.full = Some(copy.epoch),
            _ => {}
        }
    }

    pub(super) fn committed(&mut self, solo: bool) {
        self.solo = solo;
    }

    pub(super) fn leads(&mut self, process: Process, epoch: Epoch) {
        let full = self.copies.get(&process).and_then(|copy| copy.full);
        self.certain.insert(process, full == Some(epoch.saturating_sub(1)) && !self.solo);
    }

    /// Whether it took over with a copy that had everything.
    pub(super) fn had_everything(&self, process: Process) -> bool {
        self.certain.get(&process) == Some(&true)
    }
}
