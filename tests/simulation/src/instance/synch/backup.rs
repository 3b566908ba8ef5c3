//! The backup's end: it connects to whoever listens at the other instance, and keeps a copy.

use tandem_gateway::core::ConnectionId;
use tandem_node::synch::{KeepLimits, Mirror, greeting::Greeter};
use tandem_synch_link::{BackupMessage, PrimaryMessage, Standing};
use tandem_words::InstanceName;

use super::{HEARTBEAT_US, MISSED_HEARTBEATS, greeter};
use crate::{
    agenda::{Doing, Process, Way},
    env::Env,
    network::SynchPacket,
    strategies,
};

/// The pauses between two tries, ms: the first, and the longest.
const PAUSES_MS: (u64, u64) = (50, 1_000);
/// A connection that lived so long was a good one.
const GOOD_AFTER_US: u64 = 2_000_000;
/// For `hello` and its answer.
const HANDSHAKE_WITHIN_US: u64 = 3_000_000;

/// See the module.
pub struct BackupEnd {
    process: Process,
    run: u32,
    own: Greeter,
    mirror: Mirror,
    connection: Option<Talk>,
    pause_ms: u64,
    /// What is to be acknowledged.
    acknowledge: Option<u64>,
}

struct Talk {
    id: ConnectionId,
    began_us: u64,
    welcome: bool,
    /// Ticks since it heard the primary.
    silent: u32,
    /// What it has said of itself.
    said: Option<Standing>,
}

impl BackupEnd {
    /// One that has nothing yet.
    pub fn new(process: Process, run: u32, name: InstanceName, keep: KeepLimits, env: &mut Env) -> BackupEnd {
        env.plan_in(process, run, 300, Doing::SynchConnect);
        env.plan_in(process, run, HEARTBEAT_US, Doing::SynchTick);
        env.judge.stands_by(process);
        let mirror = Mirror::new(keep);
        BackupEnd { process, run, own: greeter(name), mirror, connection: None, pause_ms: PAUSES_MS.0, acknowledge: None }
    }

    /// It becomes primary with this copy.
    pub fn into_mirror(self) -> Mirror {
        self.mirror
    }

    /// Tries to connect.
    pub fn connect(&mut self, env: &mut Env) {
        if self.connection.is_some() {
            return;
        }
        let there = env.listening.get(1 - self.process.instance).copied().flatten();
        let path = env.synch.paths.get(self.process.instance).copied().unwrap_or_default();
        let Some(primary) = there.filter(|_| !path.cut) else { return self.again(env) };
        let id = env.synch.open(self.process, Some(primary));
        self.connection = Some(Talk { id, began_us: env.now_us, welcome: false, silent: 0, said: None });
        self.send(BackupMessage::Hello(Box::new(self.own.hello(self.mirror.have()))), env);
        env.plan_in(self.process, self.run, HANDSHAKE_WITHIN_US, Doing::SynchTimeout(id));
    }

    /// The handshake took too long.
    pub fn timed_out(&mut self, id: ConnectionId, env: &mut Env) {
        if self.connection.as_ref().is_some_and(|talk| talk.id == id && !talk.welcome) {
            self.close(env);
        }
    }

    /// A packet came.
    pub fn packet(&mut self, id: ConnectionId, packet: SynchPacket, env: &mut Env) {
        let Some(talk) = self.connection.as_mut().filter(|talk| talk.id == id) else { return };
        talk.silent = 0;
        match packet {
            SynchPacket::Primary(message) if !talk.welcome => match self.own.welcomed(message) {
                Ok(epoch) => {
                    talk.welcome = true;
                    self.mirror.connected(epoch);
                    env.judge.synch_connected(self.process, epoch);
                    self.says_how_it_stands(env);
                }
                Err(why) => {
                    env.note(|| format!("{:?}: {why}", self.process));
                    self.close(env);
                }
            },
            SynchPacket::Primary(message) => self.heard(message, env),
            SynchPacket::Close => self.lost(env),
            SynchPacket::Backup(_) => {}
        }
    }

    fn heard(&mut self, message: PrimaryMessage, env: &mut Env) {
        env.judge.synch_heard(self.process, &message);
        match self.mirror.heard(message) {
            Ok(Some(seq)) => {
                if self.acknowledge.replace(seq).is_none() {
                    let delay_us = env.thread_delay_us();
                    env.plan_in(self.process, self.run, delay_us, Doing::SynchAck);
                }
            }
            Ok(None) => {}
            Err(wrong) => env.judge.find("synch", format!("{:?}: {wrong}", self.process)),
        }
    }

    /// What came together is acknowledged together.
    pub fn acknowledges(&mut self, env: &mut Env) {
        if let Some(seq) = self.acknowledge.take() {
            self.send(BackupMessage::Ack { seq }, env);
        }
    }

    /// "I live"; and is the primary there?
    pub fn tick(&mut self, env: &mut Env) {
        env.plan_in(self.process, self.run, HEARTBEAT_US, Doing::SynchTick);
        let Some(talk) = self.connection.as_mut().filter(|talk| talk.welcome) else { return };
        talk.silent += 1;
        if talk.silent > MISSED_HEARTBEATS {
            return self.close(env);
        }
        self.send(BackupMessage::Heartbeat, env);
        self.says_how_it_stands(env);
    }

    fn says_how_it_stands(&mut self, env: &mut Env) {
        let reaches_switch = env.reaches.get(self.process.instance) == Some(&true);
        let standing = Standing { ready: true, why_not: None, compiled: strategies::VERSIONS.to_vec(), reaches_switch };
        if let Some(talk) = self.connection.as_mut().filter(|talk| talk.said.as_ref() != Some(&standing)) {
            talk.said = Some(standing.clone());
            self.send(BackupMessage::Standing(standing), env);
        }
    }

    fn send(&self, message: BackupMessage, env: &mut Env) {
        if let Some(talk) = &self.connection {
            env.trace.note(env.now_us, || format!("backup {:?} says {message:?}", self.process));
            env.say_to_peer(talk.id, Way::Forth, SynchPacket::Backup(message));
        }
    }

    /// This end closes it.
    pub fn close(&mut self, env: &mut Env) {
        if let Some(talk) = &self.connection {
            env.say_to_peer(talk.id, Way::Forth, SynchPacket::Close);
        }
        self.lost(env);
    }

    fn lost(&mut self, env: &mut Env) {
        self.acknowledge = None;
        if let Some(talk) = self.connection.take()
            && env.now_us.saturating_sub(talk.began_us) > GOOD_AFTER_US
        {
            self.pause_ms = PAUSES_MS.0;
        }
        self.again(env);
    }

    fn again(&mut self, env: &mut Env) {
        env.plan_in(self.process, self.run, self.pause_ms * 1_000, Doing::SynchConnect);
        self.pause_ms = (self.pause_ms * 2).min(PAUSES_MS.1);
    }
}
