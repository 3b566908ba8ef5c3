//! What agents do with calls.

use crate::agent::Activity;
use crate::route::OpenRoute;
use crate::{AgentGroups, Answered, Error, Output, Route, RouteState, Target};

impl<K: Clone + Ord> AgentGroups<K> {
    /// The agent took the call that was ringing.
    pub fn answered(&mut self, now_ms: u64, agent: &str, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        let found = self.found(agent)?;
        let name = found.name.clone();
        let Activity::Ringing { route, group, .. } = found.activity.clone() else {
            return Err(Error::NotRinging(name));
        };
        let at_ms = self.now_ms;
        let enqueued_at_ms = self.remove_route(&route).map_or(at_ms, |open| open.enqueued_at_ms);
        self.update_agent(&name, |agent| {
            agent.activity = Activity::Busy { route: route.clone(), group: group.clone(), answered_at_ms: at_ms };
        });
        let waited_ms = at_ms.saturating_sub(enqueued_at_ms);
        out.push(Output::Answered(Answered { at_ms, route, agent: name, group, waited_ms }));
        Ok(())
    }

    /// The phone rang too long, or the agent refused. The route waits on with its old rank (a seized one is over); the
    /// agent is offered nothing for [`crate::Options::not_ready_ms`].
    pub fn not_answered(&mut self, now_ms: u64, agent: &str, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        let found = self.found(agent)?;
        let name = found.name.clone();
        let Activity::Ringing { route, .. } = found.activity.clone() else {
            return Err(Error::NotRinging(name));
        };
        let now_ms = self.now_ms;
        let until_ms = now_ms.saturating_add(self.options.not_ready_ms.max(1));
        self.update_agent(&name, |agent| {
            agent.activity = if agent.logged_in { Activity::NotReady { until_ms } } else { Activity::Idle { since_ms: now_ms } };
        });
        self.give_back(&route, out);
        Ok(())
    }

    /// The agent's call is over, whoever hung up: wrap-up, then ready (or gone, where the agent has logged out).
    pub fn call_ended(&mut self, now_ms: u64, agent: &str, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        let found = self.found(agent)?;
        let (name, wrap_up_ms, now_ms) = (found.name.clone(), found.wrap_up_ms, self.now_ms);
        let Activity::Busy { group, answered_at_ms, .. } = found.activity.clone() else {
            return Err(Error::NoCall(name));
        };
        if let Some(group) = group.and_then(|group| self.groups.get_mut(&group)) {
            group.handled(now_ms.saturating_sub(answered_at_ms).saturating_add(wrap_up_ms));
        }
        self.update_agent(&name, |agent| {
            agent.activity = if agent.logged_in && wrap_up_ms > 0 {
                Activity::WrapUp { until_ms: now_ms.saturating_add(wrap_up_ms) }
            } else {
                Activity::Idle { since_ms: now_ms }
            };
        });
        self.match_up(vec![name], out);
        Ok(())
    }

    /// Rings an agent without asking whether they are ready (the contract's `unchecked`, a transfer to an agent): also one
    /// in wrap-up, not ready or logged out, but not one with a call. The caller chooses the key, as for `enqueue`; then
    /// `answered`, `not_answered`, `cancel` and `call_ended` as ever. No offer is output: the caller knows.
    pub fn seize(&mut self, now_ms: u64, agent: &str, key: K, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        let found = self.found(agent)?;
        let name = found.name.clone();
        if found.has_call() {
            return Err(Error::HasCall(name));
        }
        self.may_open(&key)?;
        let (key, mut route) = OpenRoute::new(Route::new(key, vec![Target::Agent(name.clone())]), self.now_ms);
        route.queued = false;
        route.state = RouteState::Ringing(name.clone());
        self.insert_route(key.clone(), route);
        self.ring(&key, &name, None);
        Ok(())
    }

