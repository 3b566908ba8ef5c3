//! The calls at routing points, who serves each, and until when it may stay as it is (P9).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use tandem_switch_link::{Held, InteractionState, Over};
use tandem_words::{Bug, Interaction, InteractionId, NodeId, Position, SessionId, Timestamp, Visit, planted};

use super::RoutingPoint;
use crate::port::{Condition, Found};

/// A call.
#[derive(Debug)]
struct Call {
    /// Its deadlines, and its default route where it has one.
    point: RoutingPoint,
    /// None for a call that a session made: it is at no routing point, so it has no default route.
    visit: Option<Visit>,
    arrived_at: Timestamp,
    /// Of the event that told of it.
    told_by: Position,
    condition: Condition,
    /// A session of this node has it, or its primary said so when it reconciled.
    taken: Option<NodeId>,
    /// The last session that named it.
    holder: Option<SessionId>,
    /// How the holder ended.
    over: Option<Over>,
    /// Requests under way on it, music not counted: music ends only by command.
    open: u32,
    /// Its entry in `due`.
    due_at: Option<Timestamp>,
    /// Since when it is known to a gateway that found it, and has not heard of a session of it since.
    found_at: Option<Timestamp>,
    /// The same, while not every node has said whether it has a session for it.
    unclaimed: Option<Box<Unclaimed>>,
}

/// A call that was found, and may be nobody's.
#[derive(Debug)]
struct Unclaimed {
    interaction: Interaction,
    /// No session can have had this visit, if none has it: it may be told.
    is_untouched: bool,
}

fn sessions_of(node: NodeId) -> RangeInclusive<SessionId> {
    SessionId { node, epoch: 0, number: 0 }..=SessionId { node, epoch: u64::MAX, number: u64::MAX }
}

impl Call {
    /// It still waits for somebody to decide.
    fn is_waiting(&self) -> bool {
        matches!(self.condition, Condition::Ringing | Condition::Attended | Condition::Silent { .. })
    }

    /// Its session is over and nothing that it asked for is under way.
    fn is_forsaken(&self) -> bool {
        self.is_waiting()
            && match self.over {
                None => false,
                Some(Over::Failed) => true,
                Some(Over::Finished) => self.open == 0,
            }
    }
}

/// A session that holds calls.
#[derive(Debug, Default)]
struct Holder {
    calls: BTreeSet<InteractionId>,
    quiet_until: Option<Timestamp>,
    /// Since when its node had no primary, if the quiet ended before the next one led, and it has said nothing new of quiet since.
    unled: Option<Timestamp>,
}

/// Where a call goes that nobody serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Exit {
    /// To this number.
    DefaultRoute(String),
    /// A call that a session made has none: it ends.
    HangUp,
}

/// All calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<InteractionId, Call>,
    holders: BTreeMap<SessionId, Holder>,
    /// Nodes without an acknowledged primary, since when.
    unled: BTreeMap<NodeId, Timestamp>,
    /// Each waiting call's deadline.
    due: BTreeSet<(Timestamp, InteractionId)>,
    /// Calls to look at: something about them changed.
    changed: BTreeSet<InteractionId>,
}

impl Calls {
    /// A visit begins: the call is nobody's yet.
    pub(super) fn arrived(&mut self, id: &InteractionId, visit: Option<Visit>, point: RoutingPoint, told_by: Position, now: Timestamp) {
        self.release(id);
        let call = self.calls.entry(id.clone()).or_insert_with(|| Call::made(point.clone(), told_by, now));
        call.point = point;
        call.visit = visit;
        call.arrived_at = now;
        call.told_by = told_by;
        call.taken = None;
        call.over = None;
        (call.found_at, call.unclaimed) = (None, None);
        if call.condition == Condition::DefaultRouted {
            call.condition = Condition::Ringing;
        }
        self.touch(id);
    }

    /// A session made a call. `point`: for its deadlines.
    pub(super) fn made(&mut self, id: &InteractionId, point: RoutingPoint, told_by: Position, now: Timestamp) {
        self.calls.entry(id.clone()).or_insert_with(|| Call::made(point, told_by, now));
        self.touch(id);
    }

    /// The gateway begins, and its switch has this call. Whether a session has it, and how long that means to be quiet, nobody
    /// here knows: its deadlines begin now.
    pub(super) fn found(&mut self, found: Found, point: RoutingPoint, now: Timestamp) {
        let Found { interaction, visit, condition } = found;
        let id = interaction.id.clone();
        let is_untouched = condition == Condition::Ringing;
        let unclaimed = visit.map(|_| Box::new(Unclaimed { interaction, is_untouched }));
        self.calls.insert(id.clone(), Call { visit, condition, found_at: Some(now), unclaimed, ..Call::made(point, 0, now) });
        self.touch(&id);
    }

