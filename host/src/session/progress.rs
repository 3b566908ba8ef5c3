//! What the committer lets others see without asking it: it may be waiting for a disk.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Shared by the committer and the node.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    renewed_at_ms: AtomicU64,
    steps: AtomicU64,
    solo: AtomicBool,
    held_up: Mutex<Option<String>>,
    give_up: AtomicBool,
}

impl Progress {
    /// Of a lease that was taken by a transaction which began then (boot-time clock).
    pub fn new(taken_at_ms: u64) -> Self {
        Progress(Arc::new(Shared {
            renewed_at_ms: AtomicU64::new(taken_at_ms),
            steps: AtomicU64::new(0),
            solo: AtomicBool::new(true),
            held_up: Mutex::new(None),
            give_up: AtomicBool::new(false),
        }))
    }

    /// When the last acknowledged renewal of the lease began, boot-time clock.
    pub fn renewed_at_ms(&self) -> u64 {
        self.0.renewed_at_ms.load(Ordering::SeqCst)
    }

    pub(super) fn renewed(&self, began_at_ms: u64) {
        self.0.renewed_at_ms.store(began_at_ms, Ordering::SeqCst);
    }

    /// Steps that are durable.
    pub fn steps(&self) -> u64 {
        self.0.steps.load(Ordering::Relaxed)
    }

    pub(super) fn committed(&self, steps: u64) {
        self.0.steps.store(steps, Ordering::Relaxed);
    }

    /// What the lease's row says: whether W may rest on events that only this instance has.
    pub fn is_solo(&self) -> bool {
        self.0.solo.load(Ordering::SeqCst)
    }

    pub(super) fn solo(&self, solo: bool) {
        self.0.solo.store(solo, Ordering::SeqCst);
    }

    /// Why commits are held up; none: they are not.
    pub fn held_up(&self) -> Option<String> {
        self.0.held_up.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn hold_up(&self, why: Option<String>) {
        *self.0.held_up.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// The process ends: a batch that could not be written is not tried again. Nothing of it has left the host.
    pub fn give_up(&self) {
        self.0.give_up.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.0.give_up.load(Ordering::SeqCst)
    }
}
