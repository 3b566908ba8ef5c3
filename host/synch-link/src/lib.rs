//! The synch link: the protocol between the two instances of a node (`docs/synch-link.md` tells it as a story).
//!
//! The backup connects to the primary. Each message is a frame: its length in four bytes, then MessagePack. Structs are written
//! with their fields' names: a field that a release adds is passed over by the one before it, and has a default where it is
//! missing, so that the pair may run two neighbouring releases. A message that is new is a new version of the protocol.
//!
//! This crate holds the messages and how they are written; it knows bytes only.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod change;
mod fingerprint;
mod frame;
mod message;

pub use change::{Change, KeptSession};
pub use fingerprint::{Fingerprint, OptionHash};
pub use frame::{FrameError, LENGTH_BYTES, MAX_FRAME_BYTES, decode, encode, encoded_bytes, frame_bytes};
pub use message::{BackupMessage, Held, Hello, PrimaryMessage, Refusal, Standing, VERSIONS, version_for};
