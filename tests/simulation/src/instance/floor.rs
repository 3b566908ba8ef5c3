//! The desk's floor in a simulated process: what the desk wants done, until a thread takes it up.

use std::collections::VecDeque;

use tandem_instance::Floor;
use tandem_journal::Row;
use tandem_session::{Finished, Input};
use tandem_switch_link::{HostMessage, Mark};
use tandem_synch_link::Change;
use tandem_words::{InstanceName, SessionId};

use super::synch::PrimaryEnd;

/// Worker threads.
pub const WORKERS: usize = 2;

/// What the committer is told; as in `host/src/session/committer.rs`.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ToCommitter {
    Finished(Box<Finished>, Vec<Row>),
    Ignored(Mark),
    Follow(Mark),
    Prepare(Mark),
    Solo(bool),
    Flush,
    Release(Option<InstanceName>),
}

/// See the module.
#[derive(Default)]
pub struct Hands {
    /// For the gateway.
    pub outgoing: Vec<HostMessage>,
    /// For each worker, not handed over yet.
    pub inputs: [Vec<Input>; WORKERS],
    /// For the committer.
    pub to_committer: VecDeque<ToCommitter>,
    /// Stock is to be taken.
    pub take_stock: bool,
    /// The synch link; none: the pair has none.
    pub backup: Option<PrimaryEnd>,
    /// The process's own clock, as of this turn of the node's thread.
    pub now_ms: u64,
}

/// The worker that owns a session; as in `host/src/session/workers.rs`.
pub fn owner(session: SessionId) -> usize {
    usize::try_from(session.number % WORKERS as u64).unwrap_or(0)
}

impl Floor for Hands {
    fn send(&mut self, message: HostMessage) {
        self.outgoing.push(message);
    }

    fn worker(&mut self, session: SessionId, input: Input) {
        if let Some(inputs) = self.inputs.get_mut(owner(session)) {
            inputs.push(input);
        }
    }

    fn workers(&mut self, input: impl Fn() -> Input) {
        self.inputs.iter_mut().for_each(|inputs| inputs.push(input()));
    }

    fn ignored(&mut self, mark: Mark) {
        self.to_committer.push_back(ToCommitter::Ignored(mark));
    }

    fn follow(&mut self, after: Mark) {
        self.to_committer.push_back(ToCommitter::Follow(after));
    }

    fn prepare(&mut self, after: Mark) {
        self.to_committer.push_back(ToCommitter::Prepare(after));
    }

    fn take_stock(&mut self) {
        self.take_stock = true;
    }

    /// Without a synch link it counts at once; the commit queue says so (`solo`) from its beginning.
    fn kept(&mut self, changes: Vec<Change>, mark: Option<Mark>) {
        match &mut self.backup {
            Some(backup) => self.to_committer.extend(backup.kept(self.now_ms, changes, mark)),
            None => self.to_committer.extend(mark.map(ToCommitter::Ignored)),
        }
    }

    fn missed(&mut self) {
        if let Some(backup) = &mut self.backup {
            self.to_committer.extend(backup.missed(self.now_ms));
        }
    }

    fn warn(&mut self, _: String) {}
}
