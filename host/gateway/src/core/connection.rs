//! One connection of an instance.

use tandem_switch_link::{GatewayFrame, GatewayMessage, Held, Refusal};
use tandem_words::{Epoch, NodeId, Position, RequestKey, Timestamp};

use super::pack::pack;

/// A connection's name, given by whoever accepts it; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Why a message was not taken: becomes `refused`, and the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quit {
    /// For programs.
    pub reason: Refusal,
    /// For people: names the thing, what is wrong, what to do.
    pub message: String,
}

impl Quit {
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Quit { reason: Refusal::Malformed, message: message.into() }
    }

    pub(super) fn fenced(message: impl Into<String>) -> Self {
        Quit { reason: Refusal::Fenced, message: message.into() }
    }
}

/// Who speaks there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) cluster: String,
    pub(super) node: NodeId,
    pub(super) instance: String,
}

/// What it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It never led.
    Listening,
    /// It is its node's acknowledged primary; events flow and steps are taken once it has reconciled.
    Leading { epoch: Epoch, reconciled: bool },
    /// The node is led elsewhere.
    Deposed { epoch: Epoch },
}

/// What a primary asks for when it reconciles.
#[derive(Debug, Default)]
pub(super) struct Asking {
    pub(super) interactions: Vec<Held>,
    pub(super) requests: Vec<RequestKey>,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// Since `hello`.
    pub(super) peer: Option<Peer>,
    pub(super) role: Role,
    /// The parts of a `reconcile` so far.
    pub(super) asking: Asking,
    /// It was refused: closed after its last frame, and what it still sends is not read.
    pub(super) refused: bool,
    outbox: Vec<GatewayMessage>,
    /// The last frame sent.
    sent_seq: u64,
    /// The last frame it has handled.
    idle_seq: u64,
    /// When it wants the time.
    pub(super) wake_at: Option<Timestamp>,
    /// The last `clock` it was sent.
    told_at: Option<Timestamp>,
    /// The last position sent to it.
    pub(super) delivered: Position,
}

impl Connection {
    pub(super) fn new() -> Self {
        Connection {
            peer: None,
            role: Role::Listening,
            asking: Asking::default(),
            refused: false,
            outbox: Vec::new(),
            sent_seq: 0,
            idle_seq: 0,
            wake_at: None,
            told_at: None,
            delivered: 0,
        }
    }

    pub(super) fn send(&mut self, message: GatewayMessage) {
        if let GatewayMessage::Event(event) = &message {
            self.delivered = event.position;
        }
        self.outbox.push(message);
    }

    pub(super) fn refuse(&mut self, quit: Quit) {
        self.refused = true;
        self.send(GatewayMessage::Refused { reason: quit.reason, message: quit.message });
    }

    pub(super) fn is_serving(&self) -> bool {
        matches!(self.role, Role::Leading { reconciled: true, .. }) && !self.refused
    }

    /// It has handled everything that it was sent, and there is nothing more to send.
    pub(super) fn is_idle(&self) -> bool {
        self.outbox.is_empty() && self.idle_seq == self.sent_seq
    }

    pub(super) fn idle(&mut self, seq: u64, wake_at: Option<Timestamp>) -> Result<(), Quit> {
        if seq > self.sent_seq {
            return Err(Quit::malformed(format!(
                "idle({seq}): the last frame sent was {}; give the number of a frame received",
                self.sent_seq
            )));
        }
        // An older word than the last one says nothing any more.
        if seq >= self.idle_seq {
            self.idle_seq = seq;
            self.wake_at = wake_at;
        }
        Ok(())
    }

    /// When it must be told the time. One that asks again for an instant it was just told is told the next millisecond:
    /// time must pass.
    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        let wake_at = self.wake_at?;
        Some(self.told_at.map_or(wake_at, |told| wake_at.max(told + 1)))
    }

    pub(super) fn tell_time(&mut self, now: Timestamp) {
        self.wake_at = None;
        self.told_at = Some(now);
        self.send(GatewayMessage::Clock { now });
    }

    /// What waits for it, as frames.
    pub(super) fn take_frames(&mut self) -> Vec<GatewayFrame> {
        pack(std::mem::take(&mut self.outbox), &mut self.sent_seq)
    }
}
