//! The node's lock in the hands of an instance, over its roles: waited for in a thread of its own, kept, let go of. Beside it the
//! lock of the instance's own name, which is kept as long as the process lives.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crossbeam_channel::Sender;
use tandem_store::{Holder, InstanceLock, LockError, PrimaryLock};

use super::{Fatal, ToNode};

/// How long a lock that could not be asked for waits before it is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// See the module. Clones are the same lock.
#[derive(Clone)]
pub struct NodeLock(Arc<Shared>);

struct Shared {
    store: PathBuf,
    me: Holder,
    name: Option<Mutex<InstanceLock>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    wanted: bool,
    waiting: bool,
    lock: Option<PrimaryLock>,
    /// Who is told when it is had.
    waker: Option<Sender<ToNode>>,
    told: bool,
    name_told: bool,
    /// How often this process has shown by it that it moves.
    beat: u64,
    beat_failed: bool,
}

impl NodeLock {
    /// Of the node of `me`, on this store; not asked for yet.
    pub fn new(store: &Path, me: Holder) -> Self {
        NodeLock(Arc::new(Shared { store: store.to_owned(), me, name: None, state: Mutex::default() }))
    }

    /// The same for one that has its name.
    pub fn named(store: &Path, me: Holder, name: InstanceLock) -> Self {
        NodeLock(Arc::new(Shared { store: store.to_owned(), me, name: Some(Mutex::new(name)), state: Mutex::default() }))
    }

    /// Takes it at once, or fails.
    pub fn take(&self) -> Result<(), LockError> {
        let lock = PrimaryLock::try_take(&self.0.store, self.0.me.instance.node)?;
        lock.sign(&self.0.me, 0)?;
        self.state().lock = Some(lock);
        Ok(())
    }

    /// Waits for it in a thread; `waker` hears of it (by a [`ToNode::Quiet`]). Asked again, it goes on waiting.
    pub fn want(&self, waker: &Sender<ToNode>) {
        let mut state = self.state();
        state.wanted = true;
        state.waker = Some(waker.clone());
        if state.lock.is_some() || state.waiting {
            return;
        }
        let lock = self.clone();
        // Without a thread it is asked for again at the next look.
        state.waiting = std::thread::Builder::new().name("node-lock".to_owned()).spawn(move || lock.wait()).is_ok();
    }

    fn wait(&self) {
        let mut told = false;
        loop {
            let taken = PrimaryLock::wait(&self.0.store, self.0.me.instance.node).and_then(|lock| lock.sign(&self.0.me, 0).map(|()| lock));
            let mut state = self.state();
            match taken {
                Err(error) if state.wanted => {
                    drop(state);
                    if !std::mem::replace(&mut told, true) {
                        tracing::error!("{error}; trying again");
                    }
                    std::thread::sleep(ASK_AGAIN);
                }
                taken => {
                    state.waiting = false;
                    state.lock = taken.ok().filter(|_| state.wanted);
                    if let Some(waker) = &state.waker {
                        // Who waited may have ended meanwhile.
                        let _ = waker.send(ToNode::Quiet);
                    }
                    return;
                }
            }
        }
    }

    /// Whether it is had.
    pub fn is_mine(&self) -> bool {
        self.state().lock.is_some()
    }

    /// Lets go of it, or stops wanting it.
    pub fn let_go(&self) {
        let mut state = self.state();
        state.wanted = false;
        state.lock = None;
    }

    /// Shows the other instance that this one moves, where it cannot write to the store: a full disk still takes what is written in
    /// place. Only by whoever has the lock, and only when it has just tried: nothing beats for a process that hangs.
    pub fn beat(&self) {
        let mut state = self.state();
        let Some(lock) = &state.lock else { return };
        let beat = state.beat + 1;
        match lock.sign(&self.0.me, beat) {
            Ok(()) => (state.beat, state.beat_failed) = (beat, false),
            Err(error) => {
                if !std::mem::replace(&mut state.beat_failed, true) {
                    tracing::error!("the other instance cannot be shown that this one lives, and may kill it: {error}");
                }
            }
        }
    }

    /// Sees to it that the files are where others look for them; those that were removed by hand are made and locked again. Where
    /// another process was faster with the node's lock, the lease decides between the two, and the epoch fences. One that has the
    /// name now is an error: this process must end.
    pub fn keep(&self) -> Result<(), Fatal> {
        self.keep_the_nodes();
        let Some(name) = &self.0.name else { return Ok(()) };
        match name.lock().unwrap_or_else(PoisonError::into_inner).keep(&self.0.store, &self.0.me) {
            Ok(false) => {}
            Ok(true) => {
                self.state().name_told = false;
                tracing::warn!("the file of this instance's lock was removed, and is made and locked again; leave it where it is");
            }
            Err(error @ LockError::Runs { .. }) => return Err(Fatal::Name(error)),
            Err(error) => {
                if !std::mem::replace(&mut self.state().name_told, true) {
                    tracing::error!("the file of this instance's lock was removed, and cannot be had again: {error}");
                }
            }
        }
        Ok(())
    }

