//! The host's side of one instance: what its imports work on while a call runs.

use std::{mem, sync::Arc};

use tandem_journal::LogLevel;
use tandem_session::{Draft, Effort};
use tandem_words::{Context, Event, RequestBody, RequestId, SessionId, Timestamp};
use wasmtime::Result;

use crate::{
    EngineLimits,
    deadline::{Deadline, OutOfTime},
    memory::Memory,
    wasi::{VirtualWasi, mix},
};

/// Told of every tick that passes while a guest runs.
pub(crate) type Tick = Arc<dyn Fn() + Send + Sync>;

/// Log lines of one call outside `on-event`, and bytes of each; those within are bounded by their draft.
const LINES_PER_CALL: u32 = 100;
const LINE_BYTES: usize = 1_000;
/// Of the last line that says what went wrong, for the failure's message.
const LAST_WORDS_BYTES: usize = 400;

/// An import was used where the contract does not allow it.
#[derive(Debug, thiserror::Error)]
#[error("it called {import} in {call}; requests and reads belong in on-event, and elsewhere only control.log is allowed")]
pub(crate) struct OutsideEvent {
    import: &'static str,
    call: &'static str,
}

enum Doing {
    Nothing,
    /// A call other than `on-event`, with the lines it has logged.
    Call(&'static str, u32),
    Step(Draft),
}

/// See the module.
pub(crate) struct HostSide {
    strategy: Arc<str>,
    session: Option<SessionId>,
    doing: Doing,
    last_words: Option<String>,
    at: Timestamp,
    seed: u64,
    deadline: Deadline,
    tick: Tick,
    limits: EngineLimits,
    pub(crate) memory: Memory,
    /// Made when it is first used.
    wasi: Option<Box<VirtualWasi>>,
}

impl HostSide {
    pub(crate) fn new(strategy: Arc<str>, limits: EngineLimits, tick: Tick) -> Self {
        HostSide {
            strategy,
            session: None,
            doing: Doing::Nothing,
            last_words: None,
            at: 0,
            seed: 0,
            deadline: Deadline::new(limits.call_times(Effort::First)),
            tick,
            memory: Memory::new(&limits),
            limits,
            wasi: None,
        }
    }

    /// A call begins that knows no session.
    pub(crate) fn begin(&mut self, call: &'static str) {
        self.begin_any(Doing::Call(call, 0), None, 0, 0, Effort::First);
    }

    /// `start` or `restore` begins.
    pub(crate) fn begin_with(&mut self, call: &'static str, context: &Context, effort: Effort) {
        let id = context.session_id;
        let seed = [u64::from(id.node), id.epoch, id.number, context.incarnation.into()].into_iter().fold(0, |seed, part| mix(seed ^ part));
        // What was logged once is not logged again.
        let logged = if effort == Effort::Replay { LINES_PER_CALL } else { 0 };
        self.begin_any(Doing::Call(call, logged), Some(id), context.started_at, seed, effort);
    }

    /// `snapshot` begins, or a session is dropped: the time is still that of the event before.
    pub(crate) fn begin_for(&mut self, call: &'static str, session: SessionId) {
        self.begin_any(Doing::Call(call, 0), Some(session), self.at, 0, Effort::First);
    }

    /// `on-event` begins.
    pub(crate) fn begin_step(&mut self, session: SessionId, event: &Event, draft: Draft, effort: Effort) {
        self.begin_any(Doing::Step(draft), Some(session), event.at, event.seed, effort);
    }

    fn begin_any(&mut self, doing: Doing, session: Option<SessionId>, at: Timestamp, seed: u64, effort: Effort) {
        (self.doing, self.session, self.at, self.seed) = (doing, session, at, seed);
        self.last_words = None;
        self.deadline = Deadline::new(self.limits.call_times(effort));
        self.memory.begin_call();
        if let Some(wasi) = &mut self.wasi {
            wasi.set(at, seed);
        }
    }

    /// The call has ended, well or not. Gives back the draft of a step.
    pub(crate) fn end(&mut self) -> Option<Draft> {
        if let Some((out, err)) = self.wasi.as_mut().map(|wasi| wasi.take_output()) {
            out.lines().for_each(|line| self.write_log(LogLevel::Info, line.to_owned()));
            err.lines().for_each(|line| self.write_log(LogLevel::Warn, line.to_owned()));
            if let Some(line) = err.lines().last() {
                self.last_words = Some(cut(line.to_owned(), LAST_WORDS_BYTES));
            }
        }
        match mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Step(draft) => Some(draft),
            Doing::Nothing | Doing::Call(..) => None,
        }
    }

    /// The last line of the call that just ended that was logged as an error: Rust's panic message, Python's exception.
    pub(crate) fn last_words(&mut self) -> Option<String> {
        self.last_words.take()
    }

    /// The epoch has moved on while a guest runs.
    pub(crate) fn tick(&mut self) -> Result<(), OutOfTime> {
        (self.tick)();
        self.deadline.tick()
    }

    /// What the running step has asked for; an error, which stops the guest, where no step runs.
    pub(crate) fn draft(&mut self, import: &'static str) -> Result<&mut Draft, OutsideEvent> {
        match &mut self.doing {
            Doing::Step(draft) => Ok(draft),
            Doing::Call(call, _) => Err(OutsideEvent { import, call }),
            Doing::Nothing => Err(OutsideEvent { import, call: "no call at all" }),
        }
    }

    pub(crate) fn request(&mut self, body: RequestBody) -> Result<RequestId> {
        Ok(self.draft(body.name())?.request(body)?)
    }

    pub(crate) fn write_log(&mut self, level: LogLevel, text: String) {
        if level == LogLevel::Error {
            self.last_words = Some(cut(text.clone(), LAST_WORDS_BYTES));
        }
        match &mut self.doing {
            Doing::Step(draft) => draft.log(level, text),
            Doing::Call(_, lines) if *lines >= LINES_PER_CALL => {}
            Doing::Call(call, lines) => {
                *lines += 1;
                let (strategy, session, text) = (&*self.strategy, self.session.map(tracing::field::display), cut(text, LINE_BYTES));
                match level {
                    LogLevel::Debug => tracing::debug!(strategy, session, call, "{text}"),
                    LogLevel::Info => tracing::info!(strategy, session, call, "{text}"),
                    LogLevel::Warn => tracing::warn!(strategy, session, call, "{text}"),
                    LogLevel::Error => tracing::error!(strategy, session, call, "{text}"),
                }
            }
            Doing::Nothing => {}
        }
    }

    pub(crate) fn wasi(&mut self) -> &mut VirtualWasi {
        let (at, seed) = (self.at, self.seed);
        self.wasi.get_or_insert_with(|| Box::new(VirtualWasi::new(at, seed)))
    }
}

/// At most so many bytes of a text, and a sign that there was more.
pub(crate) fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let at = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(at);
        text.push('…');
    }
    text
}
