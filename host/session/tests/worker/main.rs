//! What a worker promises, with native guests and a disk that is a list of rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod ahead;
mod bounds;
mod claims;
mod commit_order;
mod disk;
mod diverged;
mod ends;
mod failures;
mod following;
mod memory;
mod messages;
mod not_persisted;
mod order;
mod recovery;
mod rig;
mod samples;
mod timers;
