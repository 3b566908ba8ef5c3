//! After a takeover: the rows of all live sessions in one pass, for the workers to rebuild guests of. A pass costs a fourth of what
//! single reads do; a session that has something to do before its turn comes is read by the [`super::ReaderThread`].

use std::{io, ops::ControlFlow, thread::JoinHandle};

use crossbeam_channel::Sender;
use tandem_journal::SessionRows;
use tandem_store::Reader;
use tandem_words::{NodeId, SessionId};

use super::{Progress, workers::owner};

/// Rows of these sessions were read ahead.
pub type RowsAhead = Vec<(SessionId, SessionRows)>;

/// Sessions handed to a worker at once, and how often that may be before it has taken one: 250 KB each for calls in the middle of
/// their menus.
const AT_ONCE: usize = 64;
/// See [`AT_ONCE`].
pub const WAITING: usize = 8;

/// What is to be read ahead.
pub struct Ahead {
    /// Of the node's store.
    pub reader: Box<dyn Reader>,
    /// The node.
    pub node: NodeId,
    /// The other ends of the workers' [`RowsAhead`].
    pub workers: Vec<Sender<RowsAhead>>,
    /// Whether the process ends.
    pub progress: Progress,
}

impl Ahead {
    /// Starts the thread that reads; it ends when all is read.
    pub fn start(self) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("ahead".to_owned()).spawn(|| self.run())
    }

    fn run(self) {
        let Ahead { mut reader, node, workers, progress } = self;
        let mut rows: Vec<RowsAhead> = workers.iter().map(|_| Vec::new()).collect();
        let read = reader.for_each_live_session(node, &mut |session, found| {
            let owner = owner(session, workers.len());
            let (Some(rows), Some(worker)) = (rows.get_mut(owner), workers.get(owner)) else { return ControlFlow::Break(()) };
            rows.push((session, found));
            // A worker that is gone has ended, and with it the instance.
            let lives = rows.len() < AT_ONCE || worker.send(std::mem::take(rows)).is_ok();
            if lives && !progress.is_given_up() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        for (worker, rows) in workers.iter().zip(rows) {
            let _ = worker.send(rows);
        }
        if let Err(error) = read {
            tracing::warn!("the sessions' rows are not read ahead, but when they are needed: {error}");
        }
    }
}
