//! The naive model: no index, everything is looked at every time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tandem_queue::{AgentGroups, AgentState, Name, Output, RouteState, Target};

use crate::{AGENTS, Input, NOT_READY_MS};

#[derive(Debug, Clone, PartialEq)]
enum Doing {
    Idle(u64),
    Ringing(u64, u64),
    Busy(u64),
    Resting(u64),
}

struct ModelAgent {
    logged_in: bool,
    doing: Doing,
}

struct ModelRoute {
    targets: Vec<Target>,
    priority: i32,
    since_ms: i64,
    enqueued_at_ms: u64,
    times_out_at_ms: Option<u64>,
    queued: bool,
}

pub(crate) struct Model {
    agents: BTreeMap<&'static str, ModelAgent>,
    routes: BTreeMap<u64, ModelRoute>,
    opened: usize,
    ended: usize,
}

impl Model {
    pub(crate) fn new() -> Self {
        let logged_out = || ModelAgent { logged_in: false, doing: Doing::Idle(0) };
        let agents = AGENTS.iter().map(|(name, ..)| (*name, logged_out())).collect();
        Self { agents, routes: BTreeMap::new(), opened: 0, ended: 0 }
    }

    /// The nth open route, counted round.
    pub(crate) fn nth_route(&self, n: usize) -> Option<u64> {
        self.routes.keys().nth(n % self.routes.len().max(1)).copied()
    }

