//! For the tests: a switch by script, and hosts by hand.

use std::collections::{BTreeMap, BTreeSet};

use tandem_switch_link::{Asked, GatewayMessage, Held, HostMessage, Mark, Over, PROTOCOL, Refusal, StepMessage, SwitchEvent};
use tandem_words::{
    Direction, EndCause, ErrorCode, EventBody, Failure, Interaction, InteractionId, Media, NodeId, RequestBody, RequestKey, SessionId,
    StoppedBy, Timestamp,
};

use super::{ConnectionId, Core, Exchange, Keepsake, Options, RoutingPoint, Turn};
use crate::{
    port::{Condition, Found, Order, Report, Survey, Switch},
    record::{Line, Verdict},
};

/// Calls come when told; every prompt lasts as many ms as its sound's name says; a route is answered at once.
#[derive(Debug, Default)]
pub struct ScriptedSwitch {
    pub arrivals: BTreeSet<(Timestamp, String)>,
    playing: BTreeMap<(Timestamp, RequestKey), InteractionId>,
    pub alive: BTreeSet<InteractionId>,
    /// As told last.
    conditions: BTreeMap<InteractionId, Condition>,
    pub orders: Vec<Order>,
    reports: Vec<Report>,
}

impl ScriptedSwitch {
    pub fn calls(calls: &[(Timestamp, &str)]) -> Self {
        ScriptedSwitch { arrivals: calls.iter().map(|(at, id)| (*at, (*id).to_owned())).collect(), ..Self::default() }
    }

    pub fn condition(&mut self, id: &str, condition: Condition) {
        self.conditions.insert(id.into(), condition);
        self.reports.push(Report::Condition { interaction: id.into(), condition });
    }

    fn answer(&mut self, key: RequestKey, interaction: Option<InteractionId>, body: EventBody) {
        self.reports.push(Report::Event { interaction, visit: None, answers: Some(key), body });
    }

    fn end(&mut self, now: Timestamp, id: &InteractionId, condition: Condition) {
        let open: Vec<_> = self.playing.iter().filter(|(_, call)| *call == id).map(|(due, _)| *due).collect();
        for due in open {
            self.playing.remove(&due);
            self.answer(due.1, Some(id.clone()), EventBody::Failed(Failure::new(ErrorCode::Gone, format!("over at {now}"))));
        }
        self.condition(id, condition);
    }
}

impl Switch for ScriptedSwitch {
    fn order(&mut self, now: Timestamp, order: Order) {
        self.orders.push(order.clone());
        match order {
            Order::Apply { key, body, .. } if body.interaction().is_some_and(|id| !self.alive.contains(id)) => {
                self.answer(key, None, EventBody::Failed(Failure::new(ErrorCode::Gone, "over")));
            }
            Order::Apply { key, body: RequestBody::Play { call, prompts, .. }, .. } => {
                let tandem_words::Prompt::Sound(ms) = &prompts[0] else { panic!("sounds only") };
                self.condition(&call, Condition::Attended);
                self.playing.insert((now + ms.parse::<u64>().unwrap(), key), call);
            }
            Order::Apply { key, body: RequestBody::Disconnect { interaction }, .. } => {
                self.alive.remove(&interaction);
                self.end(now, &interaction, Condition::Gone);
                self.answer(key, Some(interaction), EventBody::Done);
            }
            Order::Apply { key, body, .. } => self.answer(key, body.interaction().cloned(), EventBody::Done),
            Order::Cancel { key } => {
                let due = self.playing.keys().find(|(_, open)| *open == key).copied();
                if let Some(call) = due.and_then(|due| self.playing.remove(&due)) {
                    self.answer(key, Some(call.clone()), EventBody::PlayDone(StoppedBy::Cancelled));
                    self.condition(&call, Condition::Silent { since: now });
                }
            }
            Order::DefaultRoute { interaction, .. } => self.end(now, &interaction, Condition::DefaultRouted),
            Order::HangUp { interaction } => {
                self.alive.remove(&interaction);
                self.end(now, &interaction, Condition::Gone);
            }
        }
    }

