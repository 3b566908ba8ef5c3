//! The host's side of a session: everything about it that the journal implies.
//!
//! It is a fold: [`SessionState::opened`], then [`SessionState::apply`] for every step, gives the same state on whichever
//! instance and however often it is done. Recovery, passivation and the rebuild of a cell all rest on that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_journal::{Claim, Opening, Outcome, Request, Source, Step};
use tandem_words::{
    Bug, Context, ErrorCode, Event, EventBody, Failure, Holding, Incarnation, Interaction, InteractionId, Position, Property, RequestBody,
    RequestId, RequestKey, Restart, SessionId, SwitchIncarnation, Timestamp, Visit, planted,
};

use crate::{
    OpenRequest,
    limits::{MAX_GONE, MAX_SENDERS},
};

/// Where an interaction of the session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// At its routing point: the session decides.
    Here,
    /// A target has it.
    Routed,
    /// Another application, or its default route, has it: it is not over, but no longer the session's.
    Lost,
    /// Over.
    Gone,
}

impl Standing {
    fn is_held(self) -> bool {
        matches!(self, Standing::Here | Standing::Routed)
    }
}

/// An interaction of the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// With user data as the switch has told it.
    pub interaction: Interaction,
    /// Where it is.
    pub standing: Standing,
    /// The event of the switch that brought it.
    pub since: Option<(SwitchIncarnation, Position)>,
}

/// How a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It takes events.
    Live,
    /// It finished, or was ended by the host.
    Finished,
    /// A step failed.
    Failed,
}

/// One run of a session that sends messages.
type Sender = (SessionId, Incarnation);

/// A sender's last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LastHeard {
    request: RequestId,
    /// The step that heard it.
    seq: u32,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionState {
    opening: Opening,
    seq: u32,
    at: Timestamp,
    next_request: RequestId,
    interactions: BTreeMap<InteractionId, Held>,
    open: BTreeMap<RequestId, OpenRequest>,
    last: Option<(SwitchIncarnation, Position)>,
    heard: BTreeMap<Sender, LastHeard>,
    life: Life,
    alone_since: Option<Timestamp>,
}

/// What a session was before an event; only of what events touch.
#[derive(Debug)]
pub(crate) struct Undo {
    seq: u32,
    at: Timestamp,
    last: Option<(SwitchIncarnation, Position)>,
    heard: Option<Heard>,
    answered: Option<(RequestId, OpenRequest)>,
    held: Option<(InteractionId, Option<Held>)>,
}

/// A message came from this sender.
#[derive(Debug)]
struct Heard {
    from: Sender,
    before: Option<LastHeard>,
    forgotten: Option<(Sender, LastHeard)>,
}

impl SessionState {
    /// A session before its first step.
    pub fn opened(opening: Opening) -> Self {
        SessionState {
            seq: 0,
            at: opening.started_at,
            next_request: 1,
            interactions: BTreeMap::new(),
            open: BTreeMap::new(),
            last: None,
            heard: BTreeMap::new(),
            life: Life::Live,
            alone_since: None,
            opening,
        }
    }

    /// The session's first record.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Its id.
    pub fn session(&self) -> SessionId {
        self.opening.session
    }

    /// The incarnation that its requests are of.
    pub(crate) fn run(&self) -> Incarnation {
        if planted(Bug::SameIncarnationAfterRestart) { 1 } else { self.opening.incarnation }
    }

    /// The key of one of its requests.
    pub fn key(&self, request: RequestId) -> RequestKey {
        RequestKey { session: self.opening.session, incarnation: self.run(), request }
    }

    /// What `start` and `restore` are told.
    pub fn context(&self) -> Context {
        Context {
            session_id: self.opening.session,
            incarnation: self.opening.incarnation,
            origin: self.opening.origin,
            started_at: self.opening.started_at,
            parameters: self.opening.parameters.clone(),
        }
    }

    /// The last step's number; 0: none yet.
    pub fn seq(&self) -> u32 {
        self.seq
    }

    /// Session time.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// How it stands.
    pub fn life(&self) -> Life {
        self.life
    }

    /// Whether it takes events.
    pub fn is_live(&self) -> bool {
        self.life == Life::Live
    }

    /// Since when it has no interaction, having had one.
    pub fn alone_since(&self) -> Option<Timestamp> {
        self.alone_since
    }