    /// Every node has said what it has. Of the calls that were found and nobody has, those that no session can have touched are
    /// returned, to be told; the others' sessions are over.
    pub(super) fn take_unclaimed(&mut self) -> Vec<(Interaction, Visit)> {
        let mut news = Vec::new();
        let mut left = Vec::new();
        for (id, call) in &mut self.calls {
            let (Some(unclaimed), Some(visit)) = (call.unclaimed.take(), call.visit) else { continue };
            if unclaimed.is_untouched {
                news.push((unclaimed.interaction, visit));
            } else {
                call.over.get_or_insert(Over::Finished);
                left.push(id.clone());
            }
        }
        left.iter().for_each(|id| self.touch(id));
        news
    }

    /// The switch says how it stands. Of a call that never arrived, or is over, this says nothing.
    pub(super) fn condition(&mut self, id: &InteractionId, condition: Condition) {
        if condition == Condition::Gone {
            self.release(id);
            if let Some(due_at) = self.calls.remove(id).and_then(|call| call.due_at) {
                self.due.remove(&(due_at, id.clone()));
            }
            self.changed.remove(id);
            return;
        }
        if let Some(call) = self.calls.get_mut(id) {
            call.condition = condition;
        }
        self.touch(id);
    }

    /// A request on it was handed to the switch.
    pub(super) fn asked(&mut self, id: &InteractionId) {
        if let Some(call) = self.calls.get_mut(id) {
            call.open += 1;
        }
        self.touch(id);
    }

    /// That request was answered.
    pub(super) fn answered(&mut self, id: &InteractionId) {
        if let Some(call) = self.calls.get_mut(id) {
            call.open = call.open.saturating_sub(1);
        }
        self.touch(id);
    }

    /// A primary of the node that reconciles says that its sessions have these, and it will be told the events behind `after`.
    /// What the node had and does not name any more is without a session: lost with a memory that was no store, unreadable, or
    /// over, and the word of it was lost. Nobody will end its quiet or its music.
    pub(super) fn reconciled(&mut self, node: NodeId, named: &[Held], after: Position) {
        for held in named {
            // It was there, and moved on while nobody could tell.
            if let Some(call) = self.calls.get_mut(&held.id)
                && let Some(unclaimed) = call.unclaimed.as_mut().filter(|_| held.visit < call.visit)
            {
                unclaimed.is_untouched = true;
            }
        }
        let named: BTreeSet<&InteractionId> = named.iter().filter(|held| self.holds(held)).map(|held| &held.id).collect();
        for id in &named {
            if let Some(call) = self.calls.get_mut(*id) {
                call.taken = Some(node);
                if !planted(Bug::ClaimedCallTold) {
                    call.unclaimed = None;
                }
            }
            self.touch(id);
        }
        let of_node = self.calls.iter().filter(|(id, call)| call.taken == Some(node) && !named.contains(id));
        let left: Vec<InteractionId> = of_node.map(|(id, _)| id.clone()).collect();
        for id in left {
            self.release(&id);
            if let Some(call) = self.calls.get_mut(&id) {
                if call.told_by > after {
                    // The node is told of it again, and may take it again.
                    (call.taken, call.over) = (None, None);
                } else {
                    call.over.get_or_insert(Over::Finished);
                }
            }
            self.touch(&id);
        }
    }

    /// Whether the call is still where it was when the session got it.
    pub(super) fn holds(&self, held: &Held) -> bool {
        self.calls.get(&held.id).is_some_and(|call| call.visit == held.visit)
    }

    /// A step of the session: it holds these calls, means to be quiet until then, and perhaps it was the last. Returns whether
    /// what it means about quiet is news. A step that was made before a call moved on says nothing about the call.
    pub(super) fn held(&mut self, session: SessionId, held: &[Held], quiet_until: Option<Timestamp>, over: Option<Over>) -> bool {
        let mut more = false;
        for id in held.iter().filter(|held| self.holds(held)).map(|held| &held.id).collect::<Vec<_>>() {
            if self.calls.get(id).is_some_and(|call| call.holder != Some(session)) {
                self.release(id);
                more = true;
            }
            if let Some(call) = self.calls.get_mut(id) {
                call.taken = Some(session.node);
                call.holder = Some(session);
                call.over = None;
                (call.found_at, call.unclaimed) = (None, None);
                self.holders.entry(session).or_default().calls.insert(id.clone());
            }
        }
        let Some(holder) = self.holders.get_mut(&session) else { return false };
        let news = holder.quiet_until != quiet_until || (more && quiet_until.is_some());
        if news {
            (holder.quiet_until, holder.unled) = (quiet_until, None);
        }
        for id in holder.calls.clone() {
            if let Some(call) = self.calls.get_mut(&id) {
                call.over = over;
            }
            self.touch(&id);
        }
        news
    }

    /// The node has no acknowledged primary from now on.
    pub(super) fn unled(&mut self, node: NodeId, now: Timestamp) {
        self.unled.entry(node).or_insert(now);
        self.touch_node(node);
    }

