//! What a backup reads while it waits: its primary's journal, as it is written. A takeover then has the sessions at once, without
//! their guests; those are rebuilt of rows that are read meanwhile.

use std::{io, ops::ControlFlow, path::Path, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use tandem_session::{Folded, Following, fold};
use tandem_store::{Disposition, Reader, StoreError};
use tandem_words::NodeId;

use super::candidate::open;

/// How often it reads. What is left at a takeover is as much as was written meanwhile: a few ms of work.
const READS_EACH: Duration = Duration::from_millis(50);

/// Rows of one reading: a reader that stays long would keep the write-ahead log from being emptied.
const ROWS_AT_ONCE: u32 = 2_048;

/// Sessions that are followed. Each takes about 1 KB here; with more of them a takeover reads the whole journal.
const MOST_SESSIONS: usize = 500_000;

/// How often a reading that another writer is in the way of is tried again in a takeover, each time after [`READS_EACH`].
const TRIES: u32 = 10;

/// The thread that reads. Dropped, it ends.
pub struct Follower {
    wanted: Sender<()>,
    sessions: Receiver<Vec<Folded>>,
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
    /// Follows the node's sessions in this store.
    pub fn start(path: &Path, node: NodeId) -> io::Result<Self> {
        let ((wanted, asked), (give, sessions)) = (bounded(1), bounded(1));
        let path = path.to_owned();
        let run = move || match open(&path).map_err(Lost::from).and_then(|reader| follow(reader, node, &asked)) {
            Ok(sessions) => {
                // Whoever asked may have gone.
                let _ = give.send(sessions);
            }
            Err(Lost::Unwanted) => {}
            Err(why) => tracing::warn!("the journal is not read ahead any more, and a takeover reads all of it: {why}"),
        };
        std::thread::Builder::new().name("follower".to_owned()).spawn(run)?;
        Ok(Follower { wanted, sessions })
    }

    /// Of a new primary that has its lease, so that nobody else writes: the node's sessions as the store has them now. None: it does
    /// not know them all.
    pub fn finish(self) -> Option<Vec<Folded>> {
        self.wanted.send(()).ok()?;
        self.sessions.recv().ok()
    }
}

fn follow(mut reader: Box<dyn Reader>, node: NodeId, asked: &Receiver<()>) -> Result<Vec<Folded>, Lost> {
    let mut following = Following::new(node, reader.last_row()?);
    let mut whole = true;
    reader.for_each_live_session(node, &mut |session, rows| {
        match fold(&rows) {
            Ok(folded) => following.begin(folded),
            Err(message) => tracing::error!(%session, "this session could not be recovered: {message}"),
        }
        whole = asked.try_recv() == Err(TryRecvError::Empty) && following.len() <= MOST_SESSIONS;
        if whole { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let mut tries = 0;
    while whole && following.len() <= MOST_SESSIONS {
        let finish = match asked.recv_timeout(READS_EACH) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => tries > 0,
            Err(RecvTimeoutError::Disconnected) => return Err(Lost::Unwanted),
        };
        match catch_up(reader.as_mut(), &mut following) {
            Ok(last_row) if finish => return following.into_sessions(last_row).map_err(Lost::Row),
            Err(Lost::Store(error)) if error.disposition() == Disposition::Repeat && tries < TRIES => tries += u32::from(finish),
            read => _ = read?,
        }
    }
    Err(if whole { Lost::TooMany } else { Lost::Unwanted })
}

/// What was the last row when it began.
fn catch_up(reader: &mut dyn Reader, following: &mut Following) -> Result<u64, Lost> {
    let last_row = reader.last_row()?;
    loop {
        let (mut taken, mut rows) = (Ok(()), 0);
        reader.rows_behind(following.through(), ROWS_AT_ONCE, &mut |at, data| {
            rows += 1;
            if taken.is_ok() {
                taken = following.row(at, data);
            }
        })?;
        taken.map_err(Lost::Row)?;
        if rows < ROWS_AT_ONCE {
            return Ok(last_row);
        }
    }
}
