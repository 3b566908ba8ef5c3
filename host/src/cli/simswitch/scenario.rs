//! The caller's part of scenario files.
//!
//! What a caller does in a scenario is told by what the strategy does meanwhile, and a plan is made before the call. So a key is
//! pressed at the announcement or collect behind whose `expect` it stands (announcements that no key interrupts are not counted by the
//! caller, and should not be expected here); a hang-up comes where the caller waits (as patience), else at about its time.

use std::path::Path;

use miette::{Context, IntoDiagnostic, miette};
use tandem_gateway::simulated::callers::{After, Answer, CallerPlan, Digits};

use super::values::Agents;
use crate::lab::scenario::{Action, Expectation, Scenario, parse};

/// Between the callers of several files.
const APART_MS: u64 = 1_000;

/// From the beginning of an announcement or a collect to the first key.
const REACTION_MS: u64 = 500;

/// What is heard takes so long, where the scenario says nothing of time.
const HEARD_MS: u64 = 2_000;

/// Patience and talk, where the scenario says nothing of them.
const PATIENCE_MS: u64 = 600_000;
const TALK_MS: u64 = 60_000;

/// The callers of these files, one after the other from `start` on, and the agents that they speak of.
pub fn callers(paths: &[impl AsRef<Path>], seed: u64, start: u64) -> miette::Result<(Vec<CallerPlan>, Vec<Agents>)> {
    let mut callers = Vec::new();
    let mut agents: Vec<Agents> = Vec::new();
    for (number, path) in (1_u32..).zip(paths) {
        let path = path.as_ref();
        let text =
            std::fs::read_to_string(path).into_diagnostic().wrap_err_with(|| format!("the scenario {} cannot be read", path.display()))?;
        let scenario = parse(&text).map_err(|error| miette!("{}: {error}", path.display()))?;
        let arrive_at_ms = start.saturating_add(u64::from(number) * APART_MS);
        callers.push(
            caller(&scenario, number, arrive_at_ms, seed).ok_or_else(|| miette!("{}: nobody calls in this scenario", path.display()))?,
        );
        for (group, count) in &scenario.setting.agents {
            match agents.iter_mut().find(|agents| agents.groups == [group.as_str()]) {
                Some(known) => known.count = known.count.max(*count),
                None => agents.push(Agents { groups: vec![group.clone()], count: *count }),
            }
        }
    }
    Ok((callers, agents))
}

fn caller(scenario: &Scenario, number: u32, arrive_at_ms: u64, seed: u64) -> Option<CallerPlan> {
    let mut dialled = None;
    let mut answers: Vec<Answer> = Vec::new();
    // Since the caller dialled; since the last thing heard, routed or answered.
    let (mut all_ms, mut since_ms) = (0, 0);
    let (mut waits, mut talks) = (false, false);
    let (mut patience_ms, mut service_ms, mut hangs_up_at_ms) = (scenario.setting.patience_ms.unwrap_or(PATIENCE_MS), TALK_MS, None);
    for step in &scenario.steps {
        match &step.action {
            Action::Dials(to, from) => dialled = Some((to.clone(), from.clone())),
            Action::Wait(ms) | Action::Expect(Expectation::NothingFor(ms)) => (all_ms, since_ms) = (all_ms + ms, since_ms + ms),
            Action::Expect(Expectation::Play(_) | Expectation::Collect(_)) => {
                answers.push(Answer::new("", 0));
                (all_ms, since_ms) = (all_ms + HEARD_MS, 0);
            }
            Action::Expect(Expectation::Route(_) | Expectation::Transfer(_)) => (waits, since_ms) = (true, 0),
            Action::Expect(Expectation::Routed(_)) => (talks, since_ms) = (true, 0),
            Action::Presses(keys) => {
                if answers.is_empty() {
                    answers.push(Answer::new("", 0));
                }
                if let Some(answer) = answers.last_mut() {
                    let delay_ms = if answer.keys.is_empty() { REACTION_MS + since_ms } else { answer.delay_ms };
                    *answer = Answer::new(format!("{}{keys}", answer.keys), delay_ms);
                }
            }
            Action::HangsUp | Action::AgentHangsUp if talks => service_ms = since_ms.max(1),
            Action::HangsUp if waits => patience_ms = since_ms,
            Action::HangsUp => hangs_up_at_ms = Some(all_ms),
            Action::AgentHangsUp
            | Action::AgentHolds(_)
            | Action::SomebodyAttaches(_)
            | Action::SomebodyDeletes(_)
            | Action::LogIn(..)
            | Action::LogOut(..)
            | Action::HostDies(_)
            | Action::Expect(_) => {}
        }
    }
    let (dials, calling) = dialled?;
    Some(CallerPlan {
        number,
        arrive_at_ms,
        calling: calling.unwrap_or_else(|| format!("555{number:04}")),
        dials,
        patience_ms,
        hangs_up_at_ms,
        digits: Digits { answers, after: After::Silence, at_prompts: true },
        service_ms,
        priority: 0,
        credit_ms: 0,
        service_type: String::new(),
        seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> CallerPlan {
        caller(&parse(text).unwrap(), 1, 0, 7).unwrap()
    }

    #[test]
    fn keys_are_pressed_where_they_stand_and_nowhere_else() {
        let plan = of(
            "caller dials 8001 from 5551234\nexpect collect\nexpect play \"no-input\"\nexpect collect\nwait 2s\ncaller presses 1\nexpect route group \"sales\"",
        );
        assert_eq!((plan.dials.as_str(), plan.calling.as_str()), ("8001", "5551234"));
        assert!(plan.digits.at_collect(1).is_none() && plan.digits.at_collect(2).is_none() && plan.digits.at_collect(4).is_none());
        assert_eq!(plan.digits.at_collect(3), Some(&Answer::new("1", 2_500)));
        assert_eq!(plan.hangs_up_at_ms, None);
    }

    #[test]
    fn a_hang_up_is_patience_where_the_caller_waits_and_talk_where_they_talk() {
        let in_menu = of("caller dials 8001\nexpect collect\nwait 1s\ncaller hangs up");
        assert_eq!(in_menu.hangs_up_at_ms, Some(3_000));
        let waiting = of("patience 90s\ncaller dials 8001\nexpect route group \"sales\"\nwait 30s\ncaller hangs up");
        assert_eq!((waiting.patience_ms, waiting.hangs_up_at_ms), (30_000, None));
        let talking =
            of("patience 90s\ncaller dials 8001\nexpect route group \"sales\"\nexpect routed to \"sales\"\nwait 5s\nagent hangs up");
        assert_eq!((talking.patience_ms, talking.service_ms), (90_000, 5_000));
    }

    #[test]
    fn several_files_call_one_after_the_other_with_the_agents_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [("a", 1), ("b", 3)].map(|(name, count)| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("agents sales: {count}\ncaller dials 8001\nexpect end\n")).unwrap();
            path
        });
        let (plans, agents) = callers(&paths, 1, 10_000).unwrap();
        assert_eq!(plans.iter().map(|plan| (plan.number, plan.arrive_at_ms)).collect::<Vec<_>>(), [(1, 11_000), (2, 12_000)]);
        assert_eq!(agents, [Agents { groups: vec!["sales".into()], count: 3 }]);
        std::fs::write(&paths[0], "caller sings\n").unwrap();
        let wrong = callers(&paths, 1, 0).unwrap_err().to_string();
        assert!(wrong.contains("line 1"), "{wrong}");
    }
}
