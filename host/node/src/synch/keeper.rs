//! Sessions that are not persisted, with what they heard: enough to start them again.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use tandem_switch_link::SwitchEvent;
use tandem_synch_link::{Change, KeptSession, encoded_bytes};
use tandem_words::{Bug, RequestKey, SessionId, SwitchIncarnation, planted};

/// What is kept of one session. Over a limit the oldest goes, and the session is `partial` (P7); its first event is the last to go:
/// without its `interaction.added` a strategy that starts again has no call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepLimits {
    /// Events. Reason: a call makes some dozens; a thousand is an hour of digits.
    pub events: usize,
    /// Their bytes on the synch link. Reason: as much as a persisted session's state may have (`limits.state`).
    pub bytes: usize,
    /// Requests that the switch has not answered. Reason: a session waits for a handful; four steps full of them are a loop.
    pub open: usize,
}

impl Default for KeepLimits {
    fn default() -> Self {
        KeepLimits { events: 1_000, bytes: 256 << 10, open: 1_024 }
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Keeper {
    limits: KeepLimits,
    sessions: BTreeMap<SessionId, Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    session: KeptSession,
    bytes: usize,
}

impl Keeper {
    /// What a new primary took over.
    #[must_use]
    pub fn new(limits: KeepLimits, kept: BTreeMap<SessionId, KeptSession>) -> Self {
        let mut keeper = Keeper { limits, sessions: BTreeMap::new() };
        kept.into_values().for_each(|session| keeper.put(session));
        keeper
    }

    /// How many sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, session: SessionId) -> Option<&KeptSession> {
        self.sessions.get(&session).map(|kept| &kept.session)
    }

    /// Those behind this one, in order; none: all.
    pub fn behind(&self, session: Option<SessionId>) -> impl Iterator<Item = &KeptSession> {
        let from = session.map_or(Unbounded, Excluded);
        self.sessions.range((from, Unbounded)).map(|(_, kept)| &kept.session)
    }

    /// All of them.
    #[must_use]
    pub fn into_sessions(self) -> BTreeMap<SessionId, KeptSession> {
        self.sessions.into_iter().map(|(id, kept)| (id, kept.session)).collect()
    }

    /// A whole session, in place of what was kept of it.
    pub(super) fn put(&mut self, session: KeptSession) {
        let bytes = session.events.iter().map(encoded_bytes).sum();
        let mut kept = Kept { session, bytes };
        kept.fit(self.limits);
        self.sessions.insert(kept.session.opening.session, kept);
    }

    pub(super) fn remove(&mut self, session: SessionId) {
        self.sessions.remove(&session);
    }

    /// Takes a change. False: it is of no session that is kept, or an event that was heard before (a new primary is told some
    /// again); nothing changed.
    pub fn apply(&mut self, change: &Change) -> bool {
        let (limits, id) = (self.limits, session_of(change));
        match (change, self.sessions.get_mut(&id)) {
            (Change::Opened(opening), Some(kept)) => {
                // A new incarnation: what its call did stays, and so does what is open of the incarnations before.
                kept.session.opening = (**opening).clone();
                true
            }
            (Change::Opened(opening), None) => {
                let opening = (**opening).clone();
                self.put(KeptSession { opening, events: Vec::new(), open: Default::default(), partial: false });
                true
            }
            (Change::Over(_), kept) => {
                let was_kept = kept.is_some();
                self.remove(id);
                was_kept
            }
            (Change::Heard { incarnation, event, .. }, Some(kept)) => kept.heard(*incarnation, event, limits),
            (Change::Asked { requests, .. }, Some(kept)) => {
                let incarnation = kept.session.opening.incarnation;
                let key = |request| RequestKey { session: id, incarnation, request };
                kept.session.open.extend(requests.iter().copied().map(key));
                kept.fit(limits);
                !requests.is_empty()
            }
            (Change::Missed(_), Some(kept)) => !std::mem::replace(&mut kept.session.partial, true),
            (Change::Heard { .. } | Change::Asked { .. } | Change::Missed(_), None) => false,
        }
    }
}

impl Kept {
    fn heard(&mut self, incarnation: SwitchIncarnation, event: &SwitchEvent, limits: KeepLimits) -> bool {
        let last = self.session.events.last().map(|(incarnation, event)| (*incarnation, event.position));
        if last.is_some_and(|last| (incarnation, event.position) <= last) {
            return false;
        }
        if let Some(key) = &event.answers {
            self.session.open.remove(key);
        }
        let event = (incarnation, event.clone());
        self.bytes += encoded_bytes(&event);
        self.session.events.push(event);
        self.fit(limits);
        true
    }

