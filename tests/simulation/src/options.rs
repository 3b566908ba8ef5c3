//! The command line.

use clap::Parser;

/// Plays seeds of the pair: crashes, hangs, cuts and failing commits against the product's own rules, and checks what was
/// promised. Every fiftieth seed is played once more with its strategies as components, and must go the same way.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "sim",
    bin_name = "cargo xtask sim",
    after_help = "Examples:\n  cargo xtask sim --seeds 20000\n  cargo xtask sim --first-seed 4711 --seeds 1 --trace\n  cargo xtask sim --mutants"
)]
pub struct Options {
    /// How many seeds; with --mutants, how many at most for each planted bug.
    #[arg(long, default_value_t = 2_000)]
    pub seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    pub first_seed: u64,
    /// Go on until so many minutes have passed, however many seeds that are.
    #[arg(long)]
    pub minutes: Option<u64>,
    /// Play each seed twice and compare what happened.
    #[arg(long)]
    pub doublecheck: bool,
    /// Plant each bug in turn; a checker must find every one. What was found is written to tests/simulation/found.txt.
    #[arg(long)]
    pub mutants: bool,
    /// With --mutants: begin each at the seed that last found it, and try 200.
    #[arg(long, requires = "mutants")]
    pub known: bool,
    /// Plant this bug, and play the seeds with it.
    #[arg(long, value_name = "BUG")]
    pub planted: Option<String>,
    /// Show everything that happens in the first seed.
    #[arg(long)]
    pub trace: bool,
}
