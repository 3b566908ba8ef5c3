//! The reader: fetches the rows of sessions that are not in memory, so that no worker waits for the disk.

use std::{io, thread::JoinHandle};

use crossbeam_channel::{Receiver, Sender};
use tandem_session::Input;
use tandem_store::Reader;
use tandem_words::SessionId;

use super::{Activity, ToWorker};
use crate::node::ToNode;

/// Read this session's rows for this worker.
pub struct ToReader {
    /// Whose rows.
    pub session: SessionId,
    /// Who wants them.
    pub worker: usize,
}

/// The reader's thread; it ends when nobody can ask any more.
pub struct ReaderThread {
    /// To wait for.
    pub thread: JoinHandle<()>,
}

impl ReaderThread {
    /// Starts it.
    pub fn start(
        questions: Receiver<ToReader>,
        mut reader: Box<dyn Reader>,
        workers: Vec<Sender<ToWorker>>,
        activity: Activity,
        node: Sender<ToNode>,
    ) -> io::Result<Self> {
        let run = move || {
            for ToReader { session, worker } in questions {
                match reader.session_rows(session) {
                    Ok(rows) => {
                        if let Some(worker) = workers.get(worker) {
                            activity.begin(1);
                            let _ = worker.send(ToWorker::Loaded(Input::Loaded(session, rows.map(Box::new))));
                        }
                    }
                    Err(error) => {
                        let _ = node.send(ToNode::Fatal(error.into()));
                    }
                }
                activity.end(1);
            }
        };
        Ok(ReaderThread { thread: std::thread::Builder::new().name("reader".to_owned()).spawn(run)? })
    }
}
