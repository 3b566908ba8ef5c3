//! A connection that stands: frames both ways, and a look at whether the gateway still lives.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tandem_switch_link::decode_gateway_frame;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::{Unsent, client::ClientError, outgoing::frames};
use crate::node::Inbox;

/// Messages that may be on their way inside the instance, or wait for the socket, before the link stops reading: the gateway
/// keeps what is behind them, so memory stays bounded however fast it sends, and however slowly it reads.
pub(super) const MAX_OUTSTANDING: usize = 10_000;

/// How often the gateway is pinged, and how many pings may stay without any sign of life: 10 s. The kernel alone would
/// notice a gateway whose machine is gone after a quarter of an hour.
pub(super) const PING: Duration = Duration::from_secs(2);
const UNANSWERED_PINGS: u32 = 5;

/// How long the gateway may take to close, too, when the node let go. What has come and is not read would make the kernel reset
/// the connection, and drop what was just written.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// How the exchange ended, where nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The gateway closed the connection.
    ByGateway,
    /// The node let go of it: it did not like what the gateway said, or the instance ends.
    ByNode,
}

/// Carries frames both ways until one side ends, or gives no sign of life (`ping`: [`PING`], but for tests). Before the node's end everything it has sent is written.
pub(super) async fn exchange<S>(socket: WebSocketStream<S>, mut unsent: Unsent, inbox: &Inbox, ping: Duration) -> Result<Ended, ClientError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sink, mut stream) = socket.split();
    let waiting = unsent.waiting();
    let silent = AtomicU32::new(0);
    let closing = AtomicBool::new(false);
    let writing = async {
        let mut pings = ticks(ping);
        loop {
            tokio::select! {
                messages = unsent.next() => {
                    let Some(messages) = messages else { break };
                    for frame in frames(&messages)? {
                        sink.send(Message::text(frame)).await?;
                    }
                }
                _ = pings.tick() => sink.send(Message::Ping(Default::default())).await?,
            }
        }
        sink.close().await?;
        Ok::<_, ClientError>(())
    };
    let reading = async {
        while let Some(message) = stream.next().await {
            silent.store(0, Ordering::Relaxed);
            match message? {
                Message::Text(_) if closing.load(Ordering::Relaxed) => {}
                Message::Text(text) => {
                    inbox.frame(decode_gateway_frame(&text)?);
                    while inbox.outstanding() > MAX_OUTSTANDING || waiting.messages() > MAX_OUTSTANDING {
                        if waiting.messages() <= MAX_OUTSTANDING {
                            // It is this side that does not listen.
                            silent.store(0, Ordering::Relaxed);
                        }
                        sleep(Duration::from_millis(1)).await;
                    }
                }
                Message::Close(_) => return Ok(Ended::ByGateway),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Binary(_) | Message::Frame(_) => return Err(ClientError::NotText),
            }
        }
        Ok(Ended::ByGateway)
    };
    let listening = async {
        let mut pings = ticks(ping);
        // Ticks, not a clock: an instance that was stopped for a while has not listened, and gives the gateway its time.
        while silent.fetch_add(1, Ordering::Relaxed) <= UNANSWERED_PINGS {
            pings.tick().await;
        }
        Err(ClientError::Silent)
    };
    let mut reading = pin!(reading);
    tokio::select! {
        written = writing => {
            written?;
            closing.store(true, Ordering::Relaxed);
            let _ = timeout(CLOSES_WITHIN, reading).await;
            Ok(Ended::ByNode)
        }
        ended = &mut reading => ended,
        ended = listening => ended,
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
