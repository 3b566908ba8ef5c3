//! Sessions that are not persisted, after their primary has died: which start again, when, and which do not (ADR 5).
//!
//! The store tells which of them live; the copy that the synch link kept tells what they had heard; the gateway tells the truth
//! about their calls. New calls and recovered sessions do not wait for any of this.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tandem_journal::{Claim, Opening, Survival};
use tandem_switch_link::{Held, InteractionState, RequestState, SwitchEvent};
use tandem_synch_link::KeptSession;
use tandem_words::{
    Bug, EventBody, Holding, InteractionId, RequestKey, Restart, RestartCause, SessionId, SwitchIncarnation, Timestamp, planted,
};

/// The throttle: what starts again at once is load that the new primary has beside its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartOptions {
    /// `orchestration.session-restart-quota`: restarts of one cycle.
    pub quota: usize,
    /// `orchestration.session-restart-timeout`: between two cycles, ms of real time.
    pub timeout_ms: u64,
    /// The same of single strategies, by name; each of these timeouts has cycles of its own.
    pub timeouts_ms: BTreeMap<String, u64>,
}

impl Default for RestartOptions {
    fn default() -> Self {
        RestartOptions { quota: 8, timeout_ms: 50, timeouts_ms: BTreeMap::new() }
    }
}

/// A session that starts again now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarting {
    /// Which.
    pub session: SessionId,
    /// Its first event.
    pub restart: Restart,
    /// What it hears next: all that is kept of its call.
    pub events: Vec<(SwitchIncarnation, SwitchEvent)>,
}

/// A session that does not start again, and those of its calls that nobody serves now.
pub(crate) type Dropped = (SessionId, Vec<Held>);

/// Where each call is.
type States<'a> = BTreeMap<&'a Held, InteractionState>;

/// See the module.
#[derive(Debug, Default)]
pub struct Restarts {
    options: RestartOptions,
    certain: bool,
    waiting: BTreeMap<SessionId, Waiting>,
    /// By the timeout between them.
    cycles: BTreeMap<u64, Cycle>,
    /// What earlier incarnations of sessions that have started again still wait for.
    open: BTreeSet<RequestKey>,
}

#[derive(Debug)]
struct Waiting {
    opening: Opening,
    kept: Option<KeptSession>,
    calls: Vec<Holding>,
    /// In a cycle's queue already.
    queued: bool,
}

#[derive(Debug, Default)]
struct Cycle {
    /// Real time, ms.
    next_at: u64,
    queue: VecDeque<SessionId>,
}

impl Restarts {
    /// `openings`: of the store's live sessions that are not persisted. `kept`: the copy; `certain`: it was full, and followed the
    /// dead primary to its end.
    pub fn new(options: RestartOptions, openings: Vec<Opening>, mut kept: BTreeMap<SessionId, KeptSession>, certain: bool) -> Self {
        let waiting = openings.into_iter().map(|opening| {
            let kept = kept.remove(&opening.session);
            (opening.session, Waiting { calls: calls_of(&opening, kept.as_ref()), opening, kept, queued: false })
        });
        Restarts { options, certain, waiting: waiting.collect(), ..Restarts::default() }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Since when this one lives, if it waits.
    pub(crate) fn waits(&self, session: SessionId) -> Option<Timestamp> {
        self.waiting.get(&session).map(|waiting| waiting.opening.started_at)
    }

    /// The calls of those that wait.
    pub(crate) fn holdings(&self) -> impl Iterator<Item = &Holding> {
        self.waiting.values().flat_map(|waiting| &waiting.calls)
    }

    /// The requests of earlier incarnations that the switch has not answered.
    pub(crate) fn requests(&self) -> impl Iterator<Item = RequestKey> {
        let kept = self.waiting.values().filter_map(|waiting| waiting.kept.as_ref()).flat_map(|kept| &kept.open);
        kept.chain(&self.open).copied()
    }

    /// The gateway has told the truth; `held`: what all sessions hold. Those that do not start again are over; the others queue up.
    pub(crate) fn reconciled(
        &mut self,
        states: &[(Held, InteractionState)],
        requests: &[(RequestKey, RequestState)],
        held: &[Holding],
    ) -> Vec<Dropped> {
        let states: States = states.iter().map(|(held, state)| (held, *state)).collect();
        for (key, _) in requests.iter().filter(|(_, state)| *state != RequestState::Open) {
            self.open.remove(key);
        }
        let mut last_visit: BTreeMap<&InteractionId, _> = BTreeMap::new();
        for held in held {
            // An uncertain copy may not know since when.
            let this = (held.visit, held.since, held.session);
            let last = last_visit.entry(&held.interaction).or_insert(this);
            *last = this.max(*last);
        }
        let mut dropped = Vec::new();
        for (id, waiting) in &mut self.waiting {
            let moved = |call: &Holding| last_visit.get(&call.interaction).is_some_and(|last| last.2 != *id);
            for call in &mut waiting.calls {
                let state = states.get(&named(call)).copied().unwrap_or(InteractionState::Gone);
                call.controlled &= !moved(call) && matches!(state, InteractionState::AtRoutingPoint | InteractionState::Connected);
            }
            if waiting.starts_again(&states, self.certain) {
                let timeout_ms = self.options.timeouts_ms.get(&waiting.opening.strategy).unwrap_or(&self.options.timeout_ms);
                if !std::mem::replace(&mut waiting.queued, true) {
                    self.cycles.entry(*timeout_ms).or_default().queue.push_back(*id);
                }
            } else {
                dropped.push((*id, waiting.live_calls().map(named).collect()));
            }
        }
        dropped.iter().for_each(|(id, _)| self.forget(*id));
        dropped
    }

    /// An event for a session. One that waits and has lost its last call by it is over.
    pub(crate) fn event(&mut self, session: SessionId, incarnation: SwitchIncarnation, event: &SwitchEvent) -> Option<Dropped> {
        if let Some(key) = &event.answers {
            self.open.remove(key);
        }
        let waiting = self.waiting.get_mut(&session)?;
        if let (Some(key), Some(kept)) = (&event.answers, &mut waiting.kept) {
            kept.open.remove(key);
        }
        let had = waiting.live_calls().next().is_some();
        follow(&mut waiting.calls, session, &waiting.opening, incarnation, event);
        let gone = had && waiting.live_calls().next().is_none() && !planted(Bug::GoneCallRestarted);
        gone.then(|| {
            self.forget(session);
            (session, Vec::new())
        })
    }

    /// It is over, for whatever reason.
    pub(crate) fn forget(&mut self, session: SessionId) {
        self.waiting.remove(&session);
        self.open.retain(|key| key.session != session);
    }

    /// Real time is `now_ms`: these start again now.
    pub(crate) fn tick(&mut self, now_ms: u64) -> Vec<Restarting> {
        let mut batch = Vec::new();
        for (timeout_ms, cycle) in &mut self.cycles {
            // A clock that jumped back must not make them wait till it is there again.
            cycle.next_at = cycle.next_at.min(now_ms.saturating_add(*timeout_ms));
            if cycle.next_at > now_ms {
                continue;
            }
            let mut quota = if planted(Bug::RestartQuotaIgnored) { usize::MAX } else { self.options.quota.max(1) };
            while quota > 0
                && let Some(id) = cycle.queue.pop_front()
            {
                let Some(waiting) = self.waiting.remove(&id) else { continue };
                quota -= 1;
                cycle.next_at = now_ms.saturating_add(*timeout_ms);
                if let Some(kept) = &waiting.kept {
                    self.open.extend(&kept.open);
                }
                batch.push(waiting.restart(id, self.certain));
            }
        }
        batch
    }

    /// When the next cycle begins, real time; none: nobody waits for one.
    pub fn wake_at(&self) -> Option<u64> {
        let waits = |cycle: &&Cycle| cycle.queue.iter().any(|id| self.waiting.contains_key(id));
        self.cycles.values().filter(waits).map(|cycle| cycle.next_at).min()
    }
}

impl Waiting {
    /// Calls that the session may still decide about.
    fn live_calls(&self) -> impl Iterator<Item = &Holding> {
        self.calls.iter().filter(|call| call.controlled)
    }

