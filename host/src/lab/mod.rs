//! The lab: everything that drives the product from outside, to test it, to show it, to measure it.

pub mod bench;
pub mod demo;
pub mod progress;
pub mod scenario;
pub mod solo_host;
pub mod tabletop;
pub mod trial;
