//! Everything that is loaded, shared by all workers.

use std::sync::{Arc, OnceLock};

use tandem_words::VersionId;

use crate::{CatalogueFull, Strategy};

/// Versions in one process: two deployments an hour for two weeks, without a restart.
const MAX_VERSIONS: usize = 700;

/// Versions and what they are. Grows only: sessions may run on the oldest version, and a compiled component is a mapped
/// file that costs no memory while nobody uses it. So lookups need no lock, and references stay good.
#[derive(Default)]
pub struct Catalogue {
    first: OnceLock<Box<Entry>>,
}

struct Entry {
    strategy: Arc<Strategy>,
    next: OnceLock<Box<Entry>>,
}

impl Catalogue {
    /// An empty one.
    pub fn new() -> Self {
        Catalogue::default()
    }

    /// Adds a version, at any time; one that is there already stays as it is.
    pub fn add(&self, strategy: Strategy) -> Result<(), CatalogueFull> {
        let mut entry = Box::new(Entry { strategy: Arc::new(strategy), next: OnceLock::new() });
        let mut place = &self.first;
        for _ in 0..MAX_VERSIONS {
            // Somebody else may take the place first; then it is not empty any more.
            entry = match place.set(entry) {
                Ok(()) => return Ok(()),
                Err(entry) => entry,
            };
            match place.get() {
                Some(there) if there.strategy.version() == entry.strategy.version() => return Ok(()),
                Some(there) => place = &there.next,
                None => {}
            }
        }
        Err(CatalogueFull(MAX_VERSIONS))
    }

    /// A version; none if it is not loaded.
    pub fn get(&self, version: &VersionId) -> Option<&Arc<Strategy>> {
        self.iter().find(|strategy| strategy.version() == *version)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Strategy>> {
        let mut place = &self.first;
        std::iter::from_fn(move || {
            let entry = place.get()?;
            place = &entry.next;
            Some(&entry.strategy)
        })
    }
}