    /// The node has one again. What its sessions do about a quiet that has ended meanwhile is yet to come: they have the time that is left.
    pub(super) fn led(&mut self, node: NodeId, now: Timestamp) {
        if let Some(unled) = self.unled.remove(&node) {
            for (_, holder) in
                self.holders.range_mut(sessions_of(node)).filter(|(_, holder)| holder.quiet_until.is_some_and(|until| until <= now))
            {
                holder.unled.get_or_insert(unled);
            }
        }
        self.touch_node(node);
    }

    /// It goes where nobody needs to serve it; returns where that is.
    pub(super) fn leave(&mut self, id: &InteractionId) -> Option<Exit> {
        let call = self.calls.get_mut(id)?;
        let to = call.visit.map_or(Exit::HangUp, |_| Exit::DefaultRoute(call.point.default_route.clone()));
        call.condition = Condition::DefaultRouted;
        self.touch(id);
        Some(to)
    }

    /// Whether requests may still act on it.
    pub(super) fn may_be_served(&self, id: &InteractionId) -> bool {
        self.calls.get(id).is_some_and(|call| call.condition != Condition::DefaultRouted)
    }

    pub(super) fn state(&self, id: &InteractionId) -> InteractionState {
        match self.calls.get(id).map(|call| call.condition) {
            None | Some(Condition::Gone) => InteractionState::Gone,
            Some(Condition::DefaultRouted) => InteractionState::DefaultRouted,
            Some(Condition::Routed) => InteractionState::Connected,
            Some(Condition::Ringing | Condition::Attended | Condition::Silent { .. }) => InteractionState::AtRoutingPoint,
        }
    }

    /// How many live.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The next deadline.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The call whose deadline has passed longest.
    pub(super) fn overdue(&self, now: Timestamp) -> Option<InteractionId> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, id)| id.clone())
    }

    /// Calls whose session is over and has nothing more under way, since the last time this was asked.
    pub(super) fn take_forsaken(&mut self) -> Vec<InteractionId> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().filter(|id| self.calls.get(id).is_some_and(Call::is_forsaken)).collect()
    }

    fn release(&mut self, id: &InteractionId) {
        let Some(session) = self.calls.get_mut(id).and_then(|call| call.holder.take()) else { return };
        if let Some(holder) = self.holders.get_mut(&session) {
            holder.calls.remove(id);
            if holder.calls.is_empty() {
                self.holders.remove(&session);
            }
        }
    }

    /// Something about it changed: when is it due now?
    fn touch(&mut self, id: &InteractionId) {
        let Some(call) = self.calls.get(id) else { return };
        let due_at = self.deadline(call);
        let before = call.due_at;
        if due_at != before {
            before.map(|at| self.due.remove(&(at, id.clone())));
            due_at.map(|at| self.due.insert((at, id.clone())));
            if let Some(call) = self.calls.get_mut(id) {
                call.due_at = due_at;
            }
        }
        self.changed.insert(id.clone());
    }

    fn touch_node(&mut self, node: NodeId) {
        let ids: Vec<_> = self.holders.range(sessions_of(node)).flat_map(|(_, holder)| holder.calls.iter().cloned()).collect();
        ids.iter().for_each(|id| self.touch(id));
    }

    /// Until when the call may stay as it is.
    fn deadline(&self, call: &Call) -> Option<Timestamp> {
        let point = &call.point;
        let (since, patience_ms) = match call.condition {
            Condition::Silent { since } => (since.max(call.found_at.unwrap_or(0)), point.control_deadline_ms),
            // It rings at an agent group, or a treatment is on its way.
            Condition::Ringing if call.taken.is_some() && call.open > 0 => return None,
            Condition::Ringing => (call.arrived_at, point.answer_deadline_ms),
            Condition::Attended if call.taken.is_none() => (call.arrived_at, point.answer_deadline_ms),
            Condition::Attended | Condition::Routed | Condition::DefaultRouted | Condition::Gone => return None,
        };
        let holder = call.holder.and_then(|session| self.holders.get(&session));
        let quiet_until = holder.and_then(|holder| holder.quiet_until).unwrap_or(0);
        let unled_now = || call.holder.and_then(|session| self.unled.get(&session.node).copied());
        let unled_since = holder.and_then(|holder| holder.unled).or_else(unled_now);
        let by_patience = since.saturating_add(patience_ms);
        Some(match unled_since {
            // Nobody lives to end the quiet: it is void, and the patience begins when it became so. A quiet that ended while its
            // session died (in that instant, or in the short life of the primary before) ended without it: from there, too.
            Some(unled) if quiet_until >= unled.min(by_patience) => since.max(unled.min(quiet_until)).saturating_add(patience_ms),
            _ => by_patience.max(quiet_until),
        })
    }
}

impl Call {
    fn made(point: RoutingPoint, told_by: Position, now: Timestamp) -> Self {
        let (condition, open) = (Condition::Ringing, 0);
        Call {
            point,
            visit: None,
            arrived_at: now,
            told_by,
            condition,
            taken: None,
            holder: None,
            over: None,
            open,
            due_at: None,
            found_at: None,
            unclaimed: None,
        }
    }
}
