//! `cargo xtask sim`: plays seeds, and says how to play a failing one again.

mod mutants;
mod options;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use options::Options;
use tandem_simulation::{Coverage, Finding, Outcome, World};

/// From so many seeds on each kind of fault must have come in each phase.
const COVERS_FROM: u64 = 2_000;

/// Lines of a failing seed's trace that are shown.
const SHOWN: usize = 40;

/// A longer line of a trace is cut.
const LINE_CHARS: usize = 400;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(unknown) = mutants::plant(options.planted.as_deref()) {
        eprintln!("sim: {unknown}");
        return ExitCode::FAILURE;
    }
    let good = if options.mutants { mutants::run(&options) } else { seeds(&options) };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Counted over all seeds.
#[derive(Default)]
struct Sum {
    seeds: u64,
    simulated_ms: u64,
    calls: u64,
    leads: u64,
    coverage: Coverage,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated_ms += outcome.simulated_ms;
        self.calls += outcome.calls;
        self.leads += outcome.leads;
        self.coverage.add(&outcome.coverage);
    }
}

/// Plays them on as many threads as there are cores: each seed is a world of its own.
fn seeds(options: &Options) -> bool {
    let begun = Instant::now();
    let until = options.minutes.map(|minutes| begun + Duration::from_secs(minutes * 60));
    let next = AtomicU64::new(options.first_seed);
    let (mut sum, mut failed) = (Sum::default(), 0_u64);
    let (outcomes, played) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs() {
            let (outcomes, next) = (outcomes.clone(), &next);
            scope.spawn(move || {
                let _ = mutants::plant(options.planted.as_deref());
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if until.map_or(seed - options.first_seed >= options.seeds, |until| Instant::now() >= until) {
                        return;
                    }
                    let _ = outcomes.send((seed, one(seed, options)));
                }
            });
        }
        drop(outcomes);
        for (seed, outcome) in played {
            let finding = match outcome {
                Ok(outcome) => {
                    sum.add(&outcome);
                    if options.trace && seed == options.first_seed {
                        outcome.trace.lines().for_each(|line| println!("{}", cut(line)));
                    }
                    outcome.finding
                }
                Err(finding) => Some(finding),
            };
            if let Some(finding) = finding {
                failed += 1;
                show(seed, &finding, options);
            }
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    let Sum { seeds, simulated_ms, calls, leads, coverage } = sum;
    println!("{}", coverage.table());
    println!(
        "{seeds} seeds, {:.1} simulated hours, {calls} calls, {} faults, {leads} times a primary led; {:.0} simulated seconds a second",
        simulated_ms as f64 / 3_600_000.0,
        coverage.faults(),
        simulated_ms as f64 / 1_000.0 / seconds,
    );
    let empty = coverage.empty();
    let covered = seeds < COVERS_FROM || options.planted.is_some() || empty.is_empty();
    if !covered {
        println!("never came in {seeds} seeds: {empty:?}");
    }
    println!("{failed} seeds failed");
    failed == 0 && covered
}

fn jobs() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// One seed, or the same twice.
fn one(seed: u64, options: &Options) -> Result<Outcome, Finding> {
    let traced = options.doublecheck || (options.trace && seed == options.first_seed) || World::is_in_wasm(seed);
    let outcome = play(seed, traced)?;
    let differs = || play(seed, true).map_or(true, |again| again.trace.hash() != outcome.trace.hash());
    if outcome.finding.is_none() && options.doublecheck && differs() {
        return Err(Finding { checker: "doublecheck", what: "two runs of the seed differ".to_owned() });
    }
    if let Some(as_components) = World::play_in_wasm(seed, true).filter(|_| outcome.finding.is_none()) {
        if as_components.trace.hash() != outcome.trace.hash() {
            let what = first_difference(&outcome, &as_components);
            return Err(Finding { checker: "wasm", what });
        }
        return Ok(Outcome { finding: as_components.finding, ..outcome });
    }
    Ok(outcome)
}

fn first_difference(natively: &Outcome, as_components: &Outcome) -> String {
    let mut pairs = natively.trace.lines().zip(as_components.trace.lines());
    let (one, other) = pairs.find(|(one, other)| one != other).unwrap_or(("", "one of them goes on"));
    format!("as components it goes otherwise than natively: {} instead of {}", cut(other), cut(one))
}

/// A panic is a finding, too, but not one of a checker.
fn play(seed: u64, traced: bool) -> Result<Outcome, Finding> {
    catch_unwind(AssertUnwindSafe(|| World::play(seed, traced))).map_err(|cause| {
        let words = cause.downcast_ref::<String>().cloned();
        let what = words.or_else(|| cause.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default();
        Finding { checker: "panic", what }
    })
}

/// What went wrong, the end of what happened, and how to see it again.
fn show(seed: u64, finding: &Finding, options: &Options) {
    println!("seed {seed} failed: {}: {}", finding.checker, finding.what);
    let _ = mutants::plant(options.planted.as_deref());
    if let Ok(outcome) = play(seed, true) {
        let lines: Vec<&str> = outcome.trace.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(SHOWN)).for_each(|line| println!("    {}", cut(line)));
    }
    let planted = options.planted.as_ref().map_or(String::new(), |bug| format!(" --planted {bug}"));
    println!("  again: cargo xtask sim --first-seed {seed} --seeds 1 --trace{planted}");
}

fn cut(line: &str) -> String {
    line.chars().take(LINE_CHARS).collect()
}
