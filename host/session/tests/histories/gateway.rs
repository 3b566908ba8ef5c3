//! A gateway that keeps books: every event with its position, every request as it was applied.

use std::collections::{BTreeMap, BTreeSet};

use tandem_switch_link::{GatewayMessage, HostMessage, InteractionState, Mark, RequestState, StepMessage, SwitchEvent};
use tandem_words::{
    Deletion, Direction, EndCause, EventBody, Interaction, InteractionId, Media, Position, RequestBody, RequestKey, Routed, StoppedBy,
    Timestamp, Visit,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    Here,
    DefaultRouted,
    Gone,
}

#[derive(Debug)]
pub struct Call {
    pub visit: Visit,
    pub at: Whereabouts,
}

#[derive(Debug, Default)]
pub struct Gateway {
    pub now: Timestamp,
    pub events: Vec<SwitchEvent>,
    pub calls: BTreeMap<InteractionId, Call>,
    /// Applied, and the position of the answer.
    pub requests: BTreeMap<RequestKey, (RequestBody, Option<Position>)>,
    /// Answered at or before W: the gateway may forget them, and so may this one.
    pub forgotten: BTreeSet<RequestKey>,
    /// Events up to here are kept no longer.
    pub dropped: usize,
    /// Events that a primary asked for and did not get.
    pub lost: BTreeSet<Position>,
    /// Which events were told on this connection; none: no primary.
    pub told: Option<usize>,
    pub wake_at: Option<Timestamp>,
    pub w: Option<Mark>,
    pub outgoing: Vec<GatewayMessage>,
    /// Steps as they came.
    pub steps: Vec<StepMessage>,
}

impl Gateway {
    pub fn event(&mut self, interaction: Option<InteractionId>, visit: Option<Visit>, answers: Option<RequestKey>, body: EventBody) {
        let position = self.events.len() as u64 + 1;
        self.events.push(SwitchEvent { position, at: self.now, interaction, visit, answers, body });
    }

    pub fn arrive(&mut self) {
        let id: InteractionId = format!("c{}", self.calls.len() + 1).into();
        self.calls.insert(id.clone(), Call { visit: 0, at: Whereabouts::Here });
        self.visit(&id);
    }

    pub fn visit(&mut self, id: &InteractionId) {
        let call = self.calls.get_mut(id).unwrap();
        call.visit += 1;
        let visit = call.visit;
        let number = if self.calls.len().is_multiple_of(3) { "8001" } else { "8000" };
        let interaction = Interaction {
            id: id.clone(),
            root: id.clone(),
            media: Media::Voice,
            direction: Direction::Inbound,
            calling: "0171".to_owned(),
            called: number.to_owned(),
            routing_point: number.to_owned(),
            arrived_at: self.now,
            user_data: Vec::new(),
        };
        self.event(Some(id.clone()), Some(visit), None, EventBody::InteractionAdded(interaction));
    }

    /// The call leaves its routing point: what is open on it is answered, then its end is told.
    pub fn leave(&mut self, id: &InteractionId, cause: EndCause) {
        self.answer_all_of(id);
        let deletion = Deletion { interaction: id.clone(), cause };
        self.event(Some(id.clone()), None, None, EventBody::InteractionDeleted(deletion));
    }

    pub fn answer_all_of(&mut self, id: &InteractionId) {
        let open = self.requests.iter().filter(|(_, (body, answer))| answer.is_none() && body.interaction() == Some(id));
        let open: Vec<RequestKey> = open.map(|(key, _)| *key).collect();
        open.into_iter().for_each(|key| self.answer(key));
    }

    pub fn open_requests(&self) -> Vec<RequestKey> {
        self.requests.iter().filter(|(_, (_, answer))| answer.is_none()).map(|(key, _)| *key).collect()
    }

    pub fn answer(&mut self, key: RequestKey) {
        let (body, answer) = self.requests.get_mut(&key).unwrap();
        if answer.is_some() {
            return;
        }
        *answer = Some(self.events.len() as u64 + 1);
        let interaction = body.interaction().cloned();
        let body = match body {
            RequestBody::Play { .. } => EventBody::PlayDone(StoppedBy::End),
            RequestBody::Route(route) => EventBody::RouteDone(Routed {
                interaction: route.interaction.clone(),
                target: "sales".to_owned(),
                answered_by: "a1".to_owned(),
                waited_ms: 0,
            }),
            _ => EventBody::Done,
        };
        self.event(interaction, None, Some(key), body);
    }

