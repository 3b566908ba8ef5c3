//! The host's end of the switch link: a connection that is made again whenever it is lost.

mod client;
mod exchange;
mod outgoing;
mod pauses;
#[cfg(test)]
mod tests;
mod tls;

pub use client::{ClientOptions, SwitchLinkClient};
pub use outgoing::{Outgoing, Unsent};
