//! The connection to the gateway: made again whenever it is lost, with growing pauses.

use std::{path::PathBuf, time::Duration};

use crossbeam_channel::Sender;
use futures_util::{SinkExt, StreamExt};
use tandem_switch_link::{FrameError, HostMessage, MAX_FRAME_BYTES, decode_gateway_frame, encode_host_frame};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

use super::tls::{self, Stream, TlsError};
use crate::{node::ToNode, options::values::SwitchUrl, session::Activity};

/// First pause before a connection is tried again; doubled each time up to [`LONGEST_PAUSE`]. A gateway that restarts is met
/// soon, one that is down is not hammered.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Messages that may be on their way inside the instance before the link stops reading: the gateway keeps what is behind
/// them, so memory stays bounded however fast it sends.
const MAX_OUTSTANDING: usize = 10_000;

/// Where the gateway is.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Its address.
    pub url: SwitchUrl,
    /// Whom to trust, for `wss`.
    pub ca: Option<PathBuf>,
}

/// Frames for the gateway. Dropped when the connection is given up.
pub struct Outgoing(mpsc::UnboundedSender<Vec<HostMessage>>);

impl Outgoing {
    /// Frames, and where they come out.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Vec<HostMessage>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Outgoing(sender), receiver)
    }

    /// These messages go in one frame. Nothing happens when the connection is gone: the next reconciliation finds out.
    pub fn send(&self, messages: Vec<HostMessage>) {
        let _ = self.0.send(messages);
    }
}

#[derive(Debug, thiserror::Error)]
enum ClientError {
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
}

/// See the module.
pub struct SwitchLinkClient {
    options: ClientOptions,
    node: Sender<ToNode>,
    activity: Activity,
}

impl SwitchLinkClient {
    /// Frames go to the node, counted as activity.
    pub fn new(options: ClientOptions, node: Sender<ToNode>, activity: Activity) -> Self {
        SwitchLinkClient { options, node, activity }
    }

    /// Runs until `shutdown` says so.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) {
        let mut pause = FIRST_PAUSE;
        let mut told = false;
        while !*shutdown.borrow() {
            let ended = tokio::select! {
                ended = self.connection() => ended,
                _ = shutdown.changed() => return,
            };
            match ended {
                Ok(()) => {
                    tracing::warn!(url = %self.options.url, "the gateway closed the switch link; connecting again");
                    (pause, told) = (FIRST_PAUSE, false);
                }
                Err(error) => {
                    // Once for each outage: the pauses that follow say nothing new.
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!("{error}; trying again");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = shutdown.changed() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn connection(&self) -> Result<(), ClientError> {
        let url = self.options.url.to_string();
        let slow = || ClientError::Slow { url: url.clone() };
        let socket = tokio::time::timeout(CONNECT_TIMEOUT, self.connect()).await.map_err(|_| slow())??;
        tracing::info!(%url, "connected to the gateway");
        let (outgoing, messages) = Outgoing::channel();
        let _ = self.node.send(ToNode::Connected(outgoing));
        let ended = self.exchange(socket, messages).await;
        let _ = self.node.send(ToNode::Disconnected);
        ended
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

    /// Carries frames both ways until one side ends.
    async fn exchange(&self, socket: WebSocketStream<Stream>, mut messages: mpsc::UnboundedReceiver<Vec<HostMessage>>) -> Result<(), ClientError> {
        let (mut sink, mut stream) = socket.split();
        let writing = async {
            while let Some(messages) = messages.recv().await {
                sink.send(Message::text(encode_host_frame(&messages)?)).await?;
            }
            Ok::<(), ClientError>(())
        };
        let reading = async {
            while let Some(message) = stream.next().await {
                match message? {
                    Message::Text(text) => {
                        let frame = decode_gateway_frame(&text)?;
                        self.activity.begin(1);
                        let _ = self.node.send(ToNode::Frame(frame));
                        while self.activity.outstanding() > MAX_OUTSTANDING {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                    }
                    Message::Close(_) => return Ok(()),
                    Message::Ping(_) | Message::Pong(_) => {}
                    Message::Binary(_) | Message::Frame(_) => return Err(ClientError::NotText),
                }
            }
            Ok(())
        };
        tokio::select! {
            ended = writing => ended,
            ended = reading => ended,
        }
    }
}
