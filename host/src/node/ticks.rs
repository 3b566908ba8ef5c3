//! The ticks of a primary's threads, and the thread that watches them. One that hangs cannot be stopped from outside, so its
//! process ends: the node's lock then hands the role over (design, section 5).

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use tandem_node::role::Pulse;

use super::{NodeLock, boot_clock_ms};

/// The exit code of a process that ended itself because a thread hung.
pub const HUNG: i32 = 4;

/// Threads tick so often in each `lease.timeout` at least.
const TICKS_A_TIMEOUT: u32 = 8;

type Counts = BTreeMap<String, Arc<AtomicU64>>;

/// Whoever ticks, by name.
#[derive(Debug, Clone, Default)]
pub struct Ticks(Arc<Mutex<Counts>>);

/// How long a thread may wait for messages before it ticks.
pub fn tick_every(lease_timeout: Duration) -> Duration {
    lease_timeout / TICKS_A_TIMEOUT
}

impl Ticks {
    /// A thread that ticks from now on, until this is dropped.
    pub fn ticker(&self, name: impl Into<String>) -> Ticker {
        let (name, count) = (name.into(), Arc::new(AtomicU64::new(0)));
        self.counts().insert(name.clone(), Arc::clone(&count));
        Ticker { name, beat: Beat(count), ticks: self.clone() }
    }

    /// What ticks for the thread of this name from inside what it calls; none: no such thread ticks.
    pub fn beat(&self, name: &str) -> Option<Beat> {
        self.counts().get(name).cloned().map(Beat)
    }

    fn look(&self, pulse: &mut Pulse) {
        let counts = self.counts();
        pulse.look(boot_clock_ms(), counts.iter().map(|(name, count)| (name.as_str(), count.load(Ordering::Relaxed))));
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that ticks.
#[derive(Debug)]
pub struct Ticker {
    name: String,
    beat: Beat,
    ticks: Ticks,
}

impl Ticker {
    /// It lives.
    pub fn tick(&self) {
        self.beat.tick();
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.ticks.counts().remove(&self.name);
    }
}

/// See [`Ticks::beat`].
#[derive(Debug, Clone)]
pub struct Beat(Arc<AtomicU64>);

impl Beat {
    /// The thread lives.
    pub fn tick(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The committer's own look: it renews for nobody who has fallen silent.
pub struct Watched {
    ticks: Ticks,
    pulse: Pulse,
    in_a_pair: bool,
    lock: Option<NodeLock>,
}

impl Watched {
    /// Of these threads, with this `lease.timeout`; `lock`: the node's.
    pub fn new(ticks: Ticks, timeout_ms: u64, in_a_pair: bool, lock: Option<NodeLock>) -> Self {
        Watched { ticks, pulse: Pulse::new(timeout_ms, boot_clock_ms()), in_a_pair, lock }
    }

    /// A commit that was allowed did not come through, for want of room or because of another writer: the backup must see all the
    /// same that this process moves, or it takes it for one that hangs.
    pub fn could_not_renew(&self) {
        self.lock.iter().for_each(NodeLock::beat);
    }

    /// Whether the lease may be renewed now. A lone instance goes on with the threads that move: nobody could do better.
    pub fn may_renew(&mut self) -> bool {
        if !self.in_a_pair {
            return true;
        }
        self.ticks.look(&mut self.pulse);
        self.pulse.may_renew()
    }
}

/// The watching thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    _ended: Sender<()>,
}

impl Watch {
    /// Starts it. A thread that hangs ends the process where `other` runs, which takes over. Where nobody does, it is told of: a disk
    /// that is slow for a moment looks the same, and is not worth a node without a primary.
    pub fn start(ticks: Ticks, lease_timeout: Duration, other: impl Fn() -> bool + Send + 'static) -> io::Result<Self> {
        let (ended, over) = bounded::<()>(0);
        let timeout_ms = u64::try_from(lease_timeout.as_millis()).unwrap_or(u64::MAX);
        let watching = move || {
            let ticker = ticks.ticker("pulse");
            let mut pulse = Pulse::new(timeout_ms, boot_clock_ms());
            let mut told = false;
            while over.recv_timeout(tick_every(lease_timeout)) == Err(RecvTimeoutError::Timeout) {
                ticker.tick();
                ticks.look(&mut pulse);
                let Some(thread) = pulse.stuck() else {
                    told = false;
                    continue;
                };
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(thread, "this thread has not moved for lease.timeout ({lease_timeout:?}): it, or the disk, hangs");
                }
                if other() {
                    tracing::error!("ended at once: the other instance takes over, and nothing that was not committed has left");
                    std::process::exit(HUNG);
                }
            }
        };
        let _: JoinHandle<()> = std::thread::Builder::new().name("pulse".to_owned()).spawn(watching)?;
        Ok(Watch { _ended: ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_ticks_until_its_ticker_is_dropped() {
        let ticks = Ticks::default();
        let ticker = ticks.ticker("worker-0");
        ticker.tick();
        ticks.beat("worker-0").unwrap().tick();
        assert_eq!(ticks.counts()["worker-0"].load(Ordering::Relaxed), 2);
        drop(ticker);
        assert!(ticks.beat("worker-0").is_none());
    }
}