    fn keep_the_nodes(&self) {
        let mut state = self.state();
        let Some(lock) = &state.lock else { return };
        if lock.is_in_place() {
            state.told = false;
            return;
        }
        match PrimaryLock::try_take(&self.0.store, self.0.me.instance.node)
            .and_then(|lock| lock.sign(&self.0.me, state.beat).map(|()| lock))
        {
            Ok(again) => {
                tracing::warn!("the file of the node's lock was removed, and is made and locked again; leave it where it is");
                state.lock = Some(again);
            }
            Err(error) => {
                if !std::mem::replace(&mut state.told, true) {
                    tracing::error!("the file of the node's lock was removed, and cannot be had again: {error}");
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;
    use tandem_words::InstanceName;

    use super::*;

    const HUNG: Duration = Duration::from_secs(30);

    fn lock(folder: &Path, letter: char) -> NodeLock {
        let instance = InstanceName { node: 101, letter };
        NodeLock::new(&folder.join("cc1.db"), Holder { instance, pid: 1, process_start: 1, boot_id: "x".to_owned() })
    }

    #[test]
    fn whoever_waits_has_it_when_the_holder_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (lock(folder.path(), 'a'), lock(folder.path(), 'b'));
        a.take().unwrap();
        let (waker, woken) = unbounded();
        b.want(&waker);
        b.want(&waker);
        assert!(a.is_mine() && !b.is_mine());
        a.let_go();
        woken.recv_timeout(HUNG).unwrap();
        assert!(b.is_mine() && !a.is_mine());
    }

    #[test]
    fn one_that_does_not_want_it_any_more_does_not_keep_it() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (lock(folder.path(), 'a'), lock(folder.path(), 'b'));
        a.take().unwrap();
        let (waker, woken) = unbounded();
        b.want(&waker);
        b.let_go();
        a.let_go();
        woken.recv_timeout(HUNG).unwrap();
        assert!(!b.is_mine() && a.take().is_ok());
    }

    #[test]
    fn whoever_has_it_shows_that_it_moves_and_nobody_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (lock(folder.path(), 'a'), lock(folder.path(), 'b'));
        let beat = || {
            PrimaryLock::signature(&folder.path().join("cc1.db"), 101).map(|signature| (signature.holder.instance.letter, signature.beat))
        };
        a.take().unwrap();
        assert_eq!(beat(), Some(('a', 0)));
        a.beat();
        a.beat();
        b.beat();
        assert_eq!(beat(), Some(('a', 2)));
        a.let_go();
        a.beat();
        b.take().unwrap();
        b.beat();
        assert_eq!(beat(), Some(('b', 1)));
    }

    #[test]
    fn a_file_that_was_removed_by_hand_is_made_again_and_whoever_waited_waits_on() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (lock(folder.path(), 'a'), lock(folder.path(), 'b'));
        a.take().unwrap();
        let (waker, woken) = unbounded();
        b.want(&waker);
        std::fs::remove_file(folder.path().join("cc1.db.node-101.lock")).unwrap();
        a.keep().unwrap();
        assert!(lock(folder.path(), 'b').take().is_err(), "a has the new file");
        assert!(woken.recv_timeout(Duration::from_millis(100)).is_err(), "b waits for the new one");
        a.let_go();
        woken.recv_timeout(HUNG).unwrap();
        assert!(b.is_mine());
    }

    #[test]
    fn a_name_whose_file_was_removed_is_kept_and_one_that_another_process_took_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("cc1.db");
        let me = |pid| Holder { instance: InstanceName { node: 101, letter: 'a' }, pid, process_start: 1, boot_id: "x".to_owned() };
        let take = |pid| InstanceLock::try_take(&store, &me(pid));
        let first = NodeLock::named(&store, me(1), take(1).unwrap());
        let remove = || std::fs::remove_file(folder.path().join("cc1.db.instance-101-a.lock")).unwrap();
        first.keep().unwrap();
        remove();
        first.keep().unwrap();
        assert!(matches!(take(2), Err(LockError::Runs { pid: Some(1), .. })), "the first has the new file");
        remove();
        let _second = take(2).unwrap();
        let error = first.keep().unwrap_err();
        assert!(matches!(error, Fatal::Name(LockError::Runs { pid: Some(2), .. })), "{error}");
    }
}
