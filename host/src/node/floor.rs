//! The desk's floor between threads: inputs are gathered for each worker, messages for the gateway, and go off together.

use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use tandem_session::Input;
use tandem_switch_link::{HostMessage, Mark};
use tandem_synch_link::Change;
use tandem_words::SessionId;

use crate::session::{Activity, ToCommitter, Workers};
use tandem_instance::Floor;

pub struct Threads {
    pub workers: Workers,
    pub committer: Sender<ToCommitter>,
    pub activity: Activity,
    pub outgoing: Vec<HostMessage>,
    pub take_stock: bool,
    inputs: Vec<Vec<Input>>,
    helpers: Vec<JoinHandle<()>>,
}

impl Threads {
    /// `helpers`: the threads of committer and reader, to be waited for.
    pub fn new(workers: Workers, committer: Sender<ToCommitter>, activity: Activity, helpers: Vec<JoinHandle<()>>) -> Self {
        let inputs = (0..workers.count()).map(|_| Vec::new()).collect();
        Threads { workers, committer, activity, outgoing: Vec::new(), take_stock: false, inputs, helpers }
    }

    /// Tells all threads to end. The committer and the reader do when nobody is left who could ask them for anything.
    pub fn stop(self) -> Vec<JoinHandle<()>> {
        let mut threads = self.workers.stop();
        threads.extend(self.helpers);
        threads
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

    /// No backup is connected: it counts at once, and the commit queue says so (`solo`).
    fn kept(&mut self, _: Vec<Change>, mark: Option<Mark>) {
        if let Some(mark) = mark {
            self.commit(ToCommitter::Ignored(mark));
        }
    }

    fn warn(&mut self, what: String) {
        tracing::warn!("{what}");
    }
}