    pub(crate) fn next_request(&self) -> RequestId {
        self.next_request
    }

    /// Whether this request waits for its answer.
    pub fn is_open(&self, request: RequestId) -> bool {
        self.open.contains_key(&request)
    }

    /// A request that waits for its answer.
    pub fn open_request(&self, request: RequestId) -> Option<&OpenRequest> {
        self.open.get(&request)
    }

    /// All of them.
    pub fn open_requests(&self) -> impl Iterator<Item = (RequestId, &OpenRequest)> {
        self.open.iter().map(|(id, open)| (*id, open))
    }

    /// How many they are.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Interactions it has not lost.
    pub fn live_interactions(&self) -> impl Iterator<Item = &Interaction> {
        self.interactions.values().filter(|held| held.standing.is_held()).map(|held| &held.interaction)
    }

    /// Interactions whose events are the session's: those that are not over.
    pub fn holdings(&self) -> impl Iterator<Item = Holding> {
        let not_over = self.interactions.values().filter(|held| held.standing != Standing::Gone);
        not_over.map(|held| Holding {
            interaction: held.interaction.id.clone(),
            session: self.session(),
            visit: self.visit_of(&held.interaction.id),
            since: held.since,
            controlled: held.standing.is_held(),
        })
    }

    /// The visit that the session was made for, if it was made for one of this interaction.
    pub(crate) fn visit_of(&self, interaction: &InteractionId) -> Option<(SwitchIncarnation, Visit)> {
        match &self.opening.claim {
            Some(Claim::Visit { interaction: of, incarnation, visit, .. }) if **of == **interaction => Some((*incarnation, *visit)),
            _ => None,
        }
    }

    /// User data as the session knows it: what the switch has, and on top of it what the session has asked for and the switch has
    /// not answered. An attach that fails is thereby as if it had never been.
    pub fn user_data(&self, interaction: &str, key: &str) -> Option<&str> {
        let data = &self.interactions.get(interaction)?.interaction.user_data;
        let asked = self.open.values().rev().filter(|open| open.refused.is_none());
        let on_top = asked.filter(|open| open.body.interaction().is_some_and(|of| **of == *interaction));
        on_top
            .filter_map(|open| match &open.body {
                RequestBody::Attach { data, .. } => value(data, key).map(Some),
                RequestBody::DeleteUserData { keys, .. } => keys.iter().any(|deleted| deleted == key).then_some(None),
                _ => None,
            })
            .next()
            .unwrap_or_else(|| value(data, key))
    }

    /// All of it; empty for an interaction that is not the session's.
    pub(crate) fn user_data_of(&self, interaction: &InteractionId) -> &[Property] {
        self.interactions.get(interaction).map_or(&[], |held| &held.interaction.user_data)
    }

    /// Why requests on this interaction are refused, where they are.
    pub fn refusal_on(&self, interaction: &InteractionId) -> Option<Failure> {
        match self.interactions.get(interaction).map(|held| held.standing) {
            None => Some(Failure::new(ErrorCode::Denied, format!("interaction {interaction:?} is not of this session"))),
            Some(Standing::Lost | Standing::Gone) => {
                Some(Failure::new(ErrorCode::Gone, format!("interaction {interaction:?} is over or no longer controlled")))
            }
            Some(Standing::Here | Standing::Routed) => None,
        }
    }

    /// Where an interaction of it is; none: it never had it.
    pub fn standing(&self, interaction: &InteractionId) -> Option<Standing> {
        self.interactions.get(interaction).map(|held| held.standing)
    }

    /// Whether it has this interaction and has not lost it.
    pub fn holds(&self, interaction: &InteractionId) -> bool {
        self.standing(interaction).is_some_and(Standing::is_held)
    }

    /// Whether an event of the switch has reached the session already.
    pub fn has_seen(&self, incarnation: SwitchIncarnation, position: Position) -> bool {
        self.last.is_some_and(|(last_incarnation, last)| last_incarnation == incarnation && position <= last)
    }

    /// Whether a message has reached the session already (messages of a sender come in order).
    pub fn has_heard(&self, from: RequestKey) -> bool {
        self.heard.get(&(from.session, from.incarnation)).is_some_and(|last| from.request <= last.request)
    }

