//! Switch links as two streams of frames each: in order, with delay, and now and then standing still or cut.

use std::collections::{BTreeMap, VecDeque};

use tandem_gateway::core::ConnectionId;
use tandem_switch_link::{GatewayFrame, HostMessage};

use crate::{
    agenda::{Agenda, Happening, Process, Way},
    chance::Chance,
};

/// What travels.
#[derive(Debug, Clone)]
pub enum Packet {
    /// The connection is made (to the gateway: it is asked for).
    Open,
    /// The host's messages.
    Host(Vec<HostMessage>),
    /// The gateway's.
    Gateway(GatewayFrame),
    /// The other side is gone.
    Close,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// Who made it.
    pub process: Process,
    ways: [Stream; 2],
    /// When it began to stand still in some direction, µs.
    pub stands_since_us: Option<u64>,
}

#[derive(Debug, Default)]
struct Stream {
    packets: VecDeque<Packet>,
    last_us: u64,
    /// How many wait because the way stands still or the reader sleeps.
    held: usize,
}

/// How an instance's way to the gateway stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Path {
    /// No connection can be made.
    pub cut: bool,
    /// Frames to the gateway, and to the host, stand still.
    pub still: [bool; 2],
}

/// See the module.
#[derive(Debug, Default)]
pub struct Network {
    connections: BTreeMap<ConnectionId, Connection>,
    made: u64,
    /// Of each instance.
    pub paths: [Path; 2],
    /// A frame takes up to so long, µs.
    pub slow_us: u64,
}

fn index(way: Way) -> usize {
    match way {
        Way::ToGateway => 0,
        Way::ToHost => 1,
    }
}

impl Network {
    /// A process asks for a connection.
    pub fn open(&mut self, process: Process) -> ConnectionId {
        self.made += 1;
        let id = ConnectionId(self.made);
        self.connections.insert(id, Connection { process, ways: Default::default(), stands_since_us: None });
        id
    }

    /// A connection that is not gone.
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// Sends; what is sent on a connection that is gone is lost.
    pub fn send(&mut self, id: ConnectionId, way: Way, packet: Packet, now_us: u64, chance: &mut Chance, agenda: &mut Agenda) {
        let slow_us = self.slow_us;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let delay_us = chance.between(30, 300) + if slow_us > 0 { chance.between(0, slow_us) } else { 0 };
        let Some(stream) = connection.ways.get_mut(index(way)) else { return };
        stream.last_us = stream.last_us.max(now_us + delay_us);
        stream.packets.push_back(packet);
        agenda.plan(stream.last_us, Happening::Deliver(id, way));
    }

    /// The next packet, if it gets through.
    pub fn deliver(&mut self, id: ConnectionId, way: Way, reader_sleeps: bool, now_us: u64) -> Option<Packet> {
        let connection = self.connections.get_mut(&id)?;
        let still = self.paths.get(connection.process.instance).is_some_and(|path| path.still.get(index(way)) == Some(&true));
        let stream = connection.ways.get_mut(index(way))?;
        if still || reader_sleeps || stream.held > 0 {
            stream.held += 1;
            if still {
                connection.stands_since_us.get_or_insert(now_us);
            }
            return None;
        }
        stream.packets.pop_front()
    }

    /// What was held up comes now: the paths stand as they should, or the reader woke up.
    pub fn release(&mut self, instance: usize, now_us: u64, agenda: &mut Agenda) {
        let path = self.paths.get(instance).copied().unwrap_or_default();
        for (id, connection) in self.connections.iter_mut().filter(|(_, connection)| connection.process.instance == instance) {
            if !path.still.contains(&true) {
                connection.stands_since_us = None;
            }
            for way in [Way::ToGateway, Way::ToHost] {
                if let Some(stream) = connection.ways.get_mut(index(way)) {
                    let held = std::mem::take(&mut stream.held);
                    stream.last_us = stream.last_us.max(now_us);
                    (0..held).for_each(|_| agenda.plan(now_us, Happening::Deliver(*id, way)));
                }
            }
        }
    }

    /// Both ends have forgotten it.
    pub fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// The connections of an instance.
    pub fn of_instance(&self, instance: usize) -> Vec<ConnectionId> {
        self.connections.iter().filter(|(_, connection)| connection.process.instance == instance).map(|(id, _)| *id).collect()
    }

    /// The gateway is gone, and with it what was on its way to it.
    pub fn gateway_gone(&mut self) -> Vec<ConnectionId> {
        for connection in self.connections.values_mut() {
            if let Some(stream) = connection.ways.first_mut() {
                stream.packets.clear();
            }
        }
        self.connections.keys().copied().collect()
    }
}
