//! What a backup reads while it waits: its primary's journal, as it is written. A takeover then has the sessions at once, and their
//! guests, which have made each step again behind the primary's.

use std::{
    io,
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use tandem_journal::decode;
use tandem_session::{AnyGuests, Folded, Following, Records, WorkerOptions, is_a_difference};
use tandem_store::{Disposition, Reader, StoreError};
use tandem_words::NodeId;

use super::candidate::open;
use crate::session::owner;

/// How often it reads. What is left at a takeover is as much as was written meanwhile: a few ms of work.
const READS_EACH: Duration = Duration::from_millis(50);

/// Rows of one reading: a reader that stays long would keep the write-ahead log from being emptied.
const ROWS_AT_ONCE: u32 = 2_048;

/// Guests that are rebuilt between two readings, of sessions whose guest was left behind: some ms of work.
const REBUILT_AT_ONCE: usize = 64;

/// Sessions that are followed. Each takes about 1 KB here, and its guest; with more of them a takeover reads the whole journal.
const MOST_SESSIONS: usize = 500_000;

/// How often a reading that another writer is in the way of is tried again in a takeover, each time after [`READS_EACH`].
const TRIES: u32 = 10;

/// How long guests make steps in one reading: of a long backlog, or one of slow strategies, the rest is only folded, and its guests are
/// rebuilt when there is time.
const GUESTS_EACH: Duration = Duration::from_millis(50);

/// The same in a takeover, which does not wait for them.
const GUESTS_IN_A_TAKEOVER: Duration = Duration::from_millis(20);

/// The thread that reads. Dropped, it ends.
pub struct Follower {
    wanted: Sender<()>,
    followed: Receiver<Vec<Followed>>,
    replays_differed: Arc<AtomicUsize>,
}

/// What was followed for one worker.
pub struct Followed {
    /// Those that have kept up.
    pub guests: AnyGuests,
    /// The worker's sessions, as the store has them.
    pub sessions: Vec<Folded>,
    /// How many of them lack a guest that they had better have.
    pub absent: usize,
}

/// Why nothing is followed any more.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Row(String),
    #[error("{MOST_SESSIONS} sessions are the most that it follows")]
    TooMany,
    /// Whoever wanted it comes too early, or does not want it any more.
    #[error("it is not wanted")]
    Unwanted,
}

impl Follower {
    /// Follows the node's sessions in this store, with guests for each worker to be.
    pub fn start(path: &Path, node: NodeId, guests: Vec<AnyGuests>, options: WorkerOptions) -> io::Result<Self> {
        let ((wanted, asked), (give, followed)) = (bounded(1), bounded(1));
        let path = path.to_owned();
        let replays_differed = Arc::new(AtomicUsize::new(0));
        let differed = Arc::clone(&replays_differed);
        let workers = guests.into_iter().map(|guests| Following::new(node, guests, options)).collect();
        let run = move || match open(&path)
            .map_err(Lost::from)
            .and_then(|reader| Reading { reader, node, workers, through: 0, differed }.run(&asked))
        {
            Ok(followed) => {
                // Whoever asked may have gone.
                let _ = give.send(followed);
            }
            Err(Lost::Unwanted) => {}
            Err(why) => tracing::warn!("the journal is not read ahead any more, and a takeover reads all of it: {why}"),
        };
        std::thread::Builder::new().name("follower".to_owned()).spawn(run)?;
        Ok(Follower { wanted, followed, replays_differed })
    }

    /// How many steps of the primary its guests made otherwise.
    pub fn replays_differed(&self) -> usize {
        self.replays_differed.load(Ordering::Relaxed)
    }

    /// Of a new primary that has its lease, so that nobody else writes: the node's sessions as the store has them now, for each worker.
    /// None: it does not know them all.
    pub fn finish(self) -> Option<Vec<Followed>> {
        self.wanted.send(()).ok()?;
        self.followed.recv().ok()
    }
}

struct Reading {
    reader: Box<dyn Reader>,
    node: NodeId,
    workers: Vec<Following<AnyGuests>>,
    /// The last row that was read.
    through: u64,
    differed: Arc<AtomicUsize>,
}

