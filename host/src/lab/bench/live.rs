//! What an idle live session costs in memory: the growth of the process with 10,000 of them.

use std::{fs, path::Path, sync::Arc};

use miette::{IntoDiagnostic, Report, miette};
use tandem_session::{Effort, Guests as _, Place};
use tandem_strategy::{Catalogue, Cells, Engine, Strategy};
use tandem_switch_link::{GatewayFrame, GatewayMessage, HostMessage};
use tandem_words::{Context, Origin, SessionId};

use super::{instance, steps, switch::BenchSwitch};
use crate::{
    node::Inbox,
    switch_link::{Outgoing, Unsent},
};

/// Sessions that are there before the growth is measured: threads, caches and the first cell have their memory then.
const BEFORE: u32 = 2_000;
/// Sessions whose growth is measured.
const MEASURED: u32 = 10_000;
/// Calls that come in one frame: a large one would itself be what grows.
const AT_ONCE: u32 = 100;

/// Bytes of a session, all in: guest, state, timers, tables. Each has made two steps, and waits.
pub fn bytes_per_session(engine: &Engine, folder: &Path, payload: &str) -> miette::Result<f64> {
    let ready = instance::prepare(engine, &folder.join("live.db"))?;
    let (inbox, handle) = (ready.inbox(), ready.handle.clone());
    let running = std::thread::spawn(move || ready.run_linked());
    let (outgoing, unsent) = Outgoing::channel();
    inbox.connected(outgoing);
    let mut stage = Stage { switch: BenchSwitch::new(instance::switch(), 0, payload.to_owned()), inbox, unsent, seq: 0, idle: false };
    stage.switch.rests = true;
    stage.grow_to(BEFORE)?;
    let before = resident_bytes()?;
    stage.grow_to(BEFORE + MEASURED)?;
    let after = resident_bytes()?;
    steps::stop(&handle, running)?;
    Ok((after - before) / f64::from(MEASURED))
}

struct Stage {
    switch: BenchSwitch,
    inbox: Inbox,
    unsent: Unsent,
    seq: u64,
    idle: bool,
}

impl Stage {
    /// Until there are so many, and all of them rest.
    fn grow_to(&mut self, sessions: u32) -> miette::Result<()> {
        loop {
            if self.idle {
                let more = sessions.saturating_sub(self.switch.calls()).min(AT_ONCE);
                if more == 0 {
                    return Ok(());
                }
                let calls = self.switch.more(more);
                self.say(calls);
            }
            let messages = self.unsent.blocking_next().ok_or_else(|| miette!("the bench's instance ended"))?;
            let idle = messages.iter().any(|message| matches!(message, HostMessage::Idle { seq, .. } if *seq == self.seq));
            let answers = self.switch.answer(messages);
            self.idle |= idle;
            if !answers.is_empty() {
                self.say(answers);
            }
        }
    }

    fn say(&mut self, messages: Vec<GatewayMessage>) {
        (self.seq, self.idle) = (self.seq + 1, false);
        self.inbox.frame(GatewayFrame { seq: self.seq, messages });
    }
}

/// The bare figure beside it: the same number of guest sessions in cells, and nothing of the host around them.
pub fn bytes_per_guest(engine: &Engine) -> miette::Result<f64> {
    let catalogue = Arc::new(Catalogue::new());
    let strategy = Strategy::load(engine, tandem_strategies::BENCH_GUEST, None).map_err(Report::msg)?;
    let version = strategy.version();
    catalogue.add(strategy).map_err(Report::msg)?;
    let mut cells = Cells::new(engine.clone(), catalogue, Box::new(|| ()));
    let mut start = |number: u32| {
        let session_id = SessionId { node: 101, epoch: 1, number: number.into() };
        let context = Context { session_id, incarnation: 1, origin: Origin::Interaction, started_at: 0, parameters: Vec::new() };
        cells.start(&version, &context, Place::Shared, Effort::First).map_err(Report::msg)
    };
    (0..BEFORE).try_for_each(&mut start)?;
    let before = resident_bytes()?;
    (BEFORE..BEFORE + MEASURED).try_for_each(&mut start)?;
    Ok((resident_bytes()? - before) / f64::from(MEASURED))
}

/// Memory of this process that is really there.
fn resident_bytes() -> miette::Result<f64> {
    let status = fs::read_to_string("/proc/self/status").into_diagnostic()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.map(|kilobytes| kilobytes * 1_024.0).ok_or_else(|| miette!("/proc/self/status does not tell VmRSS"))
}
