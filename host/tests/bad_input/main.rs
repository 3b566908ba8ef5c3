//! What must not harm anybody: bad strategies, bad gateways, bad files. Each is told by name, costs at most its own calls'
//! strategy (they go to their default route), and loses nothing that was committed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod components;
mod every_request;
mod fake_gateway;
mod files;
mod guests;
mod link;
mod program;
mod replay;
mod sessions;
mod silence;
mod table;
