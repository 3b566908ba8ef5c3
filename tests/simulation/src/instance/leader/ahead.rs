//! The thread that reads the rows of all sessions after a takeover, and what the workers do with them (as `host/src/session/ahead.rs`
//! and `workers.rs`).

use std::{collections::VecDeque, ops::ControlFlow};

use tandem_journal::SessionRows;
use tandem_session::{Input, Loads, Records};
use tandem_words::SessionId;

use super::Leader;
use crate::{
    agenda::{Doing, Thread},
    env::Env,
    instance::floor::{WORKERS, owner},
};

type Rows = VecDeque<(SessionId, SessionRows)>;

/// See the module.
pub(super) struct Ahead {
    pass: Pass,
    /// What was read, for each worker.
    rows: [Rows; WORKERS],
    pub(super) loads: [Loads; WORKERS],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pass {
    /// It begins when stock is taken.
    Wanted,
    /// These are to be handed over.
    Reads(Rows),
    /// It is over, or there is none.
    Over,
}

impl Ahead {
    /// `wanted`: the sessions are known without their rows.
    pub(super) fn new(wanted: bool, beside: usize) -> Ahead {
        let mut ahead = Ahead { pass: Pass::Wanted, rows: Default::default(), loads: [0; WORKERS].map(|_| Loads::beside_a_pass(beside)) };
        if !wanted {
            ahead.pass = Pass::Over;
            ahead.loads.iter_mut().for_each(|loads| _ = loads.pass_is_over());
        }
        ahead
    }

    /// Whether sessions wait for the pass.
    pub(super) fn keeps_waiting(&self) -> bool {
        self.loads.iter().any(|loads| loads.waiting() > 0)
    }
}

impl Leader {
    /// Stock is taken, for the first time or once more.
    pub(super) fn begin_to_read_ahead(&mut self, env: &mut Env) {
        if self.ahead.pass != Pass::Wanted {
            return;
        }
        let mut rows = Rows::new();
        let _ = env.disk.reader().for_each_live_session(self.name.node, &mut |session, found| {
            rows.push_back((session, found));
            ControlFlow::Continue(())
        });
        self.ahead.pass = Pass::Reads(rows);
        self.poke(Thread::Ahead, env);
    }

    /// Some rows are handed over, or all have been.
    pub(super) fn read_ahead(&mut self, env: &mut Env) {
        let Pass::Reads(rows) = &mut self.ahead.pass else { return };
        let at_once = usize::try_from(env.chance.between(1, 8)).unwrap_or(1);
        for (session, found) in rows.drain(..at_once.min(rows.len())) {
            if let Some(rows) = self.ahead.rows.get_mut(owner(session)) {
                rows.push_back((session, found));
            }
        }
        if rows.is_empty() {
            self.ahead.pass = Pass::Over;
        } else {
            let delay_us = if env.chance.percent(10) { env.chance.between(1_000, 400_000) } else { env.thread_delay_us() };
            env.plan_in(self.process, self.run, delay_us, Doing::Thread(Thread::Ahead));
        }
        (0..WORKERS).for_each(|index| self.poke(Thread::Worker(index), env));
    }

    /// A worker takes what was read ahead, of one session; behind the last it hears that nothing more will come.
    pub(super) fn take_rows_ahead(&mut self, index: usize, env: &mut Env) {
        let Ahead { pass, rows, loads } = &mut self.ahead;
        let (Some(rows), Some(loads), Some(worker)) = (rows.get_mut(index), loads.get_mut(index), self.workers.get_mut(index)) else {
            return;
        };
        if let Some((session, rows)) = rows.pop_front().filter(|(session, _)| worker.wants_records(*session)) {
            if let Ok(records) = Records::read(&rows) {
                worker.handle(Input::ReadAhead(session, records));
            }
            if !worker.is_loading(session) {
                loads.brought(session);
            }
        }
        if *pass == Pass::Over && rows.is_empty() {
            self.to_reader.extend(loads.pass_is_over().into_iter().map(|session| (session, false)));
        }
        self.overhear(index, env);
        self.hand_on(index, env);
    }

    /// Whether a worker has rows to take.
    pub(super) fn has_rows_ahead(&self, index: usize) -> bool {
        self.ahead.rows.get(index).is_some_and(|rows| !rows.is_empty())
    }
}