    fn groups_of(agent: &str) -> &'static [&'static str] {
        AGENTS.iter().find(|(name, ..)| *name == agent).unwrap().1
    }

    fn ready_since(&self, agent: &str) -> Option<u64> {
        match self.agents[agent] {
            ModelAgent { logged_in: true, doing: Doing::Idle(since_ms) } => Some(since_ms),
            _ => None,
        }
    }

    fn ringing(&self, route: u64) -> Option<&'static str> {
        let rings = |agent: &ModelAgent| matches!(agent.doing, Doing::Ringing(key, _) if key == route);
        self.agents.iter().find(|(_, agent)| rings(agent)).map(|(name, _)| *name)
    }

    fn waiting(&self) -> impl Iterator<Item = (&u64, &ModelRoute)> {
        self.routes.iter().filter(|(key, _)| self.ringing(**key).is_none())
    }

    fn covers(target: &Target, agent: &str) -> bool {
        match target {
            Target::Agent(name) => &**name == agent,
            Target::Group(group) => Self::groups_of(agent).contains(&&**group),
        }
    }

    fn rank(key: u64, route: &ModelRoute) -> (Reverse<i32>, i64, u64) {
        (Reverse(route.priority), route.since_ms, key)
    }

    /// Ready agents of the first target that has any, longest idle first.
    fn expected_agent(&self, route: &ModelRoute) -> Option<(&'static str, Option<Name>)> {
        route.targets.iter().find_map(|target| {
            let ready = self.agents.keys().filter(|agent| Self::covers(target, agent));
            let longest = ready.filter_map(|agent| Some((self.ready_since(agent)?, *agent))).min()?.1;
            let group = if let Target::Group(group) = target { Some(group.clone()) } else { None };
            Some((longest, group))
        })
    }

    fn rests_end(&mut self, at_ms: u64) {
        for agent in self.agents.values_mut() {
            if let Doing::Resting(until_ms) = agent.doing
                && until_ms <= at_ms
            {
                agent.doing = Doing::Idle(until_ms);
            }
        }
    }

    pub(crate) fn follow(&mut self, out: &[Output<u64>], now_ms: u64) {
        let mut latest_ms = 0;
        for output in out {
            let (Output::Withdrawn { at_ms, .. } | Output::TimedOut { at_ms, .. }) = output else {
                self.follow_agent(output, now_ms);
                continue;
            };
            assert!((latest_ms..=now_ms).contains(at_ms), "outputs come in time order");
            latest_ms = *at_ms;
            match output {
                Output::Withdrawn { route, agent, .. } => {
                    let agent = self.agents.get_mut(&**agent).unwrap();
                    let Doing::Ringing(key, idle_since_ms) = agent.doing else { panic!("nothing to withdraw") };
                    assert_eq!(key, *route);
                    agent.doing = Doing::Idle(idle_since_ms);
                }
                Output::TimedOut { at_ms, route, waited_ms } => {
                    assert_eq!(self.ringing(*route), None, "withdrawn before");
                    let timed_out = self.routes.remove(route).unwrap();
                    assert_eq!(timed_out.times_out_at_ms, Some(*at_ms));
                    assert_eq!(timed_out.enqueued_at_ms + waited_ms, *at_ms);
                    self.ended += 1;
                }
                _ => unreachable!(),
            }
        }
        self.rests_end(now_ms);
    }

    fn follow_agent(&mut self, output: &Output<u64>, now_ms: u64) {
        match output {
            Output::Offer(offer) => {
                assert!(offer.at_ms <= now_ms);
                self.rests_end(offer.at_ms);
                assert_eq!(self.ringing(offer.route), None, "offered twice");
                let route = &self.routes[&offer.route];
                let in_time = |due_ms| due_ms > offer.at_ms;
                assert!(route.times_out_at_ms.is_none_or(in_time), "time-outs go before offers");
                let (agent, group) = self.expected_agent(route).expect("a target is ready");
                assert_eq!((&*offer.agent, &offer.group), (agent, &group), "the longest idle of the first ready target");
                for (key, other) in self.waiting().filter(|(key, _)| **key != offer.route) {
                    let could = other.targets.iter().any(|target| Self::covers(target, agent));
                    assert!(!could || Self::rank(*key, other) > Self::rank(offer.route, route), "{key} overtaken");
                }
                let since_ms = self.ready_since(agent).unwrap();
                self.agents.get_mut(agent).unwrap().doing = Doing::Ringing(offer.route, since_ms);
            }
            Output::Answered(answered) => {
                let agent = self.agents.get_mut(&*answered.agent).unwrap();
                assert!(matches!(agent.doing, Doing::Ringing(key, _) if key == answered.route), "at most one call");
                agent.doing = Doing::Busy(answered.route);
                let route = self.routes.remove(&answered.route).unwrap();
                assert_eq!(route.enqueued_at_ms + answered.waited_ms, now_ms);
                self.ended += 1;
            }
            _ => unreachable!(),
        }
    }

    pub(crate) fn compare(&self, groups: &AgentGroups<u64>, now_ms: u64) {
        for (name, agent) in &self.agents {
            let same = match (&agent.doing, groups.agent(name).unwrap()) {
                (Doing::Idle(since), AgentState::Ready { since_ms }) => agent.logged_in && *since == since_ms,
                (Doing::Idle(_), AgentState::LoggedOut) => !agent.logged_in,
                (Doing::Ringing(key, _), AgentState::Ringing { route }) => *key == route,
                (Doing::Busy(key), AgentState::Busy { route }) => *key == route,
                (Doing::Resting(until), AgentState::WrapUp { until_ms } | AgentState::NotReady { until_ms }) => *until == until_ms,
                _ => false,
            };
            assert!(same, "{name}: {:?} but {:?}", agent.doing, groups.agent(name));
        }
        for (key, route) in self.waiting() {
            assert_eq!(groups.route(key), Some(&RouteState::Waiting));
            assert!(self.expected_agent(route).is_none(), "route {key} waits while a target is ready");
        }
        assert_eq!(self.opened, self.ended + self.routes.len(), "no route is lost or made up");
        for name in ["x", "y", "z"] {
            let target = Target::Group(name.into());
            let status = groups.status(now_ms, name).unwrap();
            let waits = self.waiting().filter(|(_, route)| route.targets.contains(&target));
            let waits: Vec<_> = waits.map(|(_, route)| now_ms - route.enqueued_at_ms).collect();
            let members = || self.agents.iter().filter(|(agent, _)| Self::covers(&target, agent));
            assert_eq!(status.waiting as usize, waits.len());
            assert_eq!(u64::from(status.longest_wait_ms), waits.into_iter().max().unwrap_or(0));
            assert_eq!(status.logged_in as usize, members().filter(|(_, agent)| agent.logged_in).count());
            assert_eq!(status.ready as usize, members().filter(|(agent, _)| self.ready_since(agent).is_some()).count());
        }
    }

    /// What the input itself does, where the rules allow it; `key` is a new route's.
    pub(crate) fn apply(&mut self, input: &Input, key: u64, now_ms: u64) -> bool {
        let agent_of = |n: &usize| AGENTS[*n].0;
        match input {
            Input::LogIn(n) => {
                let agent = self.agents.get_mut(agent_of(n)).unwrap();
                if let Doing::Idle(since_ms) = &mut agent.doing
                    && !agent.logged_in
                {
                    *since_ms = now_ms;
                }
                agent.logged_in = true;
            }
            Input::LogOut(n) => {
                let agent = self.agents.get_mut(agent_of(n)).unwrap();
                agent.logged_in = false;
                match agent.doing {
                    Doing::Resting(_) => agent.doing = Doing::Idle(now_ms),
                    Doing::Ringing(key, _) if !self.routes[&key].queued => {
                        self.routes.remove(&key);
                        self.ended += 1;
                    }
                    _ => {}
                }
            }
            Input::Enqueue { targets, priority, credit_ms, timeout_ms } => {
                let since_ms = now_ms as i64 - i64::from(*credit_ms);
                let times_out_at_ms = timeout_ms.map(|timeout_ms| now_ms + timeout_ms);
                let (targets, priority) = (targets.clone(), *priority);
                let route = ModelRoute { targets, priority, since_ms, enqueued_at_ms: now_ms, times_out_at_ms, queued: true };
                self.routes.insert(key, route);
                self.opened += 1;
            }
            Input::SetPriority(n, priority) => {
                let Some(key) = self.nth_route(*n) else {
                    return false;
                };
                self.routes.get_mut(&key).unwrap().priority = *priority;
            }
            Input::Cancel(n) => {
                let Some(key) = self.nth_route(*n) else {
                    return false;
                };
                self.routes.remove(&key);
                self.ended += 1;
            }
            Input::Seize(n) => {
                let agent = self.agents.get_mut(agent_of(n)).unwrap();
                let idle_since_ms = match agent.doing {
                    Doing::Ringing(..) | Doing::Busy(_) => return false,
                    Doing::Idle(since_ms) if agent.logged_in => since_ms,
                    _ => now_ms,
                };
                agent.doing = Doing::Ringing(key, idle_since_ms);
                let targets = vec![Target::Agent(agent_of(n).into())];
                let enqueued_at_ms = now_ms;
                let route = ModelRoute { targets, priority: 0, since_ms: 0, enqueued_at_ms, times_out_at_ms: None, queued: false };
                self.routes.insert(key, route);
                self.opened += 1;
            }
            Input::Answered(n) => {
                return matches!(self.agents[agent_of(n)].doing, Doing::Ringing(..));
            }
            Input::NotAnswered(n) => {
                let agent = self.agents.get_mut(agent_of(n)).unwrap();
                let Doing::Ringing(key, _) = agent.doing else {
                    return false;
                };
                agent.doing = if agent.logged_in { Doing::Resting(now_ms + NOT_READY_MS) } else { Doing::Idle(now_ms) };
                if !self.routes[&key].queued {
                    self.routes.remove(&key);
                    self.ended += 1;
                }
            }
            Input::CallEnded(n) => {
                let wrap_up_ms = AGENTS[*n].2;
                let agent = self.agents.get_mut(agent_of(n)).unwrap();
                let Doing::Busy(_) = agent.doing else {
                    return false;
                };
                agent.doing = if agent.logged_in && wrap_up_ms > 0 { Doing::Resting(now_ms + wrap_up_ms) } else { Doing::Idle(now_ms) };
            }
        }
        true
    }
}
