//! Tandem hosts contact-centre routing strategies as WebAssembly components, and makes every step durable before anything leaves it.
//!
//! This crate is the program: what touches sockets, disks, clocks and threads. The rules are in crates of their own under `host/`,
//! which cannot know those things; `docs/ARCHITECTURE.md` shows how they fit.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod api;
pub mod cli;
pub mod deployment;
pub mod gateway;
pub mod lab;
pub mod node;
pub mod options;
pub mod session;
pub mod switch_link;
pub mod synch;
