//! Requests: committed before they are sent, received, and in effect once (P2, P3).

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::finding::{Finding, Findings, Kind};
use crate::host::Asked;
use crate::input::ids::{Key, Timestamp};
use crate::input::journal::Source;
use crate::input::record::Verdict;
use crate::input::request::Asks;
use crate::judge::Sides;
use crate::leadership::Span;
use crate::report::Facts;
use crate::switch::Received;

pub(crate) fn check(sides: &Sides<'_>, facts: &mut Facts, findings: &mut Findings) {
    unjournaled(sides, facts, findings);
    doubled(sides, findings);
    lost(sides, findings);
    refused(sides, facts, findings);
}

fn finding(received: &Received, what: String) -> Finding {
    let (call, key) = (received.body.interaction.as_deref(), received.key);
    Finding::new(what).call(call).session(key.session).key(key).at(received.at).in_record(received.line)
}

/// Whatever left the host stands in the journal just so, whether or not it was let in.
fn unjournaled(sides: &Sides<'_>, facts: &mut Facts, findings: &mut Findings) {
    let (mut applied, mut unwritten, mut incarnations) = (HashSet::new(), HashMap::new(), HashMap::new());
    for received in &sides.switch.requests {
        facts.requests += 1;
        facts.deduplicated += u64::from(received.verdict == Verdict::Duplicate);
        facts.fenced += u64::from(received.verdict == Verdict::Fenced);
        facts.gone += u64::from(received.verdict == Verdict::Gone);
        if received.verdict == Verdict::Applied {
            applied.insert(received.key);
            let latest = incarnations.entry(received.key.session).or_insert(received.key.incarnation);
            if received.key.incarnation < *latest {
                let what = format!("`{}` of incarnation {} acts behind incarnation {latest}", received.body.name, received.key.incarnation);
                findings.add(Kind::StaleEpochs, finding(received, what));
            }
            *latest = received.key.incarnation.max(*latest);
        }
        if let Some(what) = difference(sides, received).or_else(|| unlike(received, &mut unwritten)) {
            findings.add(Kind::UnjournaledRequests, finding(received, format!("`{}` {what}", received.body.name)));
        }
    }
    let mut named = HashSet::new();
    for (line, at, call, key) in &sides.switch.heard {
        if !applied.contains(key) && named.insert(*key) {
            let call = sides.switch.calls.get(*call).map(|call| &*call.id);
            let finding = Finding::new("a treatment is heard on a request that was never applied").call(call);
            findings.add(Kind::UnjournaledRequests, finding.key(*key).at(*at).in_record(*line));
        }
    }
}

/// One number, one request, wherever the journal does not say which.
fn unlike(received: &Received, before: &mut HashMap<(Key, bool), (u32, u64)>) -> Option<String> {
    let is_cancel = received.body.asks == Asks::Cancel;
    let first = *before.entry((received.key, is_cancel)).or_insert((received.seq, received.body.fingerprint));
    let unlike = first.1 != received.body.fingerprint || (first.0 != received.seq && !is_cancel);
    unlike.then(|| format!("was received of step {}, but this number was another request's, of step {}", received.seq, first.0))
}

fn difference(sides: &Sides<'_>, received: &Received) -> Option<String> {
    match sides.host.run(received.key.session, received.key.incarnation) {
        // Its steps are not kept; that it began is.
        Some(run) if !run.persisted => return None,
        _ => {}
    }
    if received.body.asks == Asks::Cancel {
        let known = sides.host.cancelled.contains(&received.key);
        return (!known).then(|| "was received, but no step of the journal asks for it".to_owned());
    }
    let Some(asked) = sides.host.asked.get(&received.key) else {
        return Some("was received, but no step of the journal asks for it".to_owned());
    };
    if asked.refused {
        return Some("was received, but the journal says that the host refused it".to_owned());
    }
    if asked.body.fingerprint != received.body.fingerprint {
        return Some(format!("was received, but journal line {} asks for another one (`{}`)", asked.line, asked.body.name));
    }
    (asked.seq != received.seq).then(|| format!("was received as of step {}, but step {} asked for it", received.seq, asked.seq))
}

