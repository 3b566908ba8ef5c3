//! A primary: the product's rules on four simulated threads, as `host/src/node/service.rs` and `host/src/session` put them on
//! real ones.

mod ahead;
mod node;
mod workers;

use std::collections::VecDeque;

use tandem_gateway::core::ConnectionId;
use tandem_journal::{Opening, Survival};
use tandem_node::{
    NodeOptions, Phase, Primary, Restarts, Tenure,
    role::{Pulse, Sight},
    synch::{Mirror, taken_over},
};
use tandem_session::{Durable, Folded, Input, Output, Records, Worker};
use tandem_switch_link::{GatewayFrame, HostMessage, Mark};
use tandem_words::{InstanceName, SessionId};

use super::{
    committer::Committer,
    floor::{Hands, WORKERS, owner},
    follower::Followed,
    link::Link,
    synch::{News, PrimaryEnd},
};
use crate::{
    agenda::{Doing, Process, Thread},
    env::Env,
    network::SynchPacket,
    strategies::{self, Ears, Guests},
};
use ahead::Ahead;

/// What the node's thread is told.
#[derive(Debug)]
pub enum ToNode {
    /// The switch link is made.
    Connected,
    /// It is gone.
    Disconnected,
    /// A frame came.
    Frame(GatewayFrame),
    /// A batch is durable.
    Durable(Vec<Durable>, Option<Mark>),
    /// Of a worker.
    Outputs(Vec<Output>),
    /// Of the synch link.
    Synch(News),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StockTaking {
    No,
    Wanted,
    Flushing,
}

/// See the module.
pub struct Leader {
    pub(super) process: Process,
    pub(super) run: u32,
    name: InstanceName,
    primary: Primary,
    workers: Vec<Worker<Guests>>,
    /// What the workers' strategies heard.
    ears: Vec<Ears>,
    pub(super) committer: Committer,
    pub(super) hands: Hands,
    to_node: VecDeque<ToNode>,
    to_workers: Vec<VecDeque<Input>>,
    /// Whose rows are to be read, and whether all of them; and what was read and is not handed over yet.
    to_reader: VecDeque<(SessionId, bool)>,
    read: Option<(usize, Input)>,
    ahead: Ahead,
    pub(super) tenure: Tenure,
    pulse: Pulse,
    sight: Sight,
    ticks: u64,
    /// Threads that a wake-up is planned for, and threads that will never come to it.
    awake: Vec<Thread>,
    stuck: Vec<Thread>,
    stock: StockTaking,
    /// A planned switchover is under way; whom it names.
    stopping: Option<Option<InstanceName>>,
    releasing: bool,
    /// Since when, by its own clock.
    stopping_since_ms: Option<u64>,
    /// It has said `idle` since it reconciled last.
    idled: bool,
    /// A wake-up is planned for the next cycle of restarts.
    restarts_planned: Option<u64>,
}

impl Leader {
    /// A primary that has taken its lease, with what the store has.
    pub fn new(
        (process, run): (Process, u32),
        name: InstanceName,
        committer: Committer,
        (mirror, followed): (Option<Mirror>, Option<Vec<Followed>>),
        (began_ms, now_ms): (u64, u64),
        env: &mut Env,
    ) -> Leader {
        let lease = committer.lease();
        // Of sessions whose guest has not kept up the rows are wanted.
        let absent = followed.iter().flatten().any(|worker| worker.absent > 0);
        let (guests, sessions): (Vec<_>, _) = match followed {
            Some(followed) => {
                let (guests, sessions): (_, Vec<_>) = followed.into_iter().map(|worker| (worker.guests, worker.sessions)).unzip();
                (guests, Some(sessions))
            }
            None => ((0..WORKERS).map(|_| Guests::new(&env.plan)).collect(), None),
        };
        let ears = guests.iter().map(Guests::ears).collect();
        let mut workers: Vec<_> = guests.into_iter().map(|guests| Worker::new(guests, env.plan.worker, lease.epoch)).collect();
        let mut waiting: Vec<Opening> = Vec::new();
        let reader = env.disk.reader();
        // What the one before has written, as long as nothing is committed in this epoch.
        let solo = reader.lease(name.node).ok().flatten().is_none_or(|row| row.solo);
        let ahead = Ahead::new(absent, env.plan.loads_beside);
        let mut found = |folded: Folded, records: Option<Records>| {
            let opening = folded.state.opening().clone();
            let Some(worker) = workers.get_mut(owner(opening.session)) else { return };
            if opening.survival == Survival::Recovered {
                worker.handle(Input::Recover(folded));
                records.into_iter().for_each(|records| worker.handle(Input::ReadAhead(opening.session, records)));
            } else {
                worker.handle(Input::Await(Box::new(opening.clone())));
                waiting.push(opening);
            }
        };
        match sessions {
            Some(sessions) => sessions.into_iter().flatten().for_each(|folded| found(folded, None)),
            None => {
                let _ = reader.for_each_live_session(name.node, &mut |_, rows| {
                    if let Ok((folded, records)) = Records::read(&rows).and_then(|records| Ok((records.fold()?, records))) {
                        found(folded, Some(records));
                    }
                    std::ops::ControlFlow::Continue(())
                });
            }
        }
        let options =
            NodeOptions { cluster: "sim".to_owned(), instance: name, epoch: lease.epoch, store: 77, switch: "main".into(), token: None };
        let timeout_ms = env.plan.lease_timeout_ms;
        let (kept, certain) = mirror.map(|mirror| mirror.into_kept(lease.epoch.saturating_sub(1), solo)).unwrap_or_default();
        env.note(|| format!("{} sessions wait for their restart, certain: {certain}", waiting.len()));
        let limits = env.plan.synch;
        let backup =
            limits.map(|limits| PrimaryEnd::new((process, run), name, lease.epoch, limits, taken_over(&waiting, &kept, certain), env));
        let mut primary = Primary::new(options, strategies::deployments(&env.plan));
        primary.set_restarts(Restarts::new(env.plan.restarts.clone(), waiting, kept, certain));
        let mut leader = Leader {
            process,
            run,
            name,
            primary,
            workers,
            ears,
            committer,
            hands: Hands { backup, now_ms, ..Hands::default() },
            to_node: VecDeque::new(),
            to_workers: (0..WORKERS).map(|_| VecDeque::new()).collect(),
            to_reader: VecDeque::new(),
            read: None,
            ahead,
            tenure: Tenure::taken(timeout_ms, began_ms),
            pulse: Pulse::new(timeout_ms, now_ms),
            sight: Sight::new(timeout_ms),
            ticks: 0,
            awake: Vec::new(),
            stuck: Vec::new(),
            stock: StockTaking::No,
            stopping: None,
            releasing: false,
            stopping_since_ms: None,
            idled: false,
            restarts_planned: None,
        };
        for index in 0..WORKERS {
            leader.hand_on(index, env);
        }
        env.plan_in(process, run, 1_000, Doing::Heartbeat);
        env.plan_in(process, run, timeout_ms * 125, Doing::Pulse);
        env.plan_in(process, run, timeout_ms * 250, Doing::Renew);
        leader
    }

