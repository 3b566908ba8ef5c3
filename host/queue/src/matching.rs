//! Time, and who gets whom.

use crate::agent::Activity;
use crate::groups::Due;
use crate::route::Rank;
use crate::{AgentGroups, Name, Offer, Output, RouteState, Target};

impl<K: Clone + Ord> AgentGroups<K> {
    /// The next instant at which something happens without an input: call [`AgentGroups::advance`] then.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.due.first().map(|(at_ms, _)| *at_ms)
    }

    /// Does what is due up to `now_ms`, in time order: route time-outs, ends of wrap-up and of not-ready, and the offers
    /// that follow. Every other input does this first by itself.
    pub fn advance(&mut self, now_ms: u64, out: &mut Vec<Output<K>>) {
        while let Some(at_ms) = self.next_due_ms().filter(|at_ms| *at_ms <= now_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            let fresh = self.end_what_is_due(at_ms, out);
            self.match_up(fresh, out);
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// Returns who became ready at this instant.
    fn end_what_is_due(&mut self, at_ms: u64, out: &mut Vec<Output<K>>) -> Vec<Name> {
        let mut fresh = Vec::new();
        while self.next_due_ms() == Some(at_ms) {
            match self.due.pop_first() {
                Some((_, Due::RouteTimesOut(key))) => {
                    let Some(route) = self.routes.get(&key) else {
                        continue;
                    };
                    let waited_ms = self.now_ms.saturating_sub(route.enqueued_at_ms);
                    fresh.extend(self.close(&key, out));
                    out.push(Output::TimedOut { at_ms: self.now_ms, route: key, waited_ms });
                }
                Some((_, Due::AgentReady(name))) => {
                    let since_ms = self.now_ms;
                    self.update_agent(&name, |agent| agent.activity = Activity::Idle { since_ms });
                    fresh.push(name);
                }
                None => {}
            }
        }
        fresh
    }

    /// Ends a route that nobody answered. Returns the agent whose phone fell silent, idle again since before it rang.
    pub(crate) fn close(&mut self, key: &K, out: &mut Vec<Output<K>>) -> Option<Name> {
        let RouteState::Ringing(name) = self.remove_route(key)?.state else {
            return None;
        };
        self.update_agent(&name, |agent| {
            if let Activity::Ringing { idle_since_ms, .. } = agent.activity {
                agent.activity = Activity::Idle { since_ms: idle_since_ms };
            }
        });
        out.push(Output::Withdrawn { at_ms: self.now_ms, route: key.clone(), agent: name.clone() });
        Some(name)
    }

    /// Offers waiting routes to agents who just became ready, best route first. Nobody else can be ready while a route
    /// that they could take waits, so nobody else is looked at.
    pub(crate) fn match_up(&mut self, mut fresh: Vec<Name>, out: &mut Vec<Output<K>>) {
        loop {
            fresh.retain(|name| self.agents.get(name).is_some_and(|agent| agent.ready_since_ms().is_some()));
            let best = fresh.iter().filter_map(|name| self.best_route_for(name)).min();
            let Some(key) = best.map(|rank| rank.key.clone()) else {
                return;
            };
            if !self.place(&key, out) {
                return;
            }
        }
    }

    fn best_route_for(&self, name: &Name) -> Option<&Rank<K>> {
        let agent = self.agents.get(name)?;
        let groups = agent.groups.iter().filter_map(|group| self.groups.get(group)?.line.first());
        groups.chain(agent.line.first()).min()
    }

    /// Offers a waiting route to the first of its targets that is ready. False: none is.
    pub(crate) fn place(&mut self, key: &K, out: &mut Vec<Output<K>>) -> bool {
        let Some((name, group)) = self.routes.get(key).and_then(|route| self.ready_target(&route.targets)) else {
            return false;
        };
        self.ring(key, &name, group.clone());
        out.push(Output::Offer(Offer { at_ms: self.now_ms, route: key.clone(), agent: name, group }));
        true
    }

    pub(crate) fn ring(&mut self, key: &K, name: &Name, group: Option<Name>) {
        self.update_route(key, |route| route.state = RouteState::Ringing(name.clone()));
        let now_ms = self.now_ms;
        self.update_agent(name, |agent| {
            let idle_since_ms = agent.ready_since_ms().unwrap_or(now_ms);
            agent.activity = Activity::Ringing { route: key.clone(), group, idle_since_ms };
        });
    }

    fn ready_target(&self, targets: &[Target]) -> Option<(Name, Option<Name>)> {
        targets.iter().find_map(|target| match target {
            Target::Agent(name) => {
                let agent = self.agents.get(name)?;
                agent.ready_since_ms().map(|_| (name.clone(), None))
            }
            Target::Group(name) => {
                let (_, agent) = self.groups.get(name)?.ready.first()?;
                Some((agent.clone(), Some(name.clone())))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;
    use crate::{Route, Target};

    #[test]
    fn higher_priority_goes_first_then_the_longest_waiting_with_credit_counted() {
        // (key, enqueued at, priority, credit); nobody is there. Then one agent comes.
        type Enqueued = (u64, u64, i32, u32);
        let cases: [(&[Enqueued], u64); 5] = [
            (&[(1, 10, 0, 0), (2, 20, 1, 0)], 2),
            (&[(1, 10, 0, 0), (2, 20, 0, 0)], 1),
            (&[(1, 10, 0, 0), (2, 20, 0, 11)], 2),
            (&[(2, 10, 0, 0), (1, 20, 0, 10)], 1), // equal: the smaller key
            (&[(1, 10, 0, u32::MAX), (2, 20, i32::MAX, 0)], 2),
        ];
        for (routes, first) in cases {
            let mut team = Team::new(&[("ann", &["sales"])], 0);
            for &(key, at_ms, priority, credit_ms) in routes {
                team.enqueue(at_ms, Route { priority, credit_ms, ..to_group(key, "sales") });
            }
            assert_eq!(team.log_in(100, "ann"), [offer(100, first, "ann", Some("sales"))], "{routes:?}");
        }
    }

    #[test]
    fn the_longest_idle_agent_of_the_group_is_taken_and_names_break_ties() {
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["sales"]), ("cid", &["sales"])], 0);
        team.log_in(5, "cid");
        team.log_in(7, "bob");
        team.log_in(7, "ann");
        let order: Vec<_> = (1..=3).flat_map(|key| team.enqueue(9, to_group(key, "sales"))).collect();
        let expected = ["cid", "ann", "bob"].iter().zip(1..);
        assert_eq!(order, expected.map(|(agent, key)| offer(9, key, agent, Some("sales"))).collect::<Vec<_>>());
    }

    #[test]
    fn listed_order_breaks_ties_between_targets_that_are_ready_at_the_same_instant() {
        let targets = vec![Target::Agent("bob".into()), Target::Group("sales".into())];
        // Both ready before: the listed agent, although Ann has been idle for longer.
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["sales"])], 1_000);
        team.log_in(1, "ann");
        team.log_in(2, "bob");
        assert_eq!(team.enqueue(3, Route::new(1, targets.clone())), [offer(3, 1, "bob", None)]);

        // Both become ready by the end of wrap-up in the same millisecond.
        team.enqueue(4, to_group(2, "sales"));
        team.answered(5, "ann");
        team.answered(5, "bob");
        team.enqueue(6, Route::new(3, targets));
        team.call_ended(10, "ann");
        team.call_ended(10, "bob");
        assert_eq!(team.advance(2_000), [offer(1_010, 3, "bob", None)]);
    }

    #[test]
    fn a_route_with_two_groups_goes_to_whichever_is_ready_first() {
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["service"])], 0);
        let targets = vec![Target::Group("sales".into()), Target::Group("service".into())];
        team.enqueue(1, Route::new(1, targets));
        assert_eq!(team.log_in(2, "bob"), [offer(2, 1, "bob", Some("service"))]);
        assert_eq!(team.log_in(3, "ann"), [], "it no longer waits for sales");
    }

    #[test]
    fn a_time_out_goes_before_the_end_of_wrap_up_at_the_same_instant() {
        let mut team = Team::new(&[("ann", &["sales"])], 50);
        team.log_in(0, "ann");
        team.enqueue(0, to_group(1, "sales"));
        team.answered(0, "ann");
        team.enqueue(10, Route { timeout_ms: Some(140), ..to_group(2, "sales") });
        team.call_ended(100, "ann");
        assert_eq!(team.advance(1_000), [timed_out(150, 2, 140)]);
    }

    #[test]
    fn a_time_out_while_it_rings_withdraws_the_offer_and_frees_the_agent_for_the_next() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.log_in(0, "ann");
        team.enqueue(10, Route { timeout_ms: Some(5), ..to_group(1, "sales") });
        team.enqueue(11, to_group(2, "sales"));
        assert_eq!(team.advance(99), [withdrawn(15, 1, "ann"), timed_out(15, 1, 5), offer(15, 2, "ann", Some("sales"))]);
    }

    #[test]
    fn time_never_goes_back() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.log_in(500, "ann");
        assert_eq!(team.enqueue(100, to_group(1, "sales")), [offer(500, 1, "ann", Some("sales"))]);
    }

    #[test]
    fn next_due_names_the_earliest_end() {
        let mut team = Team::new(&[("ann", &["sales"])], 70);
        assert_eq!(team.groups.next_due_ms(), None);
        team.log_in(0, "ann");
        team.enqueue(0, to_group(1, "sales"));
        team.answered(1, "ann");
        team.enqueue(2, Route { timeout_ms: Some(100), ..to_group(2, "sales") });
        assert_eq!(team.groups.next_due_ms(), Some(102));
        team.call_ended(10, "ann");
        assert_eq!(team.groups.next_due_ms(), Some(80));
        team.groups.cancel(11, &2, &mut Vec::new()).unwrap();
        team.advance(80);
        assert_eq!(team.groups.next_due_ms(), None);
    }
}
