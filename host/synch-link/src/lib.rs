//! The synch link: the protocol between the two instances of a node (design, section 7).

mod change;

pub use change::{Change, KeptSession};
