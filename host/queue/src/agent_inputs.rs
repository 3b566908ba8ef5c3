//! Who is there.

use std::collections::BTreeSet;

use crate::agent::{Activity, Agent};
use crate::groups::below_limit;
use crate::{AgentGroups, AgentSetup, Error, Name, Output};

impl<K: Clone + Ord> AgentGroups<K> {
    /// Adds an agent, logged out, or changes the groups and wrap-up time of one that exists, at any time: a call in
    /// progress goes on, the next offers follow the new groups.
    pub fn put_agent(&mut self, now_ms: u64, setup: AgentSetup, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        let AgentSetup { name, groups, wrap_up_ms } = setup;
        let groups: BTreeSet<Name> = groups.into_iter().collect();
        if let Some(unknown) = groups.iter().find(|group| !self.groups.contains_key(*group)) {
            return Err(Error::UnknownGroup(unknown.clone()));
        }
        let limit = self.options.max_groups_of_agent;
        below_limit("groups of one agent", groups.len(), limit.saturating_add(1), "max_groups_of_agent")?;
        if !self.agents.contains_key(&name) {
            below_limit("agents", self.agents.len(), self.options.max_agents, "max_agents")?;
            self.agents.insert(name.clone(), Agent::new(name.clone()));
        }
        for (group_name, group) in &mut self.groups {
            if groups.contains(group_name) {
                group.members.insert(name.clone());
            } else {
                group.members.remove(&name);
            }
        }
        self.update_agent(&name, |agent| {
            agent.wrap_up_ms = wrap_up_ms;
            agent.groups = groups;
        });
        self.match_up(vec![name], out);
        Ok(())
    }

    /// The agent is there. Idle: ready from now on. In a call, wrap-up or not-ready: ready when that ends. Logged in
    /// already: nothing changes.
    pub fn log_in(&mut self, now_ms: u64, agent: &str, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        let found = self.found(agent)?;
        if found.logged_in {
            return Ok(());
        }
        let (name, now_ms) = (found.name.clone(), self.now_ms);
        self.update_agent(&name, |agent| {
            agent.logged_in = true;
            if matches!(agent.activity, Activity::Idle { .. }) {
                agent.activity = Activity::Idle { since_ms: now_ms };
            }
        });
        self.match_up(vec![name], out);
        Ok(())
    }

    /// The agent leaves: now; in a call: when it ends. A phone that rings falls silent and its route waits on with its
    /// old rank (a seized one is over).
    pub fn log_out(&mut self, now_ms: u64, agent: &str, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        let name = self.found(agent)?.name.clone();
        let now_ms = self.now_ms;
        let mut rang_for = None;
        self.update_agent(&name, |agent| {
            agent.logged_in = false;
            if let Activity::Ringing { route, .. } = &agent.activity {
                rang_for = Some(route.clone());
            }
            if !matches!(agent.activity, Activity::Busy { .. }) {
                agent.activity = Activity::Idle { since_ms: now_ms };
            }
        });
        if let Some(route) = rang_for {
            out.push(Output::Withdrawn { at_ms: now_ms, route: route.clone(), agent: name });
            self.give_back(&route, out);
        }
        Ok(())
    }

    pub(crate) fn found(&self, agent: &str) -> Result<&Agent<K>, Error> {
        self.agents.get(agent).ok_or_else(|| Error::UnknownAgent(agent.into()))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use crate::{AgentSetup, AgentState, Options};

    #[test]
    fn logging_out_during_a_call_waits_for_its_end() {
        let mut team = Team::new(&[("ann", &["sales"])], 500);
        team.log_in(0, "ann");
        team.enqueue(0, to_group(1, "sales"));
        team.answered(0, "ann");
        team.groups.log_out(10, "ann", &mut Vec::new()).unwrap();
        assert_eq!(team.groups.agent("ann"), Some(AgentState::Busy { route: 1 }));
        team.enqueue(20, to_group(2, "sales"));
        assert_eq!(team.call_ended(30, "ann"), []);
        assert_eq!(team.groups.agent("ann"), Some(AgentState::LoggedOut));
    }

    #[test]
    fn logging_out_while_it_rings_gives_the_route_to_another() {
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["sales"])], 0);
        team.log_in(0, "ann");
        team.log_in(1, "bob");
        team.enqueue(5, to_group(1, "sales"));
        let mut out = Vec::new();
        team.groups.log_out(6, "ann", &mut out).unwrap();
        assert_eq!(out, [withdrawn(6, 1, "ann"), offer(6, 1, "bob", Some("sales"))]);
    }

    #[test]
    fn a_change_of_groups_counts_from_now_on() {
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["service"])], 0);
        team.log_in(0, "ann");
        team.enqueue(1, to_group(1, "service"));
        let setup = AgentSetup { name: "ann".into(), groups: vec!["service".into()], wrap_up_ms: 0 };
        let mut out = Vec::new();
        team.groups.put_agent(2, setup, &mut out).unwrap();
        assert_eq!(out, [offer(2, 1, "ann", Some("service"))]);
        team.answered(3, "ann");
        team.call_ended(4, "ann");
        assert_eq!(team.enqueue(5, to_group(2, "sales")), [], "she left that group");
        assert_eq!(team.groups.status(5, "sales").unwrap().logged_in, 0);
    }

    #[test]
    fn limits_are_named() {
        let options = Options { max_agents: 1, max_groups: 1, max_groups_of_agent: 0, ..Options::default() };
        let mut groups = crate::AgentGroups::<u64>::new(options);
        let setup = |name: &str, groups: &[&str]| AgentSetup {
            name: name.into(),
            groups: groups.iter().map(|&group| group.into()).collect(),
            wrap_up_ms: 0,
        };
        let out = &mut Vec::new();
        groups.add_group("sales").unwrap();
        groups.add_group("sales").unwrap();
        groups.put_agent(0, setup("ann", &[]), out).unwrap();
        let errors = [
            groups.add_group("service").unwrap_err(),
            groups.put_agent(0, setup("bob", &[]), out).unwrap_err(),
            groups.put_agent(0, setup("ann", &["sales"]), out).unwrap_err(),
        ];
        for (error, option) in errors.iter().zip(["max_groups", "max_agents", "max_groups_of_agent"]) {
            assert!(error.to_string().contains(&format!("`{option}`")), "{error}");
        }
    }
}