    fn advance(&mut self, now: Timestamp) {
        while let Some((at, id)) = self.arrivals.pop_first() {
            if at > now {
                self.arrivals.insert((at, id));
                break;
            }
            self.alive.insert(id.as_str().into());
            self.reports.push(added(&id, at));
        }
        while let Some(((at, key), call)) = self.playing.pop_first() {
            if at > now {
                self.playing.insert((at, key), call);
                break;
            }
            self.answer(key, Some(call.clone()), EventBody::PlayDone(StoppedBy::End));
            self.condition(&call, Condition::Silent { since: at });
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.arrivals.first().map(|(at, _)| *at).into_iter().chain(self.playing.keys().next().map(|(at, _)| *at)).min()
    }

    fn drain_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.reports)
    }

    fn drain_lines(&mut self) -> Vec<Line> {
        Vec::new()
    }

    fn is_over(&self) -> bool {
        self.arrivals.is_empty() && self.alive.is_empty()
    }

    fn survey(&self) -> Survey {
        let found = |id: &InteractionId| {
            let Report::Event { body: EventBody::InteractionAdded(interaction), .. } = added(id, 0) else { panic!("added") };
            let condition = self.conditions.get(id).copied().unwrap_or(Condition::Ringing);
            Found { interaction, visit: Some(1), condition }
        };
        let open = self.playing.iter().map(|((_, key), call)| (*key, Some(call.clone())));
        Survey { calls: self.alive.iter().map(found).collect(), open: open.collect() }
    }
}

/// `interaction.added` at routing point 8000, visit 1.
pub fn added(id: &str, at: Timestamp) -> Report {
    visits(id, 1, at)
}

pub fn visits(id: &str, visit: u32, at: Timestamp) -> Report {
    let body = EventBody::InteractionAdded(interaction(id, at));
    Report::Event { interaction: Some(id.into()), visit: Some(visit), answers: None, body }
}

/// A call that request `request` of session 1 made was answered, and its called party hears nothing.
pub fn made(id: &str, request: u32, at: Timestamp) -> Vec<Report> {
    let body = EventBody::CallCreated(Interaction { routing_point: String::new(), ..interaction(id, at) });
    let condition = Condition::Silent { since: at };
    vec![
        Report::Event { interaction: Some(id.into()), visit: None, answers: Some(key(1, request)), body },
        Report::Condition { interaction: id.into(), condition },
    ]
}

fn interaction(id: &str, at: Timestamp) -> Interaction {
    Interaction {
        id: id.into(),
        root: id.into(),
        media: Media::Voice,
        direction: Direction::Inbound,
        calling: "555".into(),
        called: "8000".into(),
        routing_point: "8000".into(),
        arrived_at: at,
        user_data: Vec::new(),
    }
}

/// `interaction.deleted`, and the end of its condition.
pub fn hung_up(id: &str) -> Vec<Report> {
    let body = EventBody::InteractionDeleted(tandem_words::Deletion { interaction: id.into(), cause: EndCause::CallerHungUp });
    vec![
        Report::Event { interaction: Some(id.into()), visit: None, answers: None, body },
        Report::Condition { interaction: id.into(), condition: Condition::Gone },
    ]
}

pub fn options() -> Options {
    Options { routing_points: BTreeMap::from([("8000".into(), RoutingPoint::new("9000"))]), ..Options::new("main", "9999") }
}

pub fn keepsake() -> Keepsake {
    Keepsake { incarnation: 5, ..Keepsake::default() }
}

pub fn session(number: u64) -> SessionId {
    SessionId { node: 101, epoch: 1, number }
}

pub fn key(number: u64, request: u32) -> RequestKey {
    RequestKey { session: session(number), incarnation: 1, request }
}

pub fn mark(position: u64) -> Mark {
    Mark { incarnation: 5, position }
}

pub fn hello_of(node: NodeId, letter: char) -> HostMessage {
    HostMessage::Hello { protocols: vec![PROTOCOL], cluster: "cc1".into(), node, instance: format!("{node}/{letter}"), token: None }
}

pub fn hello() -> HostMessage {
    hello_of(101, 'a')
}

pub fn lead(epoch: u64) -> HostMessage {
    HostMessage::Lead { epoch, store: 7 }
}

pub fn reconcile(after: Option<Mark>) -> HostMessage {
    naming(after, &[])
}

/// A `reconcile` of a primary whose sessions have these.
pub fn naming(after: Option<Mark>, calls: &[&str]) -> HostMessage {
    let interactions = calls.iter().map(|call| held(call, 1)).collect();
    HostMessage::Reconcile { after, interactions, requests: Vec::new(), more: false }
}

pub fn held(call: &str, visit: u32) -> Held {
    Held { id: call.into(), visit: Some(visit) }
}

pub fn play(call: &str, ms: u32) -> RequestBody {
    RequestBody::Play { call: call.into(), prompts: vec![tandem_words::Prompt::Sound(ms.to_string())], interruptible: false }
}

pub fn attach(call: &str) -> RequestBody {
    RequestBody::Attach { interaction: call.into(), data: Vec::new() }
}

/// A step of session `number` in epoch 1, holding this call.
pub fn step(number: u64, seq: u32, call: &str, requests: Vec<(u32, RequestBody)>) -> StepMessage {
    StepMessage {
        epoch: 1,
        session: session(number),
        incarnation: 1,
        seq,
        interactions: if call.is_empty() { Vec::new() } else { vec![held(call, 1)] },
        quiet_until: None,
        over: None,
        requests: requests.into_iter().map(|(request, body)| Asked { request, body }).collect(),
    }
}

