//! The file lock that tells of a primary's death at once.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use tandem_words::{InstanceName, NodeId};

use super::open_reader;
use crate::Holder;

/// Held by a node's primary for as long as it is one. The kernel lets go of it when the process ends, however it ends.
///
/// A lock of its own (`flock` on `STORE.node-NODE.lock`), so that it can be waited for without touching the store, whose
/// own locks a hung process may hold. It fences nothing: that is the epoch's work.
#[derive(Debug)]
pub struct PrimaryLock {
    file: LockFile,
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
    /// An instance of this name runs.
    #[error("{instance} runs already{}: it has {path} locked; stop it first, or start the other instance",
        .pid.map(|pid| format!(", as process {pid}")).unwrap_or_default())]
    Runs {
        /// The name.
        instance: InstanceName,
        /// Its process, where the file says so.
        pid: Option<u32>,
        /// The lock's file.
        path: PathBuf,
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

/// Held by an instance for as long as its process lives, whatever its role: `STORE.instance-NODE-LETTER.lock`. Who has the
/// name, and which process that is.
#[derive(Debug)]
pub struct InstanceLock {
    file: LockFile,
}

/// What stands in the file of a node's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who has taken the lock last. It may have let go of it since.
    pub holder: Holder,
    /// How often it has shown since that it moves, though it cannot write to the store.
    pub beat: u64,
}

/// A file that is locked, and names who has locked it.
#[derive(Debug)]
struct LockFile {
    file: File,
    path: PathBuf,
}

impl PrimaryLock {
    /// Takes the lock of a node of the store in `store`, or says who has it. Does not wait.
    pub fn try_take(store: &Path, node: NodeId) -> Result<PrimaryLock, LockError> {
        let path = lock_path(store, node);
        match LockFile::take(&path, true)? {
            Some(file) => Ok(PrimaryLock { file }),
            None => {
                let lease = open_reader(store).and_then(|mut reader| reader.lease(node)).ok().flatten();
                Err(LockError::Held { path, holder: lease.map(|lease| lease.holder) })
            }
        }
    }

    /// Takes the lock, waiting for its holder's end without any time-out: how a backup hears of the primary's death.
    pub fn wait(store: &Path, node: NodeId) -> Result<PrimaryLock, LockError> {
        let path = lock_path(store, node);
        loop {
            if let Some(file) = LockFile::take(&path, false)? {
                return Ok(PrimaryLock { file });
            }
        }
    }

    /// Writes into the file who has it: whoever hangs between taking the lock and taking the lease must be found, too. A `beat`
    /// that moves says that the holder does. In place, so that a full disk takes it.
    pub fn sign(&self, holder: &Holder, beat: u64) -> Result<(), LockError> {
        self.file.sign(holder, beat)
    }

    /// What stands in the lock's file, where that can be read.
    pub fn signature(store: &Path, node: NodeId) -> Option<Signature> {
        read_signature(&lock_path(store, node))
    }

    /// Whether the file that is locked still stands where others look for it. Removed, it keeps nobody away any more.
    pub fn is_in_place(&self) -> bool {
        self.file.is_in_place()
    }
}

impl InstanceLock {
    /// Takes an instance's name, or says which process has it. Waits a little for one that is just dying.
    pub fn try_take(store: &Path, holder: &Holder) -> Result<InstanceLock, LockError> {
        let path = instance_path(store, holder.instance);
        let until = Instant::now() + LAST_OWNER_GOES;
        loop {
            match LockFile::take(&path, true)? {
                Some(file) => return file.sign(holder, 0).map(|()| InstanceLock { file }),
                None if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
                None => {
                    let pid = read_signature(&path).map(|signature| signature.holder.pid);
                    return Err(LockError::Runs { instance: holder.instance, pid, path });
                }
            }
        }
    }

    /// Sees to it that its file is where others look for it: one that was removed is made and locked again. Returns whether it was.
    /// [`LockError::Runs`]: another process was faster, and has the name now.
    pub fn keep(&mut self, store: &Path, holder: &Holder) -> Result<bool, LockError> {
        if self.file.is_in_place() {
            return Ok(false);
        }
        let path = instance_path(store, holder.instance);
        if let Some(file) = LockFile::take(&path, true)? {
            file.sign(holder, 0)?;
            self.file = file;
            return Ok(true);
        }
        // Without another one's signature somebody only looks, or is about to sign: the next time shows it.
        let other = read_signature(&path).filter(|signature| signature.holder != *holder);
        other.map_or(Ok(false), |other| Err(LockError::Runs { instance: holder.instance, pid: Some(other.holder.pid), path }))
    }

    /// The process that runs as this instance now; none: it does not run, or does not say who it is.
    pub fn owner(store: &Path, instance: InstanceName) -> Option<Holder> {
        let path = instance_path(store, instance);
        let file = File::open(&path).ok()?;
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
            .then(|| read_signature(&path))
            .flatten()
            .map(|signature| signature.holder)
    }
}

impl LockFile {
    /// None: somebody else has it (`at_once`), or the file was removed meanwhile and is to be asked for again.
    fn take(path: &Path, at_once: bool) -> Result<Option<LockFile>, LockError> {
        let io = |cause| LockError::Io { path: path.to_owned(), cause };
        loop {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(io)?;
            if at_once {
                match file.try_lock() {
                    Ok(()) => {}
                    Err(TryLockError::Error(cause)) => return Err(io(cause)),
                    Err(TryLockError::WouldBlock) => return Ok(None),
                }
            } else {
                file.lock().map_err(io)?;
            }
            let locked = LockFile { file, path: path.to_owned() };
            // Removed by hand between opening and locking: a lock on a file that nobody else can find says nothing.
            if locked.is_in_place() {
                return Ok(Some(locked));
            }
        }
    }

    fn is_in_place(&self) -> bool {
        let file = |data: fs::Metadata| (data.dev(), data.ino());
        match (self.file.metadata(), fs::metadata(&self.path)) {
            (Ok(locked), Ok(found)) => file(locked) == file(found),
            _ => false,
        }
    }

    fn sign(&self, holder: &Holder, beat: u64) -> Result<(), LockError> {
        let Holder { instance, pid, process_start, boot_id } = holder;
        let text = format!("{instance} {pid} {process_start} {boot_id} {beat}\n");
        // In place and padded: a reader never meets a file without any signature.
        let written = self.file.write_all_at(format!("{text:<SIGNATURE_BYTES$}").as_bytes(), 0);
        written.map_err(|cause| LockError::Io { path: self.path.clone(), cause })
    }
}

/// How long a process that was killed may take to be gone: the kernel frees its memory before its locks.
const LAST_OWNER_GOES: Duration = Duration::from_secs(2);

/// More than any signature: a boot id has 36 characters, the longest numbers 20 each.
const SIGNATURE_BYTES: usize = 128;

fn read_signature(path: &Path) -> Option<Signature> {
    let text = fs::read_to_string(path).ok()?;
    let mut words = text.split_whitespace();
    let (instance, pid, process_start) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let holder = Holder { instance, pid, process_start, boot_id: words.next()?.to_owned() };
    // The release before this one wrote none.
    let beat = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    Some(Signature { holder, beat })
}

fn lock_path(store: &Path, node: NodeId) -> PathBuf {
    beside(store, &format!(".node-{node}.lock"))
}

fn instance_path(store: &Path, InstanceName { node, letter }: InstanceName) -> PathBuf {
    beside(store, &format!(".instance-{node}-{letter}.lock"))
}

fn beside(store: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(store);
    path.push(ending);
    path.into()
}
