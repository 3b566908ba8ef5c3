//! Which session an event belongs to, and what a new session is made of.

use std::collections::{BTreeMap, HashMap};

use tandem_journal::{Claim, Opening, Survival};
use tandem_switch_link::SwitchEvent;
use tandem_words::{
    Epoch, ErrorCode, EventBody, Failure, Holding, Interaction, InteractionId, NodeId, Origin, Position, Property, RequestKey, SessionId,
    StartSession, SwitchIncarnation, SwitchName, Timestamp, VersionId, Visit,
};

use crate::starts::Starts;

/// A version with its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The strategy's name.
    pub strategy: String,
    /// The component.
    pub version: VersionId,
    /// Parameters, the manifest's defaults included.
    pub parameters: Vec<Property>,
    /// What a switchover does to its sessions.
    pub survival: Survival,
}

/// What is deployed: by routing point, and by strategy's name for sessions that sessions start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployments {
    /// By routing point's number.
    pub routing_points: BTreeMap<String, Deployment>,
    /// By strategy's name.
    pub strategies: BTreeMap<String, Deployment>,
}

/// What an event of the switch means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A new visit: a new session.
    Open(Box<Opening>),
    /// An event of this session.
    Of(SessionId),
    /// Of nobody here.
    Nobody,
    /// A call at a number that nothing is deployed at.
    NotDeployed(String),
}

/// A visit's number in a life of the switch: the next life may use ids and numbers again.
type VisitOfLife = (SwitchIncarnation, Visit);

/// See the module. Sessions are numbered in the order in which they are made.
#[derive(Debug)]
pub struct Assignment {
    node: NodeId,
    epoch: Epoch,
    switch: SwitchName,
    deployments: Deployments,
    next_number: u64,
    /// Whose events of the interaction are now: those of its last visit, as far as events have come.
    holders: HashMap<InteractionId, SessionId>,
    /// Holders that do not know since when they are: made at this time, they heard nothing before.
    unsure: HashMap<InteractionId, (SessionId, Timestamp)>,
    /// Sessions that were made for a visit and are not over.
    visits: HashMap<(InteractionId, VisitOfLife), SessionId>,
    /// What to forget with a session.
    held_by: HashMap<SessionId, Vec<(InteractionId, Option<VisitOfLife>)>>,
    starts: Starts,
}

impl Assignment {
    /// Of a primary with this epoch.
    pub fn new(node: NodeId, epoch: Epoch, switch: SwitchName, deployments: Deployments) -> Self {
        let (holders, unsure, visits, held_by, starts) = Default::default();
        Assignment { node, epoch, switch, deployments, next_number: 1, holders, unsure, visits, held_by, starts }
    }

    /// Sessions that hold interactions.
    pub fn sessions(&self) -> usize {
        self.held_by.len()
    }

    /// What recovered sessions hold; `next` is the event that the gateway tells first. An interaction's events are those of the
    /// session to which it came last before that; a session to which it came later has them when that is told again. One that waits
    /// for its restart (`waits`: since when it lives) may not know since when it has its call.
    pub(crate) fn recovered(
        &mut self,
        holdings: &[Holding],
        next: (SwitchIncarnation, Position),
        waits: impl Fn(SessionId) -> Option<Timestamp>,
    ) {
        let mut holdings: Vec<&Holding> = holdings.iter().collect();
        holdings.sort_by_key(|held| (held.visit, held.since, held.session));
        for held in holdings {
            self.remember(held.session, held.interaction.clone(), held.visit);
            // Before it somebody has the call who knows all up to W, and not that it has moved on: that is told again.
            let before = self.holders.get(&held.interaction);
            let told_again = held.since.is_none() && before.is_some_and(|before| *before != held.session && waits(*before).is_none());
            if held.since < Some(next) && !told_again {
                self.holders.insert(held.interaction.clone(), held.session);
                if let Some(lives_since) = waits(held.session).filter(|_| held.since.is_none()) {
                    self.unsure.insert(held.interaction.clone(), (held.session, lives_since));
                }
            }
        }
    }

    /// Whose an event of this interaction is. What is told again of a visit before the holder's own is nobody's: whose it was knows it.
    fn holder(&self, interaction: &InteractionId, event: &SwitchEvent) -> Option<SessionId> {
        let holder = self.holders.get(interaction).copied();
        let ends = matches!(event.body, EventBody::InteractionDeleted(_));
        let before = |(session, since): &&(SessionId, Timestamp)| Some(*session) == holder && (event.at, !ends) < (*since, true);
        holder.filter(|_| self.unsure.get(interaction).filter(before).is_none())
    }

