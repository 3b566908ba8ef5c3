//! A primary and its switch: `lead` before everything, then the truth, then steps (design, sections 5 and 8).

use std::collections::BTreeSet;

use tandem_journal::Opening;
use tandem_switch_link::{
    Asked, GatewayFrame, GatewayMessage, Held, HostMessage, InteractionState, MAX_FRAME_BYTES, Mark, PROTOCOL, RequestState, StepMessage,
    SwitchEvent,
};
use tandem_words::{
    Bug, Epoch, ErrorCode, EventBody, Failure, Gap, Holding, InstanceName, Message, NodeId, Position, RequestKey, SessionId, StartSession,
    StoreId, SwitchIncarnation, SwitchName, Timestamp, planted,
};

use crate::{Assignment, Deployments, LinkError, Restarting, Restarts, assignment::Meaning, numbers::too_large, truths::Truths};

/// The largest request. Reason: with its session's interactions it must fit into a frame.
const MAX_REQUEST_BYTES: usize = MAX_FRAME_BYTES / 2;

/// Bytes of JSON for one of a request's payload, at most: a control character is written as `\u0001`, an empty property (which
/// counts 8 bytes) in less than 48.
const WORST_JSON: usize = 6;

/// Who the primary is.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// The cluster's name.
    pub cluster: String,
    /// The instance.
    pub instance: InstanceName,
    /// Its lease's epoch.
    pub epoch: Epoch,
    /// The cluster store in which the lease stands.
    pub store: StoreId,
    /// The switch it serves.
    pub switch: SwitchName,
    /// The switch link's shared secret, where the gateway wants one.
    pub token: Option<String>,
}

/// What the sessions hold and wait for, and W; gathered when every commit is through.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    /// The durable W.
    pub after: Option<Mark>,
    /// Interactions that are not over.
    pub interactions: Vec<Holding>,
    /// Requests that wait for the switch.
    pub requests: Vec<RequestKey>,
}

/// What the primary wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// Over the switch link.
    Send(HostMessage),
    /// Let everything that is under way come through: inputs handled, commits acknowledged, what follows from those too. Then
    /// ask the workers, and call [`Primary::took_stock`]; nothing else may be put into them in between, so that what is sent
    /// again later is durable (P2).
    TakeStock,
    /// The switch's events follow behind this mark.
    Follow(Mark),
    /// Those of a newer life of the switch do; W stays in the old life until it is followed.
    Prepare(Mark),
    /// To every worker, before anything else of this list that follows: the requests the gateway has not seen. `fresh`: the
    /// first time in this epoch.
    Reconciled {
        /// Requests to be sent again.
        unknown: BTreeSet<RequestKey>,
        /// See above.
        fresh: bool,
    },
    /// To every worker: the time.
    Advance(Timestamp),
    /// A new session, with the event that made it, if one did.
    Open {
        /// Its first record.
        opening: Box<Opening>,
        /// The event.
        event: Option<(SwitchIncarnation, SwitchEvent)>,
    },
    /// An event for a session.
    Deliver(SessionId, SwitchIncarnation, SwitchEvent),
    /// News from the host for a session.
    News(SessionId, EventBody),
    /// News from the host for all.
    NewsForAll(EventBody),
    /// The host's answer to a request.
    Answer(RequestKey, EventBody),
    /// A message for a session.
    Message {
        /// The receiver.
        to: SessionId,
        /// The sender's request.
        from: RequestKey,
        /// The sender's strategy.
        strategy: String,
        /// What it sent.
        message: Message,
    },
    /// A session that is not persisted starts again, at this switch time.
    Restart(Restarting, Timestamp),
    /// One that does not: it is over, and these calls of it take their default route.
    Discard(SessionId, Vec<Held>),
    /// An event that is of nobody: it counts for W.
    Ignore(Mark),
    /// Worth a warning in the log.
    Warn(String),
}

/// How far the primary is with its gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No connection.
    Away,
    /// `hello` is sent.
    Greeting,
    /// `lead` is sent.
    Claiming,
    /// The commits are coming through.
    TakingStock,
    /// `reconcile` is sent.
    Reconciling,
    /// Events and steps flow.
    Serving,
}

