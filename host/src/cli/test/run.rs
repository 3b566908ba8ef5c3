//! Plays every scenario of every suite in every mode.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use miette::{Report, WrapErr};
use tandem_strategy::{Catalogue, Cells, Engine, EngineLimits, Strategy};

use super::suites::Suite;
use crate::lab::{
    progress::Progress,
    scenario::parse,
    trial::{Mode, Stage},
};

/// What came of a strategy's scenarios.
#[derive(Debug)]
pub(super) struct SuiteResult {
    pub(super) name: String,
    pub(super) from: String,
    pub(super) scenarios: Vec<ScenarioResult>,
}

/// What came of one.
#[derive(Debug)]
pub(super) struct ScenarioResult {
    /// As the file was named.
    pub(super) path: String,
    /// Why it was not played at all: it cannot be read.
    pub(super) unreadable: Option<String>,
    /// The modes it was played in; where it fails alone, it is played in no other.
    pub(super) plays: Vec<Play>,
}

/// One mode.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) mode: Mode,
    /// Why it failed.
    pub(super) failure: Option<String>,
    pub(super) timeline: Vec<String>,
    /// Switch time, ms.
    pub(super) lasted_ms: u64,
    /// Real time.
    pub(super) took: Duration,
}

impl SuiteResult {
    pub(super) fn is_good(&self) -> bool {
        self.scenarios.iter().all(ScenarioResult::is_good)
    }
}

impl ScenarioResult {
    pub(super) fn is_good(&self) -> bool {
        self.unreadable.is_none() && self.plays.iter().all(|play| play.failure.is_none())
    }

    /// The file's name without its ending.
    pub(super) fn name(&self) -> &str {
        let file = self.path.rsplit('/').next().unwrap_or(&self.path);
        file.strip_suffix(".scenario").unwrap_or(file)
    }
}

/// `filter`: only scenarios with this in STRATEGY/NAME.
pub(super) fn run(suites: &[Suite], filter: Option<&str>, seed: u64) -> miette::Result<Vec<SuiteResult>> {
    let engine = Engine::new(EngineLimits::default()).map_err(Report::msg)?;
    let all: usize = suites.iter().map(|suite| suite.scenarios.len()).sum();
    let mut progress = Progress::new("scenarios", all as u64);
    let (mut results, mut done) = (Vec::new(), 0);
    for suite in suites {
        progress.at(done, format!("loading {}", suite.name));
        let stage = stage(&engine, suite)?;
        let mut scenarios = Vec::new();
        for (path, text) in &suite.scenarios {
            progress.at(done, path.as_str());
            done += 1;
            let mut result = ScenarioResult { path: path.clone(), unreadable: None, plays: Vec::new() };
            if filter.is_none_or(|filter| format!("{}/{}", suite.name, result.name()).contains(filter)) {
                play(&stage, text, seed, &mut result);
                scenarios.push(result);
            }
        }
        results.push(SuiteResult { name: suite.name.clone(), from: suite.from.clone(), scenarios });
    }
    Ok(results)
}

fn stage(engine: &Engine, suite: &Suite) -> miette::Result<Stage<Cells>> {
    let strategy = Strategy::load(engine, &suite.component, None).map_err(Report::msg);
    let strategy = strategy.wrap_err_with(|| format!("strategy {} ({}) cannot be run", suite.name, suite.from))?;
    let (version, manifest) = (strategy.version(), strategy.manifest().clone());
    let catalogue = Arc::new(Catalogue::new());
    catalogue.add(strategy).map_err(Report::msg)?;
    let engine = engine.clone();
    Ok(Stage::new(version, manifest, move || Cells::new(engine.clone(), Arc::clone(&catalogue), Box::new(|| ()))))
}

fn play(stage: &Stage<Cells>, text: &str, seed: u64, result: &mut ScenarioResult) {
    let scenario = match parse(text) {
        Ok(scenario) => scenario,
        Err(error) => {
            result.unreadable = Some(error.to_string());
            return;
        }
    };
    for mode in Mode::ALL.into_iter().filter(|mode| Stage::<Cells>::can_play(&scenario, *mode)) {
        let began = Instant::now();
        let played = stage.play(&scenario, mode, seed);
        let failure = played.result.err().map(|failure| match mode.hint() {
            Some(hint) => format!("{failure}    {hint}\n"),
            None => failure.to_string(),
        });
        let failed = failure.is_some();
        result.plays.push(Play { mode, failure, timeline: played.timeline, lasted_ms: played.lasted_ms, took: began.elapsed() });
        if failed && mode == Mode::Alone {
            return;
        }
    }
}
