//! What the session room asks of the strategy room: a place where guests live.

use tandem_journal::{StepFailure, StepFailureKind};
use tandem_words::{Context, Event, Manifest, SessionId, VersionId};

use crate::Draft;

/// Where a guest session is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a cell, with others of its version (unless its manifest asks for an instance of its own).
    Shared,
    /// Alone, because it or a neighbour has failed.
    Own,
}

/// Which limits hold while a guest runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// A step for the first time.
    First,
    /// A step that was made before and is in the journal: ten times the limits, for its outcome is known to be good.
    Replay,
}

/// What `on-event` wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The next event.
    Wait,
    /// The same; a snapshot may be taken that makes what came before superfluous.
    Checkpoint,
    /// Nothing: the session is over.
    Finish,
}

/// A guest did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GuestFailure {
    /// How.
    pub kind: StepFailureKind,
    /// For people: what happened, in which strategy, and where it says more.
    pub message: String,
    /// Whether the instance died of it; the sessions that lived in it are told by [`Guests::take_dead`].
    pub instance_died: bool,
}

impl From<GuestFailure> for StepFailure {
    fn from(failure: GuestFailure) -> Self {
        StepFailure { kind: failure.kind, message: failure.message }
    }
}

/// The guests of one worker. One implementation runs Wasm; tests and the simulation have native ones.
///
/// A guest session is named by its session's id; at most one exists for an id at a time.
pub trait Guests {
    /// Makes a guest session from the beginning (`session.start`).
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure>;

    /// Makes a guest session from a snapshot (`session.restore`).
    fn restore(
        &mut self,
        version: &VersionId,
        context: &Context,
        state: &[u8],
        state_version: u32,
        place: Place,
        effort: Effort,
    ) -> Result<(), GuestFailure>;

    /// Runs `session.on-event`; the draft collects what the guest asks for and comes back in either case.
    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>);

    /// Runs `session.snapshot`; none: this session is recovered by replay.
    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure>;

    /// Drops a guest session; unknown ones are ignored.
    fn remove(&mut self, session: SessionId);

    /// The sessions whose instance has died since the last call; they exist no longer.
    fn take_dead(&mut self) -> Vec<SessionId>;

    /// What the version says of itself; none if it is not loaded.
    fn manifest(&self, version: &VersionId) -> Option<&Manifest>;
}

/// Of whatever kind. A backup has guests that are its workers' when it leads.
pub type AnyGuests = Box<dyn Guests + Send>;

impl Guests for AnyGuests {
    fn start(&mut self, version: &VersionId, context: &Context, place: Place, effort: Effort) -> Result<(), GuestFailure> {
        (**self).start(version, context, place, effort)
    }

    fn restore(
        &mut self,
        version: &VersionId,
        context: &Context,
        state: &[u8],
        state_version: u32,
        place: Place,
        effort: Effort,
    ) -> Result<(), GuestFailure> {
        (**self).restore(version, context, state, state_version, place, effort)
    }

    fn on_event(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) -> (Draft, Result<Next, GuestFailure>) {
        (**self).on_event(session, event, draft, effort)
    }

    fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        (**self).snapshot(session)
    }

    fn remove(&mut self, session: SessionId) {
        (**self).remove(session);
    }

    fn take_dead(&mut self) -> Vec<SessionId> {
        (**self).take_dead()
    }

    fn manifest(&self, version: &VersionId) -> Option<&Manifest> {
        (**self).manifest(version)
    }
}
