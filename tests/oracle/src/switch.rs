//! The switch's side: its record, folded.

use std::collections::{HashMap, HashSet};

use crate::input::event::{EventBody, Told};
use crate::input::ids::{Key, Place, SessionId, Timestamp};
use crate::input::record::{Begin, Heard, Line, Outcome, SwitchEvent, Verdict};
use crate::input::request::RequestBody;
use crate::leadership::Leadership;
use crate::silence::{Silences, Silent};

/// An event that got its position.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) line: u64,
    pub(crate) at: Timestamp,
    pub(crate) place: Place,
    pub(crate) call: Option<usize>,
    /// How many visits of the call had begun, with this event.
    pub(crate) visits: usize,
    pub(crate) answers: Option<Key>,
    pub(crate) body: EventBody,
}

/// A request as received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) line: u64,
    pub(crate) at: Timestamp,
    pub(crate) key: Key,
    pub(crate) seq: u32,
    pub(crate) body: RequestBody,
    pub(crate) verdict: Verdict,
}

/// A stay of a call at a routing point; or, for a call that a session made, its making.
#[derive(Debug)]
pub(crate) struct Visit {
    /// None for a call that a session made.
    pub(crate) number: Option<u32>,
    pub(crate) routing_point: String,
    pub(crate) maker: Option<SessionId>,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    /// When it came, and its caller's number. None: it is no caller's.
    pub(crate) arrived: Option<(Timestamp, u32)>,
    pub(crate) visits: Vec<Visit>,
    pub(crate) left: Vec<(Timestamp, Outcome)>,
    /// What its caller was played, in order.
    pub(crate) treatments: Vec<String>,
    /// When it came to a person or to the default route, and stayed there.
    pub(crate) reached_at: Option<Timestamp>,
    pub(crate) default_routed_at: Option<Timestamp>,
    /// The event that told so.
    pub(crate) default_routed_by: Option<Place>,
    /// When nothing could be asked for it any more: it was over, or on its default route.
    pub(crate) closed_at: Option<Timestamp>,
}

impl Call {
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.left.first().map(|(_, outcome)| *outcome)
    }
}

/// The record, folded.
#[derive(Debug, Default)]
pub(crate) struct SwitchSide {
    pub(crate) seed: u64,
    control_deadline_ms: u64,
    control_deadlines_ms: HashMap<String, u64>,
    pub(crate) ended_at: Timestamp,
    /// What the last line says; none: there is none.
    pub(crate) declared_calls: Option<u64>,
    /// By place; positions of an incarnation are without holes.
    pub(crate) events: Vec<Event>,
    /// What happened while no gateway heard it: behind every position of the incarnation before.
    pub(crate) missed: Vec<Event>,
    pub(crate) requests: Vec<Received>,
    pub(crate) calls: Vec<Call>,
    by_id: HashMap<String, usize>,
    /// Treatments as they were heard, with their line.
    pub(crate) heard: Vec<(u64, Timestamp, usize, Key)>,
    /// Collects whose keys may be masked.
    pub(crate) sensitive: HashSet<Key>,
    pub(crate) leadership: Leadership,
    pub(crate) silent: Vec<Silent>,
    /// Requests that primaries asked about, and the gateway had received, or had not.
    pub(crate) requests_found: u64,
    pub(crate) requests_not_found: u64,
    /// When each incarnation but the first began.
    pub(crate) restarts: Vec<(u64, Timestamp)>,
    silences: Silences,
    incarnation: Option<u64>,
}

