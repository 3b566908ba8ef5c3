//! The simulated switch and its gateway as a running service: sockets, real time and files around the pure
//! [`Exchange`](tandem_gateway::core::Exchange).
//!
//! [`Service::bind`] takes [`Options`], listens, and gives a [`Handle`]; [`Service::run`] serves instances over the switch
//! link (`docs/switch-link.md`) until the run is over or it is told to stop. One task owns the exchange; each connection has a
//! task of its own, which reads and writes JSON.

mod clients;
mod connection;
mod control;
mod error;
mod files;
mod handle;
mod moment;
mod options;
mod pacer;
mod service;
mod speed;
mod tls;

#[cfg(test)]
mod tests;

pub use error::Error;
pub use handle::{Handle, Status, Stopped};
pub use moment::Moment;
pub use options::{HEARD_WITHIN, Options, STALL_TIMEOUT, TlsFiles};
pub use service::{Service, Summary};
pub use speed::{ParseSpeedError, Speed};
