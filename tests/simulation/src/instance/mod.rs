//! An instance: a process that is a candidate, or primary, or not there; it crashes, sleeps, and has a clock of its own.

mod candidate;
mod committer;
mod floor;
mod follower;
mod leader;
mod link;
mod synch;

use tandem_gateway::core::ConnectionId;
use tandem_journal::Lease;
use tandem_node::{Phase, role::Candidate, synch::Mirror};
use tandem_switch_link::{GatewayMessage, HostMessage, PROTOCOL};
use tandem_words::InstanceName;

use crate::{
    agenda::{Doing, Happening, Process, Thread},
    env::Env,
    network::{Packet, SynchPacket},
    store::is_repeated,
};
use candidate::Watch;
use committer::Committer;
use follower::Follower;
use leader::{Leader, ToNode};
use link::Link;
use synch::BackupEnd;
use synch::News;

/// See the module.
pub struct Instance {
    name: InstanceName,
    process: Process,
    /// Counts its roles, so that what was planned in one does not happen in another.
    run: u32,
    role: Role,
    link: Option<Link>,
    /// While it is a candidate.
    backup: Option<BackupEnd>,
    /// While it is a candidate.
    follower: Option<Follower>,
    asleep: bool,
    /// What would have happened while it slept.
    slept_over: Vec<(u32, Doing)>,
    /// How far its boot clock stands from real time, ms.
    clock_offset_ms: i64,
    /// What its next time as primary begins with: a thread that gets stuck, and a planned switchover.
    ordered: (Option<Thread>, bool),
}

enum Role {
    Gone,
    Watching(Watch),
    /// Its transaction takes the lease.
    Taking(Watch),
    Starting(Box<Takeover>),
    Leading(Box<Leader>),
}

/// What a new primary begins with.
struct Takeover {
    lease: Lease,
    /// When the transaction began that took it, by the process's own clock.
    began_ms: u64,
    mirror: Option<Mirror>,
    follower: Option<Follower>,
}

impl Instance {
    /// Not started yet.
    pub fn new(index: usize, clock_offset_ms: i64) -> Instance {
        Instance {
            name: InstanceName { node: 101, letter: if index == 0 { 'a' } else { 'b' } },
            process: Process { instance: index, life: 0 },
            run: 0,
            role: Role::Gone,
            link: None,
            backup: None,
            follower: None,
            asleep: false,
            slept_over: Vec::new(),
            clock_offset_ms,
            ordered: (None, false),
        }
    }

    /// Its process.
    pub fn process(&self) -> Process {
        self.process
    }

    /// Whether its process sleeps.
    pub fn is_asleep(&self) -> bool {
        self.asleep
    }

    /// Whether there is a process.
    pub fn is_there(&self) -> bool {
        !matches!(self.role, Role::Gone)
    }

    /// How far it is as primary; none: it is none.
    pub fn phase(&self) -> Option<(Phase, bool)> {
        match &self.role {
            Role::Leading(leader) => Some(leader.phase()),
            _ => None,
        }
    }

    /// Whether it serves, and sessions wait for their restart.
    pub fn is_restarting(&self) -> bool {
        matches!(&self.role, Role::Leading(leader) if leader.is_restarting())
    }

    /// Whether its backup is connected and has not everything yet.
    pub fn is_filling(&self) -> bool {
        matches!(&self.role, Role::Leading(leader) if leader.is_filling())
    }

    /// Whether it is on its way to become primary.
    pub fn is_taking_over(&self) -> bool {
        matches!(self.role, Role::Taking(_) | Role::Starting(..))
    }

    /// Its boot clock stands so far from real time from now on, ms.
    pub fn set_clock(&mut self, offset_ms: i64, env: &mut Env) {
        if offset_ms != self.clock_offset_ms {
            env.judge.begins_afresh(self.process, true, env.now_us);
        }
        self.clock_offset_ms = offset_ms;
    }

    /// How far its boot clock stands from real time, ms.
    pub fn clock_offset_ms(&self) -> i64 {
        self.clock_offset_ms
    }

