//! Strategies written as closures, run natively: for tests of several crates and for the simulation. The product does not
//! contain this crate.
//!
//! A [`Script`] is a strategy: a closure that gets an event, its own [`Memory`] and an [`Ask`], and answers with an [`Act`].
//! [`NativeGuests`] runs scripts as the Wasm engine runs components: several sessions share an instance, and all of them die
//! with it.
//!
//! ```
//! use tandem_native_guests::{Act, NativeGuests, Script};
//! use tandem_words::{EventBody, VersionId};
//!
//! let version = VersionId([1; 32]);
//! let welcome = Script::new("welcome", |memory, event, ask| match &event.body {
//!     EventBody::InteractionAdded(call) => {
//!         memory.set("call", &call.id);
//!         ask.play(&call.id, "welcome");
//!         Act::Wait
//!     }
//!     EventBody::PlayDone(_) => Act::Finish,
//!     _ => Act::Wait,
//! });
//! let guests = NativeGuests::new().with(version, welcome);
//! assert_eq!(guests.counts().starts, 0);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod ask;
mod guests;
mod memory;
mod script;

pub use ask::Ask;
pub use guests::{Counts, NativeGuests};
pub use memory::Memory;
pub use script::{Act, Script};
