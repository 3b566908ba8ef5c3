//! A gateway by script, on a real socket: as good or as bad as a test wants it.

use std::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use tandem_switch_link::{
    GatewayFrame, GatewayMessage, HostMessage, InteractionState, Mark, PROTOCOL, RequestState, StepMessage, SwitchEvent, decode_host_frame,
    encode_gateway_frame,
};
use tandem_words::{Digit, EventBody, Interaction, Position, RequestKey};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

use crate::program::{HUNG, wait_for};

/// Switch time: it stands still here.
const NOW: u64 = 1_783_074_600_000;

/// The only incarnation of the switch.
const INCARNATION: u64 = 7;

pub struct FakeGateway(TcpListener);

impl FakeGateway {
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        FakeGateway(listener)
    }

    pub fn url(&self) -> String {
        format!("ws://{}", self.0.local_addr().unwrap())
    }

    /// The host's next connection, as bytes.
    pub fn accepts_bytes(&self) -> TcpStream {
        let stream = wait_for(|| "no connection came".to_owned(), || self.0.accept().ok()).0;
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(HUNG)).unwrap();
        stream
    }

    /// The host's next connection; its `hello` is read.
    pub fn accepts(&self) -> Link {
        let socket = accept(self.accepts_bytes()).unwrap();
        let mut link = Link { socket, frames: 0, heard: Vec::new(), reconciled: None };
        let hello = link.hears();
        assert!(matches!(hello, HostMessage::Hello { .. }), "{hello:?}");
        link
    }

    /// The same, and everything up to `lead` is well.
    pub fn leads(&self) -> Link {
        let mut link = self.accepts();
        link.says(vec![welcome("main")]);
        let HostMessage::Lead { epoch, .. } = link.hears() else { panic!("no lead") };
        link.says(vec![GatewayMessage::Leading { epoch, now: NOW }]);
        link
    }

    /// The same, and the host has said what it knows: this is the truth.
    pub fn serves(&self) -> Link {
        let mut link = self.leads();
        let reconcile = link.hears();
        let HostMessage::Reconcile { after, interactions, requests, .. } = &reconcile else { panic!("{reconcile:?}") };
        let kept_from = after.map_or(1, |mark| mark.position + 1);
        let interactions = interactions.iter().map(|held| (held.clone(), InteractionState::AtRoutingPoint)).collect();
        let requests = requests.iter().map(|key| (*key, RequestState::Open)).collect();
        link.says(vec![GatewayMessage::Reconciled { now: NOW, kept_from, interactions, requests, more: false }]);
        link.reconciled = Some(reconcile);
        link
    }
}

/// `welcome` of a switch of this name.
pub fn welcome(switch: &str) -> GatewayMessage {
    GatewayMessage::Welcome { protocol: PROTOCOL, switch: switch.into(), incarnation: INCARNATION, now: NOW }
}

pub fn event(position: Position, answers: Option<RequestKey>, body: EventBody) -> GatewayMessage {
    let visit = matches!(body, EventBody::InteractionAdded(_)).then_some(1);
    GatewayMessage::Event(SwitchEvent { position, at: NOW, interaction: Some("c1".into()), visit, answers, body })
}

/// The call c1 comes to 8000.
pub fn call(position: Position) -> GatewayMessage {
    event(position, None, EventBody::InteractionAdded(Interaction::arriving("c1", "5550100", "8000", NOW)))
}

pub fn digit(position: Position, key: &str) -> GatewayMessage {
    event(position, None, EventBody::Digit(Digit { interaction: "c1".into(), key: key.to_owned() }))
}

/// A connection.
pub struct Link {
    socket: WebSocket<TcpStream>,
    /// Sent so far.
    pub frames: u64,
    heard: Vec<HostMessage>,
    reconciled: Option<HostMessage>,
}

impl Link {
    /// One frame.
    pub fn says(&mut self, messages: Vec<GatewayMessage>) {
        self.frames += 1;
        self.says_as(self.frames, messages);
    }

    /// One frame under a number that may be wrong.
    pub fn says_as(&mut self, seq: u64, messages: Vec<GatewayMessage>) {
        let text = encode_gateway_frame(&GatewayFrame { seq, messages }).unwrap();
        self.says_raw(Message::text(text));
    }

    /// Something that need not be a frame.
    pub fn says_raw(&mut self, message: Message) {
        // The host may have heard enough before the end of it.
        let _ = self.socket.send(message);
    }

    /// The host's next message but heartbeats and `idle`.
    pub fn hears(&mut self) -> HostMessage {
        loop {
            if !self.heard.is_empty() {
                match self.heard.remove(0) {
                    HostMessage::Heartbeat | HostMessage::Idle { .. } => continue,
                    message => return message,
                }
            }
            if let Message::Text(text) = self.socket.read().unwrap() {
                self.heard = decode_host_frame(&text).unwrap();
            }
        }
    }

    /// Everything up to the acknowledgement of this position; the last step that asked for something.
    pub fn hears_until(&mut self, position: Position) -> Option<StepMessage> {
        let mut last = None;
        loop {
            match self.hears() {
                HostMessage::Step(step) if step.requests.is_empty() && step.over.is_none() => {}
                HostMessage::Step(step) => last = Some(step),
                HostMessage::Acknowledge(mark) if mark.position < position => {}
                HostMessage::Acknowledge(mark) => {
                    assert_eq!(mark, Mark { incarnation: INCARNATION, position });
                    return last;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The same, with a step.
    pub fn hears_step(&mut self, position: Position) -> StepMessage {
        self.hears_until(position).unwrap()
    }

    /// What the host said that it knows.
    pub fn reconcile(&self) -> (Option<Position>, usize, usize) {
        match &self.reconciled {
            Some(HostMessage::Reconcile { after, interactions, requests, .. }) => {
                (after.map(|mark| mark.position), interactions.len(), requests.len())
            }
            other => panic!("{other:?}"),
        }
    }

    /// The host closes the connection.
    pub fn expect_close(mut self) {
        let began = Instant::now();
        while self.socket.read().is_ok() {
            assert!(began.elapsed() < HUNG, "the host goes on");
        }
    }
}
