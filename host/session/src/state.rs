//! The host's side of a session: everything about it that the journal implies, and what can be asked of it.
//!
//! It is a fold: [`SessionState::opened`], then [`SessionState::apply`] for every step, gives the same state on whichever
//! instance and however often it is done. Recovery, passivation and the rebuild of a cell all rest on that. `fold` does it.

mod fold;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_journal::{Claim, Opening};
use tandem_words::{
    Bug, Context, ErrorCode, Failure, Holding, Incarnation, Interaction, InteractionId, Position, Property, RequestBody, RequestId,
    RequestKey, SessionId, SwitchIncarnation, Timestamp, Visit, planted,
};

use crate::OpenRequest;

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
}

/// The last one of a key counts.
fn value<'a>(data: &'a [Property], key: &str) -> Option<&'a str> {
    data.iter().rev().find(|property| property.key == key).map(|property| property.value.as_str())
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