/// Applied twice, heard twice or answered twice: one finding for each request.
fn doubled(sides: &Sides<'_>, findings: &mut Findings) {
    let mut counts: HashMap<(Key, &str), u64> = HashMap::new();
    let mut doubled: BTreeMap<(u64, Key), String> = BTreeMap::new();
    let mut found: HashSet<Key> = HashSet::new();
    let mut count = |key: Key, how: &'static str, line: u64| {
        let count = counts.entry((key, how)).or_default();
        *count += 1;
        if *count > 1 && found.insert(key) {
            doubled.insert((line, key), format!("request {} is {how} twice", key.request));
        }
    };
    let applied = sides.switch.requests.iter().filter(|received| received.verdict == Verdict::Applied);
    // A cancel carries the number of what it stops, and doing it twice does nothing more.
    applied.filter(|received| received.body.asks != Asks::Cancel).for_each(|received| count(received.key, "applied", received.line));
    sides.switch.heard.iter().for_each(|(line, _, _, key)| count(*key, "heard", *line));
    sides.switch.events.iter().for_each(|event| event.answers.into_iter().for_each(|key| count(key, "answered", event.line)));
    for ((line, key), what) in doubled {
        findings.add(Kind::DoubledRequests, Finding::new(what).session(key.session).key(key).in_record(line));
    }
}

/// Committed for the switch, and never received although somebody led long enough to send it while its call was open.
fn lost(sides: &Sides<'_>, findings: &mut Findings) {
    let received = sides.switch.requests.iter().filter(|received| received.body.asks != Asks::Cancel);
    let received: HashSet<Key> = received.map(|received| received.key).collect();
    let mut lost = Vec::new();
    for (key, asked) in &sides.host.asked {
        let lost_in_switch = || lost_with_gateway(sides, *key, asked);
        if !asked.refused && asked.body.is_for_switch() && !received.contains(key) && !lost_in_switch() {
            lost.extend(sendable_from(sides, *key, asked).map(|at| (asked.line, *key, at)));
        }
    }
    lost.sort_unstable();
    for (line, key, at) in lost {
        let asked = sides.host.asked.get(&key);
        let name = asked.map_or("", |asked| &asked.body.name);
        let what = format!("`{name}` is committed, but was never received, and could have been from {at} on");
        let call = asked.and_then(|asked| asked.body.interaction.as_deref());
        findings.add(Kind::LostRequests, Finding::new(what).call(call).session(key.session).key(key).at(at).in_journal(line));
    }
}

/// On its way to a gateway that died with its memory: it is never sent again, and its session was told that nobody knows, unless
/// it is over.
fn lost_with_gateway(sides: &Sides<'_>, key: Key, asked: &Asked) -> bool {
    let Sides { switch, host, .. } = *sides;
    let told = || matches!(host.answered.get(&key), Some(Source::Host));
    let over = || host.run(key.session, key.incarnation).is_some_and(|run| run.over.is_some());
    switch.restarts.iter().any(|(_, began_at)| asked.at <= *began_at) && (told() || over())
}

/// The first moment at which a primary led that knew of the request, with its call still open, and went on leading: time
/// passes only once everything committed is sent. None: there was none.
fn sendable_from(sides: &Sides<'_>, key: Key, asked: &Asked) -> Option<Timestamp> {
    let Sides { switch, options, .. } = *sides;
    let periods = switch.leadership.periods(key.session.node);
    // Session time is that of the event, and may lie before the takeover in which it was handled.
    let led = periods.iter().find(|period| period.epoch == asked.epoch).map_or(0, |period| period.from);
    let made = asked.at.max(led);
    let judged_until = switch.ended_at.saturating_sub(options.grace_ms);
    let closed_at = closed_at(sides, key, asked);
    for period in periods {
        let from = period.from.max(made);
        if from > judged_until || closed_at.is_some_and(|closed| closed <= from) {
            return None;
        }
        if period.to.is_none_or(|to| to > from) {
            return Some(from);
        }
    }
    None
}

/// When the call that the request acts on was over or on its default route.
fn closed_at(sides: &Sides<'_>, key: Key, asked: &Asked) -> Option<Timestamp> {
    let of = |asked: &Asked| sides.switch.call_of(asked.body.interaction.as_deref()?)?.closed_at;
    match asked.body.asks {
        Asks::SetPriority { route } => of(sides.host.asked.get(&Key { request: route, ..key })?),
        _ => of(asked),
    }
}

/// Where nothing died, nothing is sent twice and nobody is refused (design, section 9).
fn refused(sides: &Sides<'_>, facts: &mut Facts, findings: &mut Findings) {
    let faults = sides.switch.leadership.faults();
    facts.faults = faults.len() as u64;
    facts.longest_fault_ms = faults.iter().map(Span::length_ms).max().unwrap_or_default();
    if facts.faults > 0 {
        return;
    }
    for received in &sides.switch.requests {
        if matches!(received.verdict, Verdict::Duplicate | Verdict::Fenced) {
            let what = format!("`{}` is {:?} in a run without faults", received.body.name, received.verdict).to_lowercase();
            findings.add(Kind::RefusedWithoutFault, finding(received, what));
        }
    }
}
