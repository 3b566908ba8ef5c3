//! The host's end of the switch link: a connection that is made again whenever it is lost.

mod client;
mod tls;

pub use client::{ClientOptions, Outgoing, SwitchLinkClient};
