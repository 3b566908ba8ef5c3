//! A primary: the product's rules on four simulated threads, as `host/src/node/service.rs` and `host/src/session` put them on
//! real ones.

use std::collections::VecDeque;

use tandem_instance::desk;
use tandem_native_guests::NativeGuests;
use tandem_node::{LinkError, NodeOptions, Phase, Primary, Stock, Tenure, role::Pulse, role::Sight};
use tandem_session::{Arrival, Durable, Input, Output, Worker, fold};
use tandem_switch_link::{GatewayFrame, HostMessage, Mark, Refusal};
use tandem_words::{InstanceName, SessionId};

use super::{
    committer::Committer,
    floor::{Hands, ToCommitter, WORKERS, owner},
    link::Link,
};
use crate::{
    agenda::{Doing, Process, Thread},
    env::Env,
    strategies,
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
    workers: Vec<Worker<NativeGuests>>,
    pub(super) committer: Committer,
    pub(super) hands: Hands,
    to_node: VecDeque<ToNode>,
    to_workers: Vec<VecDeque<Input>>,
    to_reader: VecDeque<SessionId>,
    pub(super) tenure: Tenure,
    pulse: Pulse,
    sight: Sight,
    ticks: u64,
    /// Threads that a wake-up is planned for, and threads that will never come to it.
    awake: Vec<Thread>,
    stuck: Option<Thread>,
    stock: StockTaking,
    /// A planned switchover is under way; whom it names.
    stopping: Option<Option<InstanceName>>,
    releasing: bool,
    /// It has said `idle` since it reconciled last.
    idled: bool,
}

impl Leader {
    /// A primary that has taken its lease, with what the store has.
    pub fn new(process: Process, run: u32, name: InstanceName, committer: Committer, began_ms: u64, now_ms: u64, env: &mut Env) -> Leader {
        let lease = committer.lease();
        let guests = strategies::guests(env.plan.sessions_per_instance);
        let mut workers: Vec<_> = (0..WORKERS).map(|_| Worker::new(guests.afresh(), env.plan.worker, lease.epoch)).collect();
        let reader = env.disk.reader();
        let _ = reader.for_each_live_session(name.node, &mut |session, rows| {
            if let (Some(worker), Ok(folded)) = (workers.get_mut(owner(session)), fold(&rows)) {
                worker.handle(Input::Recover(Box::new(folded)));
            }
            std::ops::ControlFlow::Continue(())
        });
        let options =
            NodeOptions { cluster: "sim".to_owned(), instance: name, epoch: lease.epoch, store: 77, switch: "main".into(), token: None };
        let timeout_ms = env.plan.lease_timeout_ms;
        let mut leader = Leader {
            process,
            run,
            name,
            primary: Primary::new(options, strategies::deployments()),
            workers,
            committer,
            hands: Hands::default(),
            to_node: VecDeque::new(),
            to_workers: (0..WORKERS).map(|_| VecDeque::new()).collect(),
            to_reader: VecDeque::new(),
            tenure: Tenure::taken(timeout_ms, began_ms),
            pulse: Pulse::new(timeout_ms, now_ms),
            sight: Sight::new(timeout_ms),
            ticks: 0,
            awake: Vec::new(),
            stuck: None,
            stock: StockTaking::No,
            stopping: None,
            releasing: false,
            idled: false,
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
        self.stuck = Some(thread);
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
        if self.stuck == Some(thread) {
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
        for _ in 0..AT_ONCE {
            let Some(message) = self.to_node.pop_front() else { break };
            if !self.handle(message, link, env) {
                return false;
            }
        }
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

    fn handle(&mut self, message: ToNode, link: &mut Link, env: &mut Env) -> bool {
        match message {
            ToNode::Connected => {
                self.hands.outgoing.clear();
                let directives = self.primary.connected();
                desk::carry_out(directives, &mut self.hands);
            }
            ToNode::Disconnected => self.disconnected(),
            ToNode::Frame(_) if self.stopping.is_some() || !link.is_made() => {}
            ToNode::Frame(frame) => {
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
                        self.disconnected();
                    }
                }
            }
            ToNode::Durable(items, w) => desk::durable(&mut self.primary, items, w, &mut self.hands),
            ToNode::Outputs(outputs) => outputs.into_iter().for_each(|output| self.output(output, env)),
        }
        true
    }

    fn disconnected(&mut self) {
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
            Output::Finished(_) | Output::Ignored(_) | Output::Load(_) | Output::Warn(_) => {}
        }
    }

    /// What the desk gathered goes to its threads.
    fn flush(&mut self, env: &mut Env) {
        for index in 0..WORKERS {
            let inputs = self.hands.inputs.get_mut(index).map(std::mem::take).unwrap_or_default();
            if inputs.is_empty() {
                continue;
            }
            for input in &inputs {
                match input {
                    Input::Arrive(_, Arrival::Message { from, .. }) => env.judge.leaves(*from, "its message reached its receiver"),
                    Input::Open(opening, _) => env.judge.opens(self.process, opening),
                    _ => {}
                }
            }
            if let Some(waiting) = self.to_workers.get_mut(index) {
                waiting.extend(inputs);
            }
            self.poke(Thread::Worker(index), env);
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
            if !std::mem::replace(&mut self.releasing, true) {
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
                Output::Load(session) => self.to_reader.push_back(session),
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
        if let Some(session) = self.to_reader.pop_front() {
            let rows = env.disk.reader().session_rows(session).ok().flatten();
            let index = owner(session);
            if let Some(waiting) = self.to_workers.get_mut(index) {
                waiting.push_back(Input::Loaded(session, rows.map(Box::new)));
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
        if self.stuck == Some(Thread::Node) {
            return;
        }
        if self.primary.phase() != Phase::Away && self.hands.outgoing.is_empty() {
            self.hands.outgoing.push(HostMessage::Heartbeat);
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
        let ticks = names.map(|thread| if self.stuck == Some(thread) { 0 } else { self.ticks });
        self.pulse.look(now_ms, ["node", "worker-0", "worker-1", "committer", "reader"].into_iter().zip(ticks));
        if self.stuck.is_some() {
            env.judge.stands_still(self.process, env.now_us);
        }
        let reaches = !matches!(self.primary.phase(), Phase::Away | Phase::Greeting);
        let other = 1 - self.process.instance;
        if let Some(mine) = env.reaches.get_mut(self.process.instance) {
            *mine = reaches;
        }
        let other_reaches = env.reaches.get(other) == Some(&true);
        if self.sight.look(reaches, other_reaches, now_ms) && self.stopping.is_none() {
            env.note(|| format!("{} is blind and hands over", self.name));
            env.switching = Some(self.process);
            self.stop(Some(InstanceName { letter: if other == 0 { 'a' } else { 'b' }, ..self.name }), env);
        }
        self.pulse.stuck().is_none()
    }

    /// Whether the lease may be renewed.
    pub(super) fn may_renew(&self) -> bool {
        self.pulse.may_renew() && self.stuck != Some(Thread::Committer)
    }
}
