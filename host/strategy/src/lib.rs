//! The strategy room: the only one that knows wasmtime.
//!
//! [`Engine`] is one for a process. [`Strategy::load`] makes of a component's bytes something that can run: checked
//! against the contract, compiled (once; [`Cache`] keeps it on disk), asked for its manifest. A [`Catalogue`] holds what
//! is loaded and is shared by all workers; each worker has its own [`Cells`], the Wasm implementation of
//! [`tandem_session::Guests`].
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use tandem_strategy::*;
//! # fn demo(bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(EngineLimits::default())?;
//! let cache = Cache::open("/var/lib/tandem/compiled".as_ref(), Compiler::InProcess)?;
//! let catalogue = Arc::new(Catalogue::new());
//! catalogue.add(Strategy::load(&engine, bytes, Some(&cache))?)?;
//! let cells = Cells::new(engine, catalogue, Box::new(|| ())); // one for each worker
//! # let _ = cells; Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod bench;
mod bindings;
mod cache;
mod catalogue;
mod cell;
mod cells;
mod compile;
mod convert;
mod deadline;
mod engine;
mod error;
mod failure;
mod host_side;
mod imports;
mod limits;
mod memory;
mod strategy;
mod ticker;
mod wasi;
mod world;
mod zones;

pub use cache::Cache;
pub use catalogue::Catalogue;
pub use cells::Cells;
pub use compile::{Compiler, compile_to};
pub use engine::Engine;
pub use error::{CatalogueFull, LoadError};
pub use limits::EngineLimits;
pub use strategy::{Report, Strategy, inspect};
