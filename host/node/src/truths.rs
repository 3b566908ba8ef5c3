//! What the gateway says of calls and requests when a primary reconciles, and its events do not tell any more.
//!
//! The events behind W tell most of it. What they have not told when they are through is said instead: a request whose answer
//! is lost has an unknown outcome (and is never repeated), and a call that is gone is gone.

use std::collections::{BTreeMap, BTreeSet};

use tandem_switch_link::{Held, InteractionState, Mark};
use tandem_words::{
    Deletion, EndCause, ErrorCode, EventBody, Failure, Holding, Position, RequestKey, SessionId, SwitchIncarnation, Timestamp,
};

use crate::Directive;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Truths {
    stage: Stage,
    /// Answered, says the gateway, and the answers have not been seen yet; or unknown to it because it has lost its memory.
    unanswered: BTreeSet<RequestKey>,
    /// For sessions that do not know it by themselves; a worker drops what its session has heard.
    news: Vec<(SessionId, EventBody)>,
    /// Up to here the sessions have been told of gaps.
    pub(crate) gap_told: Option<(SwitchIncarnation, Position)>,
    /// W does not go over a hole of which the backup does not know.
    pub(crate) backup_is_behind: bool,
}

#[derive(Debug, Default, Clone, Copy)]
enum Stage {
    #[default]
    Settled,
    /// The backlog is coming; then W may go to the mark, if it waits for that. The time is asked for, to know when the backlog
    /// is through.
    Backlog(Timestamp, Option<Mark>),
    /// Told; the steps that come of it are being committed.
    Told(Timestamp, Option<Mark>),
    /// They are durable; the time is asked for once more, for a frame to go on with.
    Durable(Timestamp, Option<Mark>),
}

impl Truths {
    /// A reconciliation at switch time `now`. `hole`: events are lost, and W may go to this mark when all is said. `unanswered`:
    /// requests whose answers must be among the events to come, or nobody knows what became of them.
    pub(crate) fn begin(
        &mut self,
        now: Timestamp,
        hole: Option<Mark>,
        unanswered: impl Iterator<Item = RequestKey>,
        held: &[Holding],
        interactions: &[(Held, InteractionState)],
    ) {
        let states: BTreeMap<_, _> = interactions.iter().map(|(held, state)| ((&held.id, held.visit), *state)).collect();
        self.unanswered = unanswered.collect();
        // A session that waits for its restart may not know since when it has its call; its visit tells which is the later one.
        let mut last_came = BTreeMap::new();
        for held in held {
            let last = last_came.entry(&held.interaction).or_insert((held.visit, held.since));
            *last = (held.visit, held.since).max(*last);
        }
        let moved = |of: &Holding| of.controlled && last_came.get(&of.interaction).is_some_and(|last| (of.visit, of.since) < *last);
        let news =
            |of: &Holding| Some((of.session, truth(of, *states.get(&(&of.interaction, of.visit.map(|(_, visit)| visit)))?, moved(of))?));
        self.news = held.iter().filter_map(news).collect();
        let nothing = self.unanswered.is_empty() && self.news.is_empty() && hole.is_none();
        self.stage = if nothing { Stage::Settled } else { Stage::Backlog(now, hole) };
    }

    /// An answer came.
    pub(crate) fn answered(&mut self, key: RequestKey) {
        self.unanswered.remove(&key);
    }

    /// The backlog is through.
    pub(crate) fn tell(&mut self, out: &mut Vec<Directive>) {
        let Stage::Backlog(now, mark) = self.stage else { return };
        let failure = Failure::new(ErrorCode::OutcomeUnknown, "what became of it was lost with the switch's events");
        let unanswered = std::mem::take(&mut self.unanswered).into_iter();
        out.extend(unanswered.map(|key| Directive::Answer(key, EventBody::Failed(failure.clone()))));
        out.extend(std::mem::take(&mut self.news).into_iter().map(|(session, body)| Directive::News(session, body)));
        self.stage = Stage::Told(now, mark);
    }

    /// Everything so far is handled and durable. Returns when the time is wanted.
    pub(crate) fn idle(&mut self) -> Option<Timestamp> {
        if let Stage::Told(now, mark) = self.stage
            && !(mark.is_some() && self.backup_is_behind)
        {
            self.stage = Stage::Durable(now, mark);
        }
        match self.stage {
            Stage::Backlog(now, _) | Stage::Told(now, _) | Stage::Durable(now, _) => Some(now),
            Stage::Settled => None,
        }
    }

    /// Where W may go, once.
    pub(crate) fn settled(&mut self) -> Option<Mark> {
        let Stage::Durable(_, hole) = self.stage else { return None };
        self.stage = Stage::Settled;
        hole
    }
}

/// What a session must hear of an interaction, if nothing else tells it.
fn truth(held: &Holding, state: InteractionState, moved: bool) -> Option<EventBody> {
    let interaction = held.interaction.clone();
    match state {
        _ if moved => Some(EventBody::InteractionDeleted(Deletion { interaction, cause: EndCause::Moved })),
        InteractionState::AtRoutingPoint | InteractionState::Connected => None,
        InteractionState::DefaultRouted => Some(EventBody::InteractionDefaultRouted(interaction)),
        InteractionState::Gone => Some(EventBody::InteractionDeleted(Deletion { interaction, cause: EndCause::Failed })),
    }
}
