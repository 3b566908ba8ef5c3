//! The desk's floor between threads: inputs are gathered for each worker, messages for the gateway, and go off together.

use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use tandem_session::Input;
use tandem_switch_link::{HostMessage, Mark};
use tandem_synch_link::Change;
use tandem_words::SessionId;

use super::{backup::Backup, boot_clock_ms};
use crate::session::{Activity, Ahead, ToCommitter, Workers};
use tandem_instance::Floor;

pub struct Threads {
    pub workers: Workers,
    pub committer: Sender<ToCommitter>,
    pub activity: Activity,
    pub outgoing: Vec<HostMessage>,
    pub take_stock: bool,
    /// None: there is no synch link.
    pub backup: Option<Backup>,
    /// What is to be read when stock is taken: till then there is more urgent work.
    pub ahead: Option<Ahead>,
    inputs: Vec<Vec<Input>>,
    helpers: Vec<JoinHandle<()>>,
}

impl Threads {
    /// `helpers`: the threads of committer and reader, to be waited for.
    pub fn new(workers: Workers, committer: Sender<ToCommitter>, activity: Activity, helpers: Vec<JoinHandle<()>>) -> Self {
        let inputs = (0..workers.count()).map(|_| Vec::new()).collect();
        Threads { workers, committer, activity, outgoing: Vec::new(), take_stock: false, backup: None, ahead: None, inputs, helpers }
    }

    /// Tells all threads to end. The committer and the reader do when nobody is left who could ask them for anything.
    pub fn stop(self) -> Vec<JoinHandle<()>> {
        let mut threads = self.workers.stop();
        threads.extend(self.helpers);
        threads
    }

    /// Reads rows ahead, once, where that is to be done.
    pub fn read_ahead(&mut self) {
        match self.ahead.take().map(Ahead::start).transpose() {
            Ok(thread) => self.helpers.extend(thread),
            Err(error) => tracing::warn!("the sessions' rows are not read ahead, but when they are needed: {error}"),
        }
    }

    /// Sends what was gathered for the workers.
    pub fn flush(&mut self) {
        for (worker, inputs) in self.inputs.iter_mut().enumerate() {
            if !inputs.is_empty() {
                self.workers.send(worker, std::mem::take(inputs));
            }
        }
    }

    pub fn commit(&self, message: ToCommitter) {
        self.activity.begin(1);
        // The committer ends only by telling the node that the process must end.
        let _ = self.committer.send(message);
    }

    pub fn commit_all(&self, messages: impl IntoIterator<Item = ToCommitter>) {
        messages.into_iter().for_each(|message| self.commit(message));
    }
}

impl Floor for Threads {
    fn send(&mut self, message: HostMessage) {
        self.outgoing.push(message);
    }

    fn worker(&mut self, session: SessionId, input: Input) {
        if let Some(inputs) = self.inputs.get_mut(self.workers.owner(session)) {
            inputs.push(input);
        }
    }

    fn workers(&mut self, input: impl Fn() -> Input) {
        self.inputs.iter_mut().for_each(|inputs| inputs.push(input()));
    }

    fn ignored(&mut self, mark: Mark) {
        self.commit(ToCommitter::Ignored(mark));
    }

    fn follow(&mut self, after: Mark) {
        self.commit(ToCommitter::Follow(after));
    }

    fn prepare(&mut self, after: Mark) {
        self.commit(ToCommitter::Prepare(after));
    }

    fn take_stock(&mut self) {
        self.take_stock = true;
    }

    /// Without a synch link it counts at once; the commit queue says so (`solo`) from its beginning.
    fn kept(&mut self, changes: Vec<Change>, mark: Option<Mark>) {
        match &mut self.backup {
            Some(backup) => {
                let for_committer = backup.kept(boot_clock_ms(), changes, mark);
                self.commit_all(for_committer);
            }
            None => self.commit_all(mark.map(ToCommitter::Ignored)),
        }
    }

    fn missed(&mut self) {
        if let Some(backup) = &mut self.backup {
            let for_committer = backup.missed(boot_clock_ms());
            self.commit_all(for_committer);
        }
    }

    fn warn(&mut self, what: String) {
        tracing::warn!("{what}");
    }
}
