//! What the unit tests of this crate share: a team that must accept every input, and outputs in short.

use crate::{AgentGroups, AgentSetup, Answered, Error, Offer, Options, Output, Route, Target};

pub struct Team {
    pub groups: AgentGroups<u64>,
}

impl Team {
    pub fn new(agents: &[(&str, &[&str])], wrap_up_ms: u64) -> Self {
        let mut groups = AgentGroups::new(Options::default());
        for (name, its_groups) in agents {
            its_groups.iter().for_each(|group| groups.add_group(*group).unwrap());
            let of = its_groups.iter().map(|group| (*group).into()).collect();
            let setup = AgentSetup { name: (*name).into(), groups: of, wrap_up_ms };
            groups.put_agent(0, setup, &mut Vec::new()).unwrap();
        }
        Self { groups }
    }

    fn accepted(&mut self, input: impl FnOnce(&mut AgentGroups<u64>, &mut Vec<Output<u64>>) -> Result<(), Error>) -> Vec<Output<u64>> {
        let mut out = Vec::new();
        input(&mut self.groups, &mut out).unwrap();
        out
    }

    pub fn log_in(&mut self, at_ms: u64, agent: &str) -> Vec<Output<u64>> {
        self.accepted(|groups, out| groups.log_in(at_ms, agent, out))
    }

    pub fn enqueue(&mut self, at_ms: u64, route: Route<u64>) -> Vec<Output<u64>> {
        self.accepted(|groups, out| groups.enqueue(at_ms, route, out))
    }

    pub fn answered(&mut self, at_ms: u64, agent: &str) -> Vec<Output<u64>> {
        self.accepted(|groups, out| groups.answered(at_ms, agent, out))
    }

    pub fn not_answered(&mut self, at_ms: u64, agent: &str) -> Vec<Output<u64>> {
        self.accepted(|groups, out| groups.not_answered(at_ms, agent, out))
    }

    pub fn call_ended(&mut self, at_ms: u64, agent: &str) -> Vec<Output<u64>> {
        self.accepted(|groups, out| groups.call_ended(at_ms, agent, out))
    }

    pub fn advance(&mut self, at_ms: u64) -> Vec<Output<u64>> {
        self.accepted(|groups, out| {
            groups.advance(at_ms, out);
            Ok(())
        })
    }
}

pub fn to_group(key: u64, group: &str) -> Route<u64> {
    Route::new(key, vec![Target::Group(group.into())])
}

pub fn offer(at_ms: u64, route: u64, agent: &str, group: Option<&str>) -> Output<u64> {
    Output::Offer(Offer { at_ms, route, agent: agent.into(), group: group.map(Into::into) })
}

pub fn answered(at_ms: u64, route: u64, agent: &str, group: Option<&str>, waited_ms: u64) -> Output<u64> {
    Output::Answered(Answered { at_ms, route, agent: agent.into(), group: group.map(Into::into), waited_ms })
}

pub fn withdrawn(at_ms: u64, route: u64, agent: &str) -> Output<u64> {
    Output::Withdrawn { at_ms, route, agent: agent.into() }
}

pub fn timed_out(at_ms: u64, route: u64, waited_ms: u64) -> Output<u64> {
    Output::TimedOut { at_ms, route, waited_ms }
}
