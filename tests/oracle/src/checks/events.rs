//! Events: each one of the switch is in the journal once, as it was told, in the steps of the session it belongs to; or
//! record and journal show why it need not be (P4).

use std::collections::{HashMap, HashSet};

use crate::finding::{Finding, Findings, Kind};
use crate::host::{Gap, HostSide, Run, Taken};
use crate::input::ids::{Key, Place, SessionId};
use crate::input::journal::Source;
use crate::input::record::Outcome;
use crate::report::Facts;
use crate::switch::{Call, Event, SwitchSide};
use crate::{Options, judge::Sides};

/// Why an event need not be in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Excuse {
    /// Its session was over, or in a later incarnation, or had another answer already.
    Over,
    /// Its call never had a session, and had no chance of one.
    Unserved,
    /// Nobody led any more until the end of the record.
    Unheard,
    /// The switch could no longer tell it, and the session heard `gap`.
    Gap,
    /// Within the grace before the end.
    Grace,
    /// The steps of its session are not kept.
    Unwritten,
}

pub(crate) fn check(sides: &Sides<'_>, facts: &mut Facts, findings: &mut Findings) {
    let judge = Judge::new(sides);
    for (index, event) in sides.switch.events.iter().enumerate() {
        let owner = judge.owner(event);
        match sides.host.taken.get(&event.place) {
            Some(taken) => {
                facts.late_events += u64::from(taken.late);
                if let Some((kind, what)) = judge.compare(event, taken, owner) {
                    findings.add(kind, finding(sides.switch, event, what).session(taken.session).in_journal(taken.line));
                }
            }
            None => match judge.excuse(Some(index), event, owner) {
                Ok(Excuse::Gap) => facts.events_in_gaps += 1,
                Ok(Excuse::Unheard) => facts.events_unheard += 1,
                Ok(Excuse::Unwritten) => facts.events_unwritten += 1,
                Ok(_) => facts.events_ignored += 1,
                Err(why) => {
                    let what = format!("`{}` is in no step: {why}", event.body.name);
                    findings.add(Kind::LostEvents, finding(sides.switch, event, what).session(owner));
                }
            },
        }
    }
    for event in &sides.switch.missed {
        facts.events_missed += 1;
        let owner = judge.owner(event);
        if let Err(why) = judge.excuse(None, event, owner) {
            let what = format!("`{}` happened while no gateway was there, and nothing says so: {why}", event.body.name);
            findings.add(Kind::LostEvents, Finding { position: None, ..finding(sides.switch, event, what).session(owner) });
        }
    }
    unrecorded(sides, findings);
}

/// Steps on events that the switch never told.
fn unrecorded(sides: &Sides<'_>, findings: &mut Findings) {
    let told: HashSet<_> = sides.switch.events.iter().map(|event| event.place).collect();
    let mut strange: Vec<_> = sides.host.taken.iter().filter(|(place, _)| !told.contains(place)).collect();
    strange.sort_by_key(|(_, taken)| taken.line);
    for (place, taken) in strange {
        let finding = Finding::new("a step on an event that the record does not have").place(*place);
        findings.add(Kind::UnrecordedEvents, finding.session(taken.session).in_journal(taken.line));
    }
}

fn finding(switch: &SwitchSide, event: &Event, what: String) -> Finding {
    let call = switch.call_at(event).map(|call| &*call.id);
    Finding::new(what).call(call).place(event.place).key(event.answers).at(event.at).in_record(event.line)
}

struct Judge<'a> {
    switch: &'a SwitchSide,
    host: &'a HostSide,
    options: &'a Options,
    /// Routing points at which some visit had a session: a strategy is deployed there.
    deployed: HashSet<&'a str>,
    /// What the switch's events answer.
    answers: HashMap<Place, Key>,
}

impl<'a> Judge<'a> {
    fn new(sides: &Sides<'a>) -> Self {
        let Sides { switch, host, options } = *sides;
        let answers = switch.events.iter().filter_map(|event| Some((event.place, event.answers?))).collect();
        Judge { switch, host, options, deployed: sides.deployed(), answers }
    }

    /// The session an event belongs to: the one that asked, where it is an answer; else that of the call's latest visit, if
    /// that visit ever had one.
    fn owner(&self, event: &Event) -> Option<SessionId> {
        if let Some(key) = event.answers {
            return Some(key.session);
        }
        let call = self.switch.call_at(event)?;
        let visit = call.visits.get(..event.visits)?.last()?;
        match visit.number {
            Some(number) => self.host.session_of(&call.id, number),
            None => visit.maker,
        }
    }

    /// What is wrong with the step on an event, if something is.
    fn compare(&self, event: &Event, taken: &Taken, owner: Option<SessionId>) -> Option<(Kind, String)> {
        let name = &event.body.name;
        match owner {
            Some(owner) if owner != taken.session => {
                return Some((Kind::LostEvents, format!("`{name}` belongs to session {owner}, but {} has it", taken.session)));
            }
            // A visit that nothing is deployed at: the session of an earlier visit may hear of it.
            None if !self.is_earlier_holder(event, taken.session) => {
                return Some((Kind::LostEvents, format!("`{name}` belongs to no session, but {} has it", taken.session)));
            }
            _ => {}
        }
        let sensitive = event.answers.is_some_and(|key| self.switch.sensitive.contains(&key) || self.is_sensitive(key));
        let same = if sensitive { event.body.masked == taken.masked } else { event.body.fingerprint == taken.fingerprint };
        if !same {
            return Some((Kind::AlteredEvents, format!("`{name}` reads otherwise in the journal")));
        }
        let request = event.answers.map(|key| key.request);
        if request != taken.request {
            return Some((Kind::AlteredEvents, format!("`{name}` answers request {request:?}, in the journal {:?}", taken.request)));
        }
        let stamped = taken.switch_at.is_none_or(|at| at == event.at);
        (!stamped).then(|| (Kind::AlteredEvents, format!("`{name}` has another time of the switch in the journal: {:?}", taken.switch_at)))
    }

