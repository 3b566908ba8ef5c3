//! Worker threads: each owns the sessions whose ids hash to it. No locks between sessions; what a worker finishes goes to the
//! committer, and it never waits for the disk.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded};
use tandem_journal::SessionRows;
use tandem_session::{AnyGuests, Input, Loads, Output, Records, Worker, WorkerOptions};
use tandem_words::{Epoch, SessionId, Timestamp};

use super::{
    Activity, Progress, ToCommitter, ToReader,
    ahead::{RowsAhead, WAITING},
};
use crate::node::{Alarm, Ticker, Ticks, ToNode};

/// What a worker's thread is told.
pub enum ToWorker {
    /// In order. Each counts as activity.
    Inputs(Vec<Input>),
    /// Rows of these sessions were read.
    Loaded(Box<Input>),
    /// What the sessions hold and wait for: the node is told, with this number. Not counted as activity, asked for when there is none.
    Inventory(u64),
    /// How many sessions there are: live, and with their guest in memory.
    Count(Sender<(usize, usize)>),
    /// Drop every cell and end.
    Stop,
}

/// What a worker needs of its surroundings.
#[derive(Clone)]
pub struct WorkerParts {
    /// How sessions are treated.
    pub options: WorkerOptions,
    /// The primary's epoch.
    pub epoch: Epoch,
    /// Counts messages.
    pub activity: Activity,
    /// Whether the process ends.
    pub progress: Progress,
    /// To the node.
    pub node: Sender<ToNode>,
    /// To the committer.
    pub committer: Sender<ToCommitter>,
    /// To the reader.
    pub reader: Sender<ToReader>,
    /// Where they show that they move.
    pub ticks: Ticks,
    /// How often.
    pub tick_every: Duration,
}

/// All workers of an instance.
pub struct Workers {
    senders: Vec<Sender<ToWorker>>,
    /// Until it is known whether rows are read ahead.
    ahead: Vec<Sender<RowsAhead>>,
    threads: Vec<JoinHandle<()>>,
    wake: Vec<Arc<AtomicU64>>,
    activity: Activity,
}

const NO_WAKE: u64 = u64::MAX;

/// Sessions whose rows are read singly while all rows are read in one pass, and their events wait. Reason: the first ones act at once;
/// a thousand would only be read twice.
const LOADS_BESIDE: usize = 32;

impl Workers {
    /// Starts a thread for each of these `guests`, on which it runs sessions.
    pub fn start(channels: Vec<(Sender<ToWorker>, Receiver<ToWorker>)>, parts: &WorkerParts, guests: Vec<AnyGuests>) -> io::Result<Self> {
        let (mut senders, mut ahead, mut threads, mut wake) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, ((sender, inputs), guests)) in channels.into_iter().zip(guests).enumerate() {
            let parts = parts.clone();
            let wake_at = Arc::new(AtomicU64::new(NO_WAKE));
            wake.push(Arc::clone(&wake_at));
            senders.push(sender);
            let (sender, rows) = bounded(WAITING);
            ahead.push(sender);
            let run = move || {
                let _alarm = Alarm::new(parts.node.clone(), name(index));
                let ticker = parts.ticks.ticker(name(index));
                let worker = Worker::new(guests, parts.options, parts.epoch);
                let loads = Loads::beside_a_pass(LOADS_BESIDE);
                WorkerThread { worker, index, parts, wake_at, ticker, rows: Some(rows), loads }.run(&inputs);
            };
            threads.push(std::thread::Builder::new().name(name(index)).spawn(run)?);
        }
        Ok(Workers { senders, ahead, threads, wake, activity: parts.activity.clone() })
    }

    /// Where rows that are read ahead go, once. Dropped: none will come.
    pub fn ahead(&mut self) -> Vec<Sender<RowsAhead>> {
        std::mem::take(&mut self.ahead)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.senders.len()
    }

    /// Whose session this is.
    pub fn owner(&self, session: SessionId) -> usize {
        owner(session, self.senders.len())
    }

    /// Inputs for one worker.
    pub fn send(&self, worker: usize, inputs: Vec<Input>) {
        if let Some(sender) = self.senders.get(worker).filter(|_| !inputs.is_empty()) {
            self.activity.begin(inputs.len());
            // A worker that is gone has been stopped, or has panicked: the node has been told, and ends the process.
            let _ = sender.send(ToWorker::Inputs(inputs));
        }
    }

    /// Asks what all sessions hold and wait for; each worker tells the node, with this number. To be asked when nothing is being worked
    /// on. One that rebuilds a session ahead comes to it later.
    pub fn take_inventory(&self, number: u64) {
        for worker in &self.senders {
            let _ = worker.send(ToWorker::Inventory(number));
        }
    }

    /// The earliest timer of all.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.wake.iter().map(|wake| wake.load(Ordering::SeqCst)).min().filter(|wake| *wake != NO_WAKE)
    }

    /// To ask them from elsewhere.
    pub fn senders(&self) -> Vec<Sender<ToWorker>> {
        self.senders.clone()
    }

    /// Lets them finish what they have been sent, then drop every cell and end; the threads are to be waited for.
    pub fn stop(self) -> Vec<JoinHandle<()>> {
        for sender in &self.senders {
            let _ = sender.send(ToWorker::Stop);
        }
        self.threads
    }
}

