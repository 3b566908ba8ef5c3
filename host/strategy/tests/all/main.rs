//! The strategy room with real guests: those of `tests/guests`, and hand-written ones that stand for other languages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod bed;
mod cache;
mod cells;
mod handmade;
mod limits;
mod wasi;
mod world;