    /// How far it is with the gateway, and whether the backlog is through.
    pub fn phase(&self) -> (Phase, bool) {
        (self.primary.phase(), self.idled)
    }

    /// Whether sessions wait for their restart.
    pub fn is_restarting(&self) -> bool {
        self.primary.phase() == Phase::Serving && !self.primary.restarts().is_empty()
    }

    /// Whether a backup is connected that has not everything yet.
    pub fn is_filling(&self) -> bool {
        self.hands.backup.as_ref().is_some_and(PrimaryEnd::is_filling)
    }

    /// Whether a planned switchover would harm nobody; without a synch link nobody can tell.
    pub fn is_backup_ready(&self) -> bool {
        self.hands.backup.as_ref().is_some_and(PrimaryEnd::is_ready)
    }

    /// Whether a planned switchover is under way.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// For the node's thread.
    pub fn tell(&mut self, message: ToNode, env: &mut Env) {
        self.to_node.push_back(message);
        self.poke(Thread::Node, env);
    }

    /// A thread has something to do.
    pub(super) fn poke(&mut self, thread: Thread, env: &mut Env) {
        if !self.awake.contains(&thread) {
            self.awake.push(thread);
            let delay_us = env.thread_delay_us();
            env.plan_in(self.process, self.run, delay_us, Doing::Thread(thread));
        }
    }

    /// One thread will never move again.
    pub fn get_stuck(&mut self, thread: Thread) {
        self.stuck.push(thread);
    }

    /// The role is to be given to the other instance.
    pub fn stop(&mut self, heir: Option<InstanceName>, env: &mut Env) {
        if self.stopping.is_none() {
            self.stopping = Some(heir);
            self.poke(Thread::Node, env);
        }
    }

