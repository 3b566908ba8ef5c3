//! The file lock that tells of a primary's death at once.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tandem_words::NodeId;

use super::open_reader;
use crate::Holder;

/// Held by a node's primary for as long as it is one. The kernel lets go of it when the process ends, however it ends.
///
/// A lock of its own (`flock` on `STORE.node-NODE.lock`), so that it can be waited for without touching the store, whose
/// own locks a hung process may hold. It fences nothing: that is the epoch's work.
#[derive(Debug)]
pub struct PrimaryLock {
    _file: File,
}

/// The lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{path} is locked: {}; stop that instance, or let it stay primary", named(.holder.as_ref()))]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// Who holds the node's lease, if the store could tell.
        holder: Option<Holder>,
    },
    /// The file cannot be made or locked.
    #[error("{path} cannot be locked ({cause}); it must be possible to write beside the store")]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

fn named(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!("process {} ({}) is primary, by the store's lease", holder.pid, holder.instance),
        None => "another process is primary, and the store does not tell which".to_owned(),
    }
}

impl PrimaryLock {
    /// Takes the lock of a node of the store in `store`, or says who has it. Does not wait.
    pub fn try_take(store: &Path, node: NodeId) -> Result<PrimaryLock, LockError> {
        let path = lock_path(store, node);
        let io = |cause| LockError::Io { path: path.clone(), cause };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(PrimaryLock { _file: file }),
            Err(TryLockError::Error(cause)) => Err(io(cause)),
            Err(TryLockError::WouldBlock) => {
                let lease = open_reader(store).and_then(|mut reader| reader.lease(node)).ok().flatten();
                Err(LockError::Held { path, holder: lease.map(|lease| lease.holder) })
            }
        }
    }

    /// Takes the lock, waiting for its holder's end without any time-out: how a backup hears of the primary's death.
    pub fn wait(store: &Path, node: NodeId) -> Result<PrimaryLock, LockError> {
        let path = lock_path(store, node);
        let locked = OpenOptions::new().create(true).truncate(false).write(true).open(&path).and_then(|file| file.lock().map(|()| file));
        locked.map(|file| PrimaryLock { _file: file }).map_err(|cause| LockError::Io { path, cause })
    }
}

fn lock_path(store: &Path, node: NodeId) -> PathBuf {
    let mut path = OsString::from(store);
    path.push(format!(".node-{node}.lock"));
    path.into()
}
