//! The primary's end: one backup is served, whoever else comes is refused. What it hears it tells the node's thread, which owns the
//! rules.

use std::collections::BTreeMap;

use tandem_gateway::core::ConnectionId;
use tandem_node::synch::{BufferLimits, Effect, KeepLimits, Source, greeting::Greeter, readiness::not_ready};
use tandem_switch_link::Mark;
use tandem_synch_link::{BackupMessage, Change, Held, KeptSession, PrimaryMessage, Refusal, Standing};
use tandem_words::{Epoch, InstanceName, SessionId};

use super::{HEARTBEAT_US, MISSED_HEARTBEATS, greeter};
use crate::{
    agenda::{Doing, Process, Way},
    env::Env,
    instance::floor::ToCommitter,
    network::SynchPacket,
    strategies,
};

/// How soon a part of the full state is written, µs, where the way is free.
const WRITTEN_WITHIN_US: (u64, u64) = (20, 3_000);

/// What the node's thread is told; as `PrimaryNews` of `host/src/synch`.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum News {
    Connected(ConnectionId, Option<Held>),
    Room,
    Acknowledged(u64),
    Standing(Standing),
    Gone,
}

/// The socket's side.
struct Port {
    process: Process,
    run: u32,
    own: Greeter,
    epoch: Epoch,
    /// The one place for a backup.
    place: Option<ConnectionId>,
    /// The last change that was sent there, and the last that was acknowledged.
    sent: u64,
    acknowledged: Option<u64>,
    /// Ticks since the backup was heard.
    silent: u32,
}

/// See the module.
pub struct PrimaryEnd {
    port: Port,
    source: Source,
    /// Where the node's thread sends to.
    outgoing: Option<ConnectionId>,
    standing: Option<Standing>,
    handed_over: bool,
    waiting: Vec<(ConnectionId, PrimaryMessage)>,
    cut_off: bool,
}

impl PrimaryEnd {
    /// Of a primary that has taken its lease. `kept`: what it took over.
    pub fn new(
        (process, run): (Process, u32),
        name: InstanceName,
        epoch: Epoch,
        (buffer, keep): (BufferLimits, KeepLimits),
        kept: BTreeMap<SessionId, KeptSession>,
        env: &mut Env,
    ) -> PrimaryEnd {
        env.plan_in(process, run, HEARTBEAT_US, Doing::SynchTick);
        if let Some(listening) = env.listening.get_mut(process.instance) {
            *listening = Some(process);
        }
        let port = Port { process, run, own: greeter(name), epoch, place: None, sent: 0, acknowledged: None, silent: 0 };
        let source = Source::new(epoch, buffer, keep, kept);
        PrimaryEnd { port, source, outgoing: None, standing: None, handed_over: false, waiting: Vec::new(), cut_off: false }
    }

    /// A packet came; the news are for the node's thread.
    pub fn packet(&mut self, id: ConnectionId, packet: SynchPacket, env: &mut Env) -> Option<News> {
        self.port.packet(id, packet, env)
    }

    /// "I live"; and is the backup there?
    pub fn tick(&mut self, env: &mut Env) -> Option<News> {
        let port = &mut self.port;
        env.plan_in(port.process, port.run, HEARTBEAT_US, Doing::SynchTick);
        let id = port.place?;
        port.silent += 1;
        if port.silent > MISSED_HEARTBEATS {
            return port.close(env);
        }
        env.say_to_peer(id, Way::Back, SynchPacket::Primary(PrimaryMessage::Heartbeat));
        None
    }