/// See the module.
#[derive(Debug)]
pub struct Primary {
    options: NodeOptions,
    assignment: Assignment,
    phase: Phase,
    fresh: bool,
    incarnation: SwitchIncarnation,
    now: Timestamp,
    last_frame: u64,
    /// The position of the connection's next event.
    next: Position,
    /// Up to here, events have been handed on in this epoch: those that a new connection tells again are with their sessions.
    delivered: Option<Mark>,
    w: Option<Mark>,
    told_idle: Option<(u64, Option<Timestamp>)>,
    told_w: Option<Mark>,
    stock: Stock,
    told: Told,
    truths: Truths,
    restarts: Restarts,
    /// Switch time of the last reconciliation.
    reconciled_at: Timestamp,
}

/// The parts of `reconciled` so far.
#[derive(Debug, Default)]
struct Told {
    interactions: Vec<(Held, InteractionState)>,
    requests: Vec<(RequestKey, RequestState)>,
}

impl Primary {
    /// A primary that has taken its lease.
    pub fn new(options: NodeOptions, deployments: Deployments) -> Self {
        let assignment = Assignment::new(options.instance.node, options.epoch, options.switch.clone(), deployments);
        Primary {
            options,
            assignment,
            phase: Phase::Away,
            fresh: true,
            incarnation: 0,
            now: 0,
            last_frame: 0,
            next: 0,
            delivered: None,
            w: None,
            told_idle: None,
            told_w: None,
            stock: Stock::default(),
            told: Told::default(),
            truths: Truths::default(),
            restarts: Restarts::default(),
            reconciled_at: 0,
        }
    }

    /// Sessions that are not persisted and whose primary has died; before the first connection. The workers must know that they
    /// wait.
    pub fn set_restarts(&mut self, restarts: Restarts) {
        self.restarts = restarts;
    }

    /// Those that wait.
    pub fn restarts(&self) -> &Restarts {
        &self.restarts
    }

    /// Real time is `now_ms`: sessions start again, as many as may.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Directive> {
        if self.phase != Phase::Serving {
            return Vec::new();
        }
        let now = self.now.max(self.reconciled_at);
        self.restarts.tick(now_ms).into_iter().map(|restarting| Directive::Restart(restarting, now)).collect()
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Its node.
    pub fn node(&self) -> NodeId {
        self.options.instance.node
    }

    /// Switch time, as last heard.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sessions that hold interactions.
    pub fn sessions(&self) -> usize {
        self.assignment.sessions()
    }

    /// A connection to the gateway is there.
    pub fn connected(&mut self) -> Vec<Directive> {
        self.phase = Phase::Greeting;
        self.last_frame = 0;
        self.told_idle = None;
        self.told_w = None;
        let NodeOptions { cluster, instance, token, .. } = &self.options;
        vec![Directive::Send(HostMessage::Hello {
            protocols: vec![PROTOCOL],
            cluster: cluster.clone(),
            node: instance.node,
            instance: instance.to_string(),
            token: token.clone(),
        })]
    }

    /// It is gone.
    pub fn disconnected(&mut self) {
        self.phase = Phase::Away;
    }

    /// A frame of the gateway. After an error the connection is to be closed, but what came before it in the frame has
    /// happened: the directives count in either case.
    pub fn frame(&mut self, frame: GatewayFrame) -> (Vec<Directive>, Result<(), LinkError>) {
        let mut directives = self.truths.settled().into_iter().map(Directive::Follow).collect();
        let expected = self.last_frame + 1;
        if frame.seq != expected {
            return (directives, Err(LinkError::FrameOrder { expected, found: frame.seq }));
        }
        self.last_frame = frame.seq;
        let taken = frame.messages.into_iter().try_for_each(|message| self.message(message, &mut directives));
        (directives, taken)
    }

