//! The reader: fetches the rows of sessions that are not in memory, so that no worker waits for the disk.

use std::{io, thread::JoinHandle, time::Duration};

use crossbeam_channel::{Receiver, Sender};
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
    /// All of them, not only what brings it back.
    pub all: bool,
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
            for ToReader { session, all, worker } in questions {
                match read(reader.as_mut(), session, all, &progress) {
                    Ok(input) => {
                        if let Some(worker) = workers.get(worker) {
                            activity.begin(1);
                            let _ = worker.send(ToWorker::Loaded(Box::new(input)));
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

fn read(reader: &mut dyn Reader, session: SessionId, all: bool, progress: &Progress) -> Result<Input, StoreError> {
    loop {
        let read = if all {
            reader.all_rows_of(session).map(|rows| Input::LoadedAll(session, rows))
        } else {
            reader.session_rows(session).map(|rows| Input::Loaded(session, rows.map(Box::new)))
        };
        match read {
            Err(error) if error.disposition() == Disposition::Repeat && !progress.is_given_up() => std::thread::sleep(REPEAT_AFTER),
            read => return read,
        }
    }
}
