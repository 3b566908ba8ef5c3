//! The core itself: its state, and the way of a message or a report through it.

use std::collections::BTreeMap;

use tandem_switch_link::{GatewayFrame, GatewayMessage, HostMessage, StepMessage, SwitchEvent};
use tandem_words::{Bug, EventBody, InteractionId, NodeId, Position, RequestKey, SwitchIncarnation, Timestamp, Visit, planted};

use super::{
    ConnectionId, Keepsake, MAX_CONNECTIONS, Options, Quit,
    calls::Calls,
    connection::{Asking, Connection, Role},
    positions::Positions,
    requests::Requests,
};
use crate::{
    port::{Order, Report, Survey},
    record::Line,
};

/// A node that led in this life of the gateway.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Its acknowledged primary.
    pub(super) primary: Option<ConnectionId>,
    /// Its W.
    pub(super) acknowledged: Position,
    /// It has said what its sessions have.
    pub(super) has_reconciled: bool,
}

/// The core of a gateway. Inputs are methods; outputs are taken with `take_*`.
#[derive(Debug)]
pub struct Core {
    pub(super) options: Options,
    pub(super) keepsake: Keepsake,
    pub(super) keepsake_changed: bool,
    pub(super) now: Timestamp,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    pub(super) positions: Positions,
    pub(super) requests: Requests,
    pub(super) calls: Calls,
    /// Steps of this instant, applied in order at its end.
    pub(super) buffered: Vec<(ConnectionId, StepMessage)>,
    pub(super) buffered_requests: usize,
    pub(super) orders: Vec<Order>,
    pub(super) lines: Vec<Line>,
}