    pub fn received(&mut self, message: HostMessage, epoch: u64) {
        match message {
            HostMessage::Hello { .. } => {
                self.outgoing.push(GatewayMessage::Welcome { protocol: 1, switch: "main".into(), incarnation: 1, now: self.now });
            }
            HostMessage::Lead { epoch, .. } => self.outgoing.push(GatewayMessage::Leading { epoch, now: self.now }),
            HostMessage::Reconcile { after, interactions, requests, .. } => {
                let after = usize::try_from(after.map_or(0, |mark| mark.position)).unwrap();
                self.forget(after as u64);
                self.lost.extend((after as u64 + 1)..=self.dropped as u64);
                let state = |id: &InteractionId| match self.calls[id].at {
                    Whereabouts::Here => InteractionState::AtRoutingPoint,
                    Whereabouts::DefaultRouted => InteractionState::DefaultRouted,
                    Whereabouts::Gone => InteractionState::Gone,
                };
                let request = |key: &RequestKey| match self.requests.get(key) {
                    _ if self.forgotten.contains(key) => RequestState::Unknown,
                    None => RequestState::Unknown,
                    Some((_, None)) => RequestState::Open,
                    Some((_, Some(_))) => RequestState::Answered,
                };
                self.outgoing.push(GatewayMessage::Reconciled {
                    now: self.now,
                    kept_from: self.dropped as u64 + 1,
                    interactions: interactions.into_iter().map(|held| (held.clone(), state(&held.id))).collect(),
                    requests: requests.iter().map(|key| (*key, request(key))).collect(),
                    more: false,
                });
                self.told = Some(after.max(self.dropped));
            }
            HostMessage::Step(step) => {
                assert_eq!(step.epoch, epoch, "a step of an epoch that does not lead");
                self.steps.push(step.clone());
                for asked in step.requests {
                    self.apply(RequestKey { session: step.session, incarnation: step.incarnation, request: asked.request }, asked.body);
                }
            }
            HostMessage::Acknowledge(mark) => {
                assert!(self.w.is_none_or(|w| w.position <= mark.position), "W went back");
                self.w = Some(mark);
                self.forget(mark.position);
            }
            HostMessage::Idle { wake_at, .. } => self.wake_at = wake_at,
            HostMessage::Heartbeat => {}
        }
    }

    fn forget(&mut self, w: Position) {
        let answered = self.requests.iter().filter(|(_, (_, answer))| answer.is_some_and(|position| position <= w));
        self.forgotten = answered.map(|(key, _)| *key).collect();
    }

    fn apply(&mut self, key: RequestKey, body: RequestBody) {
        if body == RequestBody::Cancel {
            self.answer(key);
            return;
        }
        assert!(!self.requests.contains_key(&key), "{key} came twice: {body:?}");
        let gone = body.interaction().is_some_and(|id| self.calls[id].at != Whereabouts::Here);
        let disconnects = matches!(body, RequestBody::Disconnect { .. });
        let interaction = body.interaction().cloned();
        self.requests.insert(key, (body, None));
        if gone {
            self.answer(key);
        } else if let Some(id) = interaction.filter(|_| disconnects) {
            self.leave(&id, EndCause::Strategy);
            self.calls.get_mut(&id).unwrap().at = Whereabouts::Gone;
        }
    }

    /// At most so many more events for the primary, and the time if it wants it and has them all.
    pub fn tell(&mut self, most: usize) -> Vec<GatewayMessage> {
        let mut messages = std::mem::take(&mut self.outgoing);
        if let Some(told) = &mut self.told {
            let news = self.events.iter().skip(*told).take(most).cloned().map(GatewayMessage::Event);
            let before = messages.len();
            messages.extend(news);
            *told += messages.len() - before;
            if *told == self.events.len() && self.wake_at.is_some_and(|at| at <= self.now) {
                self.wake_at = None;
                messages.push(GatewayMessage::Clock { now: self.now });
            }
        }
        messages
    }

    pub fn cut(&mut self) {
        self.told = None;
        self.wake_at = None;
        self.outgoing.clear();
    }
}
