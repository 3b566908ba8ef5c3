//! The reader: fetches the rows of sessions that are not in memory, so that no worker waits for the disk.

use std::{io, thread::JoinHandle, time::Duration};

use crossbeam_channel::{Receiver, Sender};
use tandem_journal::SessionRows;
use tandem_session::Input;
use tandem_store::{Disposition, Reader, StoreError};
use tandem_words::SessionId;

use super::{Activity, Progress, ToWorker};
use crate::node::{Alarm, ToNode};

/// How long a reading that another writer was in the way of waits before it is repeated.
const REPEAT_AFTER: Duration = Duration::from_millis(50);

/// Read this session's rows for this worker.
pub struct ToReader {
    /// Whose rows.
    pub session: SessionId,
    /// Who wants them.
    pub worker: usize,
}

/// The reader's thread; it ends when nobody can ask any more.
pub struct ReaderThread;

impl ReaderThread {
    /// Starts it.
    pub fn start(
        questions: Receiver<ToReader>,
        mut reader: Box<dyn Reader>,
        workers: Vec<Sender<ToWorker>>,
        activity: Activity,
        progress: Progress,
        node: Sender<ToNode>,
    ) -> io::Result<JoinHandle<()>> {
        let run = move || {
            let _alarm = Alarm::new(node.clone(), "reader");
            for ToReader { session, worker } in questions {
                match read(reader.as_mut(), session, &progress) {
                    Ok(rows) => {
                        if let Some(worker) = workers.get(worker) {
                            activity.begin(1);
                            let _ = worker.send(ToWorker::Loaded(Box::new(Input::Loaded(session, rows.map(Box::new)))));
                        }
                    }
                    Err(error) => {
                        let _ = node.send(ToNode::Fatal(error.into()));
                    }
                }
                activity.end(1);
            }
        };
        std::thread::Builder::new().name("reader".to_owned()).spawn(run)
    }
}

fn read(reader: &mut dyn Reader, session: SessionId, progress: &Progress) -> Result<Option<SessionRows>, StoreError> {
    loop {
        match reader.session_rows(session) {
            Err(error) if error.disposition() == Disposition::Repeat && !progress.is_given_up() => std::thread::sleep(REPEAT_AFTER),
            read => return read,
        }
    }
}
