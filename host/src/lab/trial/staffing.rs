//! Agents who come and go in a scenario.

use std::collections::BTreeMap;

use tandem_gateway::simulated::{AgentPlan, Command};

use crate::lab::scenario::{Action, Scenario};

/// The agents: for each caller as many as the scenario says.
pub(super) struct Staffing {
    /// By group.
    pub(super) logged_in: BTreeMap<String, u32>,
}

impl Staffing {
    /// Who is there at the beginning, and everybody who will be.
    pub(super) fn of(scenario: &Scenario, callers: u32) -> (Self, Vec<AgentPlan>) {
        let mut logged_in = BTreeMap::new();
        let mut all = BTreeMap::new();
        for (group, count) in &scenario.setting.agents {
            logged_in.insert(group.clone(), count * callers);
            all.insert(group.clone(), count * callers);
        }
        for step in &scenario.steps {
            if let Action::LogIn(group, count) = &step.action {
                logged_in.entry(group.clone()).or_default();
                *all.entry(group.clone()).or_default() += count * callers;
            }
        }
        let mut agents = Vec::new();
        for (group, count) in all {
            let at_start = logged_in.get(&group).copied().unwrap_or_default();
            for number in 1..=count {
                let mut agent = AgentPlan::new(name(&group, number), &[group.as_str()]);
                if number > at_start {
                    agent.duty.clear();
                }
                agents.push(agent);
            }
        }
        (Staffing { logged_in }, agents)
    }

    /// So many more.
    pub(super) fn log_in(&mut self, group: &str, count: u32) -> Vec<Command> {
        let there = self.logged_in.entry(group.to_owned()).or_default();
        let first = *there + 1;
        *there += count;
        (first..=*there).map(|number| Command::LogIn { agent: name(group, number) }).collect()
    }

    /// So many less; the error says that there are not so many.
    pub(super) fn log_out(&mut self, group: &str, count: u32) -> Result<Vec<Command>, String> {
        match self.logged_in.get_mut(group) {
            Some(there) if *there >= count => {
                let last = *there;
                *there -= count;
                Ok((*there + 1..=last).rev().map(|number| Command::LogOut { agent: name(group, number) }).collect())
            }
            there => Err(format!("only {} agents of {group:?} are logged in", there.map_or(0, |there| *there))),
        }
    }
}

fn name(group: &str, number: u32) -> String {
    format!("{group}-{number}")
}
