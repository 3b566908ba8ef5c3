//! Chores: `cargo xtask`. Each builds what is needed and calls the product with the arguments it was given; what a chore
//! *means* is decided in the product and its tests, not here.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod command;
mod lint;
mod product;
mod setup;
mod sim;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
Chores of the Tandem repository: cargo xtask CHORE

  setup                  make Rust able to build strategies (wasm32-unknown-unknown); all others do it by themselves
  demo [OPTIONS]         an hour of calls while the primary of a pair is struck again and again: `tandem demo`
  test [--all]           every test: unit tests, suites, scenarios of the strategies, the README as a new user reads it
  test --long [NAME] [--rounds N] [--first K]
                         the long suites with real processes, or one of them
  sim [OPTIONS]          the pair in a simulated world of crashes, hangs, cuts and failing commits; `--mutants`: are planted bugs found?
  bench [OPTIONS]        speed and size: `tandem bench`
  lint [PART]            format, clippy, and the rules of docs/ARCHITECTURE.md and CONTRIBUTING.md

RUSTUP_AUTO_INSTALL=0 keeps setup from downloading a toolchain's part with rustup.
";

/// What a chore gives: done, or what went wrong and what to do.
type Done = Result<(), String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match chore.as_str() {
        "setup" => setup::setup(&rest),
        "demo" | "bench" => product::call(&chore, &rest),
        "sim" => sim::sim(&rest),
        "test" => test::test(&rest),
        "lint" => lint::lint(&rest),
        "" | "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no chore {other:?}\n\n{HELP}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("xtask: {what}");
            ExitCode::FAILURE
        }
    }
}
