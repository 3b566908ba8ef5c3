//! The command line: one file a command, each a thin caller of the product.
//!
//! To add a command: write `cli/NAME.rs` with `pub struct Arguments` (clap's `Args`, its doc comment is the help) and
//! `Arguments::run`, then name it in its group below. A test asks for examples in its long help.

mod frame;
mod logs;
mod stores;
mod times;

use miette::IntoDiagnostic;

pub use frame::{Verdict, main, run};
pub use logs::LogArguments;

frame::commands! {
    "Write and try strategies": [
        /// Start a strategy: a project with a sample, its SDK and a scenario
        new: New,
        /// Build the strategy in a folder, and check it
        build: Build,
        /// Say what a component is, and whether Tandem can run it
        check: Check,
        /// Play scenarios: callers in virtual time, and what the strategy must do
        test: Test,
        /// Try strategies on a simulated switch, with callers and agents
        simswitch: Simswitch,
    ],
    "Run Tandem": [
        /// Run one instance
        run: Run,
        /// Show how instances and store stand
        status: Status,
        /// Move a node's primary role to its other instance
        switchover: Switchover,
        /// List sessions
        sessions: Sessions,
        /// Show what happened to a session or interaction, or export the journal
        journal: Journal,
        /// Compile a component for this machine (run does this by itself)
        compile: Compile,
        /// Look into options files
        config: Config,
    ],
    "See it work": [
        /// Play an hour of calls, kill the host again and again, show that nothing is lost
        demo: Demo,
        /// Measure speed and size on this machine
        bench: Bench,
    ],
}

/// One JSON object on a line of its own.
fn print_json(value: &impl serde::Serialize) -> miette::Result<()> {
    let text = serde_json::to_string(value).into_diagnostic()?;
    println!("{text}");
    Ok(())
}