impl Core {
    /// A core that begins its life at switch time `now`. `keepsake`: of the life before, already moved on by
    /// [`Keepsake::next_life`]; it is handed out by the first [`Core::take_keepsake`], since its incarnation is new.
    pub fn new(options: Options, keepsake: Keepsake, now: Timestamp) -> Self {
        Core {
            positions: Positions::new(options.retain),
            options,
            keepsake,
            keepsake_changed: true,
            now,
            connections: BTreeMap::new(),
            nodes: BTreeMap::new(),
            requests: Requests::default(),
            calls: Calls::default(),
            buffered: Vec::new(),
            buffered_requests: 0,
            orders: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// The gateway begins, and this is what its switch has. To be called once, before anything else.
    pub(super) fn find(&mut self, survey: Survey) {
        if planted(Bug::SurveyIgnored) {
            return;
        }
        for found in survey.calls {
            let point = match found.visit {
                Some(_) => self.options.routing_point(&found.interaction.routing_point).clone(),
                None => self.options.elsewhere.clone(),
            };
            self.calls.found(found, point, self.now);
        }
        for (key, awaited) in survey.open.into_iter().filter(|_| !planted(Bug::OpenForgotten)) {
            awaited.iter().for_each(|id| self.calls.asked(id));
            self.requests.open(key, awaited);
        }
    }

    /// Every node that ever led has said what its sessions have: a call that the gateway found and that nobody has is told.
    pub(super) fn tell_unclaimed(&mut self) {
        if !self.keepsake.nodes.keys().all(|node| self.nodes.get(node).is_some_and(|entry| entry.has_reconciled)) {
            return;
        }
        for (interaction, visit) in self.calls.take_unclaimed() {
            self.event(Some(interaction.id.clone()), Some(visit), None, EventBody::InteractionAdded(interaction));
        }
    }

    /// An instance connected.
    pub fn connected(&mut self, id: ConnectionId) {
        let mut connection = Connection::new();
        if self.connections.len() >= MAX_CONNECTIONS {
            connection.refuse(Quit::malformed(format!("{MAX_CONNECTIONS} connections are open, which is the limit; close some")));
        }
        self.connections.insert(id, connection);
    }

    /// The connection is gone, or nothing was heard on it for too long.
    pub fn closed(&mut self, id: ConnectionId) {
        self.drop_rights(id);
        self.connections.remove(&id);
    }

    /// A frame came that cannot be read.
    pub fn malformed(&mut self, id: ConnectionId, why: String) {
        self.refuse(id, Quit::malformed(why));
    }

    /// A message came.
    pub fn received(&mut self, id: ConnectionId, message: HostMessage) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.refused {
            return;
        }
        let greeted = connection.peer.is_some();
        let taken = match message {
            HostMessage::Hello { protocols, cluster, node, instance, token } => {
                self.hello(id, &protocols, cluster, node, instance, token.as_deref())
            }
            _ if !greeted => Err(Quit::malformed("a message before `hello`; say `hello` first")),
            HostMessage::Lead { epoch, store } => self.lead(id, epoch, store),
            HostMessage::Reconcile { after, interactions, requests, more } => {
                self.reconcile(id, after, Asking { interactions, requests }, more)
            }
            HostMessage::Step(step) => self.step(id, step),
            HostMessage::Acknowledge(mark) => self.acknowledge(id, mark),
            HostMessage::Idle { seq, wake_at } => connection.idle(seq, wake_at),
            HostMessage::Heartbeat => Ok(()),
        };
        if let Err(quit) = taken {
            self.refuse(id, quit);
        }
    }

    /// The switch reported. All that happened at once comes in one call: what it means for a call is judged at its end.
    pub fn reported(&mut self, reports: Vec<Report>) {
        for report in reports {
            match report {
                Report::Event { interaction, visit, answers, body } => self.event(interaction, visit, answers, body),
                Report::Condition { interaction, condition } => self.calls.condition(&interaction, condition),
            }
        }
        self.judge();
    }

    /// Time passed; what is due by it is done by [`Core::act`].
    pub fn pass_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Does the first of these that there is to do, and says whether there was one: apply the steps of this instant, tell the
    /// time to those who asked for it, send calls past their deadline to their default route. In this order: whoever is due
    /// at the same instant as a deadline still has the chance to serve.
    pub fn act(&mut self) -> bool {
        self.apply_buffered() || self.tell_time() || self.enforce_deadlines()
    }

    fn tell_time(&mut self) -> bool {
        let now = self.now;
        let mut told = false;
        for connection in self.connections.values_mut().filter(|connection| connection.is_serving()) {
            if connection.wakes_at().is_some_and(|at| at <= now) {
                connection.tell_time(now);
                told = true;
            }
        }
        told
    }

    /// Gives an event its position, keeps it and sends it to every primary.
    pub(super) fn event(&mut self, interaction: Option<InteractionId>, visit: Option<Visit>, answers: Option<RequestKey>, body: EventBody) {
        let event = self.positions.push(SwitchEvent { position: 0, at: self.now, interaction, visit, answers, body });
        self.lines.push(Line::Event(event.clone()));
        match &event.body {
            EventBody::InteractionAdded(added) => {
                let point = self.options.routing_point(&added.routing_point).clone();
                self.calls.arrived(&added.id, visit, point, event.position, self.now);
            }
            EventBody::CallCreated(created) => {
                let point = self.options.elsewhere.clone();
                self.calls.made(&created.id, point, event.position, self.now);
            }
            _ => {}
        }
        if let Some(awaited) = answers.and_then(|key| self.requests.answer(key, event.position)) {
            self.calls.answered(&awaited);
        }
        for connection in self.connections.values_mut().filter(|connection| connection.is_serving()) {
            connection.send(GatewayMessage::Event(event.clone()));
        }
    }

    pub(super) fn send(&mut self, id: ConnectionId, message: GatewayMessage) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.send(message);
        }
    }

    fn refuse(&mut self, id: ConnectionId, quit: Quit) {
        self.drop_rights(id);
        if let Some(connection) = self.connections.get_mut(&id).filter(|connection| !connection.refused) {
            connection.refuse(quit);
        }
    }

    /// If it is a primary, it is none any more.
    fn drop_rights(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let (Role::Leading { epoch, .. }, Some(peer)) = (connection.role, &connection.peer) else { return };
        connection.role = Role::Deposed { epoch };
        let node = peer.node;
        if let Some(entry) = self.nodes.get_mut(&node).filter(|entry| entry.primary == Some(id)) {
            entry.primary = None;
            self.calls.unled(node, self.now);
            self.lines.push(Line::Unled { at: self.now, node });
        }
    }

    /// Switch time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The next instant at which the core has something to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        let wakes = self.connections.values().filter(|connection| connection.is_serving()).filter_map(Connection::wakes_at);
        wakes.chain(self.calls.next_due()).min()
    }

    /// Some node has led in this life.
    pub fn has_been_led(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// Every node that led has an acknowledged primary (and there is such a node).
    pub fn is_led(&self) -> bool {
        self.has_been_led() && self.nodes.values().all(|node| node.primary.is_some())
    }

    /// Every primary has reconciled and handled everything sent to it, and nothing waits to be sent.
    pub fn settled(&self) -> bool {
        self.nodes.values().filter_map(|node| self.connections.get(&node.primary?)).all(|primary| primary.is_serving() && primary.is_idle())
    }

    /// A primary has asked for the time.
    pub fn is_awaited(&self) -> bool {
        self.connections.values().any(|connection| connection.is_serving() && connection.wake_at.is_some())
    }

    /// Steps wait for the end of the instant.
    pub fn has_buffered(&self) -> bool {
        !self.buffered.is_empty()
    }

    /// Of its positions.
    pub fn incarnation(&self) -> SwitchIncarnation {
        self.keepsake.incarnation
    }

    /// All connections.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// The next life of a gateway whose memory is gone: what it kept, and what it was told at its start, are all that is left.
    /// `not_before`: as in [`Keepsake::next_life`].
    pub(super) fn next_life(&self, not_before: SwitchIncarnation) -> Core {
        Core::new(self.options.clone(), self.keepsake.clone().next_life(not_before), self.now)
    }

    /// The connections on which this instance greeted.
    pub fn connections_of(&self, instance: &str) -> Vec<ConnectionId> {
        let of = self.connections.iter().filter(|(_, connection)| connection.peer.as_ref().is_some_and(|peer| peer.instance == instance));
        of.map(|(id, _)| *id).collect()
    }

    /// Calls that live.
    pub fn live_calls(&self) -> usize {
        self.calls.len()
    }

    /// Events kept.
    pub fn kept_events(&self) -> usize {
        self.positions.len()
    }

    /// What the gateway must keep, if it changed: to be written down before any frame taken after this leaves.
    pub fn take_keepsake(&mut self) -> Option<Keepsake> {
        std::mem::take(&mut self.keepsake_changed).then(|| self.keepsake.clone())
    }

    /// What the switch shall do, in order.
    pub fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    /// What belongs into the record, in order.
    pub fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// The frames to send, and the connections to close after theirs.
    pub fn take_frames(&mut self) -> (Vec<(ConnectionId, GatewayFrame)>, Vec<ConnectionId>) {
        let mut frames = Vec::new();
        for (id, connection) in &mut self.connections {
            frames.extend(connection.take_frames().into_iter().map(|frame| (*id, frame)));
        }
        let refused: Vec<_> = self.connections.iter().filter(|(_, connection)| connection.refused).map(|(id, _)| *id).collect();
        for id in &refused {
            self.connections.remove(id);
        }
        (frames, refused)
    }
}
