//! One connection: bytes to messages and back.

use std::{io, time::Duration};

use futures_util::{SinkExt, Stream, StreamExt};
use tandem_gateway::core::ConnectionId;
use tandem_switch_link::{GatewayFrame, HostMessage, MAX_FRAME_BYTES, decode_host_frame, encode_gateway_frame};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{self, Message, protocol::WebSocketConfig},
};

use super::clients::{Heard, MAX_UNSENT_FRAMES};

/// For TLS and WebSocket together. Reason: who has not said who they are must not hold a place for long.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(3);

/// For what a refused peer still sends. Reason: closing a socket with unread bytes would throw away the word that says why.
const LINGER: Duration = Duration::from_millis(500);

/// What a connection's task tells the service's.
#[derive(Debug)]
pub(super) enum Input {
    /// The WebSocket stands.
    Connected { id: ConnectionId, outgoing: mpsc::Sender<GatewayFrame>, heard: Heard },
    /// A frame.
    Frame { id: ConnectionId, messages: Vec<HostMessage> },
    /// Something that is no frame.
    Unreadable { id: ConnectionId, why: String },
    /// It is over.
    Closed { id: ConnectionId },
}

/// Serves a connection from its first byte to its last. Ends when the peer closes, or when the service drops `outgoing`.
pub(super) async fn serve(id: ConnectionId, stream: TcpStream, tls: Option<TlsAcceptor>, service: mpsc::Sender<Input>) {
    let peer = stream.peer_addr().map_or_else(|_| "?".to_owned(), |address| address.to_string());
    match timeout(HANDSHAKE_WITHIN, shake_hands(stream, tls)).await {
        Ok(Ok(socket)) => {
            tracing::debug!(connection = id.0, peer, "an instance connected");
            let (outgoing, frames) = mpsc::channel(MAX_UNSENT_FRAMES);
            let heard = Heard::now();
            if service.send(Input::Connected { id, outgoing, heard: heard.clone() }).await.is_ok() {
                talk(id, socket, frames, &heard, &service).await;
                // The service is gone: so is whoever would want to know.
                let _ = service.send(Input::Closed { id }).await;
            }
        }
        Ok(Err(why)) => tracing::info!(connection = id.0, peer, "no WebSocket came about: {why}"),
        Err(_) => tracing::info!(connection = id.0, peer, "the handshake took too long"),
    }
}

trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}
type Socket = WebSocketStream<Box<dyn Bytes>>;

async fn shake_hands(stream: TcpStream, tls: Option<TlsAcceptor>) -> Result<Socket, tungstenite::Error> {
    stream.set_nodelay(true)?;
    let bytes: Box<dyn Bytes> = match tls {
        Some(acceptor) => Box::new(acceptor.accept(stream).await.map_err(io::Error::other)?),
        None => Box::new(stream),
    };
    // A frame a little too long is refused by name in `decode_host_frame`; one far too long breaks the connection.
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(2 * MAX_FRAME_BYTES);
    config.max_frame_size = Some(2 * MAX_FRAME_BYTES);
    accept_async_with_config(bytes, Some(config)).await
}

async fn talk(id: ConnectionId, socket: Socket, mut frames: mpsc::Receiver<GatewayFrame>, heard: &Heard, service: &mpsc::Sender<Input>) {
    let (mut sink, mut stream) = socket.split();
    let write = async {
        while let Some(frame) = frames.recv().await {
            match encode_gateway_frame(&frame) {
                Ok(text) => sink.feed(Message::text(text)).await?,
                Err(error) => tracing::error!(connection = id.0, "a frame could not be written: {error}"),
            }
            if frames.is_empty() {
                sink.flush().await?;
            }
        }
        sink.close().await
    };
    let refused = tokio::select! {
        written = write => {
            if let Err(error) = written {
                tracing::debug!(connection = id.0, "writing: {error}");
            }
            true
        }
        () = read(id, &mut stream, heard, service) => false,
    };
    if refused {
        let drain = async { while let Some(Ok(_)) = stream.next().await {} };
        let _ = timeout(LINGER, drain).await;
    }
}

/// Returns when the peer closes; after something unreadable it waits for the service to close.
async fn read(
    id: ConnectionId,
    stream: &mut (impl Stream<Item = Result<Message, tungstenite::Error>> + Unpin),
    heard: &Heard,
    service: &mpsc::Sender<Input>,
) {
    while let Some(message) = stream.next().await {
        heard.again();
        let read = match message {
            Ok(Message::Text(text)) => decode_host_frame(&text).map_err(|error| error.to_string()),
            Ok(Message::Binary(_)) => Err("a binary frame came over the switch link; frames are text".to_owned()),
            Ok(Message::Close(_)) => return,
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
            Err(tungstenite::Error::Capacity(error)) => Err(format!("{error}; the limit is {MAX_FRAME_BYTES} bytes a frame")),
            Err(error) => {
                tracing::debug!(connection = id.0, "reading: {error}");
                return;
            }
        };
        let sent = match read {
            Ok(messages) => service.send(Input::Frame { id, messages }).await,
            Err(why) => {
                let _ = service.send(Input::Unreadable { id, why }).await;
                return std::future::pending().await;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}
