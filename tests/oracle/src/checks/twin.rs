//! The same seed without faults: each call comes out the same, but for calls that a fault explains (design, section 13.4).
//!
//! 1. *Fault-crossed*: a loss of a primary, from the loss to the next primary, overlaps the call's wait: from its arrival until
//!    it came to a person or to the default route for good, or left.
//! 2. *Restarted*: its session is not persisted and was started again, so an announcement may be heard twice.
//! 3. *Behind* such a call, as `behind` and `queues` define it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{
    behind::affected,
    queues::{Who, busy_periods, stays},
};
use crate::Options;
use crate::finding::{Finding, Findings, Kind};
use crate::input::lines::ReadError;
use crate::leadership::Span;
use crate::report::{Compared, Facts};
use crate::switch::{Call, SwitchSide};

pub(crate) fn check(
    ours: &SwitchSide,
    restarted: &HashSet<String>,
    twin: &SwitchSide,
    options: &Options,
    facts: &mut Facts,
    findings: &mut Findings,
) -> Result<(), ReadError> {
    same_seed_and_no_faults(ours, twin)?;
    let faults = ours.leadership.faults();
    let crossed = |call: &Call| wait(call, ours).is_some_and(|wait| faults.iter().any(|fault| fault.overlaps(wait)));
    let ours_by_caller = by_caller(ours, findings);
    let twins_by_caller = by_caller(twin, findings);
    let late: BTreeSet<Who> = ours_by_caller.iter().filter(|(_, call)| crossed(call)).map(|(caller, _)| Who::Caller(*caller)).collect();
    let mut both = stays(ours, options.wrap_up_ms);
    both.extend(stays(twin, options.wrap_up_ms));
    let affected = affected(&busy_periods(both), &late);

    let mut compared = Compared::default();
    let callers: BTreeSet<u32> = ours_by_caller.keys().chain(twins_by_caller.keys()).copied().collect();
    for caller in callers {
        compared.compared += 1;
        compared.fault_crossed += u64::from(late.contains(&Who::Caller(caller)));
        let (our, their) = (ours_by_caller.get(&caller).copied(), twins_by_caller.get(&caller).copied());
        let Some(what) = difference(our, their) else { continue };
        if our.is_some_and(|call| restarted.contains(&call.id)) {
            compared.differing_restarted += 1;
        } else if late.contains(&Who::Caller(caller)) {
            compared.differing_fault_crossed += 1;
        } else if affected.contains(&Who::Caller(caller)) {
            compared.differing_behind += 1;
        } else {
            let call = our.or(their);
            let at = call.and_then(|call| call.arrived).map_or(0, |(at, _)| at);
            let finding = Finding::new(format!("caller {caller}: {what}")).call(call.map(|call| &*call.id)).at(at);
            findings.add(Kind::UnexplainedDifferences, finding);
        }
    }
    facts.compared = Some(compared);
    Ok(())
}

fn same_seed_and_no_faults(ours: &SwitchSide, twin: &SwitchSide) -> Result<(), ReadError> {
    if ours.seed != twin.seed {
        return Err(ReadError::OtherSeed { ours: ours.seed, theirs: twin.seed });
    }
    let felt = |fault: &&Span| twin.calls.iter().any(|call| wait(call, twin).is_some_and(|wait| wait.overlaps(**fault)));
    match twin.leadership.faults().iter().find(felt) {
        Some(fault) => Err(ReadError::TwinHasFaults(format!("no primary led from {} to {}", fault.from, fault.to))),
        None => Ok(()),
    }
}

fn by_caller<'a>(switch: &'a SwitchSide, findings: &mut Findings) -> BTreeMap<u32, &'a Call> {
    let mut calls = BTreeMap::new();
    for call in &switch.calls {
        let Some((at, caller)) = call.arrived else { continue };
        if let Some(other) = calls.insert(caller, call) {
            let what = format!("caller {caller} has two calls, {} and this one: they cannot be compared", other.id);
            findings.add(Kind::UnexplainedDifferences, Finding::new(what).call(&*call.id).at(at));
        }
    }
    calls
}

/// From arrival until nothing was to be waited for any more.
fn wait(call: &Call, switch: &SwitchSide) -> Option<Span> {
    let (from, _) = call.arrived?;
    let left_at = call.left.first().map(|(at, _)| *at);
    Some(Span { from, to: call.reached_at.or(left_at).unwrap_or(switch.ended_at) })
}

fn difference(our: Option<&Call>, their: Option<&Call>) -> Option<String> {
    let (our, their) = match (our, their) {
        (Some(our), Some(their)) => (our, their),
        (Some(_), None) => return Some("called here, but not in the run without faults".to_owned()),
        (None, Some(_)) => return Some("called in the run without faults, but not here".to_owned()),
        (None, None) => return None,
    };
    let outcome = |call: &Call| call.outcome().map_or_else(|| "no outcome".to_owned(), |outcome| outcome.to_string());
    if our.outcome() != their.outcome() {
        return Some(format!("{} here, {} without faults", outcome(our), outcome(their)));
    }
    let heard = |call: &Call| call.treatments.join(", ");
    (our.treatments != their.treatments).then(|| format!("heard [{}] here, [{}] without faults", heard(our), heard(their)))
}