    /// Events of the interaction are the session's from now on.
    fn hold(&mut self, session: SessionId, interaction: InteractionId, visit: Option<VisitOfLife>) {
        self.holders.insert(interaction.clone(), session);
        self.remember(session, interaction, visit);
    }

    fn remember(&mut self, session: SessionId, interaction: InteractionId, visit: Option<VisitOfLife>) {
        if let Some(visit) = visit {
            self.visits.insert((interaction.clone(), visit), session);
        }
        let held = self.held_by.entry(session).or_default();
        if !held.contains(&(interaction.clone(), visit)) {
            held.push((interaction, visit));
        }
    }

    /// The session is over.
    pub(crate) fn forget(&mut self, session: SessionId) {
        for (interaction, visit) in self.held_by.remove(&session).unwrap_or_default() {
            if self.holders.get(&interaction).is_some_and(|holder| *holder == session) {
                self.holders.remove(&interaction);
            }
            if let Some(visit) = visit {
                self.visits.remove(&(interaction, visit));
            }
        }
    }

    /// What an event in this life of the switch means.
    pub(crate) fn meaning(&mut self, incarnation: SwitchIncarnation, event: &SwitchEvent) -> Meaning {
        if let Some(key) = event.answers {
            if let EventBody::CallCreated(interaction) = &event.body {
                self.hold(key.session, interaction.id.clone(), None);
            }
            return Meaning::Of(key.session);
        }
        match (&event.body, event.visit) {
            (EventBody::InteractionAdded(interaction), Some(visit)) => self.visit(interaction, (incarnation, visit), event.at),
            (EventBody::InteractionDeleted(deletion), _) => {
                let holder = self.holder(&deletion.interaction, event);
                // Its last event: the session, which may live on, needs it no longer here.
                if holder.is_some() {
                    self.holders.remove(&deletion.interaction);
                }
                holder.map_or(Meaning::Nobody, Meaning::Of)
            }
            _ => {
                let holder = event.interaction.as_ref().and_then(|interaction| self.holder(interaction, event));
                holder.map_or(Meaning::Nobody, Meaning::Of)
            }
        }
    }

    fn visit(&mut self, interaction: &Interaction, visit: VisitOfLife, at: Timestamp) -> Meaning {
        let id = &interaction.id;
        if let Some(session) = self.visits.get(&(id.clone(), visit)).copied() {
            // Told again to a new primary.
            self.unsure.remove(id);
            self.holders.insert(id.clone(), session);
            return Meaning::Of(session);
        }
        let Some(deployment) = self.deployments.routing_points.get(&interaction.routing_point).cloned() else {
            self.holders.remove(id);
            return Meaning::NotDeployed(interaction.routing_point.clone());
        };
        let (incarnation, number) = visit;
        let claim = Claim::Visit { interaction: id.to_string(), switch: self.switch.clone(), incarnation, visit: number };
        let opening = self.opening(deployment, Some(claim), Origin::Interaction, at);
        self.hold(opening.session, id.clone(), Some(visit));
        Meaning::Open(Box::new(opening))
    }

    /// A session that a session starts at `at`, or why it is not.
    pub(crate) fn started(&mut self, by: RequestKey, start: &StartSession, at: Timestamp) -> Result<Opening, Failure> {
        let no = |code, why| Err(Failure::new(code, why));
        let Some(mut deployment) = self.deployments.strategies.get(&start.strategy).cloned() else {
            return no(ErrorCode::NotFound, format!("no strategy {:?} is deployed here", start.strategy));
        };
        for given in &start.parameters {
            match deployment.parameters.iter_mut().find(|known| known.key == given.key) {
                Some(known) => known.value.clone_from(&given.value),
                None => {
                    let known: Vec<&str> = deployment.parameters.iter().map(|known| known.key.as_str()).collect();
                    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                    let why = format!("strategy {} has no parameter {:?}; it has {known}", start.strategy, given.key);
                    return no(ErrorCode::Rejected, why);
                }
            }
        }
        let depth = self.starts.admit(by.session, at)?;
        let opening = self.opening(deployment, Some(Claim::Request(by)), Origin::Session, at);
        self.starts.started(opening.session, depth);
        Ok(opening)
    }

    fn opening(&mut self, deployment: Deployment, claim: Option<Claim>, origin: Origin, started_at: Timestamp) -> Opening {
        let session = SessionId { node: self.node, epoch: self.epoch, number: self.next_number };
        self.next_number += 1;
        let Deployment { strategy, version, parameters, survival } = deployment;
        let (epoch, switch) = (self.epoch, self.switch.clone());
        Opening { session, incarnation: 1, epoch, claim, origin, strategy, version, parameters, switch, started_at, survival }
    }
}

#[cfg(test)]
#[path = "assignment_tests.rs"]
mod tests;
