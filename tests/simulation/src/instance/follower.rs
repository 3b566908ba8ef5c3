//! What a backup reads while it waits: its primary's journal, as it is written; and its guests, which make each step again (as
//! `host/src/node/follower.rs`).

use std::ops::ControlFlow;

use tandem_journal::decode;
use tandem_session::{Folded, Following, Records};
use tandem_words::NodeId;

use super::floor::{WORKERS, owner};
use crate::{
    agenda::{Doing, Process},
    env::Env,
    strategies::Guests,
};

/// See the module.
pub struct Follower {
    process: Process,
    run: u32,
    node: NodeId,
    stage: Stage,
    workers: Vec<Following<Guests>>,
    /// The last row that was read.
    through: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The thread begins.
    Begins,
    /// The journal's last row is known; the sessions are to be read.
    Reads,
    Follows,
    /// More sessions live than are followed.
    GivenUp,
}

/// What was followed for one worker.
pub struct Followed {
    /// Those that have kept up.
    pub guests: Guests,
    /// The worker's sessions, as the store has them.
    pub sessions: Vec<Folded>,
    /// How many of them lack a guest that they had better have.
    pub absent: usize,
}

impl Follower {
    /// One that knows nothing yet.
    pub fn new(process: Process, run: u32, node: NodeId, env: &mut Env) -> Follower {
        let following = |_| Following::new(node, Guests::new(&env.plan), env.plan.worker);
        let workers = (0..WORKERS).map(following).collect();
        let follower = Follower { process, run, node, stage: Stage::Begins, workers, through: 0 };
        follower.reads_in(env, (50, 10_000));
        follower
    }

    fn reads_in(&self, env: &mut Env, (least_us, most_us): (u64, u64)) {
        let delay_us = env.chance.between(least_us, most_us);
        env.plan_in(self.process, self.run, delay_us, Doing::Follow);
    }

    /// It reads what is there.
    pub fn reads(&mut self, env: &mut Env) {
        let next_us = match self.stage {
            Stage::Begins => {
                self.through = env.disk.reader().last_row().unwrap_or_default();
                self.stage = Stage::Reads;
                // Now and then much is written until it comes to the sessions.
                if env.chance.percent(20) { (1_000, 900_000) } else { (10, 3_000) }
            }
            Stage::Reads => {
                let workers = &mut self.workers;
                let mut damaged = None;
                let _ = env.disk.reader().for_each_live_session(self.node, &mut |session, rows| {
                    let worker = workers.get_mut(owner(session));
                    let begun = worker.map_or(Ok(()), |worker| Records::read(&rows).and_then(|records| worker.begin(&records, &|| true)));
                    damaged = begun.err().or(damaged.take());
                    ControlFlow::Continue(())
                });
                self.stage = Stage::Follows;
                self.tells(damaged, env);
                (10, 50_000)
            }
            Stage::Follows => {
                // There may be more to do than time for it.
                let folds_only = env.chance.percent(10);
                self.workers.iter_mut().for_each(|worker| worker.fold_only(folds_only));
                let more = self.takes(env);
                if !more {
                    self.rebuilds(env);
                }
                // It may be kept from reading for long.
                let late = env.chance.percent(2);
                if more { (10, 200) } else { (50_000, if late { 5_000_000 } else { 80_000 }) }
            }
            Stage::GivenUp => return,
        };
        if self.workers.iter().map(Following::len).sum::<usize>() > env.plan.most_followed {
            self.stage = Stage::GivenUp;
        }
        self.reads_in(env, next_us);
    }

    /// Reads some rows. True: there may be more.
    fn takes(&mut self, env: &mut Env) -> bool {
        let (at_once, mut rows, mut taken) = (env.plan.rows_followed_at_once, 0, Ok(()));
        let (through, workers) = (&mut self.through, &mut self.workers);
        let _ = env.disk.reader().rows_behind(*through, at_once, &mut |at, data| {
            (*through, rows) = (at, rows + 1);
            if taken.is_ok() {
                let record = decode(data).map_err(|error| error.to_string());
                let follow = |record| {
                    workers.get_mut(owner(tandem_journal::Record::session(&record))).map_or(Ok(()), |worker| worker.record(&record))
                };
                taken = record.and_then(follow);
            }
        });
        self.tells(taken.err(), env);
        rows == at_once
    }

    /// Guests that were left behind.
    fn rebuilds(&mut self, env: &mut Env) {
        let at_once = env.chance.between(0, 4);
        // One that must wait is given up in the middle: as many steps as this.
        let given_up = env.chance.percent(10);
        let steps = std::cell::Cell::new(if given_up { env.chance.between(0, 4) } else { u64::MAX });
        for worker in &mut self.workers {
            worker.fold_only(false);
            for _ in 0..at_once {
                let Some(session) = worker.next_absent() else { break };
                let rows = env.disk.reader().session_rows(session).ok().flatten();
                let on = || steps.replace(steps.get().saturating_sub(1)) > 0;
                let begun = rows.map_or(Ok(()), |rows| Records::read(&rows).and_then(|records| worker.begin(&records, &on)));
                if let Err(what) = begun {
                    env.judge.find("journal", format!("it could not be followed: {what}"));
                }
            }
        }
        self.tells(None, env);
    }

    fn tells(&mut self, damaged: Option<String>, env: &mut Env) {
        if let Some(what) = damaged {
            env.judge.find("journal", format!("it could not be followed: {what}"));
        }
        for (session, failure) in self.workers.iter_mut().flat_map(Following::take_failures) {
            env.trace.note(env.now_us, || format!("{session} differs in the backup: {}", failure.message));
            if env.plan.differ == [false; 4] {
                env.judge.find("P10", format!("{session} could not be followed, and no strategy differs: {}", failure.message));
            }
        }
    }

    /// Of a new primary that has its lease: the node's sessions, for each worker. None: it does not know them all.
    pub fn finish(mut self, env: &mut Env) -> Option<Vec<Followed>> {
        if self.stage != Stage::Follows {
            return None;
        }
        // A busy store, or a row that cannot be read.
        if env.chance.percent(2 + env.disk.mood.busy_percent / 4) {
            return None;
        }
        self.workers.iter_mut().for_each(|worker| worker.fold_only(false));
        loop {
            // The guests are not waited for for long.
            if env.chance.percent(15) {
                self.workers.iter_mut().for_each(|worker| worker.fold_only(true));
            }
            if !self.takes(env) {
                break;
            }
        }
        let followed = |following: Following<Guests>| {
            let absent = following.absent();
            let (guests, sessions) = following.into_parts();
            Followed { guests, sessions, absent }
        };
        let followed: Vec<_> = self.workers.into_iter().map(followed).collect();
        env.note(|| {
            let with_guest = followed.iter().flat_map(|worker| &worker.sessions).filter(|folded| folded.here).count();
            let sessions: usize = followed.iter().map(|worker| worker.sessions.len()).sum();
            format!("{:?} has followed {sessions} sessions, {with_guest} with their guests", self.process)
        });
        Some(followed)
    }
}
