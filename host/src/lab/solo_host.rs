//! A host on one thread: the same desk, worker and commit queue that `tandem run` puts on several, without a clock, a socket
//! or a wait. Scenario tests and the simulation run on it.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
};

use tandem_instance::{Floor, desk};
use tandem_journal::FormatError;
use tandem_node::{Deployments, LinkError, NodeOptions, Phase, Primary, RestartOptions, Restarts, Stock};
use tandem_session::{CommitQueue, Guests, Input, Output, Worker, WorkerOptions};
use tandem_store::{Holder, Reader, Store, StoreError};
use tandem_switch_link::{GatewayFrame, HostMessage, Mark};
use tandem_synch_link::{Change, KeptSession};
use tandem_words::{InstanceName, SessionId, SwitchName};

use crate::node::recovery::{self, Found};

/// Why a host on one thread cannot go on.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SoloError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Who it is.
#[derive(Debug, Clone)]
pub struct SoloOptions {
    /// The instance it plays.
    pub instance: InstanceName,
    /// The switch's name.
    pub switch: SwitchName,
    /// What is deployed.
    pub deployments: Deployments,
    /// How sessions are treated.
    pub worker: WorkerOptions,
    /// How many sessions start again at once.
    pub restarts: RestartOptions,
}

/// What a host finds of the sessions that are not persisted, beside the store: what the synch link would have kept.
#[derive(Debug, Clone, Default)]
pub struct Inheritance {
    /// By session.
    pub kept: BTreeMap<SessionId, KeptSession>,
    /// Whether that is all of it.
    pub certain: bool,
}

/// See the module.
pub struct SoloHost<G> {
    primary: Primary,
    worker: Worker<G>,
    queue: CommitQueue,
    store: Box<dyn Store>,
    reader: Box<dyn Reader>,
    hands: Hands,
    switch: SwitchName,
}

/// What the desk wants done and nobody has done yet.
#[derive(Default)]
struct Hands {
    inputs: VecDeque<Input>,
    outgoing: Vec<HostMessage>,
    ignored: Vec<Mark>,
    follow: Option<Mark>,
    prepare: Option<Mark>,
    changes: Vec<Change>,
    take_stock: bool,
}

impl Floor for Hands {
    fn send(&mut self, message: HostMessage) {
        self.outgoing.push(message);
    }

    fn worker(&mut self, _: SessionId, input: Input) {
        self.inputs.push_back(input);
    }

    fn workers(&mut self, input: impl Fn() -> Input) {
        self.inputs.push_back(input());
    }

    fn ignored(&mut self, mark: Mark) {
        self.ignored.push(mark);
    }

    fn follow(&mut self, after: Mark) {
        self.follow = Some(after);
    }

    fn prepare(&mut self, after: Mark) {
        self.prepare = Some(after);
    }

    fn take_stock(&mut self) {
        self.take_stock = true;
    }

    fn kept(&mut self, changes: Vec<Change>, mark: Option<Mark>) {
        self.changes.extend(changes);
        self.ignored.extend(mark);
    }

    /// The lab's switch keeps every event until a host has it.
    fn missed(&mut self) {}

    fn warn(&mut self, what: String) {
        tracing::warn!("{what}");
    }
}

impl<G: Guests> SoloHost<G> {
    /// Takes the lease and recovers what the store has.
    pub fn start(mut store: Box<dyn Store>, guests: G, options: SoloOptions, inherited: Inheritance) -> Result<Self, SoloError> {
        let node = options.instance.node;
        let holder = Holder { instance: options.instance, pid: 0, process_start: 0, boot_id: String::new() };
        let lease = store.take_lease(node, &holder)?;
        let mut reader = store.reader()?;
        let mut worker = Worker::new(guests, options.worker, lease.epoch);
        let mut openings = Vec::new();
        reader.for_each_live_session(node, &mut |session, rows| {
            match recovery::found(session, &rows) {
                Some(Found::Persisted(folded, records)) => {
                    worker.recover(folded);
                    records.into_iter().for_each(|records| worker.read_ahead(session, records));
                }
                Some(Found::Waiting(opening)) => {
                    worker.await_restart(opening.clone());
                    openings.push(opening);
                }
                None => {}
            }
            ControlFlow::Continue(())
        })?;
        let switch = options.switch.clone();
        let node_options = NodeOptions {
            cluster: "lab".to_owned(),
            instance: options.instance,
            epoch: lease.epoch,
            store: store.store_id(),
            switch: switch.clone(),
            token: None,
        };
        let mut primary = Primary::new(node_options, options.deployments);
        primary.set_restarts(Restarts::new(options.restarts, openings, inherited.kept, inherited.certain));
        let queue = CommitQueue::new(lease, switch.clone());
        Ok(SoloHost { primary, worker, queue, store, reader, hands: Hands::default(), switch })
    }

