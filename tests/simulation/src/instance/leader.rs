//! A primary: the product's rules on four simulated threads, as `host/src/node/service.rs` and `host/src/session` put them on
//! real ones.

use std::collections::VecDeque;

use tandem_gateway::core::ConnectionId;
use tandem_instance::desk;
use tandem_journal::{Opening, Survival};
use tandem_node::{
    LinkError, NodeOptions, Phase, Primary, Restarts, Stock, Tenure,
    role::{Pulse, Sight},
    synch::{ACKNOWLEDGES_WITHIN_MS, Mirror, taken_over},
};
use tandem_session::{Arrival, Durable, Input, Output, Worker, fold};
use tandem_switch_link::{GatewayFrame, HostMessage, Mark, Refusal};
use tandem_words::{InstanceName, SessionId};

use super::{
    committer::Committer,
    floor::{Hands, ToCommitter, WORKERS, owner},
    link::Link,
    synch::{News, PrimaryEnd},
};
use crate::{
    agenda::{Doing, Process, Thread},
    env::Env,
    network::SynchPacket,
    strategies::{self, Ears, Guests},
};

/// Messages that the node's thread handles before it sends.
const AT_ONCE: usize = 512;

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
    /// Whose rows are to be read, and whether all of them.
    to_reader: VecDeque<(SessionId, bool)>,
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
        mirror: Option<Mirror>,
        (began_ms, now_ms): (u64, u64),
        env: &mut Env,
    ) -> Leader {
        let lease = committer.lease();
        let guests: Vec<_> = (0..WORKERS).map(|_| Guests::new(&env.plan)).collect();
        let ears = guests.iter().map(Guests::ears).collect();
        let mut workers: Vec<_> = guests.into_iter().map(|guests| Worker::new(guests, env.plan.worker, lease.epoch)).collect();
        let mut waiting: Vec<Opening> = Vec::new();
        let reader = env.disk.reader();
        // What the one before has written, as long as nothing is committed in this epoch.
        let solo = reader.lease(name.node).ok().flatten().is_none_or(|row| row.solo);
        let _ = reader.for_each_live_session(name.node, &mut |session, rows| {
            if let (Some(worker), Ok(folded)) = (workers.get_mut(owner(session)), fold(&rows)) {
                let opening = folded.state.opening();
                let input = if opening.survival == Survival::Recovered {
                    Input::Recover(folded)
                } else {
                    waiting.push(opening.clone());
                    Input::Await(Box::new(opening.clone()))
                };
                worker.handle(input);
            }
            std::ops::ControlFlow::Continue(())
        });
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
        }
        true
    }

    fn node(&mut self, now_ms: u64, link: &mut Link, env: &mut Env) -> bool {
        self.hands.now_ms = now_ms;
        if self.stopping.is_some() {
            self.stopping_since_ms.get_or_insert(now_ms);
        }
        for _ in 0..AT_ONCE {
            let Some(message) = self.to_node.pop_front() else { break };
            if !self.handle(message, link, env) {
                return false;
            }
        }
        self.start_again(now_ms, env);
        self.flush(env);
        if self.is_quiet() {
            self.quiet(env);
            self.flush(env);
        }
        self.send(now_ms, link, env);
        if !self.to_node.is_empty() {
            self.poke(Thread::Node, env);
        }
        true
    }

    fn start_again(&mut self, now_ms: u64, env: &mut Env) {
        if self.stopping.is_some() || self.primary.restarts().is_empty() {
            return;
        }
        let directives = self.primary.tick(now_ms);
        desk::carry_out(directives, &mut self.hands);
        let at = self.primary.restarts().wake_at().filter(|_| self.primary.phase() == Phase::Serving);
        if let Some(at) = at.filter(|at| self.restarts_planned != Some(*at)) {
            self.restarts_planned = Some(at);
            env.plan_in(self.process, self.run, at.saturating_sub(now_ms).max(1) * 1_000, Doing::Restarts);
        }
    }

    /// The next cycle of restarts begins.
    pub fn wakes_for_restarts(&mut self, env: &mut Env) {
        self.restarts_planned = None;
        self.poke(Thread::Node, env);
    }

    fn handle(&mut self, message: ToNode, link: &mut Link, env: &mut Env) -> bool {
        match message {
            ToNode::Connected => {
                self.hands.outgoing.clear();
                let directives = self.primary.connected();
                desk::carry_out(directives, &mut self.hands);
            }
            ToNode::Disconnected => self.disconnected(env),
            ToNode::Frame(_) if self.stopping.is_some() || !link.is_made() => {}
            ToNode::Frame(frame) => {
                env.judge.told(self.process, &frame, env.now_us);
                let (directives, taken) = self.primary.frame(frame);
                desk::carry_out(directives, &mut self.hands);
                if std::mem::take(&mut self.hands.take_stock) {
                    self.stock = StockTaking::Wanted;
                }
                match taken {
                    Ok(()) => {}
                    Err(LinkError::Refused { reason: Refusal::Fenced, .. }) => return false,
                    Err(error) => {
                        env.note(|| format!("{}: {error}", self.name));
                        link.close(env);
                        self.disconnected(env);
                    }
                }
            }
            ToNode::Durable(items, w) => desk::durable(&mut self.primary, items, w, &mut self.hands),
            ToNode::Outputs(outputs) => outputs.into_iter().for_each(|output| self.output(output, env)),
            ToNode::Synch(news) => {
                if let Some(backup) = &mut self.hands.backup {
                    self.hands.to_committer.extend(backup.hears(self.hands.now_ms, news));
                }
            }
        }
        true
    }

    fn disconnected(&mut self, env: &mut Env) {
        env.judge.disturbed(self.process, env.now_us);
        self.hands.outgoing.clear();
        self.stock = StockTaking::No;
        self.idled = false;
        self.primary.disconnected();
    }

    fn output(&mut self, output: Output, env: &mut Env) {
        match output {
            Output::Answer(key, body) => desk::answer(key, body, &mut self.hands),
            Output::Tell(step) => {
                let told = self.primary.tell(step);
                desk::carry_out(told.into_iter().collect(), &mut self.hands);
            }
            Output::Redo(release) => desk::released(&mut self.primary, release, &mut self.hands),
            Output::Unreadable(session, why) => env.judge.find("journal", format!("session {session} cannot be read: {why}")),
            Output::Finished(_) | Output::Ignored(_) | Output::Load(_) | Output::LoadAll(_) | Output::Warn(_) | Output::Differs(_) => {}
        }
    }

    /// What the desk gathered goes to its threads.
    fn flush(&mut self, env: &mut Env) {
        if let Some(news) = self.hands.backup.as_mut().and_then(|backup| backup.flush(env)) {
            self.tell(ToNode::Synch(news), env);
        }
        let mut restarted = Vec::new();
        for index in 0..WORKERS {
            let inputs = self.hands.inputs.get_mut(index).map(std::mem::take).unwrap_or_default();
            if inputs.is_empty() {
                continue;
            }
            for input in &inputs {
                match input {
                    Input::Arrive(_, Arrival::Message { from, .. }) => env.judge.leaves(*from, "its message reached its receiver"),
                    Input::Open(opening, _) => env.judge.opens(self.process, opening),
                    Input::Restart { session, restart, .. } => restarted.push((*session, restart.clone())),
                    _ => {}
                }
            }
            if let Some(waiting) = self.to_workers.get_mut(index) {
                waiting.extend(inputs);
            }
            self.poke(Thread::Worker(index), env);
        }
        if !restarted.is_empty() {
            env.judge.restarted(self.process, &restarted, env.now_us);
        }
        if !self.hands.to_committer.is_empty() {
            self.poke(Thread::Committer, env);
        }
    }

    /// Nothing is on its way between the threads.
    fn is_quiet(&self) -> bool {
        self.to_node.is_empty()
            && self.to_workers.iter().all(VecDeque::is_empty)
            && self.to_reader.is_empty()
            && self.hands.to_committer.is_empty()
            && self.committer.is_idle()
    }

    fn quiet(&mut self, env: &mut Env) {
        if let Some(heir) = self.stopping {
            let waits_ms = self.hands.now_ms.saturating_sub(self.stopping_since_ms.unwrap_or(self.hands.now_ms));
            let heir_is_behind = self.hands.backup.as_ref().is_some_and(PrimaryEnd::is_behind) && waits_ms < ACKNOWLEDGES_WITHIN_MS;
            if !heir_is_behind && !std::mem::replace(&mut self.releasing, true) {
                self.hands.backup.iter_mut().for_each(PrimaryEnd::hands_over);
                self.hands.to_committer.push_back(ToCommitter::Release(heir));
            }
            return;
        }
        match self.stock {
            StockTaking::Wanted => {
                self.stock = StockTaking::Flushing;
                self.hands.to_committer.push_back(ToCommitter::Flush);
            }
            StockTaking::Flushing => {
                self.stock = StockTaking::No;
                let stock = self.take_stock(env);
                let directives = self.primary.took_stock(stock);
                desk::carry_out(directives, &mut self.hands);
            }
            StockTaking::No => {
                let wake_at = self.workers.iter().filter_map(Worker::wake_at).min();
                self.primary.backup_is_behind(self.hands.backup.as_ref().is_some_and(PrimaryEnd::is_behind));
                let idle = self.primary.idle(wake_at);
                self.idled |= idle.is_some();
                desk::carry_out(idle.into_iter().collect(), &mut self.hands);
            }
        }
    }

    fn take_stock(&mut self, env: &mut Env) -> Stock {
        let stored = env.disk.reader().watermarks(self.name.node).unwrap_or_default();
        let after = stored.first().map(|watermark| Mark { incarnation: watermark.incarnation, position: watermark.position });
        let mut stock = Stock { after, ..Stock::default() };
        for worker in &self.workers {
            let inventory = worker.inventory();
            stock.interactions.extend(inventory.interactions);
            stock.requests.extend(inventory.requests);
        }
        stock
    }

    fn send(&mut self, now_ms: u64, link: &mut Link, env: &mut Env) {
        if !self.hands.outgoing.is_empty() && self.tenure.may_act(now_ms) && link.is_made() {
            link.send(std::mem::take(&mut self.hands.outgoing), env);
        }
    }

    fn work(&mut self, index: usize, env: &mut Env) {
        let waiting = self.to_workers.get(index).map_or(0, VecDeque::len);
        for _ in 0..env.chance.between(1, (waiting as u64).max(1)) {
            let input = self.to_workers.get_mut(index).and_then(VecDeque::pop_front);
            let (Some(input), Some(worker)) = (input, self.workers.get_mut(index)) else { break };
            worker.handle(input);
            let heard = self.ears.get(index).map(Ears::take).unwrap_or_default();
            env.judge.heard(self.process, self.committer.lease().epoch, heard, env.now_us);
            self.hand_on(index, env);
        }
        if self.to_workers.get(index).is_some_and(|waiting| !waiting.is_empty()) {
            self.poke(Thread::Worker(index), env);
        } else {
            self.poke_if_quiet(env);
        }
    }

    /// Everything may be through: the node's thread must know.
    pub(super) fn poke_if_quiet(&mut self, env: &mut Env) {
        if self.is_quiet() {
            self.poke(Thread::Node, env);
        }
    }

    fn hand_on(&mut self, index: usize, env: &mut Env) {
        let outputs = self.workers.get_mut(index).map(Worker::drain).unwrap_or_default();
        let mut for_node = Vec::new();
        for output in outputs {
            match output {
                Output::Finished(finished) => match finished.rows() {
                    Ok(rows) => self.hands.to_committer.push_back(ToCommitter::Finished(finished, rows)),
                    Err(error) => env.judge.find("journal", error.to_string()),
                },
                Output::Ignored(mark) => self.hands.to_committer.push_back(ToCommitter::Ignored(mark)),
                Output::Load(session) => self.to_reader.push_back((session, false)),
                Output::LoadAll(session) => self.to_reader.push_back((session, true)),
                other => for_node.push(other),
            }
        }
        if !self.hands.to_committer.is_empty() {
            self.poke(Thread::Committer, env);
        }
        if !self.to_reader.is_empty() {
            self.poke(Thread::Reader, env);
        }
        if !for_node.is_empty() {
            self.tell(ToNode::Outputs(for_node), env);
        }
    }

    fn read(&mut self, env: &mut Env) {
        if let Some((session, all)) = self.to_reader.pop_front() {
            let reader = env.disk.reader();
            let read = if all {
                Input::LoadedAll(session, reader.all_rows_of(session).unwrap_or_default())
            } else {
                Input::Loaded(session, reader.session_rows(session).ok().flatten().map(Box::new))
            };
            let index = owner(session);
            if let Some(waiting) = self.to_workers.get_mut(index) {
                waiting.push_back(read);
            }
            self.poke(Thread::Worker(index), env);
        }
        if !self.to_reader.is_empty() {
            self.poke(Thread::Reader, env);
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
