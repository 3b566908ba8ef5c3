//! The workers' threads, and the reader's, which fetches the rows that they ask for.

use std::{cell::Cell, collections::VecDeque};

use tandem_session::{Input, Output};

use super::{Leader, ToNode};
use crate::{
    agenda::{Doing, Thread},
    env::Env,
    instance::floor::{ToCommitter, owner},
    strategies::Ears,
};

impl Leader {
    pub(super) fn work(&mut self, index: usize, env: &mut Env) {
        let waiting = self.to_workers.get(index).map_or(0, VecDeque::len);
        for _ in 0..env.chance.between(1, (waiting as u64).max(1)) {
            self.take_rows_ahead(index, env);
            let input = self.to_workers.get_mut(index).and_then(VecDeque::pop_front);
            let (Some(input), Some(worker), Some(loads)) = (input, self.workers.get_mut(index), self.ahead.loads.get_mut(index)) else {
                break;
            };
            if loads.is_of_use(&input) {
                worker.handle(input);
                self.overhear(index, env);
                self.hand_on(index, env);
            }
        }
        let idle = self.to_workers.get(index).is_none_or(VecDeque::is_empty) && !self.has_rows_ahead(index);
        // Now and then something comes in the middle of a rebuild.
        let steps = Cell::new(if env.chance.percent(20) { env.chance.between(0, 12) } else { u64::MAX });
        let goes_on = || steps.replace(steps.get().saturating_sub(1)) > 0;
        if !idle || self.workers.get_mut(index).is_some_and(|worker| worker.rebuild_ahead_while(&goes_on)) {
            self.poke(Thread::Worker(index), env);
        }
        if idle {
            self.poke_if_quiet(env);
        }
        if !self.to_reader.is_empty() {
            self.poke(Thread::Reader, env);
        }
    }

    /// What its strategies heard is shown to the judge.
    pub(super) fn overhear(&mut self, index: usize, env: &mut Env) {
        let heard = self.ears.get(index).map(Ears::take).unwrap_or_default();
        env.judge.heard(self.process, self.committer.lease().epoch, heard, env.now_us);
    }

    pub(super) fn hand_on(&mut self, index: usize, env: &mut Env) {
        let (Some(worker), Some(loads)) = (self.workers.get_mut(index), self.ahead.loads.get_mut(index)) else { return };
        let mut for_node = Vec::new();
        for output in worker.drain() {
            match output {
                Output::Finished(finished) => match finished.rows() {
                    Ok(rows) => self.hands.to_committer.push_back(ToCommitter::Finished(finished, rows)),
                    Err(error) => env.judge.find("journal", error.to_string()),
                },
                Output::Ignored(mark) => self.hands.to_committer.push_back(ToCommitter::Ignored(mark)),
                Output::Load(session) if loads.wants(session) => self.to_reader.push_back((session, false)),
                Output::Load(_) => {}
                Output::LoadAll(session) => {
                    loads.wants_all();
                    self.to_reader.push_back((session, true));
                }
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

    /// What was read is handed over, and the next is read: others may write in between.
    pub(super) fn read(&mut self, env: &mut Env) {
        if let Some((index, read)) = self.read.take() {
            if let Some(waiting) = self.to_workers.get_mut(index) {
                waiting.push_back(read);
            }
            self.poke(Thread::Worker(index), env);
        }
        if let Some((session, all)) = self.to_reader.pop_front() {
            let reader = env.disk.reader();
            let read = if all {
                Input::LoadedAll(session, reader.all_rows_of(session).unwrap_or_default())
            } else {
                Input::Loaded(session, reader.session_rows(session).ok().flatten().map(Box::new))
            };
            self.read = Some((owner(session), read));
            // Now and then the thread is kept from handing over.
            if env.chance.percent(5) {
                let delay_us = env.chance.between(1_000, 300_000);
                env.plan_in(self.process, self.run, delay_us, Doing::Thread(Thread::Reader));
            } else {
                self.poke(Thread::Reader, env);
            }
        }
    }
}