pub fn over(step: StepMessage, over: Over) -> HostMessage {
    HostMessage::Step(StepMessage { over: Some(over), ..step })
}

pub fn quiet(step: StepMessage, until: Timestamp) -> HostMessage {
    HostMessage::Step(StepMessage { quiet_until: Some(until), ..step })
}

/// Connection numbers.
pub const A: ConnectionId = ConnectionId(1);
pub const B: ConnectionId = ConnectionId(2);
pub const C: ConnectionId = ConnectionId(3);

/// A core with hosts by hand.
pub struct Desk {
    pub core: Core,
    pub lines: Vec<Line>,
}

impl Desk {
    pub fn new() -> Self {
        Desk::with(options(), keepsake())
    }

    pub fn with(options: Options, keepsake: Keepsake) -> Self {
        Desk { core: Core::new(options, keepsake, 0), lines: Vec::new() }
    }

    /// A desk at which connection A leads node 101 in epoch 1 and has reconciled.
    pub fn led() -> Self {
        let mut desk = Desk::new();
        desk.greets(A, hello());
        desk.says(A, [lead(1), reconcile(None)]);
        desk
    }

    pub fn greets(&mut self, id: ConnectionId, hello: HostMessage) {
        self.core.connected(id);
        self.says(id, [hello]);
    }

    /// Says these; returns what the gateway sends there.
    pub fn says(&mut self, id: ConnectionId, messages: impl IntoIterator<Item = HostMessage>) -> Vec<GatewayMessage> {
        messages.into_iter().for_each(|message| self.core.received(id, message));
        self.frames(id)
    }

    /// What the gateway sends there (and elsewhere: dropped).
    pub fn frames(&mut self, id: ConnectionId) -> Vec<GatewayMessage> {
        let (frames, _) = self.core.take_frames();
        self.lines.extend(self.core.take_lines());
        frames.into_iter().filter(|(to, _)| *to == id).flat_map(|(_, frame)| frame.messages).collect()
    }

    /// Ends the instant; returns the orders for the switch.
    pub fn acts(&mut self) -> Vec<Order> {
        while self.core.act() {}
        self.lines.extend(self.core.take_lines());
        self.core.take_orders()
    }

    pub fn verdicts(&mut self) -> Vec<(u32, Verdict)> {
        self.lines.extend(self.core.take_lines());
        let verdict = |line: &Line| match line {
            Line::Request { key, verdict, .. } => Some((key.request, *verdict)),
            _ => None,
        };
        self.lines.iter().filter_map(verdict).collect()
    }

    pub fn condition(&mut self, call: &str, condition: Condition) {
        self.core.reported(vec![Report::Condition { interaction: call.into(), condition }]);
    }

    pub fn answer(&mut self, key: RequestKey, call: &str) {
        self.core.reported(vec![Report::Event { interaction: Some(call.into()), visit: None, answers: Some(key), body: EventBody::Done }]);
    }

    /// Calls sent to their default route by time `until`, and when; time passes in millisecond steps that matter.
    pub fn default_routed_by(&mut self, until: Timestamp) -> Option<(Timestamp, String)> {
        while let Some(due) = self.core.next_due().filter(|due| *due <= until) {
            self.core.pass_to(due);
            for order in self.acts() {
                if let Order::DefaultRoute { to, .. } = order {
                    return Some((due, to));
                }
            }
        }
        self.core.pass_to(until);
        None
    }
}

/// The events among the messages.
pub fn events(messages: &[GatewayMessage]) -> Vec<SwitchEvent> {
    let event = |message: &GatewayMessage| match message {
        GatewayMessage::Event(event) => Some(event.clone()),
        _ => None,
    };
    messages.iter().filter_map(event).collect()
}

pub fn positions(messages: &[GatewayMessage]) -> Vec<u64> {
    events(messages).iter().map(|event| event.position).collect()
}

pub fn refusal(messages: &[GatewayMessage]) -> Option<(Refusal, String)> {
    match messages.last() {
        Some(GatewayMessage::Refused { reason, message }) => Some((*reason, message.clone())),
        _ => None,
    }
}

/// An exchange on a scripted switch.
pub fn exchange(calls: &[(Timestamp, &str)]) -> Exchange<ScriptedSwitch> {
    Exchange::new(options(), keepsake(), ScriptedSwitch::calls(calls), 1, 0)
}

/// The messages that the turn sends there, and the number of the last frame.
pub fn sent(turn: &Turn, id: ConnectionId) -> (Vec<GatewayMessage>, u64) {
    let frames = turn.frames.iter().filter(|(to, _)| *to == id);
    (frames.clone().flat_map(|(_, frame)| frame.messages.clone()).collect(), frames.map(|(_, frame)| frame.seq).max().unwrap_or(0))
}
