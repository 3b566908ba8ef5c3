//! What a backup reads while it waits: its primary's journal, as it is written (as `host/src/node/follower.rs`).

use std::ops::ControlFlow;

use tandem_session::{Folded, Following, fold};
use tandem_words::NodeId;

use crate::{
    agenda::{Doing, Process},
    env::Env,
};

/// See the module.
pub struct Follower {
    process: Process,
    run: u32,
    node: NodeId,
    stage: Stage,
}

enum Stage {
    /// The thread begins.
    Begins,
    /// The journal's last row is known; the sessions are to be read.
    Reads(u64),
    Follows(Following),
    /// More sessions live than are followed.
    GivenUp,
}

impl Follower {
    /// One that knows nothing yet.
    pub fn new(process: Process, run: u32, node: NodeId, env: &mut Env) -> Follower {
        let follower = Follower { process, run, node, stage: Stage::Begins };
        follower.reads_in(env, (50, 10_000));
        follower
    }

    fn reads_in(&self, env: &mut Env, (least_us, most_us): (u64, u64)) {
        let delay_us = env.chance.between(least_us, most_us);
        env.plan_in(self.process, self.run, delay_us, Doing::Follow);
    }

    /// It reads what is there.
    pub fn reads(&mut self, env: &mut Env) {
        let most = env.plan.most_followed;
        let next_us = match &mut self.stage {
            Stage::Begins => {
                self.stage = Stage::Reads(env.disk.reader().last_row().unwrap_or_default());
                // Now and then much is written until it comes to the sessions.
                if env.chance.percent(20) { (1_000, 900_000) } else { (10, 3_000) }
            }
            Stage::Reads(through) => {
                let mut following = Following::new(self.node, *through);
                let _ = env.disk.reader().for_each_live_session(self.node, &mut |_, rows| {
                    fold(&rows).into_iter().for_each(|folded| following.begin(folded));
                    ControlFlow::Continue(())
                });
                self.stage = if following.len() > most { Stage::GivenUp } else { Stage::Follows(following) };
                (10, 50_000)
            }
            Stage::Follows(following) => {
                let more = take(following, env);
                if following.len() > most {
                    self.stage = Stage::GivenUp;
                }
                // It may be kept from reading for long.
                let late = env.chance.percent(2);
                if more { (10, 200) } else { (50_000, if late { 5_000_000 } else { 80_000 }) }
            }
            Stage::GivenUp => return,
        };
        self.reads_in(env, next_us);
    }

    /// Of a new primary that has its lease: the node's sessions. None: it does not know them all.
    pub fn finish(self, env: &mut Env) -> Option<Vec<Folded>> {
        let Stage::Follows(mut following) = self.stage else { return None };
        let last_row = env.disk.reader().last_row().ok()?;
        let gives_up_percent = 3 + env.disk.mood.busy_percent / 2;
        while !env.chance.percent(gives_up_percent) && take(&mut following, env) {}
        let sessions = following.into_sessions(last_row);
        env.note(|| format!("{:?} has followed the journal: {:?}", self.process, sessions.as_ref().map(Vec::len)));
        sessions.ok()
    }
}

/// Reads some rows. True: there may be more.
fn take(following: &mut Following, env: &mut Env) -> bool {
    let (at_once, mut rows, mut taken) = (env.plan.rows_followed_at_once, 0, Ok(()));
    let _ = env.disk.reader().rows_behind(following.through(), at_once, &mut |at, data| {
        rows += 1;
        if taken.is_ok() {
            taken = following.row(at, data);
        }
    });
    if let Err(what) = taken {
        env.judge.find("journal", format!("it could not be followed: {what}"));
    }
    rows == at_once
}
