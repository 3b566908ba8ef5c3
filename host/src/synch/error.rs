//! What can go wrong. All of it is told, and tried again; [`Options::of`](super::Options::of) alone stops an instance that starts.

use std::{io, path::PathBuf, time::Duration};

use tandem_node::synch::{MirrorError, greeting::Unwelcome};
use tandem_synch_link::FrameError;

use crate::options::values::Address;

/// Why there is no synch link now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or the address is not this machine's.
    #[error(
        "the synch port {address} cannot be had: {cause}; choose another one in [[node]], or stop who uses it. Until then there is no backup"
    )]
    Listen {
        /// Which.
        address: Address,
        /// Why.
        cause: io::Error,
    },
    /// Nobody listens there. The usual thing while neither instance leads.
    #[error("the primary's synch port {address} cannot be reached: {cause}")]
    Unreachable {
        /// Which.
        address: Address,
        /// Why.
        cause: io::Error,
    },
    /// Calls and callers' data would cross a network in the open.
    #[error("the synch address {0} can be reached from other machines, and there is no [tls]; write it, or listen on 127.0.0.1")]
    Unprotected(Address),
    /// A file of `[tls]`.
    #[error("{path}: {why}; expected a PEM file with {expected} ([tls] in tandem.toml)")]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
        /// What should be in it.
        expected: &'static str,
    },
    /// The certificates do not do.
    #[error("TLS with {peer} failed: {cause}; both certificates must be in date, signed by `client-ca`, and name their hosts")]
    Tls {
        /// The other side.
        peer: String,
        /// Why.
        cause: io::Error,
    },
    /// The options cannot be compared.
    #[error("the options cannot be written down ({0}); please report this")]
    Fingerprint(#[from] toml::ser::Error),
    /// It connected, and did not say who it is.
    #[error("it did not say who it is within {0:?}")]
    SlowHandshake(Duration),
    /// More connections than an instance has use for.
    #[error("there are {0} connections to the synch port already")]
    TooMany(usize),
    /// It was refused, and told why.
    #[error("refused: {0}")]
    Refused(String),
    /// The primary does not want this backup, or is not the one.
    #[error(transparent)]
    Unwelcome(#[from] Unwelcome),
    /// Bytes that are no message.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A message that has no place.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The same, from a backup.
    #[error("it sent {0}, against the protocol (docs/synch-link.md)")]
    OutOfPlace(String),
    /// The other side closed.
    #[error("it closed the connection")]
    Closed,
    /// Its machine or the network is gone, or it hangs.
    #[error("it gave no sign of life for {0:?}; its machine or the network is gone, or it hangs")]
    Silent(Duration),
    /// It does not read.
    #[error("it took nothing for {0:?}; it hangs, or the network is too slow")]
    Stuck(Duration),
    /// The socket.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}
