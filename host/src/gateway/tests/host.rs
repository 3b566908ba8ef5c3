//! A host by hand.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tandem_switch_link::{
    Asked, GatewayFrame, GatewayMessage, Held, HostMessage, Mark, Over, PROTOCOL, Refusal, StepMessage, decode_gateway_frame,
    encode_host_frame,
};
use tandem_words::{EventBody, InteractionId, Prompt, RequestBody, SessionId};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// Nothing here takes long: past this the test hangs.
const HUNG: Duration = Duration::from_secs(30);

pub struct Host<S = MaybeTlsStream<TcpStream>> {
    pub socket: WebSocketStream<S>,
    pub seq: u64,
    pub epoch: u64,
    pub incarnation: u64,
}

impl Host {
    pub async fn connect(url: &str) -> Self {
        let (socket, _) = timeout(HUNG, connect_async(url)).await.unwrap().unwrap();
        Host::on(socket)
    }

    /// Connected, and greeted.
    pub async fn greeted(url: &str) -> Self {
        let mut host = Host::connect(url).await;
        host.greets(None).await;
        host
    }

    /// Connected, leading in this epoch, reconciled after nothing.
    pub async fn leading(url: &str, epoch: u64) -> Self {
        let mut host = Host::greeted(url).await;
        host.leads(epoch).await;
        host
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Host<S> {
    pub fn on(socket: WebSocketStream<S>) -> Self {
        Host { socket, seq: 0, epoch: 0, incarnation: 0 }
    }

    pub async fn greets(&mut self, token: Option<&str>) {
        let token = token.map(str::to_owned);
        self.says(&[HostMessage::Hello { protocols: vec![PROTOCOL], cluster: "cc1".into(), node: 101, instance: "101/a".into(), token }])
            .await;
        match self.hears().await.as_slice() {
            [GatewayMessage::Welcome { incarnation, .. }] => self.incarnation = *incarnation,
            other => panic!("no welcome: {other:?}"),
        }
    }

    pub async fn leads(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.says(&[HostMessage::Lead { epoch, store: 7 }]).await;
        assert!(matches!(self.hears().await[..], [GatewayMessage::Leading { .. }]));
        self.says(&[HostMessage::Reconcile { after: None, interactions: vec![], requests: vec![], more: false }]).await;
        assert!(matches!(self.hears().await[0], GatewayMessage::Reconciled { .. }));
    }

    pub async fn says(&mut self, messages: &[HostMessage]) {
        self.says_raw(Message::text(encode_host_frame(messages).unwrap())).await;
    }

    pub async fn says_raw(&mut self, message: Message) {
        timeout(HUNG, self.socket.send(message)).await.unwrap().unwrap();
    }

    pub async fn is_idle(&mut self) {
        self.says(&[HostMessage::Idle { seq: self.seq, wake_at: None }]).await;
    }

    /// The next frame; none: the gateway closed.
    pub async fn next(&mut self) -> Option<GatewayFrame> {
        loop {
            match timeout(HUNG, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Text(text))) => {
                    let frame = decode_gateway_frame(&text).unwrap();
                    assert_eq!(frame.seq, self.seq + 1, "frames are numbered without holes");
                    self.seq = frame.seq;
                    return Some(frame);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn hears(&mut self) -> Vec<GatewayMessage> {
        self.next().await.expect("the gateway closed").messages
    }

    /// The refusal with which the gateway closes.
    pub async fn is_refused(&mut self) -> (Refusal, String) {
        while let Some(frame) = self.next().await {
            if let Some(GatewayMessage::Refused { reason, message }) = frame.messages.last() {
                let refusal = (*reason, message.clone());
                assert!(self.next().await.is_none(), "closed after it");
                return refusal;
            }
        }
        panic!("closed without a word");
    }

    /// Serves every call (a welcome, then good-bye) until the gateway closes. Returns how many.
    pub async fn serves(&mut self) -> usize {
        let mut sessions: BTreeMap<InteractionId, SessionId> = BTreeMap::new();
        self.is_idle().await;
        while let Some(frame) = self.next().await {
            let mut answer = Vec::new();
            for message in frame.messages {
                let GatewayMessage::Event(event) = message else { continue };
                let number = sessions.len() as u64 + 1;
                let session = event
                    .interaction
                    .as_ref()
                    .map(|id| *sessions.entry(id.clone()).or_insert(SessionId { node: 101, epoch: self.epoch, number }));
                let step = match (&event.body, session, event.interaction) {
                    (EventBody::InteractionAdded(_), Some(session), Some(call)) => {
                        let play =
                            RequestBody::Play { call: call.clone(), prompts: vec![Prompt::Sound("welcome".into())], interruptible: false };
                        Some(self.step(session, 1, call, play, None))
                    }
                    (EventBody::PlayDone(_), Some(session), Some(call)) => {
                        Some(self.step(session, 2, call.clone(), RequestBody::Disconnect { interaction: call }, Some(Over::Finished)))
                    }
                    _ => None,
                };
                answer.extend(step);
                answer.push(HostMessage::Acknowledge(Mark { incarnation: self.incarnation, position: event.position }));
            }
            answer.push(HostMessage::Idle { seq: frame.seq, wake_at: None });
            // At the end the gateway closes while this is on its way.
            if self.socket.send(Message::text(encode_host_frame(&answer).unwrap())).await.is_err() {
                break;
            }
        }
        sessions.len()
    }

    pub fn step(&self, session: SessionId, seq: u32, call: InteractionId, body: RequestBody, over: Option<Over>) -> HostMessage {
        HostMessage::Step(StepMessage {
            epoch: self.epoch,
            session,
            incarnation: 1,
            seq,
            interactions: vec![Held { id: call, visit: Some(1) }],
            quiet_until: None,
            over,
            requests: vec![Asked { request: seq, body }],
        })
    }
}