impl Reading {
    fn run(mut self, asked: &Receiver<()>) -> Result<Vec<Followed>, Lost> {
        // What is written while the sessions are read is read twice, which changes nothing.
        self.through = self.reader.last_row()?;
        let mut whole = true;
        let count = self.workers.len();
        let workers = &mut self.workers;
        self.reader.for_each_live_session(self.node, &mut |session, rows| {
            let worker = workers.get_mut(owner(session, count));
            let nobody_waits = || asked.is_empty();
            let begun = worker.map_or(Ok(()), |worker| Records::read(&rows).and_then(|records| worker.begin(&records, &nobody_waits)));
            if let Err(message) = begun {
                tracing::error!(%session, "this session could not be recovered: {message}");
            }
            whole = asked.try_recv() == Err(TryRecvError::Empty) && len(workers) <= MOST_SESSIONS;
            if whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let (mut tries, mut takeover) = (0, false);
        while whole && len(&self.workers) <= MOST_SESSIONS {
            takeover = match asked.recv_timeout(READS_EACH) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => takeover,
                Err(RecvTimeoutError::Disconnected) => return Err(Lost::Unwanted),
            };
            let until = Instant::now() + if takeover { GUESTS_IN_A_TAKEOVER } else { GUESTS_EACH };
            match self.catch_up(&|| asked.is_empty() && Instant::now() < until) {
                Ok(()) if takeover => return Ok(self.workers.into_iter().map(Followed::from).collect()),
                Ok(()) => self.rebuild(asked)?,
                Err(Lost::Store(error)) if error.disposition() == Disposition::Repeat && tries < TRIES => tries += u32::from(takeover),
                Err(lost) => return Err(lost),
            }
        }
        Err(if whole { Lost::TooMany } else { Lost::Unwanted })
    }

    /// Reads to the end; guests make their steps as long as there is time for it.
    fn catch_up(&mut self, guests_have_time: &dyn Fn() -> bool) -> Result<(), Lost> {
        self.workers.iter_mut().for_each(|worker| worker.fold_only(false));
        loop {
            let (before, count) = (self.through, self.workers.len());
            let (through, workers, mut taken) = (&mut self.through, &mut self.workers, Ok(()));
            self.reader.rows_behind(before, ROWS_AT_ONCE, &mut |at, data| {
                if taken.is_err() {
                    return;
                }
                if !guests_have_time() {
                    workers.iter_mut().for_each(|worker| worker.fold_only(true));
                }
                *through = at;
                taken = decode(data)
                    .map_err(|error| error.to_string())
                    .and_then(|record| workers.get_mut(owner(record.session(), count)).map_or(Ok(()), |worker| worker.record(&record)));
            })?;
            taken.map_err(Lost::Row)?;
            self.tell_failures();
            if self.through - before < u64::from(ROWS_AT_ONCE) {
                return Ok(());
            }
        }
    }

    /// Guests that were left behind, as long as nobody waits.
    fn rebuild(&mut self, asked: &Receiver<()>) -> Result<(), Lost> {
        self.workers.iter_mut().for_each(|worker| worker.fold_only(false));
        for worker in &mut self.workers {
            for _ in 0..REBUILT_AT_ONCE {
                let Some(session) = worker.next_absent().filter(|_| asked.is_empty()) else { break };
                // What was written since it was followed last is told once more.
                match self.reader.session_rows(session) {
                    Ok(Some(rows)) => {
                        Records::read(&rows).and_then(|records| worker.begin(&records, &|| asked.is_empty())).map_err(Lost::Row)?;
                    }
                    Ok(None) => {}
                    Err(error) if error.disposition() == Disposition::Repeat => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        self.tell_failures();
        Ok(())
    }

    fn tell_failures(&mut self) {
        for (session, failure) in self.workers.iter_mut().flat_map(Following::take_failures) {
            if is_a_difference(failure.kind) {
                self.differed.fetch_add(1, Ordering::Relaxed);
            }
            tracing::warn!(%session, "this backup could not make its primary's steps again: {}", failure.message);
        }
    }
}

impl From<Following<AnyGuests>> for Followed {
    fn from(following: Following<AnyGuests>) -> Self {
        let absent = following.absent();
        let (guests, sessions) = following.into_parts();
        Followed { guests, sessions, absent }
    }
}

fn len(workers: &[Following<AnyGuests>]) -> usize {
    workers.iter().map(Following::len).sum()
}
