//! What the service is told.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tandem_gateway::{core, simulated::SimulatedSwitch};
use tandem_words::Timestamp;

use super::Speed;

/// An instance of which nothing was heard for so long (real time) is gone: it sends a heartbeat every 250 ms.
pub const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// A primary that lives but does not become idle for so long (real time) is waited for no longer: calls must not hang on it.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A certificate chain with its private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Of the service.
#[derive(Debug)]
pub struct Options {
    /// Where instances connect. Off loopback only with `tls` and `token_file`.
    pub listen: SocketAddr,
    /// Where `GET /status` is answered, loopback only; none: nowhere.
    pub control: Option<SocketAddr>,
    /// None: plain WebSocket.
    pub tls: Option<TlsFiles>,
    /// Holds the secret that `hello` must bring.
    pub token_file: Option<PathBuf>,
    /// Holds what must outlive the gateway (`core::Keepsake`); none: a restarted one knows no epochs.
    pub state_file: Option<PathBuf>,
    /// Where the record goes, a line of JSON each; none: nowhere.
    pub record_file: Option<PathBuf>,
    /// How fast time passes.
    pub speed: Speed,
    /// Of the gateway's core; its `token` is read from `token_file`.
    pub core: core::Options,
    /// The switch, with everybody who will call.
    pub switch: SimulatedSwitch,
    /// What its callers were drawn from; for the record.
    pub seed: u64,
    /// Switch time at the beginning.
    pub start: Timestamp,
    /// See [`HEARD_WITHIN`].
    pub heard_within: Duration,
    /// See [`STALL_TIMEOUT`].
    pub stall_timeout: Duration,
}

impl Options {
    /// This switch on a free loopback port, as fast as the host answers, without files.
    pub fn new(core: core::Options, switch: SimulatedSwitch) -> Self {
        Options {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control: None,
            tls: None,
            token_file: None,
            state_file: None,
            record_file: None,
            speed: Speed::Max,
            core,
            switch,
            seed: 0,
            start: 0,
            heard_within: HEARD_WITHIN,
            stall_timeout: STALL_TIMEOUT,
        }
    }
}