    /// A route whose phone rang in vain.
    pub(crate) fn give_back(&mut self, key: &K, out: &mut Vec<Output<K>>) {
        if self.routes.get(key).is_some_and(|route| route.queued) {
            self.update_route(key, |route| route.state = RouteState::Waiting);
            self.place(key, out);
        } else {
            self.remove_route(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use crate::{AgentSetup, AgentState, Error, Route, RouteState};

    #[test]
    fn an_unanswered_route_keeps_its_place_and_the_agent_rests() {
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["sales"])], 0);
        team.log_in(0, "ann");
        team.enqueue(10, to_group(1, "sales"));
        team.enqueue(20, to_group(2, "sales"));
        assert_eq!(team.not_answered(30, "ann"), []);
        assert_eq!(team.groups.agent("ann"), Some(AgentState::NotReady { until_ms: 10_030 }));
        assert_eq!(team.log_in(40, "bob"), [offer(40, 1, "bob", Some("sales"))], "before 2, which came later");
        assert_eq!(team.advance(20_000), [offer(10_030, 2, "ann", Some("sales"))]);
    }

    #[test]
    fn an_unanswered_route_goes_to_another_ready_agent_at_once() {
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["sales"])], 0);
        team.log_in(0, "ann");
        team.log_in(1, "bob");
        team.enqueue(10, to_group(1, "sales"));
        assert_eq!(team.not_answered(30, "ann"), [offer(30, 1, "bob", Some("sales"))]);
        assert_eq!(team.answered(35, "bob"), [answered(35, 1, "bob", Some("sales"), 25)]);
    }

    #[test]
    fn wrap_up_follows_a_call_and_then_the_agent_is_ready() {
        let mut team = Team::new(&[("ann", &["sales"])], 500);
        team.log_in(0, "ann");
        team.enqueue(0, to_group(1, "sales"));
        team.answered(0, "ann");
        assert_eq!(team.groups.agent("ann"), Some(AgentState::Busy { route: 1 }));
        team.call_ended(100, "ann");
        assert_eq!(team.groups.agent("ann"), Some(AgentState::WrapUp { until_ms: 600 }));
        assert_eq!(team.enqueue(200, to_group(2, "sales")), []);
        assert_eq!(team.advance(700), [offer(600, 2, "ann", Some("sales"))]);
    }

    #[test]
    fn a_seized_agent_rings_whatever_their_state_but_not_in_a_call() {
        let mut team = Team::new(&[("ann", &["sales"])], 500);
        let seize = |team: &mut Team, at_ms, key| team.groups.seize(at_ms, "ann", key, &mut Vec::new());
        seize(&mut team, 0, 1).unwrap();
        assert_eq!(team.groups.route(&1), Some(&RouteState::Ringing("ann".into())));
        assert_eq!(seize(&mut team, 1, 2), Err(Error::HasCall("ann".into())));
        assert_eq!(team.answered(5, "ann"), [answered(5, 1, "ann", None, 5)]);
        team.call_ended(10, "ann");
        assert_eq!(team.groups.agent("ann"), Some(AgentState::LoggedOut), "as before");
        seize(&mut team, 11, 3).unwrap();
        team.not_answered(12, "ann");
        assert_eq!(team.groups.route(&3), None, "it is over, it does not wait");
    }

    #[test]
    fn inputs_out_of_order_are_refused_by_name_and_change_nothing() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        let out = &mut Vec::new();
        let groups = &mut team.groups;
        assert_eq!(groups.answered(0, "ann", out), Err(Error::NotRinging("ann".into())));
        assert_eq!(groups.not_answered(0, "ann", out), Err(Error::NotRinging("ann".into())));
        assert_eq!(groups.call_ended(0, "ann", out), Err(Error::NoCall("ann".into())));
        assert_eq!(groups.log_in(0, "eve", out), Err(Error::UnknownAgent("eve".into())));
        let setup = AgentSetup { name: "eve".into(), groups: vec!["none".into()], wrap_up_ms: 0 };
        assert_eq!(groups.put_agent(0, setup, out), Err(Error::UnknownGroup("none".into())));
        assert_eq!(groups.agent("eve"), None);
        assert_eq!(out, &[]);
    }

    #[test]
    fn an_answer_after_the_time_out_is_refused_and_the_time_out_is_still_told() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.log_in(0, "ann");
        team.enqueue(0, Route { timeout_ms: Some(10), ..to_group(1, "sales") });
        let mut out = Vec::new();
        assert_eq!(team.groups.answered(11, "ann", &mut out), Err(Error::NotRinging("ann".into())));
        assert_eq!(out, [withdrawn(10, 1, "ann"), timed_out(10, 1, 10)]);
    }
}
