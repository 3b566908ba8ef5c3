//! Agents: the switch's hands on the rules of [`tandem_queue`], and who is on duty when.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tandem_queue::{AgentGroups, AgentSetup, AgentState, Error, GroupStatus, Output, Route, Target};
use tandem_words::Timestamp;

use super::Options;
use super::call::CallNumber;

/// A call's stay with the agent groups; a call that is transferred stays there more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StaffKey {
    pub(super) call: CallNumber,
    pub(super) leg: u32,
}

#[derive(Debug)]
pub(super) struct Staff {
    groups: AgentGroups<StaffKey>,
    /// Asking the rules how a group stands, only to see whether there is one, would count its agents.
    known_groups: BTreeSet<String>,
    /// How long agents let it ring; none: they do not answer.
    answers_after_ms: BTreeMap<String, Option<u64>>,
    /// Log-ins and log-outs to come, in order: (when, a log-in, whose).
    duty: VecDeque<(Timestamp, bool, String)>,
    /// What the rules want done, and is not done yet.
    pub(super) outputs: VecDeque<Output<StaffKey>>,
}

impl Staff {
    /// All of them, logged out. The error names the agent or group that is one too many.
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let mut groups = AgentGroups::new(options.queue.clone());
        let mut nothing = Vec::new();
        let in_agents = options.agents.iter().flat_map(|agent| &agent.groups);
        let known_groups: BTreeSet<_> = options.groups.iter().chain(in_agents).cloned().collect();
        for group in &known_groups {
            groups.add_group(group.as_str())?;
        }
        let mut answers_after_ms = BTreeMap::new();
        let mut duty = Vec::new();
        for agent in &options.agents {
            let setup = AgentSetup {
                name: agent.name.as_str().into(),
                groups: agent.groups.iter().map(|group| group.as_str().into()).collect(),
                wrap_up_ms: agent.wrap_up_ms,
            };
            groups.put_agent(0, setup, &mut nothing)?;
            answers_after_ms.insert(agent.name.clone(), agent.answers_after_ms);
            for time in &agent.duty {
                duty.push((time.from, true, agent.name.clone()));
                duty.extend(time.to.map(|to| (to, false, agent.name.clone())));
            }
        }
        // A log-out goes before a log-in of the same instant: back-to-back duties leave the agent there.
        duty.sort();
        Ok(Staff { groups, known_groups, answers_after_ms, duty: duty.into(), outputs: VecDeque::new() })
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let duty = self.duty.front().map(|(at, ..)| *at);
        duty.into_iter().chain(self.groups.next_due_ms()).min()
    }

    /// Does what is due by `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.tell(|groups, out| {
            groups.advance(now, out);
            Ok(())
        })
        .ok();
        while let Some((_, logs_in, agent)) = self.duty.pop_front_if(|(at, ..)| *at <= now) {
            self.log(now, &agent, logs_in).ok();
        }
    }

    /// Logs an agent in or out.
    pub(super) fn log(&mut self, now: Timestamp, agent: &str, logs_in: bool) -> Result<(), Error> {
        self.tell(|groups, out| if logs_in { groups.log_in(now, agent, out) } else { groups.log_out(now, agent, out) })
    }

    /// Every input to the rules goes through here; what they want done waits in `outputs`.
    pub(super) fn tell(
        &mut self,
        input: impl FnOnce(&mut AgentGroups<StaffKey>, &mut Vec<Output<StaffKey>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut out = Vec::new();
        let result = input(&mut self.groups, &mut out);
        self.outputs.extend(out);
        result
    }

    pub(super) fn enqueue(&mut self, now: Timestamp, route: Route<StaffKey>) -> Result<(), Error> {
        self.tell(|groups, out| groups.enqueue(now, route, out))
    }

    pub(super) fn seize(&mut self, now: Timestamp, agent: &str, key: StaffKey) -> Result<(), Error> {
        self.tell(|groups, out| groups.seize(now, agent, key, out))
    }

    /// The route is over before anybody answered; one that is over already does not matter.
    pub(super) fn cancel(&mut self, now: Timestamp, key: StaffKey) {
        self.tell(|groups, out| groups.cancel(now, &key, out)).ok();
    }

    /// The agent's talk is over.
    pub(super) fn call_ended(&mut self, now: Timestamp, agent: &str) {
        self.tell(|groups, out| groups.call_ended(now, agent, out)).ok();
    }

    pub(super) fn is_open(&self, key: StaffKey) -> bool {
        self.groups.route(&key).is_some()
    }

    pub(super) fn knows(&self, target: &Target) -> bool {
        match target {
            Target::Agent(name) => self.groups.agent(name).is_some(),
            Target::Group(name) => self.known_groups.contains(&**name),
        }
    }

    /// Somebody there can be offered a call now.
    pub(super) fn is_ready(&self, now: Timestamp, target: &Target) -> bool {
        match target {
            Target::Agent(name) => matches!(self.groups.agent(name), Some(AgentState::Ready { .. })),
            Target::Group(name) => self.groups.status(now, name).is_ok_and(|status| status.ready > 0),
        }
    }

    pub(super) fn status(&self, now: Timestamp, group: &str) -> Result<GroupStatus, Error> {
        self.groups.status(now, group)
    }

    pub(super) fn answers_after_ms(&self, agent: &str) -> Option<u64> {
        self.answers_after_ms.get(agent).copied().flatten()
    }
}
