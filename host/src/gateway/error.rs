//! What can go wrong.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why the service did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not this machine's.
    #[error("the gateway cannot listen on {address}: {source}; choose another address or stop who uses it")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Calls and callers' data would cross a network in the open.
    #[error(
        "the gateway would listen on {0}, which other machines can reach, without protection: \
         give a certificate, its key and a token file, or listen on 127.0.0.1"
    )]
    Unprotected(SocketAddr),
    /// The control port asks for no token.
    #[error("the control port {0} can be reached from other machines, and asks for no token; let it listen on 127.0.0.1")]
    OpenControl(SocketAddr),
    /// Certificate or key.
    #[error("{path}: {why}; expected a PEM file with {expected}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
        /// What should be in it.
        expected: &'static str,
    },
    /// The token file.
    #[error("the token file {path}: {why}; write one line with a secret of 16 characters or more into it")]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The state file.
    #[error(
        "the gateway's state {path}: {why}; a gateway that forgot which epochs led could let an old primary act. If no host runs, the file may be removed"
    )]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The record.
    #[error("the record {path} cannot be written: {source}; see to the disk, or record elsewhere")]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The control server ended.
    #[error("the control port stopped: {0}")]
    Control(io::Error),
}
