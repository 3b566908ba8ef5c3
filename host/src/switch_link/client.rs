//! The connection to the gateway: made again whenever it is lost, with growing pauses.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use tandem_switch_link::{FrameError, MAX_FRAME_BYTES};
use tokio::{net::TcpStream, sync::watch};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, protocol::WebSocketConfig},
};

use super::{
    Outgoing,
    exchange::{Ended, PING, exchange},
    pauses::Pauses,
    tls::{self, Stream, TlsError},
};
use crate::{node::Inbox, options::values::SwitchUrl};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the gateway is.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Its address.
    pub url: SwitchUrl,
    /// Whom to trust, for `wss`.
    pub ca: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("the gateway at {url} cannot be reached: {cause}; is it running, and is url in [switch.NAME] right?")]
    Unreachable { url: String, cause: std::io::Error },
    #[error("the gateway at {url} did not answer within {CONNECT_TIMEOUT:?}")]
    Slow { url: String },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the connection to the gateway failed: {0}")]
    WebSocket(#[from] tungstenite::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the gateway sent a message that is not text")]
    NotText,
    #[error("the gateway gave no sign of life for 10 s; its machine or the network is gone, or it hangs")]
    Silent,
}

/// See the module.
pub struct SwitchLinkClient {
    options: ClientOptions,
    inbox: Inbox,
}

impl SwitchLinkClient {
    /// Frames go into this inbox.
    pub fn new(options: ClientOptions, inbox: Inbox) -> Self {
        SwitchLinkClient { options, inbox }
    }

    /// Runs until `shutdown` says so. A connection that stands then is left to the node: it ends when the node has let go of
    /// it and everything it sent is written.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut pauses = Pauses::default();
        while !*shutdown.borrow() {
            let made = tokio::select! {
                made = self.made() => made,
                _ = shutdown.changed() => return,
            };
            let began = Instant::now();
            let connected = made.is_ok();
            let ended = match made {
                Ok(socket) => self.connection(socket).await,
                Err(error) => Err(error),
            };
            let lived = if connected { began.elapsed() } else { Duration::ZERO };
            let why = match ended {
                Ok(Ended::ByGateway) => format!("the gateway at {} closed the switch link", self.options.url),
                // It has said why.
                Ok(Ended::ByNode) => String::new(),
                Err(error) => error.to_string(),
            };
            let (pause, news) = pauses.after(lived, &why);
            if news && !why.is_empty() && !*shutdown.borrow() {
                tracing::warn!("{why}; connecting again");
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = shutdown.changed() => return,
            }
        }
    }

    async fn connection(&self, socket: WebSocketStream<Stream>) -> Result<Ended, ClientError> {
        tracing::info!(url = %self.options.url, "connected to the gateway");
        let (outgoing, unsent) = Outgoing::channel();
        self.inbox.connected(outgoing);
        let ended = exchange(socket, unsent, &self.inbox, PING).await;
        self.inbox.disconnected();
        ended
    }

    async fn made(&self) -> Result<WebSocketStream<Stream>, ClientError> {
        let slow = || ClientError::Slow { url: self.options.url.to_string() };
        tokio::time::timeout(CONNECT_TIMEOUT, self.connect()).await.map_err(|_| slow())?
    }

    async fn connect(&self) -> Result<WebSocketStream<Stream>, ClientError> {
        let SwitchUrl { secure, address, .. } = &self.options.url;
        let unreachable = |cause| ClientError::Unreachable { url: self.options.url.to_string(), cause };
        let tcp = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        let stream = if *secure { tls::wrap(tcp, &address.host, self.options.ca.as_deref()).await? } else { Stream::Plain(tcp) };
        let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES));
        let (socket, _) = client_async_with_config(self.options.url.to_string(), stream, Some(config)).await?;
        Ok(socket)
    }
}