    /// The node's thread hears news.
    pub fn hears(&mut self, now_ms: u64, news: News) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        match news {
            News::Connected(..) if self.handed_over => {}
            News::Connected(id, have) => {
                (self.outgoing, self.standing) = (Some(id), None);
                self.source.connected(now_ms, have, &mut effects);
            }
            News::Room => self.source.more(now_ms, &mut effects),
            News::Acknowledged(seq) => self.source.acknowledged(seq, &mut effects),
            News::Standing(standing) => self.standing = Some(standing),
            News::Gone => {
                (self.outgoing, self.standing) = (None, None);
                self.source.gone(&mut effects);
            }
        }
        self.carry_out(effects)
    }

    /// A step of a session that is not persisted is through its commit.
    pub fn kept(&mut self, now_ms: u64, changes: Vec<Change>, mark: Option<Mark>) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        self.source.kept(now_ms, changes, mark, &mut effects);
        self.carry_out(effects)
    }

    /// The switch has lost events.
    pub fn missed(&mut self, now_ms: u64) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        self.source.missed(now_ms, &mut effects);
        self.carry_out(effects)
    }

    /// Several times a second.
    pub fn ages(&mut self, now_ms: u64) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        self.source.tick(now_ms, &mut effects);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<ToCommitter> {
        let mut for_committer = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(message) => self.waiting.extend(self.outgoing.map(|id| (id, message))),
                Effect::Count(mark) => for_committer.push(ToCommitter::Ignored(mark)),
                Effect::Solo(solo) => for_committer.push(ToCommitter::Solo(solo)),
                Effect::Cut(_) => {
                    (self.outgoing, self.standing) = (None, None);
                    self.cut_off = true;
                }
            }
        }
        for_committer
    }

    /// What the node's thread wants sent goes off.
    pub fn flush(&mut self, env: &mut Env) -> Option<News> {
        let mut filling = false;
        for (id, message) in std::mem::take(&mut self.waiting) {
            match message {
                PrimaryMessage::Change { seq, .. } | PrimaryMessage::End { seq } if self.port.place == Some(id) => self.port.sent = seq,
                PrimaryMessage::Begin | PrimaryMessage::Kept(_) => filling = true,
                _ => {}
            }
            env.trace.note(env.now_us, || format!("primary {:?} tells its backup {message:?}", self.port.process));
            env.say_to_peer(id, Way::Back, SynchPacket::Primary(message));
        }
        if filling {
            let delay_us = env.chance.between(WRITTEN_WITHIN_US.0, WRITTEN_WITHIN_US.1);
            env.plan_in(self.port.process, self.port.run, delay_us, Doing::SynchRoom);
        }
        if std::mem::take(&mut self.cut_off) { self.port.close(env) } else { None }
    }

    /// The last word to the heir.
    pub fn hands_over(&mut self) {
        self.handed_over = true;
        if let Some(id) = self.outgoing.take() {
            self.waiting.push((id, PrimaryMessage::HandOver));
            self.cut_off = true;
        }
    }

    /// Whether an heir would lack something that is still coming to it.
    pub fn is_behind(&self) -> bool {
        self.source.is_behind()
    }

    /// Whether a backup is connected that has not everything yet.
    pub fn is_filling(&self) -> bool {
        self.source.is_connected() && !self.source.is_level()
    }

    /// Whether a planned switchover would harm nobody.
    pub fn is_ready(&self) -> bool {
        not_ready(&self.source, self.standing.as_ref(), &strategies::VERSIONS.into()).is_none()
    }

    /// Whether the backup says that it reaches the switch.
    pub fn backup_reaches(&self) -> bool {
        self.standing.as_ref().is_some_and(|standing| standing.reaches_switch)
    }
}

impl Port {
    fn packet(&mut self, id: ConnectionId, packet: SynchPacket, env: &mut Env) -> Option<News> {
        let mine = self.place == Some(id);
        match packet {
            SynchPacket::Backup(BackupMessage::Hello(hello)) => match self.own.answer(&hello, self.epoch, self.place.is_some()) {
                Ok(welcome) => {
                    (self.place, self.sent, self.acknowledged, self.silent) = (Some(id), 0, None, 0);
                    env.say_to_peer(id, Way::Back, SynchPacket::Primary(welcome));
                    Some(News::Connected(id, hello.have))
                }
                Err((reason, message)) => {
                    if reason != Refusal::Busy {
                        env.judge.find("synch", format!("a backup of this pair was refused: {message}"));
                    }
                    env.say_to_peer(id, Way::Back, SynchPacket::Primary(PrimaryMessage::Refused { reason, message }));
                    env.say_to_peer(id, Way::Back, SynchPacket::Close);
                    None
                }
            },
            SynchPacket::Backup(message) if mine => {
                self.silent = 0;
                self.message(message, env)
            }
            SynchPacket::Close if mine => {
                self.place = None;
                Some(News::Gone)
            }
            _ => None,
        }
    }

    fn message(&mut self, message: BackupMessage, env: &mut Env) -> Option<News> {
        match message {
            BackupMessage::Ack { seq } if self.acknowledged.is_none_or(|last| last < seq) && seq <= self.sent => {
                self.acknowledged = Some(seq);
                Some(News::Acknowledged(seq))
            }
            BackupMessage::Ack { seq } => {
                env.judge
                    .find("synch", format!("the backup acknowledged {seq} behind {:?}, and {} was sent", self.acknowledged, self.sent));
                None
            }
            BackupMessage::Standing(standing) => Some(News::Standing(standing)),
            BackupMessage::Hello(_) | BackupMessage::Heartbeat => None,
        }
    }

    /// This end closes it.
    fn close(&mut self, env: &mut Env) -> Option<News> {
        let id = self.place.take()?;
        env.say_to_peer(id, Way::Back, SynchPacket::Close);
        Some(News::Gone)
    }
}
