//! What a primary tells the gateway of its sessions' steps, and does for sessions with other sessions.

use tandem_switch_link::{Asked, HostMessage, MAX_FRAME_BYTES, Mark, StepMessage};
use tandem_words::{ErrorCode, EventBody, Failure, Message, RequestKey, SessionId, StartSession, Timestamp};

use super::{Directive, Phase, Primary};

/// The largest request. Reason: with its session's interactions it must fit into a frame.
const MAX_REQUEST_BYTES: usize = MAX_FRAME_BYTES / 2;

/// Bytes of JSON for one of a request's payload, at most: a control character is written as `\u0001`, an empty property (which
/// counts 8 bytes) in less than 48.
const WORST_JSON: usize = 6;

impl Primary {
    /// A committed step, for the gateway. Without a connection it is dropped: the next reconciliation finds what is missing. A
    /// request that no frame holds is answered here.
    pub fn tell(&mut self, mut step: StepMessage) -> Vec<Directive> {
        if self.phase != Phase::Serving {
            return Vec::new();
        }
        let (session, incarnation) = (step.session, step.incarnation);
        let mut directives = Vec::new();
        step.requests.retain(|asked| {
            let bytes = frame_bytes(asked);
            if bytes > MAX_REQUEST_BYTES {
                let why = format!("the request has {bytes} bytes on the switch link; the limit is {MAX_REQUEST_BYTES}");
                let body = EventBody::Failed(Failure::new(ErrorCode::OverLimit, why));
                directives.push(Directive::Answer(RequestKey { session, incarnation, request: asked.request }, body));
            }
            bytes <= MAX_REQUEST_BYTES
        });
        directives.push(Directive::Send(HostMessage::Step(step)));
        directives
    }

    /// W as it is durable now.
    pub fn durable(&mut self, mark: Mark) -> Option<Directive> {
        self.w = self.known_w(Some(mark));
        let news = self.phase == Phase::Serving && mark.incarnation == self.incarnation && self.told_w != Some(mark);
        news.then(|| {
            self.told_w = Some(mark);
            Directive::Send(HostMessage::Acknowledge(mark))
        })
    }

    /// Whether the backup has not acknowledged everything; to be said before [`Primary::idle`]. Over lost events W does not go as
    /// long: the backup must know of them first.
    pub fn backup_is_behind(&mut self, behind: bool) {
        self.truths.backup_is_behind = behind;
    }

    /// Every frame received is handled, every step committed, every request sent. While sessions wait for their restart, switch time
    /// passes no faster than real time.
    pub fn idle(&mut self, wake_at: Option<Timestamp>) -> Option<Directive> {
        if self.phase != Phase::Serving {
            return None;
        }
        let (truth, until) = (self.truths.idle(), self.restarts.wake_at().and(self.pace).map(|(_, until)| until));
        if truth.is_none() && until.is_some_and(|until| until <= self.now.max(self.reconciled_at)) {
            return None;
        }
        let wake_at = wake_at.into_iter().chain(truth).chain(until).min();
        let idle = (self.last_frame, wake_at);
        let news = self.told_idle != Some(idle);
        news.then(|| {
            self.told_idle = Some(idle);
            Directive::Send(HostMessage::Idle { seq: idle.0, wake_at })
        })
    }

    /// A session wants to send a message.
    pub fn send(&mut self, from: RequestKey, to: &str, strategy: String, message: Message) -> Directive {
        let refuse = |why: String| Directive::Answer(from, EventBody::Failed(Failure::new(ErrorCode::NotFound, why)));
        match to.parse::<SessionId>() {
            Ok(to) if to.node == self.node() => Directive::Message { to, from, strategy, message },
            Ok(to) => refuse(format!("session {to} is of node {}, and messages reach sessions of node {} only", to.node, self.node())),
            Err(error) => refuse(error.to_string()),
        }
    }

    /// A session wants to start another; `at`: its session time.
    pub fn start(&mut self, by: RequestKey, start: &StartSession, at: Timestamp) -> Directive {
        match self.assignment.started(by, start, at.max(self.now)) {
            Ok(opening) => Directive::Open { opening: Box::new(opening), event: None },
            Err(failure) => Directive::Answer(by, EventBody::Failed(failure)),
        }
    }
}

/// What a request takes in a frame; exact only where it may be too much.
fn frame_bytes(asked: &Asked) -> usize {
    let at_most = asked.body.payload_bytes().saturating_mul(WORST_JSON).saturating_add(1_000);
    if at_most <= MAX_REQUEST_BYTES { at_most } else { asked.json_bytes() }
}
