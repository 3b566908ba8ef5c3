//! Connections (switch links, synch links) as two streams each: in order, with delay, and now and then standing still or cut. What a
//! stream has lost, it has lost to its end.

use std::collections::{BTreeMap, VecDeque};

use tandem_gateway::core::ConnectionId;
use tandem_switch_link::{GatewayFrame, HostMessage};
use tandem_synch_link::{BackupMessage, PrimaryMessage};

use crate::{
    agenda::{Agenda, Happening, Process, Way},
    chance::Chance,
};

/// What travels on a switch link.
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

/// What travels on a synch link.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "they are few")]
pub enum SynchPacket {
    /// From the backup, which made the connection.
    Backup(BackupMessage),
    /// From the primary.
    Primary(PrimaryMessage),
    /// The other side is gone.
    Close,
}

/// One connection.
#[derive(Debug)]
pub struct Connection<P> {
    /// Who made it.
    pub process: Process,
    /// To whom; none: the gateway.
    pub to: Option<Process>,
    ways: [Stream<P>; 2],
    /// When it began to stand still in some direction, µs.
    pub stands_since_us: Option<u64>,
}

#[derive(Debug)]
struct Stream<P> {
    packets: VecDeque<P>,
    last_us: u64,
    /// How many wait because the way stands still or the reader sleeps.
    held: usize,
}

impl<P> Default for Stream<P> {
    fn default() -> Self {
        Stream { packets: VecDeque::new(), last_us: 0, held: 0 }
    }
}

/// How the way of an instance's connections stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Path {
    /// No connection can be made.
    pub cut: bool,
    /// What goes forth stands still, and what comes back does.
    pub still: [bool; 2],
}

/// See the module.
#[derive(Debug)]
pub struct Network<P> {
    connections: BTreeMap<ConnectionId, Connection<P>>,
    made: u64,
    /// What happens when a packet comes.
    delivers: fn(ConnectionId, Way) -> Happening,
    /// By the instance that makes the connections.
    pub paths: [Path; 2],
    /// A packet takes up to so much longer, µs.
    pub slow_us: u64,
}

fn index(way: Way) -> usize {
    match way {
        Way::Forth => 0,
        Way::Back => 1,
    }
}

impl<P> Network<P> {
    /// Without connections.
    pub fn new(delivers: fn(ConnectionId, Way) -> Happening) -> Self {
        Network { connections: BTreeMap::new(), made: 0, delivers, paths: Default::default(), slow_us: 0 }
    }

    /// A process asks for a connection.
    pub fn open(&mut self, process: Process, to: Option<Process>) -> ConnectionId {
        self.made += 1;
        let id = ConnectionId(self.made);
        self.connections.insert(id, Connection { process, to, ways: Default::default(), stands_since_us: None });
        id
    }

    /// A connection that is not gone.
    pub fn get(&self, id: ConnectionId) -> Option<&Connection<P>> {
        self.connections.get(&id)
    }

    /// Sends; what is sent on a connection that is gone is lost.
    pub fn send(&mut self, id: ConnectionId, way: Way, packet: P, now_us: u64, chance: &mut Chance, agenda: &mut Agenda) {
        let slow_us = self.slow_us;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let delay_us = chance.between(30, 300) + if slow_us > 0 { chance.between(0, slow_us) } else { 0 };
        let Some(stream) = connection.ways.get_mut(index(way)) else { return };
        stream.last_us = stream.last_us.max(now_us + delay_us);
        stream.packets.push_back(packet);
        agenda.plan(stream.last_us, (self.delivers)(id, way));
    }

    /// The next packet, if it gets through.
    pub fn deliver(&mut self, id: ConnectionId, way: Way, reader_sleeps: bool, now_us: u64) -> Option<P> {
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
            for way in [Way::Forth, Way::Back] {
                if let Some(stream) = connection.ways.get_mut(index(way)) {
                    let held = std::mem::take(&mut stream.held);
                    stream.last_us = stream.last_us.max(now_us);
                    (0..held).for_each(|_| agenda.plan(now_us, (self.delivers)(*id, way)));
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

    /// The connections between processes of which this one is an end, each with the way to the other end.
    pub fn of_process(&self, process: Process) -> Vec<(ConnectionId, Way)> {
        let way = |connection: &Connection<P>| match () {
            () if connection.to == Some(process) => Some(Way::Back),
            () if connection.process == process => Some(Way::Forth),
            () => None,
        };
        self.connections.iter().filter_map(|(id, connection)| Some((*id, way(connection)?))).collect()
    }

    /// What is on its way there is lost.
    pub fn lose(&mut self, id: ConnectionId, way: Way) {
        let stream = self.connections.get_mut(&id).and_then(|connection| connection.ways.get_mut(index(way)));
        if let Some(stream) = stream {
            stream.packets.clear();
        }
    }
}