    fn now_ms(&self, env: &Env) -> u64 {
        let real_ms = i64::try_from(env.now_us / 1_000).unwrap_or(i64::MAX);
        u64::try_from(real_ms.saturating_add(self.clock_offset_ms)).unwrap_or(0)
    }

    /// A process starts.
    pub fn start(&mut self, life: u32, env: &mut Env) {
        if self.is_there() || life <= self.process.life {
            return;
        }
        self.process.life = life;
        self.asleep = false;
        self.slept_over.clear();
        env.disk.opened(self.process.instance);
        if let Some(living) = env.living.get_mut(self.process.instance) {
            *living = Some(self.process);
        }
        env.note(|| format!("{} starts, life {life}", self.name));
        env.judge.starts(self.process, env.now_us);
        let candidate = Candidate::starting(self.candidate_options(env), self.now_ms(env));
        self.watch(candidate, env);
    }

    /// The process is gone, and everything that it knew; another one starts so much later.
    pub fn crash(&mut self, restart_after_ms: u64, why: &str, env: &mut Env) {
        if !self.is_there() {
            return;
        }
        env.note(|| format!("{} is gone: {why}", self.name));
        env.judge.dies(self.process, env.now_us);
        self.role = Role::Gone;
        self.run += 1;
        env.disk.end(self.process);
        if let Some(living) = env.living.get_mut(self.process.instance) {
            *living = None;
        }
        self.unreached(env);
        if let Some(mut link) = self.link.take() {
            link.end(env);
        }
        if env.switching == Some(self.process) {
            env.switching = None;
        }
        (self.backup, self.follower) = (None, None);
        env.hang_up(self.process, true);
        env.unlock(self.process);
        self.asleep = false;
        self.slept_over.clear();
        self.ordered = (None, false);
        let next = Happening::Start(self.process.instance, self.process.life + 1);
        env.agenda.plan(env.now_us + restart_after_ms * 1_000, next);
    }

    /// It is stopped where it stands.
    pub fn fall_asleep(&mut self, env: &mut Env) {
        if self.is_there() {
            env.note(|| format!("{} falls asleep", self.name));
            self.asleep = true;
        }
    }

    /// It goes on.
    pub fn wake_up(&mut self, env: &mut Env) {
        if !std::mem::take(&mut self.asleep) {
            return;
        }
        env.note(|| format!("{} wakes up", self.name));
        env.judge.begins_afresh(self.process, false, env.now_us);
        for (run, doing) in std::mem::take(&mut self.slept_over) {
            env.plan_in(self.process, run, 1, doing);
        }
        env.net.release(self.process.instance, env.now_us, &mut env.agenda);
        [0, 1].into_iter().for_each(|instance| env.synch.release(instance, env.now_us, &mut env.agenda));
    }

    /// One thread of the primary will never move again; if it is none yet, as soon as it is.
    pub fn get_stuck(&mut self, thread: Thread) {
        match &mut self.role {
            Role::Leading(leader) => leader.get_stuck(thread),
            _ => self.ordered.0 = Some(thread),
        }
    }

    /// An operator asks the primary for a planned switchover; if it is none yet, as soon as it is.
    pub fn switch_over(&mut self, env: &mut Env) {
        let Role::Leading(leader) = &mut self.role else {
            self.ordered.1 = true;
            return;
        };
        // An operator who forces it does not ask whether the other one is ready.
        let forced = env.chance.percent(60);
        if !leader.is_stopping() && (forced || leader.is_backup_ready()) {
            env.switching = Some(self.process);
            env.judge.hands_over(self.process, env.now_us);
            let letter = if self.process.instance == 0 { 'b' } else { 'a' };
            leader.stop(Some(InstanceName { letter, ..self.name }), env);
        }
    }

    fn unreached(&self, env: &mut Env) {
        if let Some(reaches) = env.reaches.get_mut(self.process.instance) {
            *reaches = false;
        }
    }

