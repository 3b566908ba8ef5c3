//! Strategies as closures.

use std::{fmt, sync::Arc};

use tandem_journal::StepFailureKind;
use tandem_words::{Context, Event, Isolation, Manifest, Media, OnSwap};

use crate::{Ask, Memory};

/// What a script answers to an event, or does instead of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The next event.
    Wait,
    /// The same; a snapshot may be taken.
    Checkpoint,
    /// The session is over.
    Finish,
    /// `on-event` returns an error: the instance lives on.
    Error(String),
    /// The instance dies, and all its sessions with it.
    Die(StepFailureKind, String),
}

impl Act {
    /// A trap.
    pub fn trap() -> Act {
        Act::Die(StepFailureKind::Trap, "unreachable".to_owned())
    }
}

type OnEvent = dyn Fn(&mut Memory, &Event, &mut Ask) -> Act + Send + Sync;
type OnStart = dyn Fn(&Context, &mut Memory) -> Act + Send + Sync;
type OnSnapshot = dyn Fn(&Memory) -> Result<bool, Act> + Send + Sync;

/// A strategy. Closures may capture shared counters: that is how a test makes one that fails once, or differs at replay.
#[derive(Clone)]
pub struct Script {
    pub(crate) manifest: Manifest,
    pub(crate) on_event: Arc<OnEvent>,
    pub(crate) on_start: Arc<OnStart>,
    pub(crate) on_snapshot: Arc<OnSnapshot>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}

impl Script {
    /// A persisted strategy that shares its instance, gives snapshots, and does not ask for `session.recovered`.
    pub fn new(name: &str, on_event: impl Fn(&mut Memory, &Event, &mut Ask) -> Act + Send + Sync + 'static) -> Self {
        let manifest = Manifest {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            media: vec![Media::Voice],
            persist: true,
            send_session_recovered: false,
            restart_on_switchover: None,
            state_version: 1,
            on_swap: OnSwap::Finish,
            isolation: Isolation::Shared,
            parameters: Vec::new(),
            http_origins: Vec::new(),
        };
        Script { manifest, on_event: Arc::new(on_event), on_start: Arc::new(|_, _| Act::Wait), on_snapshot: Arc::new(|_| Ok(true)) }
    }

    /// What it says of itself, changed.
    pub fn manifest(mut self, change: impl FnOnce(&mut Manifest)) -> Self {
        change(&mut self.manifest);
        self
    }

    /// What `start` does; [`Act::Error`] and [`Act::Die`] are failures, anything else is success. `restore` does not call it.
    pub fn on_start(mut self, on_start: impl Fn(&Context, &mut Memory) -> Act + Send + Sync + 'static) -> Self {
        self.on_start = Arc::new(on_start);
        self
    }

    /// Whether `snapshot` gives one; an error is a failure of it.
    pub fn on_snapshot(mut self, on_snapshot: impl Fn(&Memory) -> Result<bool, Act> + Send + Sync + 'static) -> Self {
        self.on_snapshot = Arc::new(on_snapshot);
        self
    }

    /// Like the straight-line style of the SDKs: it has no snapshot to give.
    pub fn without_snapshots(self) -> Self {
        self.on_snapshot(|_| Ok(false))
    }
}
