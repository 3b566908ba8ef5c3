//! The journal's format: what one step leaves behind, and the rows a commit carries.
//!
//! A [`Record`] is one of four things that can happen to a session: it is opened, it makes a step, it is ended, or its
//! state is kept (a snapshot, always behind the step whose state it holds). [`encode`] makes a [`Row`] of it, [`decode`]
//! reads it back; between the two lie a store and perhaps a release of Tandem, so a row begins with its format's number.
//! A session that is not persisted leaves only its opening and its end.
//! Fields are added at the end with a default, never removed or reordered: golden files keep that true.
//!
//! This crate knows words only: no clock, no socket, no thread, no disk.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod batch;
mod format;
mod record;

pub use batch::{Batch, Lease, LostClaim, SessionRows, Watermark};
pub use format::{FORMAT, FormatError, Row, RowKind, decode, encode};
pub use record::{
    Claim, EndedBy, Ending, LocalTime, LocalTimeAnswer, LogLevel, Note, Opening, Outcome, Record, Request, Snapshot, Source, Step,
    StepFailure, StepFailureKind, Survival,
};
