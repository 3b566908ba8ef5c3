//! What strategies and callers do.

use crate::groups::below_limit;
use crate::route::OpenRoute;
use crate::{AgentGroups, Error, Output, Route, Target};

impl<K: Clone + Ord> AgentGroups<K> {
    /// A call is to be routed: offered at once where a target is ready, else it waits from now on.
    pub fn enqueue(&mut self, now_ms: u64, route: Route<K>, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        self.may_open(&route.key)?;
        let limit = self.options.max_targets;
        below_limit("targets of one route", route.targets.len(), limit.saturating_add(1), "max_targets")?;
        if route.targets.is_empty() {
            return Err(Error::NoTarget);
        }
        for target in &route.targets {
            match target {
                Target::Agent(name) if !self.agents.contains_key(name) => {
                    return Err(Error::UnknownAgent(name.clone()));
                }
                Target::Group(name) if !self.groups.contains_key(name) => {
                    return Err(Error::UnknownGroup(name.clone()));
                }
                _ => {}
            }
        }
        let (key, open) = OpenRoute::new(route, self.now_ms);
        self.insert_route(key.clone(), open);
        self.place(&key, out);
        Ok(())
    }

    /// Changes an open route's priority; while it rings that matters only if it comes back.
    pub fn set_priority(&mut self, now_ms: u64, key: &K, priority: i32, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        if !self.routes.contains_key(key) {
            return Err(Error::UnknownRoute);
        }
        self.update_route(key, |route| route.priority = priority);
        Ok(())
    }

    /// The caller hung up, the strategy cancelled, or the call went elsewhere. A phone that rings for it falls silent, and
    /// that agent is ready again, idle since before it rang. Once answered a route is not open any more: `call_ended`.
    pub fn cancel(&mut self, now_ms: u64, key: &K, out: &mut Vec<Output<K>>) -> Result<(), Error> {
        self.advance(now_ms, out);
        if !self.routes.contains_key(key) {
            return Err(Error::UnknownRoute);
        }
        let fresh = self.close(key, out);
        self.match_up(fresh.into_iter().collect(), out);
        Ok(())
    }

    pub(crate) fn may_open(&self, key: &K) -> Result<(), Error> {
        if self.routes.contains_key(key) {
            return Err(Error::RouteOpen);
        }
        below_limit("open routes", self.routes.len(), self.options.max_open_routes, "max_open_routes")
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use crate::{AgentGroups, AgentState, Error, Options, Route, Target};

    #[test]
    fn a_raised_priority_overtakes() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.enqueue(1, to_group(1, "sales"));
        team.enqueue(2, to_group(2, "sales"));
        team.groups.set_priority(3, &2, 1, &mut Vec::new()).unwrap();
        assert_eq!(team.log_in(4, "ann"), [offer(4, 2, "ann", Some("sales"))]);
    }

    #[test]
    fn a_priority_set_while_it_rings_counts_when_it_comes_back() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.log_in(0, "ann");
        team.enqueue(1, to_group(1, "sales"));
        team.enqueue(2, to_group(2, "sales"));
        team.groups.set_priority(3, &1, -1, &mut Vec::new()).unwrap();
        team.not_answered(4, "ann");
        assert_eq!(team.advance(10_004), [offer(10_004, 2, "ann", Some("sales"))]);
    }

    #[test]
    fn a_caller_who_hangs_up_while_it_rings_costs_the_agent_no_idle_time() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.log_in(7, "ann");
        team.enqueue(10, to_group(1, "sales"));
        let mut out = Vec::new();
        team.groups.cancel(20, &1, &mut out).unwrap();
        assert_eq!(out, [withdrawn(20, 1, "ann")]);
        assert_eq!(team.groups.agent("ann"), Some(AgentState::Ready { since_ms: 7 }));
        assert_eq!(team.groups.cancel(21, &1, &mut out), Err(Error::UnknownRoute));
    }

    #[test]
    fn a_cancelled_ring_frees_the_agent_for_whoever_waits() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.log_in(0, "ann");
        team.enqueue(1, to_group(1, "sales"));
        team.enqueue(2, to_group(2, "sales"));
        let mut out = Vec::new();
        team.groups.cancel(3, &1, &mut out).unwrap();
        assert_eq!(out, [withdrawn(3, 1, "ann"), offer(3, 2, "ann", Some("sales"))]);
    }

    #[test]
    fn what_cannot_be_routed_is_refused_and_not_kept() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.groups = AgentGroups { options: Options { max_open_routes: 1, max_targets: 1, ..Options::default() }, ..team.groups };
        let mut enqueue = |key, targets: &[Target]| team.groups.enqueue(0, Route::new(key, targets.to_vec()), &mut Vec::new());
        let (sales, ann) = (Target::Group("sales".into()), Target::Agent("ann".into()));
        assert_eq!(enqueue(1, &[]), Err(Error::NoTarget));
        assert_eq!(enqueue(1, &[Target::Group("ann".into())]), Err(Error::UnknownGroup("ann".into())));
        assert_eq!(enqueue(1, &[Target::Agent("sales".into())]), Err(Error::UnknownAgent("sales".into())));
        assert!(matches!(enqueue(1, &[sales.clone(), ann]), Err(Error::OverLimit { option: "max_targets", .. })));
        assert_eq!(enqueue(1, std::slice::from_ref(&sales)), Ok(()));
        assert_eq!(enqueue(1, std::slice::from_ref(&sales)), Err(Error::RouteOpen));
        assert!(matches!(enqueue(2, &[sales]), Err(Error::OverLimit { option: "max_open_routes", .. })));
    }
}
