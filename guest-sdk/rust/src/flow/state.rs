//! What a flow and its requests share: the answers that came, and the events nobody has read.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{CallEnd, Event, EventBody, Interaction, RequestId, Restart};

/// Unread events kept for a flow, the oldest are dropped first. More than a caller can press while a flow is busy; without
/// a bound, a flow that never reads would grow with every event.
pub(crate) const MAX_UNREAD: usize = 256;

/// The part that a checkpoint keeps.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The session's call; none before it is known.
    pub call: Option<String>,
    /// As it was when it was added.
    pub interaction: Option<Interaction>,
    /// How it was lost.
    pub ended: Option<CallEnd>,
    /// Whether the session was started again.
    pub restarted: Option<Restart>,
    /// Events that nobody has read.
    pub inbox: VecDeque<Event>,
    /// The timer with which the flow begins again after a checkpoint; none while it runs.
    pub kick: Option<RequestId>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub kept: Kept,
    /// Requests whose answer somebody awaits, with the answer once it came.
    pub open: BTreeMap<RequestId, Option<Event>>,
    /// Counts the polls of the flow.
    pub round: u64,
    /// The last round in which the end of the call was awaited in vain.
    pub watched: Option<u64>,
    /// An event is being handled: imports may be called.
    pub in_step: bool,
    /// Something became ready while the flow was polled: poll it again.
    pub again: bool,
    /// The state of the last checkpoint, as JSON.
    pub resumed: Option<String>,
    /// A checkpoint that the flow asks for, as JSON.
    pub checkpoint: Option<String>,
}

impl State {
    /// Takes in an event; the flow may be polled then, except before it has begun, where the answer says whether to begin.
    pub(crate) fn deliver(&mut self, event: Event) -> bool {
        let kept = &mut self.kept;
        if let Some(id) = event.request {
            if kept.kick == Some(id) {
                kept.kick = None;
                return true;
            }
            if let Some(answer) = self.open.get_mut(&id) {
                *answer = Some(event);
            }
            return true;
        }
        let call = kept.call.as_deref();
        match &event.body {
            EventBody::SessionRestarted(restart) => {
                kept.call = restart.interaction.clone();
                kept.restarted = Some(restart.clone());
                // The interaction follows, but where the oldest events are missing.
                return restart.partial || restart.interaction.is_none();
            }
            EventBody::InteractionAdded(added) if kept.interaction.is_none() && call.is_none_or(|call| call == added.id) => {
                kept.call = Some(added.id.clone());
                kept.interaction = Some(added.clone());
                return true;
            }
            _ => {}
        }
        if let Some(end) = call.and_then(|call| event.ends(call)) {
            kept.ended = Some(end);
        } else {
            if kept.inbox.len() >= MAX_UNREAD {
                kept.inbox.pop_front();
            }
            kept.inbox.push_back(event);
        }
        true
    }

    /// The end of the call, for something that waited when it came. Whoever awaits the end itself hears of it first: the others
    /// only in the round after.
    pub(crate) fn interruption(&mut self) -> Option<CallEnd> {
        let end = self.kept.ended?;
        let shielded = self.watched.is_some_and(|round| round + 1 == self.round);
        self.again |= shielded;
        (!shielded).then_some(end)
    }
}