    /// The next timer, if one is set.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.open.values().filter(|open| !open.cancelled).filter_map(OpenRequest::due).min()
    }

    /// Until when the session means to be quiet: its own next timer, at most `max_quiet_ms` from now (design, section 9).
    pub fn quiet_until(&self, max_quiet_ms: u64) -> Option<Timestamp> {
        self.next_due().map(|due| due.min(self.at.saturating_add(max_quiet_ms)))
    }

    /// Whether somebody else (switch, another session) still owes it an answer. A session that is over is kept until that has
    /// come: only then is it sure that its last requests have left the host.
    pub fn is_owed(&self) -> bool {
        self.open.values().any(OpenRequest::is_owed)
    }

    /// The host ended it.
    pub fn end(&mut self) {
        self.life = Life::Finished;
    }

    /// One step later.
    pub fn apply(&mut self, step: &Step) {
        self.begin(&step.source, &step.event);
        self.complete(&step.requests, &step.outcome);
    }

    /// The first half of a step: the event has come, and the guest sees the session as it is now. What comes back undoes it,
    /// for a step that is tried again.
    pub(crate) fn begin(&mut self, source: &Source, event: &Event) -> Undo {
        let answered = event.request.and_then(|request| Some((request, self.open.remove(&request)?)));
        let attached = answered.as_ref().filter(|(_, open)| {
            event.body == EventBody::Done && matches!(open.body, RequestBody::Attach { .. } | RequestBody::DeleteUserData { .. })
        });
        let attached = attached.map(|(_, open)| open.body.clone());
        let touched = attached.as_ref().and_then(RequestBody::interaction).or(touched(&event.body)).cloned();
        let mut undo = Undo {
            seq: std::mem::replace(&mut self.seq, event.seq),
            at: std::mem::replace(&mut self.at, event.at),
            last: self.last,
            heard: None,
            answered,
            held: None,
        };
        match source {
            Source::Switch { incarnation, position } => self.last = Some((*incarnation, *position)),
            Source::Message(from) => {
                let sender = (from.session, from.incarnation);
                let before = self.heard.insert(sender, LastHeard { request: from.request, seq: event.seq });
                undo.heard = Some(Heard { from: sender, before, forgotten: self.forget_a_sender() });
            }
            Source::Host => {}
        }
        undo.held = touched.map(|interaction| {
            let before = self.interactions.get(&interaction).cloned();
            (interaction, before)
        });
        self.apply_event(source, &event.body);
        if let Some(body) = attached {
            self.apply_attach(&body);
        }
        undo
    }

    /// Takes a [`SessionState::begin`] back.
    pub(crate) fn undo(&mut self, undo: Undo) {
        (self.seq, self.at, self.last) = (undo.seq, undo.at, undo.last);
        if let Some((request, open)) = undo.answered {
            self.open.insert(request, open);
        }
        if let Some(Heard { from, before, forgotten }) = undo.heard {
            self.heard.remove(&from);
            self.heard.extend(before.map(|before| (from, before)));
            self.heard.extend(forgotten);
        }
        match undo.held {
            Some((interaction, Some(before))) => drop(self.interactions.insert(interaction, before)),
            Some((interaction, None)) => drop(self.interactions.remove(&interaction)),
            None => {}
        }
    }

    /// The second half of a step: what came of it.
    pub(crate) fn complete(&mut self, requests: &[Request], outcome: &Outcome) {
        for request in requests {
            if request.body == RequestBody::Cancel {
                if let Some(open) = self.open.get_mut(&request.id) {
                    open.cancelled = true;
                }
                continue;
            }
            self.next_request = self.next_request.max(request.id.saturating_add(1));
            let open = OpenRequest {
                body: request.body.clone(),
                seq: self.seq,
                armed_at: self.at,
                refused: request.refused.clone(),
                cancelled: false,
            };
            self.open.insert(request.id, open);
        }
        self.forget_gone();
        match outcome {
            Outcome::Wait | Outcome::Checkpoint | Outcome::Late => {}
            Outcome::Finish => self.life = Life::Finished,
            Outcome::Failed(_) => self.life = Life::Failed,
        }
        if self.live_interactions().next().is_some() {
            self.alone_since = None;
        } else if self.alone_since.is_none() && !self.interactions.is_empty() {
            self.alone_since = Some(self.at);
        }
    }

    fn apply_event(&mut self, source: &Source, body: &EventBody) {
        match body {
            EventBody::InteractionAdded(interaction) | EventBody::CallCreated(interaction) => {
                let since = match source {
                    Source::Switch { incarnation, position } => Some((*incarnation, *position)),
                    Source::Host | Source::Message(_) => None,
                };
                let held = Held { interaction: interaction.clone(), standing: Standing::Here, since };
                self.interactions.insert(interaction.id.clone(), held);
            }
            // An uncertain copy may lack the event that brought its call: without the call the session could not even end it.
            EventBody::SessionRestarted(Restart { interaction: Some(id), .. }) => {
                let interaction = Interaction::arriving(id.clone(), "", "", self.at);
                let held = Held { interaction, standing: Standing::Here, since: None };
                self.interactions.entry(id.clone()).or_insert(held);
            }
            EventBody::InteractionDeleted(deletion) => self.stand(&deletion.interaction, Standing::Gone),
            EventBody::InteractionNotControlled(interaction) | EventBody::InteractionDefaultRouted(interaction) => {
                self.stand(interaction, Standing::Lost);
            }
            EventBody::RouteDone(routed) => self.stand(&routed.interaction, Standing::Routed),
            EventBody::UserDataChanged(change) => {
                if let Some(held) = self.interactions.get_mut(&change.interaction) {
                    held.interaction.user_data.retain(|property| !change.deleted.contains(&property.key));
                    attach(&mut held.interaction.user_data, &change.changed);
                }
            }
            _ => {}
        }
    }

    /// Of too many senders, the one that has been silent longest; never the one just heard.
    fn forget_a_sender(&mut self) -> Option<(Sender, LastHeard)> {
        if self.heard.len() <= MAX_SENDERS {
            return None;
        }
        let silent = self.heard.iter().min_by_key(|(_, last)| last.seq).map(|(sender, _)| *sender)?;
        self.heard.remove_entry(&silent)
    }

    fn forget_gone(&mut self) {
        if self.interactions.len() > MAX_GONE {
            let gone = |held: &Held| held.standing == Standing::Gone;
            let mut surplus = self.interactions.values().filter(|held| gone(held)).count().saturating_sub(MAX_GONE);
            self.interactions.retain(|_, held| {
                let forget = surplus > 0 && gone(held);
                surplus -= usize::from(forget);
                !forget
            });
        }
    }

    fn stand(&mut self, interaction: &InteractionId, standing: Standing) {
        if let Some(held) = self.interactions.get_mut(interaction).filter(|held| held.standing != Standing::Gone) {
            held.standing = standing;
        }
    }

    /// The switch has done it.
    fn apply_attach(&mut self, body: &RequestBody) {
        match body {
            RequestBody::Attach { interaction, data } => {
                if let Some(held) = self.interactions.get_mut(interaction) {
                    attach(&mut held.interaction.user_data, data);
                }
            }
            RequestBody::DeleteUserData { interaction, keys } => {
                if let Some(held) = self.interactions.get_mut(interaction) {
                    held.interaction.user_data.retain(|property| !keys.contains(&property.key));
                }
            }
            _ => {}
        }
    }
}

/// The interaction that [`SessionState::apply_event`] changes.
fn touched(body: &EventBody) -> Option<&InteractionId> {
    match body {
        EventBody::InteractionAdded(interaction) | EventBody::CallCreated(interaction) => Some(&interaction.id),
        EventBody::InteractionDeleted(deletion) => Some(&deletion.interaction),
        EventBody::InteractionNotControlled(interaction) | EventBody::InteractionDefaultRouted(interaction) => Some(interaction),
        EventBody::RouteDone(routed) => Some(&routed.interaction),
        EventBody::UserDataChanged(change) => Some(&change.interaction),
        EventBody::SessionRestarted(restart) => restart.interaction.as_ref(),
        _ => None,
    }
}

/// The last one of a key counts.
fn value<'a>(data: &'a [Property], key: &str) -> Option<&'a str> {
    data.iter().rev().find(|property| property.key == key).map(|property| property.value.as_str())
}

fn attach(data: &mut Vec<Property>, new: &[Property]) {
    for property in new {
        match data.iter_mut().find(|known| known.key == property.key) {
            Some(known) => known.value.clone_from(&property.value),
            None => data.push(property.clone()),
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
