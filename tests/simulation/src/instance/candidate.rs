//! A candidate in a process: it looks at lease and lock, and does what the rules of `tandem_node::role` say.

use tandem_node::role::{Candidate, CandidateOptions, LeaseSeen, LockSeen, Move, Observation};

use super::{Instance, Role, follower::Follower};
use crate::{
    agenda::{Doing, Process},
    env::Env,
};

/// How long the taking of the lease waits where another writer is in the way, µs.
const REPEAT_AFTER_US: u64 = 20_000;

/// See the module.
pub struct Watch {
    candidate: Candidate,
}

impl Instance {
    pub(super) fn candidate_options(&self, env: &Env) -> CandidateOptions {
        CandidateOptions {
            instance: self.name,
            timeout_ms: env.plan.lease_timeout_ms,
            preferred: env.plan.preferred,
            fencing: env.plan.fencing,
        }
    }

    /// It watches from now on.
    pub(super) fn watch(&mut self, candidate: Candidate, env: &mut Env) {
        self.role = Role::Watching(Watch { candidate });
        self.run += 1;
        self.new_link(env);
        self.new_backup(env);
        self.follower = Some(Follower::new(self.process, self.run, self.name.node, env));
        env.plan_in(self.process, self.run, 100, Doing::Look);
        env.plan_in(self.process, self.run, 250_000, Doing::Heartbeat);
    }

    /// It looks at the lease, or the lock came free. `again`: this is one of the looks that are made each quarter of the timeout.
    pub(super) fn look(&mut self, again: bool, env: &mut Env) {
        let now_ms = self.now_ms(env);
        if again {
            env.plan_in(self.process, self.run, env.plan.lease_timeout_ms * 250, Doing::Look);
        }
        let Role::Watching(watch) = &mut self.role else { return };
        let row = env.disk.lease(self.name.node);
        let lease = row.as_ref().map(|row| LeaseSeen {
            epoch: row.lease.epoch,
            counter: row.lease.counter,
            released: row.released,
            holder: row.holder.instance,
            heir: row.heir,
        });
        if again {
            let locked_by = env.locked_last.map_or(0, |process| u64::from(process.life) * 2 + process.instance as u64 + 1);
            watch.candidate.saw(
                Observation { lease, locked_by, beat: if env.locked_last == Some(self.process) { 0 } else { env.beat } },
                now_ms,
                now_ms,
            );
        }
        if watch.candidate.wants_lock(now_ms) {
            env.try_lock(self.process);
        }
        let holder = row.map(|row| Process { instance: usize::from(row.holder.instance.letter == 'b'), life: row.holder.pid });
        let holder = holder.filter(|holder| *holder != self.process);
        let mine = env.lock == Some(self.process);
        let holder_lives = holder.is_some_and(|holder| env.lives(holder));
        watch.candidate.lock(if mine { LockSeen::Mine { holder_lives } } else { LockSeen::NotMine });
        match watch.candidate.decide(now_ms) {
            Move::Watch => {}
            Move::Lead => {
                if let Role::Watching(watch) = std::mem::replace(&mut self.role, Role::Gone) {
                    self.role = Role::Taking(watch);
                }
                self.take_lease(env);
            }
            Move::Kill { epoch } => {
                let victim = if mine { holder } else { env.lock };
                env.note(|| format!("{} has {victim:?} killed, epoch {epoch}", self.name));
                env.kills.extend(victim);
            }
        }
    }

    /// The transaction that takes the lease begins, or waits for another writer.
    pub(super) fn take_lease(&mut self, env: &mut Env) {
        let began_ms = self.now_ms(env);
        if env.disk.begin(self.process) {
            let delay_us = env.commit_delay_us();
            env.plan_in(self.process, self.run, delay_us, Doing::Taken { began_ms });
        } else {
            env.plan_in(self.process, self.run, REPEAT_AFTER_US, Doing::Again);
        }
    }
}
