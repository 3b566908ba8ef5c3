//! What `query-group` answers (`group-status` of the contract).

use crate::{AgentGroups, Error, Name};

/// A group at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStatus {
    /// The group.
    pub group: Name,
    /// Its agents that are logged in, whatever they do.
    pub logged_in: u32,
    /// Those that can be offered a call now.
    pub ready: u32,
    /// Routes waiting for the group, those with other targets too included; a route whose agent is ringing is not.
    pub waiting: u32,
    /// The longest of their waits so far, credit not counted; 0 where none waits.
    pub longest_wait_ms: u32,
    /// What a call of ordinary priority would wait from now. An agent is ready: 0. Nobody logged in, or all are busy and
    /// no call of the group has ended yet: none. Else (waiting + 1) × mean handling time / agents logged in, where the
    /// mean is that of the group's recent calls, from answer to the end of wrap-up. That is the mean wait where all its agents
    /// serve only this group and nobody hangs up; agents shared with other groups make it too small, hang-ups too large.
    pub expected_wait_ms: Option<u32>,
}

impl<K: Clone + Ord> AgentGroups<K> {
    /// The state of a group after the latest input, with waits up to `now_ms`. What has become due since then is not
    /// counted: where [`AgentGroups::next_due_ms`] has passed, `advance` first.
    pub fn status(&self, now_ms: u64, group: &str) -> Result<GroupStatus, Error> {
        let (name, found) = self.groups.get_key_value(group).ok_or_else(|| Error::UnknownGroup(group.into()))?;
        let is_logged_in = |member: &&Name| self.agents.get(*member).is_some_and(|agent| agent.logged_in);
        let logged_in = found.members.iter().filter(is_logged_in).count() as u64;
        let waiting = found.line.len() as u64;
        let longest_ms = found.line.oldest_enqueued_at_ms().map_or(0, |at_ms| now_ms.saturating_sub(at_ms));
        let expected_ms = if found.ready.is_empty() {
            let mean_ms = found.mean_handling_ms;
            mean_ms.and_then(|mean_ms| mean_ms.saturating_mul(waiting + 1).checked_div(logged_in))
        } else {
            Some(0)
        };
        Ok(GroupStatus {
            group: name.clone(),
            logged_in: clamped(logged_in),
            ready: clamped(found.ready.len() as u64),
            waiting: clamped(waiting),
            longest_wait_ms: clamped(longest_ms),
            expected_wait_ms: expected_ms.map(clamped),
        })
    }
}

fn clamped(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::GroupStatus;
    use crate::testing::*;

    fn sales(logged_in: u32, ready: u32, waiting: u32, longest_wait_ms: u32, expected_wait_ms: Option<u32>) -> GroupStatus {
        GroupStatus { group: "sales".into(), logged_in, ready, waiting, longest_wait_ms, expected_wait_ms }
    }

    #[test]
    fn status_follows_a_day_of_a_group() {
        let mut team = Team::new(&[("ann", &["sales"]), ("bob", &["sales"])], 1_000);
        let now = |team: &Team, at_ms| team.groups.status(at_ms, "sales").unwrap();
        assert_eq!(now(&team, 0), sales(0, 0, 0, 0, None));
        team.log_in(10, "ann");
        assert_eq!(now(&team, 10), sales(1, 1, 0, 0, Some(0)));
        team.enqueue(100, to_group(1, "sales"));
        team.enqueue(200, to_group(2, "sales"));
        team.enqueue(300, to_group(3, "sales"));
        assert_eq!(now(&team, 350), sales(1, 0, 2, 150, None), "no call has ended yet; call 1 rings");
        team.answered(400, "ann");
        team.call_ended(3_400, "ann");
        assert_eq!(now(&team, 3_400), sales(1, 0, 2, 3_200, Some(3 * 4_000)), "3 s of talk and 1 s of wrap-up");
        team.advance(4_400);
        assert_eq!(now(&team, 4_400), sales(1, 0, 1, 4_100, Some(2 * 4_000)));
        team.log_in(4_500, "bob");
        assert_eq!(now(&team, 4_500), sales(2, 0, 0, 0, Some(2_000)));
    }

    #[test]
    fn the_longest_wait_is_not_that_of_the_first_in_order() {
        let mut team = Team::new(&[("ann", &["sales"])], 0);
        team.enqueue(100, to_group(1, "sales"));
        team.enqueue(900, crate::Route { priority: 9, ..to_group(2, "sales") });
        assert_eq!(team.groups.status(1_000, "sales").unwrap().longest_wait_ms, 900);
        assert_eq!(team.log_in(1_000, "ann"), [offer(1_000, 2, "ann", Some("sales"))]);
    }

    #[test]
    fn an_unknown_group_is_named() {
        let error = Team::new(&[], 0).groups.status(0, "sails").unwrap_err();
        assert!(error.to_string().contains("`sails`"), "{error}");
    }
}