    /// Something planned happens in it.
    pub fn happens(&mut self, process: Process, run: u32, doing: Doing, env: &mut Env) {
        if process != self.process || !self.is_there() || (run != 0 && run != self.run) {
            return;
        }
        if self.asleep {
            self.slept_over.push((run, doing));
            return;
        }
        let now_ms = self.now_ms(env);
        match doing {
            Doing::Connect => self.with_link(env, Link::connect),
            Doing::ConnectTimeout(id) => self.with_link(env, |link, env| link.timed_out(id, env)),
            Doing::SynchConnect => self.with_backup(env, BackupEnd::connect),
            Doing::SynchTimeout(id) => self.with_backup(env, |backup, env| backup.timed_out(id, env)),
            Doing::SynchAck => self.with_backup(env, BackupEnd::acknowledges),
            Doing::SynchTick if self.backup.is_some() => self.with_backup(env, BackupEnd::tick),
            Doing::Follow => {
                if let Some(follower) = &mut self.follower {
                    follower.reads(env);
                }
            }
            Doing::Look | Doing::LockFree => self.look(doing == Doing::Look, env),
            Doing::Again if matches!(self.role, Role::Taking(_)) => self.take_lease(env),
            Doing::Taken { began_ms } => self.taken(began_ms, env),
            Doing::Begun => self.begun(env),
            Doing::Released => {
                if let Role::Leading(leader) = &mut self.role {
                    leader.released(env);
                    env.hang_up(self.process, false);
                    env.unlock(self.process);
                    let candidate = Candidate::again(self.candidate_options(env));
                    self.watch(candidate, env);
                }
            }
            Doing::Heartbeat if matches!(self.role, Role::Watching(_)) => {
                env.plan_in(self.process, self.run, 250_000, Doing::Heartbeat);
                self.with_link(env, |link, env| {
                    link.send(vec![HostMessage::Heartbeat], env);
                    if link.is_silent(env) {
                        link.close(env);
                    }
                });
            }
            _ => self.in_leader(doing, now_ms, env),
        }
    }

    fn in_leader(&mut self, doing: Doing, now_ms: u64, env: &mut Env) {
        let (Role::Leading(leader), Some(link)) = (&mut self.role, &mut self.link) else { return };
        let lives = match doing {
            Doing::Thread(thread) => leader.wake(thread, now_ms, link, env),
            Doing::Apply => leader.apply(env),
            Doing::Acknowledged => leader.acknowledged(now_ms, env),
            Doing::Again => leader.again(now_ms, env),
            Doing::Renew => leader.renew(now_ms, env),
            Doing::Pulse => leader.look_at_threads(now_ms, env),
            Doing::Heartbeat => {
                leader.heartbeat(now_ms, link, env);
                true
            }
            Doing::SynchTick => {
                leader.synch_tick(env);
                true
            }
            Doing::SynchRoom => {
                leader.tell(ToNode::Synch(News::Room), env);
                true
            }
            Doing::Restarts => {
                leader.wakes_for_restarts(env);
                true
            }
            _ => true,
        };
        if !lives {
            env.ends.push(self.process);
        }
    }

    fn with_link(&mut self, env: &mut Env, act: impl FnOnce(&mut Link, &mut Env)) {
        if let Some(link) = &mut self.link {
            act(link, env);
        }
    }

    fn with_backup(&mut self, env: &mut Env, act: impl FnOnce(&mut BackupEnd, &mut Env)) {
        if let Some(backup) = &mut self.backup {
            act(backup, env);
        }
    }

    /// It stands where a backup stands from now on.
    fn new_backup(&mut self, env: &mut Env) {
        let limits = env.plan.synch;
        self.backup = limits.map(|(_, keep)| BackupEnd::new(self.process, self.run, self.name, keep, env));
    }

    /// A packet of the synch link came.
    pub fn synch_packet(&mut self, id: ConnectionId, packet: SynchPacket, env: &mut Env) {
        match (&mut self.backup, &mut self.role) {
            (Some(backup), _) => backup.packet(id, packet, env),
            (None, Role::Leading(leader)) => leader.synch_packet(id, packet, env),
            _ => {}
        }
    }

