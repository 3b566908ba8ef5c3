//! `cargo xtask sim`: plays seeds, and says how to play a failing one again.

mod mutants;
mod options;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
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

fn seeds(options: &Options) -> bool {
    let begun = Instant::now();
    let until = options.minutes.map(|minutes| begun + Duration::from_secs(minutes * 60));
    let (mut sum, mut failed) = (Sum::default(), 0_u64);
    for seed in options.first_seed.. {
        if until.map_or(sum.seeds >= options.seeds, |until| Instant::now() >= until) {
            break;
        }
        let traced = options.doublecheck || (options.trace && seed == options.first_seed);
        let outcome = match play(seed, traced) {
            Ok(outcome) => outcome,
            Err(finding) => {
                failed += 1;
                show(seed, &finding, options);
                continue;
            }
        };
        if options.trace && seed == options.first_seed {
            outcome.trace.lines().for_each(|line| println!("{}", cut(line)));
        }
        sum.seeds += 1;
        sum.simulated_ms += outcome.simulated_ms;
        sum.calls += outcome.calls;
        sum.leads += outcome.leads;
        sum.coverage.add(&outcome.coverage);
        let differs = || play(seed, true).map_or(true, |again| again.trace.hash() != outcome.trace.hash());
        let finding = match outcome.finding {
            None if options.doublecheck && differs() => {
                Some(Finding { checker: "doublecheck", what: "two runs of the seed differ".to_owned() })
            }
            finding => finding,
        };
        if let Some(finding) = finding {
            failed += 1;
            show(seed, &finding, options);
        }
    }
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
