//! The rules of the core, as facts.

mod deadlines;
mod document;
mod interleavings;
mod leading;
mod lives;
mod malformed;
mod stepping;
mod time;
