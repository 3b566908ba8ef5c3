//! The committer: one thread, one transaction at a time, everything that waits in each (group commit). It also renews the
//! lease, inside the same transactions.

use std::{
    io,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tandem_journal::{LostClaim, Record, Row};
use tandem_node::Tenure;
use tandem_session::{CommitQueue, Finished};
use tandem_store::{Disposition, Store, StoreError};
use tandem_switch_link::Mark;
use tandem_words::InstanceName;

use super::{Activity, Progress};
use crate::node::{Alarm, Ticker, ToNode, Watched, boot_clock_ms};

/// Rows of one transaction at most. Reason: a bound on how long one commit takes, and so on how long a lone step waits.
const ROWS_PER_BATCH: usize = 4_096;

/// How long a failed batch waits before it is repeated: long enough not to spin, short against every deadline.
const REPEAT_AFTER: Duration = Duration::from_millis(50);

/// How soon it looks again whether a thread that fell silent moves.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What the committer is told.
pub enum ToCommitter {
    /// Records, with their rows.
    Finished(Box<Finished>, Vec<Row>),
    /// An event that no session takes.
    Ignored(Mark),
    /// The switch's events follow behind this mark.
    Follow(Mark),
    /// Those of a newer life of the switch do.
    Prepare(Mark),
    /// From the next commit on the lease's row says so: whether W may rest on events that only this instance has.
    Solo(bool),
    /// Commit W as it is, even where nothing waits.
    Flush,
    /// Everything is through: commit W as it is, release the lease, naming an heir where there is one, and end.
    Release(Option<InstanceName>),
}

/// The committer's thread.
pub struct Committer {
    store: Box<dyn Store>,
    queue: CommitQueue,
    tenure: Tenure,
    progress: Progress,
    activity: Activity,
    node: Sender<ToNode>,
    watched: Watched,
    ticker: Ticker,
    held_up: bool,
    steps: u64,
}

impl Committer {
    /// `progress`: what the node reads before it sends, and shows. `watched`: the threads without which nothing is renewed.
    #[expect(clippy::too_many_arguments, reason = "the parts of a committer, put together in one place")]
    pub fn new(
        store: Box<dyn Store>,
        queue: CommitQueue,
        tenure: Tenure,
        progress: Progress,
        activity: Activity,
        node: Sender<ToNode>,
        watched: Watched,
        ticker: Ticker,
    ) -> Self {
        Committer { store, queue, tenure, progress, activity, node, watched, ticker, held_up: false, steps: 0 }
    }

    /// Starts the thread. It ticks that often.
    pub fn start(self, messages: Receiver<ToCommitter>, renewal: Duration, tick_every: Duration) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("committer".to_owned()).spawn(move || {
            let _alarm = Alarm::new(self.node.clone(), "committer");
            self.run(&messages, renewal, tick_every);
        })
    }

    fn run(mut self, messages: &Receiver<ToCommitter>, renewal: Duration, tick_every: Duration) {
        let mut renewed = Instant::now();
        loop {
            let mut handled = 0;
            self.ticker.tick();
            let first = match messages.recv_timeout(tick_every.min(renewal)) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Nothing for `lease.renewal`: time to renew.
            let mut flush = first.is_none() && renewed.elapsed() >= renewal;
            let mut released = None;
            for message in first.into_iter().chain(messages.try_iter().take(ROWS_PER_BATCH)) {
                handled += 1;
                match message {
                    ToCommitter::Finished(finished, rows) => {
                        self.steps += steps(&finished);
                        self.queue.finished(*finished, rows);
                    }
                    ToCommitter::Ignored(mark) => self.queue.ignored(mark),
                    ToCommitter::Follow(mark) => self.queue.follow(mark),
                    ToCommitter::Prepare(mark) => self.queue.prepare(mark),
                    ToCommitter::Solo(solo) => {
                        self.queue.set_solo(solo);
                        // Until it is durable, the backup's copy counts for nothing.
                        flush |= !solo;
                    }
                    ToCommitter::Flush => flush = true,
                    ToCommitter::Release(heir) => (flush, released) = (true, Some(heir)),
                }
            }
            let due = flush || self.tenure.wants_renewal(boot_clock_ms());
            while !self.queue.is_empty() || due {
                renewed = Instant::now();
                if let Err(error) = self.commit() {
                    // Whoever lost its lease, or cannot trust its disk, acts no more; the node ends the process.
                    let _ = self.node.send(ToNode::Fatal(error.into()));
                    return;
                }
                if self.queue.is_empty() {
                    break;
                }
            }
            if let Some(heir) = released {
                return self.release(heir);
            }
            self.progress.committed(self.steps);
            self.activity.end(handled);
        }
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let (began, lost) = self.write()?;
        self.tenure.renewed(began);
        self.progress.renewed(began);
        let durable = self.queue.acknowledged(&lost);
        self.activity.begin(1);
        let _ = self.node.send(ToNode::Durable(durable, self.queue.durable()));
        Ok(())
    }

    /// Writes the batch; one that failed for want of room or by another writer is repeated unchanged, never skipped, until the
    /// process is told to end.
    fn write(&mut self) -> Result<(u64, Vec<LostClaim>), StoreError> {
        loop {
            self.ticker.tick();
            // A lease that is renewed says that all of the instance moves: while a thread does not, nothing is committed.
            if !self.watched.may_renew() && !self.progress.is_given_up() {
                std::thread::sleep(LOOK_AGAIN);
                continue;
            }
            let began = boot_clock_ms();
            let batch = self.queue.batch(ROWS_PER_BATCH);
            let solo = batch.solo;
            match self.store.commit(batch) {
                Ok(lost) => {
                    self.progress.solo(solo);
                    if std::mem::take(&mut self.held_up) {
                        self.progress.hold_up(None);
                        tracing::info!("the store takes commits again");
                    }
                    return Ok((began, lost));
                }
                Err(error) if error.disposition() == Disposition::Repeat && !self.progress.is_given_up() => self.is_held_up(&error),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the lease back. A store that has no room, or another writer, is asked again until the process is told to end: a lease that
    /// nobody gave back, beside a process that lives, looks like one that hangs.
    fn release(mut self, heir: Option<InstanceName>) {
        let lease = self.queue.lease();
        while let Err(error) = self.store.release_lease(lease, heir) {
            self.ticker.tick();
            if error.disposition() != Disposition::Repeat || self.progress.is_given_up() {
                let _ = self.node.send(ToNode::Fatal(error.into()));
                return;
            }
            self.is_held_up(&error);
        }
        let node = self.node.clone();
        // The file is closed, and its log folded in, before the node hears of the end.
        drop(self);
        let _ = node.send(ToNode::Released);
    }

    /// Told, and shown to the other instance; to be tried again.
    fn is_held_up(&mut self, error: &StoreError) {
        if self.watched.may_renew() {
            self.watched.could_not_renew();
        }
        if !std::mem::replace(&mut self.held_up, true) {
            tracing::error!("commits are held up, and with them every action: {error}");
            self.progress.hold_up(Some(error.to_string()));
        }
        std::thread::sleep(REPEAT_AFTER);
    }
}

fn steps(finished: &Finished) -> u64 {
    finished.records.iter().map(|record| u64::from(matches!(**record, Record::Step(_)))).sum()
}
