//! The fold: a step's event changes the state before the guest sees it, and what came of it changes it afterwards.

use tandem_journal::{Outcome, Request, Source, Step};
use tandem_words::{
    Event, EventBody, Interaction, InteractionId, Position, Property, RequestBody, RequestId, Restart, SwitchIncarnation, Timestamp,
};

use super::{Held, LastHeard, Life, Sender, SessionState, Standing};
use crate::{
    OpenRequest,
    limits::{MAX_GONE, MAX_SENDERS},
};

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

fn attach(data: &mut Vec<Property>, new: &[Property]) {
    for property in new {
        match data.iter_mut().find(|known| known.key == property.key) {
            Some(known) => known.value.clone_from(&property.value),
            None => data.push(property.clone()),
        }
    }
}