    fn is_sensitive(&self, key: Key) -> bool {
        self.host.asked.get(&key).is_some_and(|asked| asked.body.sensitive)
    }

    fn is_earlier_holder(&self, event: &Event, session: SessionId) -> bool {
        let Some(call) = self.switch.call_at(event) else { return false };
        let earlier = call.visits.iter().take(event.visits);
        earlier
            .filter_map(|visit| visit.number.map_or(visit.maker, |number| self.host.session_of(&call.id, number)))
            .any(|of| of == session)
    }

    /// `index`: the event's among those of the switch; none: the gateway missed it.
    fn excuse(&self, index: Option<usize>, event: &Event, owner: Option<SessionId>) -> Result<Excuse, String> {
        let why = match owner.and_then(|owner| self.host.last_run(owner)) {
            Some((_, run)) if !run.persisted => return Ok(Excuse::Unwritten),
            Some((incarnation, run)) => match self.excuse_of_run(index, event, incarnation, run) {
                Ok(excuse) => return Ok(excuse),
                Err(why) => why,
            },
            // The journal knows nothing of who asked: that is found as an unjournaled request.
            None if event.answers.is_some() => return Ok(Excuse::Over),
            None => match self.excuse_without_session(index, event) {
                Ok(excuse) => return Ok(excuse),
                Err(why) => why,
            },
        };
        if self.switch.leadership.last_led().is_none_or(|last| last <= event.at && last < self.switch.ended_at) {
            return Ok(Excuse::Unheard);
        }
        let judged_until = self.switch.ended_at.saturating_sub(self.options.grace_ms);
        if event.at > judged_until { Ok(Excuse::Grace) } else { Err(why) }
    }

    /// Of an event whose session is in the journal.
    fn excuse_of_run(&self, index: Option<usize>, event: &Event, incarnation: u32, run: &Run) -> Result<Excuse, String> {
        if let Some(key) = event.answers {
            let unasked = !self.host.asked.contains_key(&key);
            if unasked || key.incarnation < incarnation || self.was_answered(key, event) {
                return Ok(Excuse::Over);
            }
        }
        if run.claimed_in.is_some_and(|incarnation| event.place.incarnation < incarnation) {
            // Nobody had the call when its gateway died, so the next one told it again.
            return Ok(Excuse::Over);
        }
        let forgotten = |gap: &Gap| {
            let pushed_out = |index| event.at <= gap.told_at && self.switch.had_pushed_out(index, self.options.retain, gap.told_at);
            self.switch.began_anew_behind(event) || index.is_some_and(pushed_out)
        };
        let in_gap = run.gaps.iter().any(|gap| gap.covers(event.at, event.place) && forgotten(gap));
        let Some(over) = run.over else {
            // A request stays open until it is answered: a gap answers nothing.
            return match (in_gap, event.answers) {
                (true, None) => Ok(Excuse::Gap),
                (true, Some(_)) => Err("its session waits for this answer, and was told of a gap only".to_owned()),
                (false, _) => Err("its session was not over".to_owned()),
            };
        };
        if in_gap {
            return Ok(Excuse::Gap);
        }
        match over.last {
            Some(last) if event.place < last => Err(format!("its session took a later event, {last}")),
            _ if over.with_it || event.at >= over.not_before => Ok(Excuse::Over),
            _ => Err(format!("its session ended later, at {}", over.at)),
        }
    }

    /// The journal has another answer, and rightly: of the host, or an earlier one of the switch.
    fn was_answered(&self, key: Key, event: &Event) -> bool {
        match self.host.answered.get(&key) {
            Some(Source::Host) => true,
            Some(Source::Switch(place)) => *place < event.place && self.answers.get(place) == Some(&key),
            Some(Source::Message(_)) | None => false,
        }
    }

    /// Of an event of a visit that never had a session: that must be because nothing is deployed at that routing point, or
    /// because the switch forgot the event before anybody could hear it; and the call must have gone without a session.
    fn excuse_without_session(&self, index: Option<usize>, event: &Event) -> Result<Excuse, String> {
        let Some(call) = self.switch.call_at(event) else { return Ok(Excuse::Unserved) };
        let Some(visit) = call.visits.get(..event.visits).and_then(<[_]>::last) else {
            // One that came while no gateway was there, and may be told by the next.
            return if index.is_none() { Ok(Excuse::Unserved) } else { Err("its call was never added".to_owned()) };
        };
        let went_without = matches!(call.outcome(), None | Some(Outcome::Abandoned | Outcome::DefaultRouted)) || is_moved(call);
        if !went_without {
            return Err("its call never had a session, and yet it was served".to_owned());
        }
        let undeployed = !self.deployed.contains(&*visit.routing_point);
        let pushed_out = index.is_some_and(|index| self.switch.had_pushed_out(index, self.options.retain, self.switch.ended_at));
        let forgotten = self.switch.began_anew_behind(event) || pushed_out;
        if undeployed || forgotten { Ok(Excuse::Unserved) } else { Err("its call never had a session".to_owned()) }
    }
}

/// Its outcome may be that of an earlier visit.
fn is_moved(call: &Call) -> bool {
    call.visits.len() > 1
}
