//! A connection, with the gateway played by the test.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tandem_switch_link::{GatewayFrame, GatewayMessage, HostMessage, decode_host_frame, encode_gateway_frame};
use tokio::{
    io::{DuplexStream, duplex},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::{
    Outgoing,
    client::ClientError,
    exchange::{Ended, MAX_OUTSTANDING, PING, exchange},
};
use crate::node::{Inbox, ToNode};

const HUNG: Duration = Duration::from_secs(30);

async fn both_ends() -> (WebSocketStream<DuplexStream>, WebSocketStream<DuplexStream>) {
    let (host, gateway) = duplex(1 << 16);
    (WebSocketStream::from_raw_socket(host, Role::Client, None).await, WebSocketStream::from_raw_socket(gateway, Role::Server, None).await)
}

fn idle(seq: u64) -> HostMessage {
    HostMessage::Idle { seq, wake_at: None }
}

#[tokio::test]
async fn what_the_node_sent_before_it_let_go_still_goes_out() {
    let (host, mut gateway) = both_ends().await;
    let (node, _messages) = crossbeam_channel::unbounded();
    let inbox = Inbox::for_tests(node);
    let (outgoing, unsent) = Outgoing::channel();
    (0..1_000).for_each(|seq| outgoing.send(vec![idle(seq)]));
    drop(outgoing);
    let reading = async {
        let mut heard = Vec::new();
        while let Some(Ok(message)) = gateway.next().await {
            if let Message::Text(text) = message {
                heard.extend(decode_host_frame(&text).unwrap());
            }
        }
        heard
    };
    let (ended, heard) = timeout(HUNG, async { tokio::join!(exchange(host, unsent, &inbox, PING), reading) }).await.unwrap();
    assert_eq!(ended.unwrap(), Ended::ByNode);
    assert_eq!(heard, (0..1_000).map(idle).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_gateway_that_is_silent_is_given_up_and_one_that_answers_pings_is_not() {
    for answers in [false, true] {
        let (host, mut gateway) = both_ends().await;
        let (node, _messages) = crossbeam_channel::unbounded();
        let inbox = Inbox::for_tests(node);
        let (outgoing, unsent) = Outgoing::channel();
        let exchanging = exchange(host, unsent, &inbox, Duration::from_millis(50));
        if answers {
            let reading = async {
                let mut pings = 0;
                while pings < 20 {
                    pings += u32::from(matches!(gateway.next().await.unwrap().unwrap(), Message::Ping(_)));
                }
                gateway.close(None).await.unwrap();
                while let Some(Ok(_)) = gateway.next().await {}
            };
            let (ended, ()) = timeout(HUNG, async { tokio::join!(exchanging, reading) }).await.unwrap();
            assert_eq!(ended.unwrap(), Ended::ByGateway);
        } else {
            let ended = timeout(HUNG, exchanging).await.unwrap();
            assert!(matches!(ended, Err(ClientError::Silent)), "{ended:?}");
        }
        drop(outgoing);
    }
}

#[tokio::test]
async fn a_flood_of_events_waits_in_the_gateway() {
    let (host, mut gateway) = both_ends().await;
    let (node, messages) = crossbeam_channel::unbounded();
    let inbox = Inbox::for_tests(node);
    let (_outgoing, unsent) = Outgoing::channel();
    let flooding = async {
        for seq in 1.. {
            let messages = vec![GatewayMessage::Clock { now: 1 }; 1_000];
            let frame = encode_gateway_frame(&GatewayFrame { seq, messages }).unwrap();
            if gateway.send(Message::text(frame)).await.is_err() {
                return;
            }
        }
    };
    let is_full = async {
        while inbox.outstanding() <= MAX_OUTSTANDING {
            tokio::task::yield_now().await;
        }
        // What else could come comes now.
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    tokio::select! {
        ended = exchange(host, unsent, &inbox, PING) => panic!("{ended:?}"),
        () = flooding => panic!("the flood ended"),
        full = timeout(HUNG, is_full) => full.unwrap(),
    }
    let frames = messages.try_iter().filter(|message| matches!(message, ToNode::Frame(_))).count();
    assert_eq!(frames, MAX_OUTSTANDING / 1_000 + 1, "each event counts, not each frame");
}