    fn starts_again(&self, states: &States<'_>, certain: bool) -> bool {
        if self.opening.survival != Survival::Restarted {
            return false;
        }
        // One that another session started has perhaps no call, and nothing says that it is over.
        if self.calls.is_empty() && !matches!(self.opening.claim, Some(Claim::Visit { .. })) {
            return true;
        }
        let at_routing_point = |call: &Holding| states.get(&named(call)) == Some(&InteractionState::AtRoutingPoint);
        self.live_calls().any(|call| certain || at_routing_point(call) || planted(Bug::UncertainNotAsked))
    }

    fn restart(self, session: SessionId, certain: bool) -> Restarting {
        let interaction = self.live_calls().next().map(|call| call.interaction.clone());
        let (events, partial) = self.kept.map_or((Vec::new(), false), |kept| (kept.events, kept.partial));
        // An incarnation that was restarted without its first event has told nobody that it never had that.
        let lost_its_beginning = self.opening.incarnation > 1 && events.is_empty();
        let cause = if certain { RestartCause::NotPersisted } else { RestartCause::Uncertain };
        let partial = partial || !certain || lost_its_beginning;
        Restarting { session, restart: Restart { interaction, cause, partial }, events }
    }
}

/// As the gateway names a call.
fn named(call: &Holding) -> Held {
    Held { id: call.interaction.clone(), visit: call.visit.map(|(_, visit)| visit) }
}

/// What a session held, as far as its claim and what it heard tell.
fn calls_of(opening: &Opening, kept: Option<&KeptSession>) -> Vec<Holding> {
    let mut calls = Vec::new();
    if let Some(Claim::Visit { interaction, incarnation, visit, .. }) = &opening.claim {
        let interaction = InteractionId::from(interaction.as_str());
        calls.push(Holding { interaction, session: opening.session, visit: Some((*incarnation, *visit)), since: None, controlled: true });
    }
    for (incarnation, event) in kept.into_iter().flat_map(|kept| &kept.events) {
        follow(&mut calls, opening.session, opening, *incarnation, event);
    }
    calls
}

fn follow(calls: &mut Vec<Holding>, session: SessionId, opening: &Opening, incarnation: SwitchIncarnation, event: &SwitchEvent) {
    match &event.body {
        EventBody::InteractionAdded(added) | EventBody::CallCreated(added) => {
            let visit = match &opening.claim {
                Some(Claim::Visit { interaction, incarnation, visit, .. }) if **interaction == *added.id => Some((*incarnation, *visit)),
                _ => None,
            };
            calls.retain(|call| call.interaction != added.id);
            let since = Some((incarnation, event.position));
            calls.push(Holding { interaction: added.id.clone(), session, visit, since, controlled: true });
        }
        EventBody::InteractionDeleted(deletion) => {
            calls.iter_mut().filter(|call| call.interaction == deletion.interaction).for_each(|call| call.controlled = false);
        }
        EventBody::InteractionNotControlled(id) | EventBody::InteractionDefaultRouted(id) => {
            calls.iter_mut().filter(|call| call.interaction == *id).for_each(|call| call.controlled = false);
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "restarts_tests.rs"]
mod tests;
