//! What a switchover of a real pair costs those who wait: `kill -9`, planned, and sessions that start again.

use std::{
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use miette::{Report, miette};

use super::{
    instance,
    pair::{Pair, Plan, Served},
};

/// Steps that each session has made before (design, section 14).
const STEPS: u32 = 8;

/// One `kill -9`, milliseconds from the kill.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// Until the request of the first step of a recovered session reached the switch.
    pub first_ms: f64,
    /// Until one of each had.
    pub all_ms: f64,
    /// CPU time of the new primary meanwhile.
    pub cpu_ms: f64,
    /// The bare loop beside it: reading the sessions' rows, and nothing else.
    pub read_ms: f64,
}

/// So many live sessions, each of which waits for the answer to a request; then the primary is killed, and the next one hears all of
/// the answers.
pub fn after_a_kill(folder: &Path, sessions: u32, payload: &str) -> miette::Result<Recovery> {
    let mut pair = Pair::start(folder, Plan { calls: sessions, number: "8000", steps: STEPS, payload: payload.to_owned() })?;
    let cpu = pair.heirs_cpu()?;
    let killed = pair.kill()?;
    // While nobody leads.
    pair.with(|switch| switch.answer_all());
    let all = usize::try_from(sessions).unwrap_or(usize::MAX);
    pair.until("recovered steps", |switch| switch.served().old.len() == all)?;
    let cpu_ms = ms(pair.heirs_cpu()?.saturating_sub(cpu));
    let served = pair.with(|switch| switch.served().clone());
    let after = |at: Option<&Instant>| at.map_or(f64::NAN, |at| ms(at.saturating_duration_since(killed)));
    let (first_ms, all_ms) = (after(served.old.iter().min()), after(served.old.iter().max()));
    Ok(Recovery { first_ms, all_ms, cpu_ms, read_ms: ms(read_all(&pair.store(), sessions)?) })
}

/// Between two events of the planned switchover.
const EVENT_EACH: Duration = Duration::from_millis(1);

/// How long events come before and behind it.
const AROUND: Duration = Duration::from_secs(1);

/// The longest wait, milliseconds, of an event for its step, while so many sessions live, events come to one after the other, 1,000 a
/// second, and the role is handed over; and the longest without that.
pub fn planned(folder: &Path, sessions: u32, payload: &str) -> miette::Result<(f64, f64)> {
    let pair = Pair::start(folder, Plan { calls: sessions, number: "8000", steps: STEPS, payload: payload.to_owned() })?;
    let longest = || pair.with(|switch| ms(switch.longest_wait()));
    pair.with(|switch| {
        switch.begins_anew();
        switch.begin_round(EVENT_EACH);
    });
    std::thread::sleep(AROUND);
    let before = longest();
    pair.hand_over()?;
    std::thread::sleep(AROUND);
    pair.with(|switch| switch.end_round());
    pair.until("the last event's step", |switch| !switch.somebody_waits())?;
    Ok((longest(), before))
}

/// Sessions that start again, and between two new calls meanwhile.
const RESTARTED: u32 = 400;
const NEW_CALL_EACH: Duration = Duration::from_millis(20);

/// One restart of all sessions, which are not persisted.
#[derive(Debug, Clone, Copy)]
pub struct Restart {
    /// Sessions that started again in 50 ms, over all but the first of them.
    pub per_50ms: f64,
    /// The most that did in 50 ms beginning with one of them.
    pub most_in_50ms: f64,
    /// How long a new call waited for its first step meanwhile, milliseconds: the median, and the longest.
    pub new_call_ms: f64,
    /// See above.
    pub new_call_max_ms: f64,
}

/// A kill, restarts, and new calls beside them.
pub fn restart(folder: &Path, payload: &str) -> miette::Result<Restart> {
    let mut pair = Pair::start(folder, Plan { calls: RESTARTED, number: "8001", steps: 1, payload: payload.to_owned() })?;
    pair.kill()?;
    pair.until("the first restart", |switch| !switch.served().old.is_empty())?;
    pair.with(|switch| switch.set_arrivals(Some(NEW_CALL_EACH)));
    let all = usize::try_from(RESTARTED).unwrap_or(usize::MAX);
    pair.until("the last restart", |switch| switch.served().old.len() == all)?;
    pair.with(|switch| switch.set_arrivals(None));
    pair.until("the last new call", |switch| !switch.somebody_new_waits())?;
    let Served { mut old, mut new } = pair.with(|switch| switch.served().clone());
    old.sort_unstable();
    new.sort_unstable();
    let (Some(first), Some(last), Some(longest)) = (old.first(), old.last(), new.last()) else {
        return Err(miette!("nobody was served: {} old calls, {} new ones", old.len(), new.len()));
    };
    let window = Duration::from_millis(50);
    let within = |from: &Instant| old.iter().filter(|at| **at >= *from && **at < *from + window).count();
    let most = old.iter().map(within).max().unwrap_or_default();
    Ok(Restart {
        per_50ms: f64::from(RESTARTED - 1) * 50.0 / ms(last.saturating_duration_since(*first)),
        most_in_50ms: most as f64,
        new_call_ms: new.get(new.len() / 2).map_or(f64::NAN, |wait| ms(*wait)),
        new_call_max_ms: ms(*longest),
    })
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn read_all(store: &Path, sessions: u32) -> miette::Result<Duration> {
    let begin = Instant::now();
    let mut reader = tandem_store::open_reader(store).map_err(Report::msg)?;
    let mut read = 0;
    let mut count = |_, _| {
        read += 1;
        ControlFlow::Continue(())
    };
    reader.for_each_live_session(instance::INSTANCE.node, &mut count).map_err(Report::msg)?;
    if read == sessions { Ok(begin.elapsed()) } else { Err(miette!("{read} of {sessions} sessions are in the bench's store")) }
}