    /// The link to the gateway is there.
    pub fn connected(&mut self) -> Result<(), SoloError> {
        let directives = self.primary.connected();
        desk::carry_out(directives, &mut self.hands);
        self.settle()
    }

    /// A frame of the gateway; everything that follows from it is done when this returns.
    pub fn frame(&mut self, frame: GatewayFrame) -> Result<(), SoloError> {
        let (directives, taken) = self.primary.frame(frame);
        desk::carry_out(directives, &mut self.hands);
        self.settle()?;
        taken?;
        self.say_idle();
        Ok(())
    }

    fn say_idle(&mut self) {
        if let Some(idle) = self.primary.idle(self.worker.wake_at()) {
            desk::carry_out(vec![idle], &mut self.hands);
        }
    }

    /// Real time is `now_ms`: sessions start again, as many as may.
    pub fn tick(&mut self, now_ms: u64) -> Result<(), SoloError> {
        let directives = self.primary.tick(now_ms);
        if directives.is_empty() {
            return Ok(());
        }
        desk::carry_out(directives, &mut self.hands);
        self.settle()?;
        self.say_idle();
        Ok(())
    }

    /// When [`SoloHost::tick`] is wanted, real time.
    pub fn wants_tick(&self) -> Option<u64> {
        Some(self.primary.restarts().wake_at()?).filter(|_| self.primary.phase() == Phase::Serving)
    }

    /// What a backup would have been told since the last call. Events count for W at once, as where none is connected.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.hands.changes)
    }

    /// What is to be sent to the gateway.
    pub fn outgoing(&mut self) -> Vec<HostMessage> {
        std::mem::take(&mut self.hands.outgoing)
    }

    /// The sessions, to look at.
    pub fn worker(&self) -> &Worker<G> {
        &self.worker
    }

    fn settle(&mut self) -> Result<(), SoloError> {
        loop {
            self.work()?;
            if self.queue.is_empty() && !self.hands.take_stock {
                return Ok(());
            }
            // Stock is taken when nothing is under way any more, and W is durable.
            let take_stock = self.queue.is_empty();
            let batch = self.queue.batch(usize::MAX);
            let lost = self.store.commit(batch)?;
            let items = self.queue.acknowledged(&lost);
            desk::durable(&mut self.primary, items, self.queue.durable(), &mut self.hands);
            if take_stock {
                self.hands.take_stock = false;
                let directives = self.take_stock()?;
                desk::carry_out(directives, &mut self.hands);
            }
        }
    }

    fn take_stock(&mut self) -> Result<Vec<tandem_node::Directive>, SoloError> {
        let inventory = self.worker.inventory();
        let node = self.primary.node();
        let stored = self.reader.watermarks(node)?.into_iter().find(|watermark| watermark.switch == self.switch);
        let after = stored.map(|watermark| Mark { incarnation: watermark.incarnation, position: watermark.position });
        Ok(self.primary.took_stock(Stock { after, interactions: inventory.interactions, requests: inventory.requests }))
    }

    /// Lets the worker do what waits, and hands on what it finishes.
    fn work(&mut self) -> Result<(), SoloError> {
        loop {
            if let Some(mark) = self.hands.prepare.take() {
                self.queue.prepare(mark);
            }
            if let Some(mark) = self.hands.follow.take() {
                self.queue.follow(mark);
            }
            for mark in self.hands.ignored.drain(..) {
                self.queue.ignored(mark);
            }
            let Some(input) = self.hands.inputs.pop_front() else { return Ok(()) };
            self.worker.handle(input);
            for output in self.worker.drain() {
                match output {
                    Output::Finished(finished) => {
                        let rows = finished.rows()?;
                        self.queue.finished(*finished, rows);
                    }
                    Output::Ignored(mark) => self.queue.ignored(mark),
                    Output::Answer(key, body) => desk::answer(key, body, &mut self.hands),
                    Output::Load(session) => {
                        let rows = self.reader.session_rows(session)?;
                        self.hands.inputs.push_back(Input::Loaded(session, rows.map(Box::new)));
                    }
                    Output::LoadAll(session) => {
                        let rows = self.reader.all_rows_of(session)?;
                        self.hands.inputs.push_back(Input::LoadedAll(session, rows));
                    }
                    Output::Tell(step) => {
                        let told = self.primary.tell(step);
                        desk::carry_out(told, &mut self.hands);
                    }
                    Output::Redo(release) => desk::released(&mut self.primary, release, &mut self.hands),
                    Output::Unreadable(session, message) => tracing::error!(%session, "this session is lost: {message}"),
                    Output::Warn(what) | Output::Differs(what) => self.hands.warn(what),
                }
            }
        }
    }
}
