//! The state of all groups, and its indexes.
//!
//! Every change of an agent or a route goes through `update_agent` or `update_route`, which take it out of the indexes
//! before and put it back after. So the indexes cannot disagree with the state.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::Agent;
use crate::group::Group;
use crate::line::Line;
use crate::route::OpenRoute;
use crate::{AgentState, Error, Name, RouteState, Target};

/// Limits, and the one duration that no route or agent brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long an agent who did not answer is offered nothing. 10 s: long enough to try the others, short enough that a
    /// missed ring does not cost a shift. 0 counts as 1, or the same phone would ring for ever within one instant.
    pub not_ready_ms: u64,
    /// Open routes at once. 100,000: some 50 MB, and more than any switch holds calls.
    pub max_open_routes: usize,
    /// Targets of one route. 64: each is one more line to stand in.
    pub max_targets: usize,
    /// Agents. 20,000: the largest contact centres have fewer at one switch.
    pub max_agents: usize,
    /// Groups. 5,000.
    pub max_groups: usize,
    /// Groups of one agent. 256: each is looked at whenever the agent becomes ready.
    pub max_groups_of_agent: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            not_ready_ms: 10_000,
            max_open_routes: 100_000,
            max_targets: 64,
            max_agents: 20_000,
            max_groups: 5_000,
            max_groups_of_agent: 256,
        }
    }
}

/// What is to happen at an instant. All of it ends something, and offers follow only then, so its order is free.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due<K> {
    RouteTimesOut(K),
    AgentReady(Name),
}

/// All agents, groups and open routes of a switch. `K` is the key of a route.
///
/// Every input takes the time and appends what is to be done to `out`: first what was due before, then what follows from
/// the input, even where the input itself is refused.
#[derive(Debug, Clone)]
pub struct AgentGroups<K> {
    pub(crate) options: Options,
    pub(crate) now_ms: u64,
    pub(crate) agents: BTreeMap<Name, Agent<K>>,
    pub(crate) groups: BTreeMap<Name, Group<K>>,
    pub(crate) routes: BTreeMap<K, OpenRoute>,
    pub(crate) due: BTreeSet<(u64, Due<K>)>,
}

impl<K: Clone + Ord> AgentGroups<K> {
    /// Nobody and nothing yet, at time 0.
    pub fn new(options: Options) -> Self {
        Self { options, now_ms: 0, agents: BTreeMap::new(), groups: BTreeMap::new(), routes: BTreeMap::new(), due: BTreeSet::new() }
    }

    /// Adds a group; one that exists stays as it is.
    pub fn add_group(&mut self, name: impl Into<Name>) -> Result<(), Error> {
        let name = name.into();
        if !self.groups.contains_key(&name) {
            below_limit("agent groups", self.groups.len(), self.options.max_groups, "max_groups")?;
            self.groups.insert(name, Group::default());
        }
        Ok(())
    }

    /// What an agent is doing, as of the latest input; none: no such agent.
    pub fn agent(&self, name: &str) -> Option<AgentState<K>> {
        self.agents.get(name).map(Agent::state)
    }

    /// Where an open route is; none: it is not open.
    pub fn route(&self, key: &K) -> Option<&RouteState> {
        self.routes.get(key).map(|route| &route.state)
    }

    /// Changes an agent, who leaves the indexes before and enters them after.
    pub(crate) fn update_agent(&mut self, name: &str, change: impl FnOnce(&mut Agent<K>)) {
        let Self { agents, groups, due, .. } = self;
        let Some(agent) = agents.get_mut(name) else {
            return;
        };
        if let Some(since_ms) = agent.ready_since_ms() {
            for group in &agent.groups {
                groups.get_mut(group).map(|group| group.ready.remove(&(since_ms, agent.name.clone())));
            }
        }
        if let Some(until_ms) = agent.rests_until_ms() {
            due.remove(&(until_ms, Due::AgentReady(agent.name.clone())));
        }
        change(agent);
        if let Some(since_ms) = agent.ready_since_ms() {
            for group in &agent.groups {
                groups.get_mut(group).map(|group| group.ready.insert((since_ms, agent.name.clone())));
            }
        }
        if let Some(until_ms) = agent.rests_until_ms() {
            due.insert((until_ms, Due::AgentReady(agent.name.clone())));
        }
    }

    /// Changes an open route (never its time-out), which leaves its lines before and joins them after, if it waits then.
    pub(crate) fn update_route(&mut self, key: &K, change: impl FnOnce(&mut OpenRoute)) {
        self.stand_in_lines(key, Line::leave);
        if let Some(route) = self.routes.get_mut(key) {
            change(route);
        }
        self.stand_in_lines(key, |line, rank, enqueued_at_ms| line.join(rank.clone(), enqueued_at_ms));
    }

    pub(crate) fn insert_route(&mut self, key: K, route: OpenRoute) {
        if let Some(at_ms) = route.times_out_at_ms {
            self.due.insert((at_ms, Due::RouteTimesOut(key.clone())));
        }
        self.routes.insert(key.clone(), route);
        self.stand_in_lines(&key, |line, rank, enqueued_at_ms| line.join(rank.clone(), enqueued_at_ms));
    }

    pub(crate) fn remove_route(&mut self, key: &K) -> Option<OpenRoute> {
        self.stand_in_lines(key, Line::leave);
        let route = self.routes.remove(key)?;
        if let Some(at_ms) = route.times_out_at_ms {
            self.due.remove(&(at_ms, Due::RouteTimesOut(key.clone())));
        }
        Some(route)
    }

    fn stand_in_lines(&mut self, key: &K, act: impl Fn(&mut Line<K>, &crate::route::Rank<K>, u64)) {
        let Self { agents, groups, routes, .. } = self;
        let Some(route) = routes.get(key).filter(|route| route.state == RouteState::Waiting) else {
            return;
        };
        let rank = route.rank(key.clone());
        for target in &route.targets {
            let line = match target {
                Target::Agent(name) => agents.get_mut(name).map(|agent| &mut agent.line),
                Target::Group(name) => groups.get_mut(name).map(|group| &mut group.line),
            };
            if let Some(line) = line {
                act(line, &rank, route.enqueued_at_ms);
            }
        }
    }
}

pub(crate) fn below_limit(what: &'static str, count: usize, limit: usize, option: &'static str) -> Result<(), Error> {
    if count < limit { Ok(()) } else { Err(Error::OverLimit { what, limit, option }) }
}