    fn fit(&mut self, limits: KeepLimits) {
        let KeptSession { events, open, partial, .. } = &mut self.session;
        while !events.is_empty() && (events.len() > limits.events || self.bytes > limits.bytes) {
            let oldest_but_first = usize::from(events.len() > 1);
            self.bytes = self.bytes.saturating_sub(encoded_bytes(&events.remove(oldest_but_first)));
            *partial = !planted(Bug::PartialNotTold);
        }
        while open.len() > limits.open {
            open.pop_first();
            *partial = true;
        }
    }
}

/// Whose change it is.
pub(super) fn session_of(change: &Change) -> SessionId {
    match change {
        Change::Opened(opening) => opening.session,
        Change::Heard { session, .. } | Change::Asked { session, .. } | Change::Over(session) | Change::Missed(session) => *session,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{added, answer, asked, digit, heard, key, opened, session};
    use tandem_words::{EventBody, StoppedBy};

    fn positions(keeper: &Keeper, number: u64) -> Vec<u64> {
        keeper.get(session(number)).unwrap().events.iter().map(|(_, event)| event.position).collect()
    }

    fn keeper(limits: KeepLimits, changes: &[Change]) -> Keeper {
        let mut keeper = Keeper::new(limits, BTreeMap::new());
        changes.iter().for_each(|change| assert!(keeper.apply(change), "{change:?}"));
        keeper
    }

    #[test]
    fn what_a_session_heard_and_asked_is_kept_until_it_is_over() {
        let done = answer(3, key(1, 7), EventBody::PlayDone(StoppedBy::End));
        let changes = [opened(1, 1), heard(1, added(1, "c1", 1, "8000")), asked(1, &[7, 8]), heard(1, digit(2, "c1")), heard(1, done)];
        let mut keeper = keeper(KeepLimits::default(), &changes);
        assert_eq!(positions(&keeper, 1), [1, 2, 3]);
        assert_eq!(keeper.get(session(1)).unwrap().open, [key(1, 8)].into(), "what is answered is not open");
        assert!(keeper.apply(&Change::Over(session(1))) && keeper.is_empty());
        assert!(!keeper.apply(&Change::Over(session(1))) && !keeper.apply(&heard(1, digit(4, "c1"))));
    }

    #[test]
    fn an_event_told_again_is_not_kept_twice() {
        let mut keeper = keeper(KeepLimits::default(), &[opened(1, 1), heard(1, digit(5, "c1"))]);
        assert!(!keeper.apply(&heard(1, digit(5, "c1"))) && !keeper.apply(&heard(1, digit(4, "c1"))));
        let later_life = Change::Heard { session: session(1), incarnation: 2, event: digit(1, "c1") };
        assert!(keeper.apply(&later_life));
        assert_eq!(positions(&keeper, 1), [5, 1]);
    }

    #[test]
    fn a_new_incarnation_keeps_the_call_and_what_is_open() {
        let keeper = keeper(KeepLimits::default(), &[opened(1, 1), heard(1, digit(5, "c1")), asked(1, &[7]), opened(1, 2), asked(1, &[1])]);
        let kept = keeper.get(session(1)).unwrap();
        assert_eq!((kept.opening.incarnation, kept.events.len(), kept.partial), (2, 1, false));
        assert_eq!(kept.open, [key(1, 7), RequestKey { incarnation: 2, ..key(1, 1) }].into());
    }

    #[test]
    fn over_a_limit_the_oldest_goes_and_the_first_stays() {
        let few = KeepLimits { events: 3, ..KeepLimits::default() };
        let mut changes = vec![opened(1, 1), heard(1, added(1, "c1", 1, "8000"))];
        changes.extend((2..=5).map(|position| heard(1, digit(position, "c1"))));
        let kept = keeper(few, &changes);
        assert_eq!(positions(&kept, 1), [1, 4, 5]);
        assert!(kept.get(session(1)).unwrap().partial);

        let one = encoded_bytes(&(1_u64, digit(2, "c1")));
        let small = KeepLimits { bytes: 2 * one, ..KeepLimits::default() };
        let digits: Vec<_> = std::iter::once(opened(1, 1)).chain((2..=5).map(|position| heard(1, digit(position, "c1")))).collect();
        assert_eq!(positions(&keeper(small, &digits), 1), [2, 5]);
        let none = KeepLimits { bytes: one - 1, ..KeepLimits::default() };
        let kept = keeper(none, &digits);
        assert!(positions(&kept, 1).is_empty() && kept.get(session(1)).unwrap().partial);

        let open = keeper(KeepLimits { open: 2, ..KeepLimits::default() }, &[opened(1, 1), asked(1, &[1, 2, 3])]);
        assert_eq!(open.get(session(1)).unwrap().open, [key(1, 2), key(1, 3)].into());
        assert!(open.get(session(1)).unwrap().partial);
    }
}