    /// A thread comes to what waits for it. False: the process must end.
    pub fn wake(&mut self, thread: Thread, now_ms: u64, link: &mut Link, env: &mut Env) -> bool {
        if self.stuck.contains(&thread) {
            return true;
        }
        self.awake.retain(|awake| *awake != thread);
        match thread {
            Thread::Node => return self.node(now_ms, link, env),
            Thread::Worker(index) => self.work(index, env),
            Thread::Committer => return self.commit(now_ms, env),
            Thread::Reader => self.read(env),
            Thread::Ahead => self.read_ahead(env),
        }
        true
    }

    /// Nothing is on its way between the threads.
    fn is_quiet(&self) -> bool {
        self.to_node.is_empty()
            && self.to_workers.iter().all(VecDeque::is_empty)
            && self.to_reader.is_empty()
            && self.read.is_none()
            && !self.ahead.keeps_waiting()
            && self.hands.to_committer.is_empty()
            && self.committer.is_idle()
    }

    /// Everything may be through: the node's thread must know.
    pub(super) fn poke_if_quiet(&mut self, env: &mut Env) {
        if self.is_quiet() {
            self.poke(Thread::Node, env);
        }
    }

    /// "I live", if nothing else waits to be said.
    pub fn heartbeat(&mut self, now_ms: u64, link: &mut Link, env: &mut Env) {
        env.plan_in(self.process, self.run, 250_000, Doing::Heartbeat);
        if self.stuck.contains(&Thread::Node) {
            return;
        }
        if self.primary.phase() != Phase::Away && self.hands.outgoing.is_empty() {
            self.hands.outgoing.push(HostMessage::Heartbeat);
        }
        self.hands.now_ms = now_ms;
        if let Some(backup) = &mut self.hands.backup {
            self.hands.to_committer.extend(backup.ages(now_ms));
            self.flush(env);
        }
        if self.stopping.is_some() {
            self.poke_if_quiet(env);
        }
        self.send(now_ms, link, env);
        if link.is_silent(env) {
            link.close(env);
            self.tell(ToNode::Disconnected, env);
        }
    }

    /// The threads tick and are looked at. False: one is stuck, and the process must end.
    pub fn look_at_threads(&mut self, now_ms: u64, env: &mut Env) -> bool {
        env.plan_in(self.process, self.run, env.plan.lease_timeout_ms * 125, Doing::Pulse);
        self.ticks += 1;
        let names = [Thread::Node, Thread::Worker(0), Thread::Worker(1), Thread::Committer, Thread::Reader];
        let ticks = names.map(|thread| if self.stuck.contains(&thread) { 0 } else { self.ticks });
        self.pulse.look(now_ms, ["node", "worker-0", "worker-1", "committer", "reader"].into_iter().zip(ticks));
        if !self.stuck.is_empty() {
            env.judge.stands_still(self.process, env.now_us);
        }
        let reaches = !matches!(self.primary.phase(), Phase::Away | Phase::Greeting);
        let other = 1 - self.process.instance;
        if let Some(mine) = env.reaches.get_mut(self.process.instance) {
            *mine = reaches;
        }
        let other_reaches = self.hands.backup.as_ref().is_some_and(PrimaryEnd::backup_reaches);
        if self.sight.look(reaches, other_reaches, now_ms) && self.stopping.is_none() {
            env.note(|| format!("{} is blind and hands over", self.name));
            env.switching = Some(self.process);
            self.stop(Some(InstanceName { letter: if other == 0 { 'a' } else { 'b' }, ..self.name }), env);
        }
        self.pulse.stuck().is_none()
    }

    /// Whether the lease may be renewed.
    pub(super) fn may_renew(&self) -> bool {
        self.pulse.may_renew() && !self.stuck.contains(&Thread::Committer)
    }

    /// A packet of the synch link came.
    pub fn synch_packet(&mut self, id: ConnectionId, packet: SynchPacket, env: &mut Env) {
        if let Some(news) = self.hands.backup.as_mut().and_then(|backup| backup.packet(id, packet, env)) {
            self.tell(ToNode::Synch(news), env);
        }
    }

    /// The synch link's heartbeat.
    pub fn synch_tick(&mut self, env: &mut Env) {
        if let Some(news) = self.hands.backup.as_mut().and_then(|backup| backup.tick(env)) {
            self.tell(ToNode::Synch(news), env);
        }
    }
}