    fn new_link(&mut self, env: &mut Env) {
        if let Some(mut link) = self.link.take() {
            link.end(env);
        }
        self.unreached(env);
        self.link = Some(Link::new(self.process, self.run, env));
    }

    /// A packet came from the gateway.
    pub fn packet(&mut self, id: ConnectionId, packet: Packet, env: &mut Env) {
        let Some(link) = self.link.as_mut() else { return };
        if let Packet::Gateway(frame) = &packet {
            env.judge.hears(id, frame);
        }
        match packet {
            Packet::Open if link.opened(id) => match &mut self.role {
                Role::Leading(leader) => leader.tell(ToNode::Connected, env),
                _ => {
                    let hello = HostMessage::Hello {
                        protocols: vec![PROTOCOL],
                        cluster: "sim".to_owned(),
                        node: self.name.node,
                        instance: self.name.to_string(),
                        token: None,
                    };
                    link.send(vec![hello], env);
                }
            },
            Packet::Gateway(frame) if link.is(id) => match &mut self.role {
                Role::Leading(leader) => leader.tell(ToNode::Frame(frame), env),
                _ => {
                    let welcome = frame.messages.iter().any(|message| matches!(message, GatewayMessage::Welcome { .. }));
                    if let Some(reaches) = env.reaches.get_mut(self.process.instance).filter(|_| welcome) {
                        *reaches = true;
                    }
                }
            },
            Packet::Close if link.is(id) => {
                link.lost(env);
                self.unreached(env);
                if let Role::Leading(leader) = &mut self.role {
                    leader.tell(ToNode::Disconnected, env);
                }
            }
            Packet::Close => link.timed_out(id, env),
            _ => {}
        }
    }

    /// Its lease is taken: the threads are started.
    fn taken(&mut self, began_ms: u64, env: &mut Env) {
        if !matches!(self.role, Role::Taking(_)) {
            return;
        }
        let lease = env.disk.take_lease(self.process, self.name);
        env.disk.end(self.process);
        match lease {
            Ok(lease) => {
                env.note(|| format!("{} has the lease {lease:?}", self.name));
                env.judge.lease_taken(self.process, lease.epoch);
                let (mirror, follower) = (self.backup.take().map(BackupEnd::into_mirror), self.follower.take());
                self.role = Role::Starting(Box::new(Takeover { lease, began_ms, mirror, follower }));
                env.hang_up(self.process, false);
                self.run += 1;
                if let Some(mut link) = self.link.take() {
                    link.end(env);
                }
                self.unreached(env);
                let delay_us = env.chance.between(500, 15_000);
                env.plan_in(self.process, self.run, delay_us, Doing::Begun);
            }
            // It looks again before it tries again: whoever had it may have renewed it as soon as that could be done.
            Err(error) if is_repeated(&error) => {
                if let Role::Taking(watch) = std::mem::replace(&mut self.role, Role::Gone) {
                    self.role = Role::Watching(watch);
                }
                env.beats(self.process);
            }
            Err(error) => env.judge.find("leases", format!("the lease could not be taken: {error}")),
        }
    }

    fn begun(&mut self, env: &mut Env) {
        let Role::Starting(takeover) = &mut self.role else { return };
        let (lease, began_ms) = (takeover.lease, takeover.began_ms);
        let (mirror, follower) = (takeover.mirror.take(), takeover.follower.take());
        let times = (began_ms, self.now_ms(env));
        let followed = follower.and_then(|follower| follower.finish(env));
        let leader = Leader::new((self.process, self.run), self.name, Committer::new(lease), (mirror, followed), times, env);
        self.role = Role::Leading(Box::new(leader));
        env.judge.begins_afresh(self.process, false, env.now_us);
        self.new_link(env);
        let (stuck, switches) = std::mem::take(&mut self.ordered);
        stuck.into_iter().for_each(|thread| self.get_stuck(thread));
        if switches {
            self.switch_over(env);
        }
    }
}