impl SwitchSide {
    /// The next line; the error says what is wrong with it.
    pub(crate) fn line(&mut self, number: u64, line: Line) -> Result<(), String> {
        if self.incarnation.is_none() && !matches!(line, Line::Begin(_)) {
            return Err("the record's first line must be `begin`".to_owned());
        }
        if self.declared_calls.is_some() && !matches!(line, Line::Begin(_)) {
            return Err("a line behind `end`; only another `begin` may follow it".to_owned());
        }
        match line {
            Line::Begin(begin) => self.begin(begin)?,
            Line::Led { at, node, epoch } => {
                self.reach(at);
                self.leadership.lead(node, epoch, at);
                self.silences.led(node, at);
            }
            Line::Unled { at, node } => {
                self.reach(at);
                self.leadership.unlead(node, at);
                self.silences.unled(node, at);
            }
            Line::Reconciled { at, known, unknown } => {
                self.reach(at);
                self.requests_found += known;
                self.requests_not_found += unknown;
            }
            Line::Event(event) => {
                self.reach(event.at);
                self.event(number, event)?;
            }
            Line::Missed { at, interaction, answers, body } => {
                self.reach(at);
                self.missed(number, at, interaction, answers, body);
            }
            Line::Request { at, key, seq, body, verdict } => {
                self.reach(at);
                if body.sensitive {
                    self.sensitive.insert(key);
                }
                self.requests.push(Received { line: number, at, key, seq, body, verdict });
            }
            Line::Quiet { at, session, interactions, until } => {
                self.reach(at);
                let calls: Vec<usize> = interactions.iter().map(|id| self.call(id)).collect();
                self.silences.quiet(session, &calls, until, at);
            }
            Line::Arrived { at, interaction, caller } => {
                self.reach(at);
                let index = self.call(&interaction);
                if let Some(call) = self.calls.get_mut(index)
                    && let Some((before, _)) = call.arrived.replace((at, caller))
                {
                    return Err(format!("call {} arrives again; it came at {before}", call.id));
                }
            }
            Line::Hears { at, interaction, heard } => {
                self.reach(at);
                self.hears(number, at, &interaction, heard);
            }
            Line::Left { at, interaction, outcome } => {
                self.reach(at);
                let index = self.call(&interaction);
                self.silences.ends(index, at);
                self.close(index, at);
                if let Some(call) = self.calls.get_mut(index) {
                    call.left.push((at, outcome));
                }
            }
            Line::End { at, calls } => {
                self.reach(at);
                self.declared_calls = Some(calls);
            }
        }
        Ok(())
    }

