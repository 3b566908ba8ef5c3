//! Which calls wait for, or are with, the same agents at the same time.
//!
//! A *stay* is what one route or transfer makes of a call: from the moment it was applied until the call left (answered) or the
//! request was answered otherwise (not answered), and after an answered one the agents' wrap-up. A *pool* is a set of groups
//! and agents that one route named together, or that share an agent who answered for them; groups that share nobody are pools
//! of their own. A *busy period* of a pool is a longest stretch of time without a moment in which no stay of it, of either run,
//! is under way: one call after another in which each can feel the one before.

use std::collections::{BTreeMap, HashMap};

use crate::input::event::Told;
use crate::input::ids::Timestamp;
use crate::input::record::Verdict;
use crate::input::request::{Asks, Target};
use crate::switch::SwitchSide;

/// Who stays: a caller, the same in both runs, or a call that a session made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Caller(u32),
    Made(String),
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Stay {
    pub(crate) who: Who,
    /// Groups and agents that may answer.
    pub(crate) names: Vec<String>,
    pub(crate) queued_at: Timestamp,
    /// When it was answered or given up.
    pub(crate) waited_until: Timestamp,
    pub(crate) until: Timestamp,
    /// Its place in the line: the smallest goes first. Priority, then waiting with credit.
    pub(crate) rank: (i64, i128),
}

/// All stays of a run, in the order in which they began.
pub(crate) fn stays(switch: &SwitchSide, wrap_up_ms: u64) -> Vec<Stay> {
    let answers: HashMap<_, _> = switch.events.iter().filter_map(|event| Some((event.answers?, event))).collect();
    let mut stays = Vec::new();
    for received in switch.requests.iter().filter(|received| received.verdict == Verdict::Applied) {
        let Asks::Route(route) = &received.body.asks else { continue };
        let mut names: Vec<String> = route.targets.iter().filter_map(name).collect();
        let Some(call) = received.body.interaction.as_deref().and_then(|id| switch.call_of(id)) else { continue };
        if names.is_empty() {
            continue;
        }
        let left_at = call.left.first().map(|(at, _)| *at).or(call.closed_at).unwrap_or(switch.ended_at);
        let answer = answers.get(&received.key);
        let waited_until = answer.map_or(left_at, |answer| answer.at);
        let until = match answer.map(|answer| (&answer.body.told, &*answer.body.name)) {
            Some((Told::Routed { target, answered_by }, _)) => {
                let by_agent = names.iter().any(|name| name == &group(target) || name == &agent(target));
                names.extend(by_agent.then(|| agent(answered_by)));
                left_at.saturating_add(wrap_up_ms)
            }
            // A transfer is answered by `done`.
            Some((_, "done")) => left_at.saturating_add(wrap_up_ms),
            _ => waited_until,
        };
        let who = call.arrived.map_or_else(|| Who::Made(call.id.clone()), |(_, caller)| Who::Caller(caller));
        let rank = (-route.priority, i128::from(received.at) - i128::from(route.credit_ms));
        stays.push(Stay { who, names, queued_at: received.at, waited_until, until, rank });
    }
    stays
}

fn group(name: &str) -> String {
    format!("group {name}")
}

fn agent(name: &str) -> String {
    format!("agent {name}")
}

fn name(target: &Target) -> Option<String> {
    match target {
        Target::Group(name) => Some(group(name)),
        Target::Agent(name) => Some(agent(name)),
        Target::DefaultRoute | Target::Other => None,
    }
}

/// The busy periods of all pools: the stays in each, by the time they began.
pub(crate) fn busy_periods(stays: Vec<Stay>) -> Vec<Vec<Stay>> {
    let mut pools = Pools::default();
    stays.iter().for_each(|stay| pools.unite(&stay.names));
    let mut by_pool: BTreeMap<usize, Vec<Stay>> = BTreeMap::new();
    for stay in stays {
        let pool = stay.names.first().map_or(0, |name| pools.of(name));
        by_pool.entry(pool).or_default().push(stay);
    }
    let mut periods = Vec::new();
    for mut stays in by_pool.into_values() {
        stays.sort_by_key(|stay| stay.queued_at);
        let mut busy_until = None;
        for stay in stays {
            let goes_on = busy_until.is_some_and(|until| stay.queued_at <= until);
            busy_until = busy_until.max(Some(stay.until));
            match periods.last_mut() {
                Some(period) if goes_on => Vec::push(period, stay),
                _ => periods.push(vec![stay]),
            }
        }
    }
    periods
}

/// Names that belong together.
#[derive(Debug, Default)]
struct Pools {
    numbers: HashMap<String, usize>,
    parents: Vec<usize>,
}

impl Pools {
    fn unite(&mut self, names: &[String]) {
        let Some(first) = names.first().map(|name| self.of(name)) else { return };
        for name in names.iter().skip(1) {
            let (other, root) = (self.of(name), self.root(first));
            if let Some(parent) = self.parents.get_mut(other) {
                *parent = root;
            }
        }
    }

    fn of(&mut self, name: &str) -> usize {
        let number = *self.numbers.entry(name.to_owned()).or_insert_with(|| {
            self.parents.push(self.parents.len());
            self.parents.len() - 1
        });
        self.root(number)
    }

    fn root(&self, mut number: usize) -> usize {
        while let Some(parent) = self.parents.get(number).copied().filter(|parent| *parent != number) {
            number = parent;
        }
        number
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn stay(caller: u32, names: &[&str], queued_at: u64, waited_until: u64, until: u64) -> Stay {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Stay { who: Who::Caller(caller), names, queued_at, waited_until, until, rank: (0, queued_at.into()) }
    }

    fn callers(stays: Vec<Stay>) -> Vec<Vec<Who>> {
        busy_periods(stays).into_iter().map(|period| period.into_iter().map(|stay| stay.who).collect()).collect()
    }

    #[test]
    fn a_busy_period_ends_when_nobody_stays() {
        let stays = vec![
            stay(1, &["group a"], 0, 5, 10),
            stay(2, &["group a"], 10, 10, 12),
            stay(3, &["group a"], 1, 1, 30),
            stay(4, &["group a"], 31, 31, 40),
            stay(5, &["group b"], 5, 5, 6),
        ];
        let who = |callers: &[u32]| callers.iter().map(|caller| Who::Caller(*caller)).collect::<Vec<_>>();
        assert_eq!(callers(stays), [who(&[1, 3, 2]), who(&[4]), who(&[5])]);
    }

    #[test]
    fn groups_that_share_an_agent_or_a_route_are_one_pool() {
        let stays = vec![
            stay(1, &["group a", "agent ann"], 0, 5, 10),
            stay(2, &["group b", "agent ann"], 5, 5, 10),
            stay(3, &["group c", "group b"], 6, 6, 7),
            stay(4, &["group d"], 6, 6, 7),
        ];
        assert_eq!(callers(stays).into_iter().map(|period| period.len()).collect::<Vec<_>>(), [3, 1]);
    }
}