/// The name of a worker's thread, by which it also ticks.
pub fn name(index: usize) -> String {
    format!("worker-{index}")
}

/// Which of `workers` owns a session. Numbers count up, so neighbours in time spread evenly.
pub fn owner(session: SessionId, workers: usize) -> usize {
    let workers = u64::try_from(workers).unwrap_or(1).max(1);
    usize::try_from(session.number % workers).unwrap_or(0)
}

struct WorkerThread {
    worker: Worker<AnyGuests>,
    index: usize,
    parts: WorkerParts,
    wake_at: Arc<AtomicU64>,
    ticker: Ticker,
    /// None: no more are read ahead.
    rows: Option<Receiver<RowsAhead>>,
    /// Each session that waits for the pass counts as activity.
    loads: Loads,
}

impl WorkerThread {
    fn run(mut self, inputs: &Receiver<ToWorker>) {
        loop {
            self.ticker.tick();
            // In turn with the others: sessions may wait for it.
            self.take_rows_ahead();
            let message = match inputs.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => {
                    let more_rows = self.rows.as_ref().is_some_and(|rows| !rows.is_empty());
                    let idle = || {
                        self.ticker.tick();
                        inputs.is_empty() && !self.parts.progress.is_given_up()
                    };
                    if !more_rows && (self.parts.progress.is_given_up() || !self.worker.rebuild_ahead_while(&idle)) {
                        self.wait(inputs);
                    }
                    continue;
                }
            };
            let handled = match message {
                ToWorker::Inputs(inputs) => {
                    let handled = inputs.len();
                    for input in inputs {
                        if self.parts.progress.is_given_up() {
                            return;
                        }
                        self.worker.handle(input);
                        self.hand_on();
                        self.ticker.tick();
                    }
                    handled
                }
                ToWorker::Loaded(input) => {
                    if self.loads.is_of_use(&input) {
                        self.worker.handle(*input);
                        self.hand_on();
                    }
                    1
                }
                ToWorker::Inventory(number) => {
                    let _ = self.parts.node.send(ToNode::Inventory(number, self.worker.inventory()));
                    continue;
                }
                ToWorker::Count(answer) => {
                    let _ = answer.send((self.worker.live_sessions(), self.worker.present_sessions()));
                    continue;
                }
                ToWorker::Stop => return,
            };
            self.handled(handled);
        }
    }

    fn handled(&self, messages: usize) {
        self.wake_at.store(self.worker.wake_at().unwrap_or(NO_WAKE), Ordering::SeqCst);
        self.parts.activity.end(messages);
    }

    /// Until there is something to do, or it is time to tick.
    fn wait(&self, inputs: &Receiver<ToWorker>) {
        let mut either = Select::new();
        either.recv(inputs);
        self.rows.iter().for_each(|rows| _ = either.recv(rows));
        // What became ready is found by whoever looks next.
        let _ = either.ready_timeout(self.parts.tick_every);
    }

    fn take_rows_ahead(&mut self) {
        let Some(rows) = &self.rows else { return };
        match rows.try_recv() {
            Ok(rows) => {
                for (session, rows) in rows {
                    if self.parts.progress.is_given_up() {
                        return;
                    }
                    self.take_ahead(session, &rows);
                    self.ticker.tick();
                }
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => {
                self.rows = None;
                self.loads.pass_is_over().into_iter().for_each(|session| self.read(session, false));
            }
        }
    }

    fn take_ahead(&mut self, session: SessionId, rows: &SessionRows) {
        if !self.worker.wants_records(session) {
            return;
        }
        // Rows that cannot be read are told of when the reader has read them.
        if let Ok(records) = Records::read(rows) {
            self.worker.read_ahead(session, records);
            self.hand_on();
        }
        if !self.worker.is_loading(session) && self.loads.brought(session) {
            self.handled(1);
        }
    }

    fn hand_on(&mut self) {
        let mut for_node = Vec::new();
        for output in self.worker.drain() {
            match output {
                Output::Finished(finished) => match finished.rows() {
                    Ok(rows) => self.commit(ToCommitter::Finished(finished, rows)),
                    Err(error) => {
                        let _ = self.parts.node.send(ToNode::Fatal(error.into()));
                    }
                },
                Output::Ignored(mark) => self.commit(ToCommitter::Ignored(mark)),
                Output::Load(session) => self.load(session),
                Output::LoadAll(session) => self.load_all(session),
                other => for_node.push(other),
            }
        }
        if !for_node.is_empty() {
            self.parts.activity.begin(1);
            let _ = self.parts.node.send(ToNode::Outputs(for_node));
        }
    }

    fn load(&mut self, session: SessionId) {
        self.parts.activity.begin(1);
        if self.loads.wants(session) {
            self.read(session, false);
        }
    }

    fn load_all(&mut self, session: SessionId) {
        self.parts.activity.begin(1);
        self.loads.wants_all();
        self.read(session, true);
    }

    fn read(&self, session: SessionId, all: bool) {
        let _ = self.parts.reader.send(ToReader { session, all, worker: self.index });
    }

    fn commit(&self, message: ToCommitter) {
        self.parts.activity.begin(1);
        let _ = self.parts.committer.send(message);
    }
}