    /// No line follows.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        if self.incarnation.is_none() {
            return Err("the record is empty: its first line must be `begin`".to_owned());
        }
        self.leadership.end(self.ended_at);
        self.silent = std::mem::take(&mut self.silences).end(self.ended_at);
        Ok(())
    }

    fn reach(&mut self, at: Timestamp) {
        self.ended_at = self.ended_at.max(at);
    }

    fn begin(&mut self, begin: Begin) -> Result<(), String> {
        let Begin { incarnation, seed, at, control_deadline_ms, control_deadlines_ms } = begin;
        match self.incarnation {
            None => {
                (self.seed, self.ended_at) = (seed, at);
                self.leadership.begin(at);
            }
            Some(last) if incarnation <= last => {
                return Err(format!("incarnation {incarnation} begins after incarnation {last}; it must be higher"));
            }
            // Whatever led did so on a connection that is gone.
            Some(_) => {
                self.leadership.unlead_all(self.ended_at);
                self.silences.forgets(self.ended_at, at.max(self.ended_at));
                self.restarts.push((incarnation, at));
                self.reach(at);
                self.declared_calls = None;
            }
        }
        self.incarnation = Some(incarnation);
        (self.control_deadline_ms, self.control_deadlines_ms) = (control_deadline_ms, control_deadlines_ms);
        Ok(())
    }

    fn event(&mut self, line: u64, event: SwitchEvent) -> Result<(), String> {
        let SwitchEvent { position, at, interaction, visit, answers, body } = event;
        let incarnation = self.incarnation.unwrap_or_default();
        let last = self.events.last().filter(|last| last.place.incarnation == incarnation).map_or(0, |last| last.place.position);
        if position != last + 1 {
            return Err(format!("position {position} comes after position {last}; expected {}: positions have no holes", last + 1));
        }
        match &body.told {
            Told::Added { interaction, routing_point } => {
                let Some(visit) = visit else { return Err("`interaction.added` without the number of its `visit`".to_owned()) };
                let index = self.call(interaction);
                self.silences.arrives(index, at);
                self.visit(index, Visit { number: Some(visit), routing_point: routing_point.clone(), maker: None });
            }
            Told::Created { interaction } => {
                let index = self.call(interaction);
                self.visit(index, Visit { number: None, routing_point: String::new(), maker: answers.map(|key| key.session) });
            }
            Told::Deleted { interaction, moved: false } => {
                let index = self.call(interaction);
                self.silences.ends(index, at);
                self.close(index, at);
            }
            Told::DefaultRouted { interaction } => {
                let index = self.call(interaction);
                self.close(index, at);
                if let Some(call) = self.calls.get_mut(index) {
                    call.default_routed_by = Some(Place { incarnation, position });
                }
            }
            _ => {}
        }
        let call = interaction.map(|id| self.call(&id));
        let visits = call.and_then(|index| self.calls.get(index)).map_or(0, |call| call.visits.len());
        self.events.push(Event { line, at, place: Place { incarnation, position }, call, visits, answers, body });
        Ok(())
    }

    fn missed(&mut self, line: u64, at: Timestamp, interaction: Option<String>, answers: Option<Key>, body: EventBody) {
        if let Told::Deleted { interaction, moved: false } = &body.told {
            let index = self.call(interaction);
            self.silences.ends(index, at);
            self.close(index, at);
        }
        let call = interaction.map(|id| self.call(&id));
        let visits = call.and_then(|index| self.calls.get(index)).map_or(0, |call| call.visits.len());
        let place = Place { incarnation: self.incarnation.unwrap_or_default(), position: u64::MAX };
        self.missed.push(Event { line, at, place, call, visits, answers, body });
    }

    /// A gateway that begins anew tells a call again that nobody had.
    fn visit(&mut self, index: usize, visit: Visit) {
        let is_last = |call: &&mut Call| visit.number.is_some() && call.visits.last().is_some_and(|last| last.number == visit.number);
        if let Some(call) = self.calls.get_mut(index).filter(|call| !is_last(call)) {
            call.visits.push(visit);
        }
    }

    fn close(&mut self, index: usize, at: Timestamp) {
        if let Some(call) = self.calls.get_mut(index) {
            call.closed_at.get_or_insert(at);
        }
    }

    fn hears(&mut self, line: u64, at: Timestamp, interaction: &str, heard: Heard) {
        let index = self.call(interaction);
        if heard == Heard::Silence {
            self.silences.begins(index, at)
        } else {
            self.silences.ends(index, at)
        }
        let Some(call) = self.calls.get_mut(index) else { return };
        call.reached_at = match heard {
            Heard::Person {} | Heard::DefaultRoute => Some(at),
            _ => None,
        };
        match heard {
            Heard::DefaultRoute => {
                call.default_routed_at.get_or_insert(at);
                call.closed_at.get_or_insert(at);
            }
            Heard::Treatment { request, what } => {
                call.treatments.push(what);
                self.heard.push((line, at, index, request));
            }
            _ => {}
        }
    }

    fn call(&mut self, id: &str) -> usize {
        if let Some(index) = self.by_id.get(id) {
            return *index;
        }
        let index = self.calls.len();
        self.by_id.insert(id.to_owned(), index);
        self.calls.push(Call {
            id: id.to_owned(),
            arrived: None,
            visits: Vec::new(),
            left: Vec::new(),
            treatments: Vec::new(),
            reached_at: None,
            default_routed_at: None,
            default_routed_by: None,
            closed_at: None,
        });
        index
    }

    /// The call of this id.
    pub(crate) fn call_of(&self, id: &str) -> Option<&Call> {
        self.calls.get(*self.by_id.get(id)?)
    }

    /// The control deadline where the call is.
    pub(crate) fn control_deadline_ms(&self, call: &Call) -> u64 {
        let here = call.visits.last().and_then(|visit| self.control_deadlines_ms.get(&visit.routing_point));
        here.copied().unwrap_or(self.control_deadline_ms)
    }

    /// The call an event tells of.
    pub(crate) fn call_at(&self, event: &Event) -> Option<&Call> {
        self.calls.get(event.call?)
    }

    /// Whether a gateway that knew nothing of this event came later.
    pub(crate) fn began_anew_behind(&self, event: &Event) -> bool {
        self.restarts.iter().any(|(later, _)| *later > event.place.incarnation)
    }

    /// Whether the gateway had `retain` later ones at `at`, so that it could no longer tell this event. `index`: its place in
    /// `events`.
    pub(crate) fn had_pushed_out(&self, index: usize, retain: usize, at: Timestamp) -> bool {
        let (event, later) = (self.events.get(index), self.events.get(index.saturating_add(retain)));
        let both = event.zip(later);
        both.is_some_and(|(event, later)| later.place.incarnation == event.place.incarnation && later.at <= at)
    }
}
