//! A primary and its switch: `lead` before everything, then the truth, then steps (design, sections 5 and 8).

use tandem_switch_link::{GatewayFrame, GatewayMessage, HostMessage, Mark, PROTOCOL, SwitchEvent};
use tandem_words::{Bug, Epoch, InstanceName, NodeId, Position, SessionId, StoreId, SwitchIncarnation, SwitchName, Timestamp, planted};

use crate::{Assignment, Deployments, LinkError, Restarts, assignment::Meaning, numbers::too_large, truths::Truths};

mod directive;
mod reconcile;
mod tell;

pub use directive::Directive;
pub use reconcile::Stock;
use reconcile::Told;

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
    /// When the next of them start again, real time, and until when switch time may pass before that.
    pace: Option<(u64, Timestamp)>,
    /// Switch time of the last reconciliation.
    reconciled_at: Timestamp,
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
            pace: None,
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

    /// Real time is `now_ms`: sessions start again, as many as may. To be called before [`Primary::idle`] while some wait.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Directive> {
        if self.phase != Phase::Serving {
            return Vec::new();
        }
        let now = self.now.max(self.reconciled_at);
        let restarting = self.restarts.tick(now_ms).into_iter();
        // Those that wait do so in real time: a switch that is faster would be past their calls' control deadlines.
        let next = self.restarts.wake_at();
        if next != self.pace.map(|(at, _)| at) {
            self.pace = next.map(|at| (at, now.saturating_add(at.saturating_sub(now_ms))));
        }
        restarting.map(|restarting| Directive::Restart(restarting, now)).collect()
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

    /// W: as the store has it, or as this epoch has heard of it.
    fn known_w(&self, stored: Option<Mark>) -> Option<Mark> {
        stored.into_iter().chain(self.w).max_by_key(|mark| (mark.incarnation, mark.position))
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

    /// A session is over.
    pub fn over(&mut self, session: SessionId) {
        self.restarts.forget(session);
        self.assignment.forget(session);
    }
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
mod tests;
