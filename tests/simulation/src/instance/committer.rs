//! The committer of a simulated primary: one transaction at a time, everything that waits in each, repeated until it is
//! acknowledged or the lease is gone (as `host/src/session/committer.rs`).

use tandem_journal::{Lease, LostClaim};
use tandem_session::CommitQueue;
use tandem_store::StoreError;
use tandem_words::InstanceName;

use super::{
    floor::ToCommitter,
    leader::{Leader, ToNode},
};
use crate::{
    agenda::{Doing, Thread},
    env::Env,
    store::is_repeated,
};

/// How long a failed batch waits before it is repeated, µs.
const REPEAT_AFTER_US: u64 = 50_000;

/// See the module.
#[derive(Debug)]
pub struct Committer {
    queue: CommitQueue,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It waits for something to do.
    Idle,
    /// A batch is to be tried again.
    Repeating,
    /// The transaction is open; when it began, by the process's own clock.
    Open(u64),
    /// It is durable.
    Durable(u64, Vec<LostClaim>),
    /// The lease is to be given back.
    Releasing(Option<InstanceName>, bool),
}

impl Committer {
    /// Of a primary with this lease.
    pub fn new(lease: Lease) -> Committer {
        Committer { queue: CommitQueue::new(lease, "main".into()), stage: Stage::Idle }
    }

    /// The lease.
    pub fn lease(&self) -> Lease {
        self.queue.lease()
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }
}

impl Leader {
    /// The committer's thread wakes up. False: the process must end.
    pub(super) fn commit(&mut self, now_ms: u64, env: &mut Env) -> bool {
        if !self.committer.is_idle() {
            return true;
        }
        let mut flush = false;
        let queue = &mut self.committer.queue;
        while let Some(message) = self.hands.to_committer.pop_front() {
            match message {
                ToCommitter::Finished(finished, rows) => queue.finished(*finished, rows),
                ToCommitter::Ignored(mark) => queue.ignored(mark),
                ToCommitter::Follow(mark) => queue.follow(mark),
                ToCommitter::Prepare(mark) => queue.prepare(mark),
                ToCommitter::Solo(solo) => {
                    queue.set_solo(solo);
                    flush |= !solo;
                }
                ToCommitter::Flush => flush = true,
                ToCommitter::Release(heir) => {
                    self.committer.stage = Stage::Releasing(heir, false);
                    return self.again(now_ms, env);
                }
            }
        }
        if flush || !self.committer.queue.is_empty() || self.tenure.wants_renewal(now_ms) {
            return self.try_commit(now_ms, env);
        }
        self.poke_if_quiet(env);
        true
    }

    /// Nothing was committed for a quarter of the timeout: time to renew.
    pub fn renew(&mut self, now_ms: u64, env: &mut Env) -> bool {
        env.plan_in(self.process, self.run, env.plan.lease_timeout_ms * 250, Doing::Renew);
        if self.committer.is_idle() && self.hands.to_committer.is_empty() && self.may_renew() {
            return self.try_commit(now_ms, env);
        }
        true
    }

    /// The transaction begins, or is tried again.
    pub fn again(&mut self, now_ms: u64, env: &mut Env) -> bool {
        match self.committer.stage {
            Stage::Releasing(heir, false) => {
                if env.disk.begin(self.process) {
                    self.committer.stage = Stage::Releasing(heir, true);
                    let delay_us = env.commit_delay_us();
                    env.plan_in(self.process, self.run, delay_us, Doing::Released);
                } else {
                    env.plan_in(self.process, self.run, REPEAT_AFTER_US, Doing::Again);
                }
                true
            }
            Stage::Repeating => self.try_commit(now_ms, env),
            _ => true,
        }
    }

    fn try_commit(&mut self, now_ms: u64, env: &mut Env) -> bool {
        self.committer.stage = Stage::Repeating;
        let busy = env.disk.mood.busy_percent > 0 && env.chance.percent(env.disk.mood.busy_percent);
        if !self.may_renew() || busy || !env.disk.begin(self.process) {
            if self.may_renew() {
                env.beats(self.process);
            }
            env.plan_in(self.process, self.run, REPEAT_AFTER_US, Doing::Again);
            return true;
        }
        env.judge.renews(self.process, env.now_us);
        self.committer.stage = Stage::Open(now_ms);
        let delay_us = env.commit_delay_us();
        env.plan_in(self.process, self.run, delay_us, Doing::Apply);
        true
    }

    /// The transaction becomes durable, or does not. False: the process must end.
    pub fn apply(&mut self, env: &mut Env) -> bool {
        let Stage::Open(began_ms) = self.committer.stage else { return true };
        let fails = std::mem::take(&mut env.disk.mood.fails_next);
        if fails && env.chance.percent(50) {
            env.disk.end(self.process);
            return false;
        }
        let batch = self.committer.queue.batch(env.plan.rows_per_batch);
        let result = env.disk.commit(self.process, batch);
        env.judge.committed(self.process, env.switch_now, batch, &result);
        env.trace.note(env.now_us, || format!("{:?} commits {:?} {} rows: {result:?}", self.process, batch.lease, batch.rows.len()));
        if fails {
            env.disk.end(self.process);
            return false;
        }
        match result {
            Ok(_) if env.disk.mood.unknown_percent > 0 && env.chance.percent(env.disk.mood.unknown_percent) => {
                env.disk.end(self.process);
                self.committer.stage = Stage::Repeating;
                env.plan_in(self.process, self.run, REPEAT_AFTER_US, Doing::Again);
                true
            }
            Ok(lost) => {
                self.committer.stage = Stage::Durable(began_ms, lost);
                let delay_us = env.commit_delay_us();
                env.plan_in(self.process, self.run, delay_us, Doing::Acknowledged);
                true
            }
            Err(error) => {
                env.disk.end(self.process);
                self.store_failed(&error, env)
            }
        }
    }

    fn store_failed(&mut self, error: &StoreError, env: &mut Env) -> bool {
        if is_repeated(error) {
            if self.may_renew() {
                env.beats(self.process);
            }
            self.committer.stage = Stage::Repeating;
            env.plan_in(self.process, self.run, REPEAT_AFTER_US, Doing::Again);
            return true;
        }
        if matches!(error, StoreError::OutOfOrder { .. } | StoreError::Misfit { .. } | StoreError::Damaged { .. }) {
            env.judge.find("journal", format!("the store was given what cannot stand: {error}"));
        }
        false
    }

    /// The committer hears that the transaction is durable.
    pub fn acknowledged(&mut self, now_ms: u64, env: &mut Env) -> bool {
        let Stage::Durable(began_ms, lost) = std::mem::replace(&mut self.committer.stage, Stage::Idle) else { return true };
        env.disk.end(self.process);
        self.tenure.renewed(began_ms);
        let items = self.committer.queue.acknowledged(&lost);
        let w = self.committer.queue.durable();
        let more = !self.committer.queue.is_empty();
        if more {
            self.committer.stage = Stage::Repeating;
        }
        self.tell(ToNode::Durable(items, w), env);
        if more {
            return self.try_commit(now_ms, env);
        }
        if !self.hands.to_committer.is_empty() {
            self.poke(Thread::Committer, env);
        }
        true
    }

    /// The lease is given back: this was the last thing that the primary did.
    pub fn released(&mut self, env: &mut Env) {
        if let Stage::Releasing(heir, _) = self.committer.stage {
            let released = env.disk.release_lease(self.process, self.committer.lease(), heir);
            env.note(|| format!("{:?} gives the lease back for {heir:?}: {released:?}", self.process));
        }
        env.disk.end(self.process);
    }
}
