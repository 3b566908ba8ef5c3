//! A strategy on stage: a table is laid for each scenario and each mode, and the scenario played on it.

use std::{collections::BTreeSet, rc::Rc};

use tandem_gateway::simulated::RoutingPoint;
use tandem_journal::Survival;
use tandem_node::Deployment;
use tandem_session::Guests;
use tandem_words::{Manifest, Property, Target, VersionId};

use super::{Failure, Mode, OTHERS, OTHERS_WITHIN_MS, play::Play, player::Player, staffing::Staffing};
use crate::lab::{
    scenario::{Action, Expectation, Scenario, Step},
    tabletop::{Crashes, TableOptions, Tabletop, Tally, deployed},
};

/// Where calls go when no strategy decides.
const DEFAULT_ROUTE: &str = "9000";

/// A strategy, ready to play.
pub struct Stage<G> {
    version: VersionId,
    manifest: Manifest,
    guests: Rc<dyn Fn() -> G>,
}

/// What came of a scenario in one mode.
#[derive(Debug)]
pub struct Played {
    /// As expected, or what not.
    pub result: Result<(), Box<Failure>>,
    /// What happened in the (first) call.
    pub timeline: Vec<String>,
    /// How often what happened to the host.
    pub tally: Tally,
    /// Switch time that passed, ms.
    pub lasted_ms: u64,
}

impl<G: Guests + 'static> Stage<G> {
    /// `guests`: what a host runs sessions on; each host that starts gets new ones, with this version loaded.
    pub fn new(version: VersionId, manifest: Manifest, guests: impl Fn() -> G + 'static) -> Self {
        Stage { version, manifest, guests: Rc::new(guests) }
    }

    /// Whether a scenario can be played like this: where it names a single agent, others would find that one busy.
    pub fn can_play(scenario: &Scenario, mode: Mode) -> bool {
        let names_agent = |step: &Step| match &step.action {
            Action::Expect(Expectation::Route(targets)) => targets.iter().any(|target| matches!(target, Target::Agent(_))),
            Action::Expect(Expectation::Transfer(target)) => matches!(target, Target::Agent(_)),
            _ => false,
        };
        mode != Mode::AmongOthers || !scenario.steps.iter().any(names_agent)
    }

    /// Plays a scenario. The same seed gives the same play.
    pub fn play(&self, scenario: &Scenario, mode: Mode, seed: u64) -> Played {
        let callers = if mode == Mode::AmongOthers { OTHERS + 1 } else { 1 };
        let laid = self.parameters(scenario).and_then(|parameters| {
            let (options, staffing) = self.options(scenario, parameters, mode, seed, callers);
            let guests = Rc::clone(&self.guests);
            let table = Tabletop::lay(options, move || guests());
            table.map(|table| (table, staffing)).map_err(|error| Box::new(Failure::of_table(&error)))
        });
        let (table, staffing) = match laid {
            Ok(laid) => laid,
            Err(failure) => return Played { result: Err(failure), timeline: Vec::new(), tally: Tally::default(), lasted_ms: 0 },
        };
        let start = table.now();
        let players = (0..callers).map(|caller| Player::new(scenario, start + shift(scenario, seed, caller))).collect();
        let mut play = Play::new(table, staffing, players);
        let result = play.run().and_then(|()| play.check_requests(scenario, mode));
        let tally = play.table.tally();
        let timeline = play.players.first().map(|player| player.story.timeline()).unwrap_or_default();
        Played { result, timeline, tally, lasted_ms: play.table.now() - start }
    }

    fn parameters(&self, scenario: &Scenario) -> Result<Vec<Property>, Box<Failure>> {
        let known = &self.manifest.parameters;
        let given = &scenario.setting.parameters;
        let refuse = |line, name: &str, why| Box::new(Failure::of_setting(scenario, line, format!("parameter {name}"), why));
        if let Some((line, name, _)) = given.iter().find(|(_, name, _)| known.iter().all(|parameter| parameter.name != *name)) {
            let names = known.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() { "none".to_owned() } else { names };
            return Err(refuse(*line, name, format!("strategy {} has no parameter {name:?}; it has {names}", self.manifest.name)));
        }
        let value = |parameter: &tandem_words::Parameter| {
            let value = given.iter().rev().find(|(_, name, _)| *name == parameter.name).map(|(_, _, value)| value.clone());
            let missing = || {
                let why = format!("strategy {} needs it: write parameter {} = \"VALUE\"", self.manifest.name, parameter.name);
                refuse(0, &parameter.name, why)
            };
            let value = value.or_else(|| parameter.default.clone()).ok_or_else(missing)?;
            Ok(Property::new(parameter.name.clone(), value))
        };
        known.iter().map(value).collect()
    }

    fn options(&self, scenario: &Scenario, parameters: Vec<Property>, mode: Mode, seed: u64, callers: u32) -> (TableOptions, Staffing) {
        let mut options = TableOptions::new(scenario.setting.date);
        let deployment =
            Deployment { strategy: self.manifest.name.clone(), version: self.version, parameters, survival: Survival::Recovered };
        let numbers = numbers(scenario);
        let point = RoutingPoint { default_route: Some(DEFAULT_ROUTE.to_owned()) };
        options.switch.routing_points = numbers.iter().map(|number| (number.clone(), point.clone())).collect();
        options.deployments = deployed(&deployment, numbers);
        let (staffing, agents) = Staffing::of(scenario, callers);
        options.switch.groups = staffing.logged_in.keys().cloned().collect();
        options.switch.agents = agents;
        match mode {
            Mode::Alone | Mode::AmongOthers => {}
            Mode::Restored => options.worker.passivate_after_ms = 0,
            Mode::Dying => options.crashes = Crashes::EveryStep { seed },
        }
        (options, staffing)
    }
}

/// The numbers at which calls may arrive.
fn numbers(scenario: &Scenario) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    for step in &scenario.steps {
        let targets: &[Target] = match &step.action {
            Action::Dials(number, _) => {
                numbers.insert(number.clone());
                &[]
            }
            Action::Expect(Expectation::Route(targets)) => targets,
            Action::Expect(Expectation::Transfer(target)) => std::slice::from_ref(target),
            _ => &[],
        };
        numbers.extend(targets.iter().filter_map(|target| match target {
            Target::RoutingPoint(number) => Some(number.clone()),
            _ => None,
        }));
    }
    numbers
}

/// How much later than the first one this caller calls. Where a scenario does something to all (agents who come and go, a host
/// that stays away), all do it at the same time.
fn shift(scenario: &Scenario, seed: u64, caller: u32) -> u64 {
    let for_all = |step: &Step| match step.action {
        Action::LogIn(..) | Action::LogOut(..) => true,
        Action::HostDies(ms) => ms > 0,
        _ => false,
    };
    if caller == 0 || scenario.steps.iter().any(for_all) { 0 } else { draw(seed, caller) % OTHERS_WITHIN_MS }
}

/// SplitMix64: a number that hangs on nothing but these two.
fn draw(seed: u64, caller: u32) -> u64 {
    let mut z = seed.wrapping_add(u64::from(caller).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
