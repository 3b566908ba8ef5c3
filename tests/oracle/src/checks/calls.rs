//! Calls: each arrives once and leaves once, and the sum adds up.

use crate::finding::{Finding, Findings, Kind};
use crate::input::record::Outcome;
use crate::judge::Sides;
use crate::report::Facts;

pub(crate) fn check(sides: &Sides<'_>, facts: &mut Facts, findings: &mut Findings) {
    let switch = sides.switch;
    for call in &switch.calls {
        facts.calls += u64::from(call.arrived.is_some());
        match call.outcome() {
            Some(Outcome::Routed) => facts.routed += 1,
            Some(Outcome::SelfServed) => facts.self_served += 1,
            Some(Outcome::Abandoned) => facts.abandoned += 1,
            Some(Outcome::DefaultRouted) => facts.default_routed += 1,
            None => {}
        }
        let what = match (call.arrived, call.left.len()) {
            (Some(_), 1) | (None, 0) => continue,
            (Some(_), 0) => "the call arrived and never left".to_owned(),
            (Some(_), times) => format!("the call left {times} times"),
            (None, _) => "the call left and never arrived".to_owned(),
        };
        let at = call.arrived.map(|(at, _)| at).into_iter().chain(call.left.last().map(|(at, _)| *at)).max();
        findings.add(Kind::UnbalancedCalls, Finding::new(what).call(&*call.id).at(at.unwrap_or_default()));
    }
    match switch.declared_calls {
        None => findings.add(Kind::IncompleteRecord, Finding::new("the record's last line is not `end`").at(switch.ended_at)),
        Some(declared) if switch.restarts.is_empty() && declared != facts.calls => {
            let what = format!("the record's end counts {declared} calls, and {} arrived", facts.calls);
            findings.add(Kind::UnbalancedCalls, Finding::new(what));
        }
        Some(_) => {}
    }
    for silent in &switch.silent {
        let what = format!("nothing was heard for {} ms; allowed until {}", silent.until - silent.since, silent.allowed_until);
        let id = switch.calls.get(silent.call).map(|call| &*call.id);
        let finding = Finding::new(what).call(id).session(silent.session).at(silent.since).until(silent.until);
        findings.add(Kind::SilentCalls, finding);
    }
}
