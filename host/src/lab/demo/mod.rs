//! The demo: a pair and a simulated switch as real processes, its primary struck again and again, and a judge who belongs to neither.
//!
//! [`play`] runs a [`Plan`] in a folder: the program that it is given is started as `simswitch` and as `run`, on loopback ports that
//! are free. At moments for which the switch holds its time still, a blow befalls a pair (or the only instance): its primary gets SIGKILL, SIGSTOP,
//! a planned switchover, or loses the switch; the link between the two is cut; the gateway dies. What died is started again at once. When all calls are over, the separate program `tandem-oracle` compares the switch's record with the exported journal; what is lost, doubled
//! or silent is its word, not the host's. Every wait has a bound, and no child outlives a dropped future.

mod control;
mod error;
mod judge;
mod pair;
mod process;
mod report;
mod scene;
mod schedule;
mod site;
mod wire;

use std::{path::PathBuf, time::Duration};

pub use error::DemoError;
pub use pair::{Blow, Takeover};
pub use report::{Recovery, Report};
pub use scene::Kill;

use crate::gateway::Speed;
use site::Site;

/// Without a sign of progress for so long, somebody hangs. Reason: far above every pause that a busy machine makes.
const HUNG: Duration = Duration::from_secs(60);

/// What to play.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `tandem`.
    pub program: PathBuf,
    /// `tandem-oracle`.
    pub oracle: PathBuf,
    /// Of callers, and of the moments of kills.
    pub seed: u64,
    /// Of switch time.
    pub speed: Speed,
    /// Who calls.
    pub calls: Calls,
    /// One more component, at 8004, whose callers press six digits.
    pub one_more: Option<PathBuf>,
    /// How often the host, or the pair, is struck.
    pub kills: u32,
    /// What must be going on at each kill.
    pub when: When,
    /// Two instances serve, and one of these befalls them each time, drawn with the seed; none: one instance is killed.
    pub pair: Option<Vec<Blow>>,
    /// Play the same seed once more without kills, and compare what became of each call.
    pub twin: bool,
}

/// Who calls.
#[derive(Debug, Clone)]
pub enum Calls {
    /// Made-up callers of all strategies.
    Generated {
        /// On average.
        calls_per_hour: f64,
        /// Of switch time.
        hours: f64,
    },
    /// The calls of a file, into `ivr-menu` at 8001.
    Trace {
        /// CSV, or its .gz.
        file: PathBuf,
        /// First arrival; none: the file's.
        from: Option<String>,
        /// How many hours; none: all.
        hours: Option<u32>,
    },
}

/// What must be going on at a kill, at least.
#[derive(Debug, Clone, Copy, Default)]
pub struct When {
    /// Calls that live; one of them is always with its strategy.
    pub live_calls: usize,
    /// A treatment runs.
    pub treatment: bool,
    /// A collect has some of its digits.
    pub half_collect: bool,
}

/// Plays the plan in this folder, and has it judged.
pub async fn play(plan: &Plan, folder: PathBuf) -> Result<Report, DemoError> {
    for (path, what, package) in [(&plan.program, "it is host and switch", "tandem"), (&plan.oracle, "it judges the run", "tandem-oracle")]
    {
        if !path.is_file() {
            return Err(DemoError::Missing { path: path.clone(), what, package });
        }
    }
    let site = Site::new(folder.clone(), plan.pair.is_some())?;
    let played = scene::play(plan, &site, plan.kills).await?;
    let twin = match plan.twin {
        true => {
            let twin = Site::new(folder.join("twin"), plan.pair.is_some())?;
            scene::play(plan, &twin, 0).await?;
            Some(twin)
        }
        false => None,
    };
    let judged = judge::judge(plan, &site, twin.as_ref()).await?;
    Ok(Report::new(plan, played, judged))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_oracle_is_told_with_what_builds_it() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan {
            program: std::env::current_exe().unwrap(),
            oracle: folder.path().join("tandem-oracle"),
            seed: 1,
            speed: Speed::Max,
            calls: Calls::Generated { calls_per_hour: 1.0, hours: 1.0 },
            one_more: None,
            kills: 0,
            when: When::default(),
            pair: None,
            twin: false,
        };
        let told = play(&plan, folder.path().into()).await.unwrap_err().to_string();
        assert!(told.contains("tandem-oracle is missing") && told.contains("cargo build --release -p tandem-oracle"), "{told}");
    }
}
