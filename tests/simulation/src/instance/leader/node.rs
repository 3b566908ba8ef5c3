//! The node's thread: what its rules decide about what came goes to the other threads, to the gateway, and to the backup.

use tandem_instance::desk;
use tandem_node::{LinkError, Phase, Stock, synch::ACKNOWLEDGES_WITHIN_MS};
use tandem_session::{Arrival, Input, Output, Worker};
use tandem_switch_link::{Mark, Refusal};

use super::{Leader, StockTaking, ToNode};
use crate::{
    agenda::{Doing, Thread},
    env::Env,
    instance::{
        floor::{ToCommitter, WORKERS},
        link::Link,
        synch::PrimaryEnd,
    },
};

/// Messages that the node's thread handles before it sends.
const AT_ONCE: usize = 512;

impl Leader {
    pub(super) fn node(&mut self, now_ms: u64, link: &mut Link, env: &mut Env) -> bool {
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
    pub(super) fn flush(&mut self, env: &mut Env) {
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
                self.begin_to_read_ahead(env);
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

    pub(super) fn send(&mut self, now_ms: u64, link: &mut Link, env: &mut Env) {
        if !self.hands.outgoing.is_empty() && self.tenure.may_act(now_ms) && link.is_made() {
            link.send(std::mem::take(&mut self.hands.outgoing), env);
        }
    }
}