    fn message(&mut self, message: GatewayMessage, out: &mut Vec<Directive>) -> Result<(), LinkError> {
        if let Some(found) = too_large(&message) {
            return Err(LinkError::TooLarge { what: name(&message), found });
        }
        match (self.phase, message) {
            (_, GatewayMessage::Refused { reason, message }) => return Err(LinkError::Refused { reason, message }),
            (Phase::Greeting, GatewayMessage::Welcome { protocol, switch, incarnation, .. }) => {
                if protocol != PROTOCOL {
                    return Err(LinkError::OtherProtocol { found: protocol });
                }
                if switch != self.options.switch {
                    return Err(LinkError::OtherSwitch { found: switch.to_string(), expected: self.options.switch.to_string() });
                }
                self.incarnation = incarnation;
                self.phase = Phase::Claiming;
                out.push(Directive::Send(HostMessage::Lead { epoch: self.options.epoch, store: self.options.store }));
                if planted(Bug::NoLeadAcknowledgement) {
                    self.phase = Phase::TakingStock;
                    out.push(Directive::TakeStock);
                }
            }
            (_, GatewayMessage::Leading { .. }) if planted(Bug::NoLeadAcknowledgement) => {}
            (Phase::Claiming, GatewayMessage::Leading { epoch, .. }) if epoch == self.options.epoch => {
                self.phase = Phase::TakingStock;
                out.push(Directive::TakeStock);
            }
            (Phase::Reconciling, GatewayMessage::Reconciled { now, kept_from, interactions, requests, more }) => {
                self.told.interactions.extend(interactions);
                self.told.requests.extend(requests);
                let asked = self.stock.interactions.len() + self.stock.requests.len();
                if self.told.interactions.len() + self.told.requests.len() > asked {
                    return Err(LinkError::Unasked { asked });
                }
                if !more {
                    self.phase = Phase::Serving;
                    self.reconciled(now, kept_from, out);
                }
            }
            (Phase::Serving, GatewayMessage::Event(event)) => {
                if event.position != self.next {
                    return Err(LinkError::EventOrder { expected: self.next, found: event.position });
                }
                self.next += 1;
                self.event(event, out);
            }
            (Phase::Serving, GatewayMessage::Clock { now }) => {
                self.now = self.now.max(now);
                // It was asked for behind the backlog: whatever that did not tell, nobody will.
                self.truths.tell(out);
                out.push(Directive::Advance(now));
            }
            // Not applied again; its answer comes, or has come, as an event.
            (_, GatewayMessage::Duplicate { .. }) => {}
            (phase, message) => return Err(LinkError::OutOfOrder { what: name(&message), phase }),
        }
        Ok(())
    }

    /// Everything is through, and this is what the sessions hold.
    pub fn took_stock(&mut self, stock: Stock) -> Vec<Directive> {
        if self.phase != Phase::TakingStock {
            return Vec::new();
        }
        self.phase = Phase::Reconciling;
        let mut stock = stock;
        stock.interactions.extend(self.restarts.holdings().cloned());
        stock.requests.extend(self.restarts.requests());
        let after = self.known_w(stock.after);
        let held = |held: &Holding| Held { id: held.interaction.clone(), visit: held.visit.map(|(_, visit)| visit) };
        let interactions = stock.interactions.iter().map(held).collect();
        let reconcile = HostMessage::Reconcile { after, interactions, requests: stock.requests.clone(), more: false };
        self.told = Told::default();
        self.stock = Stock { after, ..stock };
        vec![Directive::Send(reconcile)]
    }

    /// W: as the store has it, or as this epoch has heard of it.
    fn known_w(&self, stored: Option<Mark>) -> Option<Mark> {
        stored.into_iter().chain(self.w).max_by_key(|mark| (mark.incarnation, mark.position))
    }

