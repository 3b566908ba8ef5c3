//! An instance's rules put together: what the rules of the node decide, what its sessions finish and what is durable meet at
//! the desk, and are handed to whoever has to do it.
//!
//! Pure: threads carry it in the product (`host/src/node`), one thread in the lab, and the simulation attacks it.

pub mod desk;

pub use desk::Floor;
