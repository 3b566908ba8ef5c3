//! Every store passes one suite; SQLite also what only a file can suffer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;
mod crash;
mod files;
mod golden;
mod rows;

use std::sync::Arc;

use tandem_store::{Memory, Sqlite, Store};

#[test]
fn memory_conforms() {
    conformance::suite(|| {
        let memory = Memory::new(7);
        Box::new(move || Box::new(memory.clone()) as Box<dyn Store>)
    });
}

#[test]
fn sqlite_conforms() {
    conformance::suite(|| {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Box::new(move || Box::new(Sqlite::open(&folder.path().join("store.db")).unwrap()) as Box<dyn Store>)
    });
}