    fn reconciled(&mut self, now: Timestamp, kept_from: Position, out: &mut Vec<Directive>) {
        let Told { interactions, requests } = std::mem::take(&mut self.told);
        let Stock { after, interactions: held, requests: asked } = std::mem::take(&mut self.stock);
        let seen = after.filter(|mark| mark.incarnation == self.incarnation).map_or(0, |mark| mark.position);
        let same_life = after.is_none_or(|mark| mark.incarnation == self.incarnation);
        let before_kept = Mark { incarnation: self.incarnation, position: kept_from.saturating_sub(1).max(seen) };
        self.next = before_kept.position + 1;
        if self.fresh {
            self.assignment.recovered(&held, (self.incarnation, self.next));
        }
        let lost = after.is_some() && (!same_life || before_kept.position > seen);
        // Over a hole W goes only when what is said instead is durable: till then the gateway keeps what it knows of requests.
        let low = if lost { Mark { position: seen, ..before_kept } } else { before_kept };
        out.push(if same_life { Directive::Follow(low) } else { Directive::Prepare(before_kept) });
        let in_state = |wanted| requests.iter().filter(move |(_, state)| *state == wanted).map(|(key, _)| *key);
        // A new life of the gateway knows nothing of what the old one did: what is unknown to it may have been performed, and is
        // not sent again (P3).
        let mut unknown: BTreeSet<RequestKey> = in_state(RequestState::Unknown).collect();
        if planted(Bug::ResendBeforeReconcile) {
            unknown.extend(asked);
        }
        let (again, never) = if same_life { (unknown, BTreeSet::new()) } else { (BTreeSet::new(), unknown) };
        out.push(Directive::Reconciled { unknown: again, fresh: std::mem::take(&mut self.fresh) });
        if planted(Bug::TimersBeforeBacklog) {
            out.push(Directive::Advance(now));
        }
        if lost && self.truths.gap_told < Some((before_kept.incarnation, before_kept.position)) {
            // What the switch cannot tell becomes an explicit gap (P4).
            let what = format!("the switch no longer has the events between {seen} and {kept_from}; sessions hear a gap");
            out.push(Directive::Warn(what));
            out.push(Directive::NewsForAll(EventBody::Gap(Gap { interaction: None, since: self.now })));
            self.truths.gap_told = Some((before_kept.incarnation, before_kept.position));
        }
        let unanswered = in_state(RequestState::Answered).chain(never);
        self.truths.begin(now, lost.then_some(before_kept), unanswered, &held, &interactions);
        self.reconciled_at = now;
        let dropped = self.restarts.reconciled(&interactions, &requests, &held);
        out.extend(dropped.into_iter().map(|(session, calls)| Directive::Discard(session, calls)));
    }

    fn event(&mut self, event: SwitchEvent, out: &mut Vec<Directive>) {
        let mark = Mark { incarnation: self.incarnation, position: event.position };
        if let Some(key) = event.answers {
            self.truths.answered(key);
        }
        let same_life = |last: Mark| last.incarnation == mark.incarnation || planted(Bug::SwitchIncarnationIgnored);
        if self.delivered.is_some_and(|last| same_life(last) && mark.position <= last.position) {
            return;
        }
        self.delivered = Some(mark);
        self.now = self.now.max(event.at);
        match self.assignment.meaning(self.incarnation, &event) {
            Meaning::Open(opening) => out.push(Directive::Open { opening, event: Some((self.incarnation, event)) }),
            Meaning::Of(session) => {
                let dropped = self.restarts.event(session, self.incarnation, &event);
                out.push(Directive::Deliver(session, self.incarnation, event));
                out.extend(dropped.map(|(session, calls)| Directive::Discard(session, calls)));
            }
            Meaning::Nobody => out.push(Directive::Ignore(mark)),
            Meaning::NotDeployed(number) => {
                let what = format!("a call came to {number}, where tandem.toml deploys no strategy; its default route will have it");
                out.push(Directive::Warn(what));
                out.push(Directive::Ignore(mark));
            }
        }
    }

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

    /// Every frame received is handled, every step committed, every request sent.
    pub fn idle(&mut self, wake_at: Option<Timestamp>) -> Option<Directive> {
        if self.phase != Phase::Serving {
            return None;
        }
        let wake_at = wake_at.into_iter().chain(self.truths.idle()).min();
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

    /// A session is over.
    pub fn over(&mut self, session: SessionId) {
        self.restarts.forget(session);
        self.assignment.forget(session);
    }
}

/// What a request takes in a frame; exact only where it may be too much.
fn frame_bytes(asked: &Asked) -> usize {
    let at_most = asked.body.payload_bytes().saturating_mul(WORST_JSON).saturating_add(1_000);
    if at_most <= MAX_REQUEST_BYTES { at_most } else { asked.json_bytes() }
}

fn name(message: &GatewayMessage) -> &'static str {
    match message {
        GatewayMessage::Welcome { .. } => "`welcome`",
        GatewayMessage::Refused { .. } => "`refused`",
        GatewayMessage::Leading { .. } => "`leading`",
        GatewayMessage::Reconciled { .. } => "`reconciled`",
        GatewayMessage::Event(_) => "`event`",
        GatewayMessage::Clock { .. } => "`clock`",
        GatewayMessage::Duplicate { .. } => "`duplicate`",
    }
}

#[cfg(test)]
#[path = "primary_tests.rs"]
mod tests;
