//! Versions that live sessions run on and that are not loaded here: who has some is not ready to take over, and tries again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tandem_words::VersionId;

/// When what could not be had is tried again. Reason: a compiler that finds no room must not run all the time beside a primary that
/// serves.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// See the module. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Lacking(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    versions: BTreeSet<VersionId>,
    /// When the last one was added, or tried again.
    tried: Option<Instant>,
}

impl Lacking {
    /// Whether this one is lacking.
    pub fn has(&self, version: &VersionId) -> bool {
        self.state().versions.contains(version)
    }

    /// How many are.
    pub fn len(&self) -> usize {
        self.state().versions.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// It is about to be loaded.
    pub(super) fn add(&self, version: VersionId) {
        let mut state = self.state();
        state.versions.insert(version);
        state.tried = Some(Instant::now());
    }

    /// It is loaded.
    pub(super) fn remove(&self, version: &VersionId) {
        self.state().versions.remove(version);
    }

    /// No session runs on any other.
    pub(super) fn only(&self, versions: &BTreeSet<VersionId>) {
        self.state().versions.retain(|version| versions.contains(version));
    }

    /// Whether what is lacking is to be tried again now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let state = self.state();
        !state.versions.is_empty() && state.tried.is_none_or(|tried| now.saturating_duration_since(tried) >= AGAIN_AFTER)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
