//! `cargo xtask sim`: plays seeds, and says how to play a failing one again.

mod mutants;
mod options;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use options::Options;
use tandem_simulation::{Components, Coverage, Finding, Outcome, World, compare, is_compared};

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
    /// Of the seeds, those that were played with components, too.
    compared: u64,
    coverage: Coverage,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        self.compared += u64::from(is_compared(seed));
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
    let components = Loaded::new();
    let (mut sum, mut failed) = (Sum::default(), 0_u64);
    let (outcomes, played) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs() {
            let (outcomes, next, components) = (outcomes.clone(), &next, &components);
            scope.spawn(move || {
                let _ = mutants::plant(options.planted.as_deref());
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if until.map_or(seed - options.first_seed >= options.seeds, |until| Instant::now() >= until) {
                        return;
                    }
                    let _ = outcomes.send((seed, one(seed, options, components)));
                }
            });
        }
        drop(outcomes);
        for (seed, outcome) in played {
            let finding = match outcome {
                Ok(outcome) => {
                    sum.add(seed, &outcome);
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
    let Sum { seeds, simulated_ms, calls, leads, compared, coverage } = sum;
    println!("{}", coverage.table());
    println!(
        "{seeds} seeds ({compared} with components, too), {:.1} simulated hours, {calls} calls, {} faults, {leads} times a primary led; {:.0} simulated seconds a second",
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

/// One seed; the same twice, or with components, too, where that is wanted.
fn one(seed: u64, options: &Options, components: &Loaded) -> Result<Outcome, Finding> {
    let compared = is_compared(seed);
    let outcome = play(seed, options.doublecheck || compared || (options.trace && seed == options.first_seed))?;
    if outcome.finding.is_some() {
        return Ok(outcome);
    }
    let differs = || play(seed, true).map_or(true, |again| again.trace.hash() != outcome.trace.hash());
    if options.doublecheck && differs() {
        return Err(Finding { checker: "doublecheck", what: "two runs of the seed differ".to_owned() });
    }
    let finding = if compared { played_with_components(seed, &outcome, components)? } else { None };
    Ok(Outcome { finding, ..outcome })
}

/// The component is compiled when the first seed wants it.
type Loaded = OnceLock<Result<Components, Finding>>;

fn played_with_components(seed: u64, natively: &Outcome, components: &Loaded) -> Result<Option<Finding>, Finding> {
    let components = components.get_or_init(Components::embedded).as_ref().map_err(Clone::clone)?;
    let with_components = caught(|| World::play_with_components(seed, components))?;
    Ok(compare(natively, &with_components))
}

fn play(seed: u64, traced: bool) -> Result<Outcome, Finding> {
    caught(|| World::play(seed, traced))
}

/// A panic is a finding, too, but not one of a checker.
fn caught(play: impl FnOnce() -> Outcome) -> Result<Outcome, Finding> {
    catch_unwind(AssertUnwindSafe(play)).map_err(|cause| {
        let words = cause.downcast_ref::<String>().cloned();
        let what = words.or_else(|| cause.downcast_ref::<&str>().map(|words| (*words).to_owned())).unwrap_or_default();
        Finding { checker: "panic", what }
    })
}

/// What went wrong, the end of what happened, and how to see it again.
fn show(seed: u64, finding: &Finding, options: &Options) {
    println!("seed {seed} failed: {}: {}", finding.checker, finding.what);
    let _ = mutants::plant(options.planted.as_deref());
    // With components it went another way, and what it says is all of that.
    if finding.checker != "components"
        && let Ok(outcome) = play(seed, true)
    {
        let lines: Vec<&str> = outcome.trace.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(SHOWN)).for_each(|line| println!("    {}", cut(line)));
    }
    let planted = options.planted.as_ref().map_or(String::new(), |bug| format!(" --planted {bug}"));
    println!("  again: cargo xtask sim --first-seed {seed} --seeds 1 --trace{planted}");
}

fn cut(line: &str) -> String {
    line.chars().take(LINE_CHARS).collect()
}
