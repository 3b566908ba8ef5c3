//! What a backup knows of the sessions that are not persisted, and how it gets to know it (design, section 7; ADR 5).
//!
//! [`Keeper`] holds it on both sides. The primary's [`Source`] numbers the changes, sends them and says which events may count for
//! W; the backup's [`Mirror`] takes them. [`greeting`] decides who may be the backup, [`readiness`] whether it could take over.

pub mod greeting;
mod keeper;
mod mirror;
pub mod readiness;
mod source;
mod takeover;
mod waiting;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod source_tests;

#[cfg(test)]
use keeper::session_of;
pub use keeper::{KeepLimits, Keeper};
pub use mirror::{MAX_SESSIONS, Mirror, MirrorError};
pub use source::{ACKNOWLEDGES_WITHIN_MS, Effect, MAX_IN_FLIGHT_BYTES, PART_BYTES, Source};
pub use takeover::taken_over;
pub use waiting::BufferLimits;
