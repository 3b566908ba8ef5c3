//! An instance's end of the switch link: one connection, made again when it is lost (as `host/src/switch_link` does it).

use tandem_gateway::core::ConnectionId;
use tandem_switch_link::HostMessage;

use crate::{
    agenda::{Doing, Process, Way},
    env::Env,
    network::Packet,
};

/// The pauses between two tries, ms: the first, and the longest.
const PAUSES_MS: (u64, u64) = (50, 1_000);
/// A connection that lived so long was a good one.
const GOOD_AFTER_US: u64 = 2_000_000;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT_US: u64 = 3_000_000;
/// How long it may stand still.
const SILENT_AFTER_US: u64 = 10_000_000;

/// See the module.
#[derive(Debug)]
pub struct Link {
    process: Process,
    run: u32,
    connection: Option<ConnectionId>,
    made: bool,
    began_us: u64,
    pause_ms: u64,
    /// A try is planned.
    planned: bool,
}

impl Link {
    /// No connection yet; the first try is planned.
    pub fn new(process: Process, run: u32, env: &mut Env) -> Link {
        env.plan_in(process, run, 200, Doing::Connect);
        Link { process, run, connection: None, made: false, began_us: 0, pause_ms: PAUSES_MS.0, planned: true }
    }

    /// Whether this is the connection, and it is made.
    pub fn is(&self, id: ConnectionId) -> bool {
        self.made && self.connection == Some(id)
    }

    /// Whether there is a connection.
    pub fn is_made(&self) -> bool {
        self.made
    }

    /// Tries to make it.
    pub fn connect(&mut self, env: &mut Env) {
        self.planned = false;
        if self.connection.is_some() {
            return;
        }
        self.began_us = env.now_us;
        let path = env.net.paths.get(self.process.instance).copied().unwrap_or_default();
        if !env.gateway_up || path.cut {
            return self.again(env);
        }
        let id = env.net.open(self.process, None);
        self.connection = Some(id);
        self.send_packet(id, Packet::Open, env);
        env.plan_in(self.process, self.run, CONNECT_TIMEOUT_US, Doing::ConnectTimeout(id));
    }

    /// It is made.
    pub fn opened(&mut self, id: ConnectionId) -> bool {
        let mine = self.connection == Some(id);
        self.made |= mine;
        mine
    }

    /// It was not made in time.
    pub fn timed_out(&mut self, id: ConnectionId, env: &mut Env) {
        if self.connection == Some(id) && !self.made {
            self.close(env);
        }
    }

    /// Whether it has stood still for too long.
    pub fn is_silent(&self, env: &Env) -> bool {
        let stands = self.connection.and_then(|id| env.net.get(id)?.stands_since_us);
        stands.is_some_and(|since| env.now_us.saturating_sub(since) > SILENT_AFTER_US)
    }

    /// This side ends it.
    pub fn close(&mut self, env: &mut Env) {
        if let Some(id) = self.connection {
            self.send_packet(id, Packet::Close, env);
        }
        self.lost(env);
    }

    /// It is gone; another one will be made.
    pub fn lost(&mut self, env: &mut Env) {
        self.connection = None;
        if self.made && env.now_us.saturating_sub(self.began_us) > GOOD_AFTER_US {
            self.pause_ms = PAUSES_MS.0;
        }
        self.made = false;
        self.again(env);
    }

    fn again(&mut self, env: &mut Env) {
        if !std::mem::replace(&mut self.planned, true) {
            env.plan_in(self.process, self.run, self.pause_ms * 1_000, Doing::Connect);
            self.pause_ms = (self.pause_ms * 2).min(PAUSES_MS.1);
        }
    }

    /// The role changes: this side ends it, and makes no other.
    pub fn end(&mut self, env: &mut Env) {
        if let Some(id) = self.connection.take() {
            self.send_packet(id, Packet::Close, env);
        }
        self.made = false;
    }

    /// Sends a frame.
    pub fn send(&mut self, messages: Vec<HostMessage>, env: &mut Env) {
        if let Some(id) = self.connection.filter(|_| self.made) {
            for message in &messages {
                env.judge.sent(self.process, id, message);
            }
            self.send_packet(id, Packet::Host(messages), env);
        }
    }

    fn send_packet(&self, id: ConnectionId, packet: Packet, env: &mut Env) {
        env.net.send(id, Way::Forth, packet, env.now_us, &mut env.chance, &mut env.agenda);
    }
}
