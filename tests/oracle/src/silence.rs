//! Who heard nothing for too long (the design's word *silent*).
//!
//! A call is silent if, while it is connected and its caller hears nothing, a moment comes that is later than 5 s after the
//! silence began *and* later than the `quiet-until` of the session that holds the call. While the session's node has no
//! primary its `quiet-until` is void; the caller's 5 s then begin when it became so, since until then the silence was meant. They go on
//! where a quiet ends in such a time, and the next primary dies in the very instant in which it came. What a session said before its
//! primary was lost, and the gateway took behind that, is void at once.
//!
//! A gateway that has lost its memory knows no `quiet-until`: the 5 s begin anew with it, until a session says something of the call.

use std::collections::{BTreeMap, HashMap};

use crate::input::ids::{SessionId, Timestamp};

/// More of it is silence. From the design, section 1.
pub(crate) const LONGEST_SILENCE_MS: u64 = 5_000;

/// A call that was silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silent {
    pub(crate) call: usize,
    pub(crate) session: Option<SessionId>,
    /// Since when it heard nothing.
    pub(crate) since: Timestamp,
    /// When that should have ended.
    pub(crate) allowed_until: Timestamp,
    /// When it did.
    pub(crate) until: Timestamp,
}

/// A call that hears nothing now.
#[derive(Debug)]
struct Quiet {
    since: Timestamp,
    /// Until when it was looked at.
    seen: Timestamp,
    /// Set once it was too long: how long would have been allowed.
    allowed_until: Option<Timestamp>,
}

/// Fed with the record's lines, in order. Calls are numbered by whoever feeds it.
#[derive(Debug, Default)]
pub(crate) struct Silences {
    quiet_until: HashMap<SessionId, Timestamp>,
    holders: HashMap<usize, SessionId>,
    unled: HashMap<u32, Timestamp>,
    /// When the quiet of a session became void, if it did, and it has said nothing of quiet since.
    void_since: HashMap<SessionId, Timestamp>,
    calls: BTreeMap<usize, Quiet>,
    /// Calls that a gateway without memory found, since then.
    anew: HashMap<usize, Timestamp>,
    found: Vec<Silent>,
}

impl Silences {
    /// The caller hears nothing from now on.
    pub(crate) fn begins(&mut self, call: usize, at: Timestamp) {
        self.calls.entry(call).or_insert(Quiet { since: at, seen: at, allowed_until: None });
    }

    /// The caller hears something, or is gone.
    pub(crate) fn ends(&mut self, call: usize, at: Timestamp) {
        self.look(call, at);
        self.anew.remove(&call);
        if let Some(Quiet { since, allowed_until: Some(allowed_until), .. }) = self.calls.remove(&call) {
            self.found.push(Silent { call, session: self.holders.get(&call).copied(), since, allowed_until, until: at });
        }
    }

    /// A visit begins: no session holds the call.
    pub(crate) fn arrives(&mut self, call: usize, at: Timestamp) {
        self.look(call, at);
        self.holders.remove(&call);
        self.anew.remove(&call);
    }

    /// The session holds these calls and says until when it means to be quiet.
    pub(crate) fn quiet(&mut self, session: SessionId, calls: &[usize], until: Option<Timestamp>, at: Timestamp) {
        self.look_at(at, |holder| holder == session);
        let mut found = false;
        for call in calls {
            self.look(*call, at);
            self.holders.insert(*call, session);
            found |= self.anew.remove(call).is_some();
        }
        let unled = self.unled.contains_key(&session.node);
        match until {
            Some(until) if unled && until >= at => self.void_since.insert(session, at),
            // It ended while no gateway was there to hear what its session would have done then.
            Some(until) if found && until < at => self.void_since.insert(session, until),
            // It was void, and a primary said only so much before it was lost, too.
            Some(_) if unled => self.void_since.get(&session).copied(),
            _ => self.void_since.remove(&session),
        };
        match until {
            Some(until) => self.quiet_until.insert(session, until),
            None => self.quiet_until.remove(&session),
        };
    }

    /// The node has no primary.
    pub(crate) fn unled(&mut self, node: u32, at: Timestamp) {
        self.look_at(at, |holder| holder.node == node);
        self.unled.entry(node).or_insert(at);
        let still_quiet = self.quiet_until.iter().filter(|(session, until)| session.node == node && **until >= at);
        for (session, _) in still_quiet {
            self.void_since.entry(*session).or_insert(at);
        }
    }

    /// The node has one.
    pub(crate) fn led(&mut self, node: u32, at: Timestamp) {
        self.look_at(at, |holder| holder.node == node);
        self.unled.remove(&node);
        // A quiet that has not ended meanwhile holds again.
        self.void_since.retain(|session, _| session.node != node || self.quiet_until.get(session).is_some_and(|until| *until <= at));
    }

    /// The gateway was heard last at `died`, and began anew: nobody has told it anything.
    pub(crate) fn forgets(&mut self, died: Timestamp, begins: Timestamp) {
        let silent: Vec<usize> = self.calls.keys().copied().collect();
        for call in silent {
            self.look(call, died);
            self.anew.insert(call, begins);
        }
        self.quiet_until.clear();
        self.void_since.clear();
        self.holders.clear();
        self.unled.clear();
    }

    /// The record is over.
    pub(crate) fn end(mut self, at: Timestamp) -> Vec<Silent> {
        let calls: Vec<usize> = self.calls.keys().copied().collect();
        calls.into_iter().for_each(|call| self.ends(call, at));
        self.found
    }

    fn look_at(&mut self, at: Timestamp, of: impl Fn(SessionId) -> bool) {
        let silent: Vec<usize> = self.calls.keys().copied().collect();
        for call in silent {
            if self.holders.get(&call).is_some_and(|holder| of(*holder)) {
                self.look(call, at);
            }
        }
    }

    /// Nothing about the call has changed since the last look: was it too long by now?
    fn look(&mut self, call: usize, at: Timestamp) {
        let meant_until = self.meant_until(call);
        if let Some(quiet) = self.calls.get_mut(&call) {
            let allowed_until = quiet.since.saturating_add(LONGEST_SILENCE_MS).max(meant_until);
            // What changes twice at one moment was never heard in between.
            if std::mem::replace(&mut quiet.seen, at) < at && at > allowed_until {
                quiet.allowed_until.get_or_insert(allowed_until);
            }
        }
    }

    fn meant_until(&self, call: usize) -> Timestamp {
        let anew = self.anew.get(&call).map_or(0, |at| at.saturating_add(LONGEST_SILENCE_MS));
        let Some(session) = self.holders.get(&call) else { return anew };
        let Some(until) = self.quiet_until.get(session) else { return anew };
        match (self.unled.get(&session.node), self.void_since.get(session)) {
            (Some(unled), Some(void)) => (*until).min(*unled).max(*void).saturating_add(LONGEST_SILENCE_MS),
            _ => *until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId { node: 101, epoch: 1, number: 1 };

    /// What comes of a silence of call 7 from 1,000 to `until`, with this in between.
    fn check(until: Timestamp, between: impl Fn(&mut Silences), allowed_until: Option<Timestamp>) {
        let mut silences = Silences::default();
        silences.quiet(SESSION, &[7], None, 0);
        silences.begins(7, 1_000);
        between(&mut silences);
        silences.ends(7, until);
        let found: Vec<_> = silences.end(until).into_iter().map(|silent| (silent.since, silent.allowed_until, silent.until)).collect();
        let expected: Vec<_> = allowed_until.map(|allowed_until| (1_000, allowed_until, until)).into_iter().collect();
        assert_eq!(found, expected, "until {until}");
    }

    #[test]
    fn five_seconds_are_allowed() {
        check(6_000, |_| {}, None);
        check(6_001, |_| {}, Some(6_000));
    }

    #[test]
    fn a_session_may_mean_to_be_quiet_and_may_take_it_back() {
        let quiet = |silences: &mut Silences| silences.quiet(SESSION, &[7], Some(30_000), 1_000);
        check(30_000, quiet, None);
        check(30_001, quiet, Some(30_000));
        let back = |silences: &mut Silences| {
            quiet(silences);
            silences.quiet(SESSION, &[], None, 20_000);
        };
        check(20_000, back, None);
        check(20_001, back, Some(6_000));
        let late = |silences: &mut Silences| silences.quiet(SESSION, &[7], Some(30_000), 6_001);
        check(30_000, late, Some(6_000));
        let of_another = |silences: &mut Silences| silences.quiet(SessionId { number: 2, ..SESSION }, &[8], Some(30_000), 1_000);
        check(6_001, of_another, Some(6_000));
    }

    #[test]
    fn without_a_primary_nobody_ends_the_quiet_so_it_is_void() {
        let killed = |silences: &mut Silences| {
            silences.quiet(SESSION, &[7], Some(30_000), 1_000);
            silences.unled(101, 10_000);
        };
        check(15_000, killed, None);
        check(15_001, killed, Some(15_000));
        let back = |silences: &mut Silences| {
            killed(silences);
            silences.led(101, 15_000);
        };
        check(30_000, back, None);
        check(30_001, back, Some(30_000));
        let killed_with_the_timer = |silences: &mut Silences| {
            silences.quiet(SESSION, &[7], Some(30_000), 1_000);
            silences.unled(101, 30_000);
        };
        check(35_000, killed_with_the_timer, None);
        check(35_001, killed_with_the_timer, Some(35_000));
        let twice_with_the_timer = |silences: &mut Silences| {
            killed_with_the_timer(silences);
            silences.led(101, 30_020);
            silences.unled(101, 30_020);
        };
        check(35_000, twice_with_the_timer, None);
        check(35_001, twice_with_the_timer, Some(35_000));
        let idle_between = |silences: &mut Silences| {
            killed_with_the_timer(silences);
            silences.led(101, 30_020);
            silences.unled(101, 30_021);
        };
        check(31_000, idle_between, Some(30_000));
        let too_late = |silences: &mut Silences| {
            killed(silences);
            silences.led(101, 15_001);
        };
        check(20_000, too_late, Some(15_000));
        let another_node = |silences: &mut Silences| {
            silences.quiet(SESSION, &[7], Some(30_000), 1_000);
            silences.unled(102, 10_000);
        };
        check(30_000, another_node, None);
    }

    #[test]
    fn a_new_visit_has_no_session_yet() {
        let moved = |silences: &mut Silences| {
            silences.quiet(SESSION, &[7], Some(30_000), 1_000);
            silences.arrives(7, 2_000);
        };
        check(6_001, moved, Some(6_000));
    }

    #[test]
    fn a_gateway_without_memory_begins_anew() {
        check(8_000, |silences| silences.forgets(3_000, 3_000), None);
        check(8_001, |silences| silences.forgets(3_000, 3_000), Some(8_000));
        let quiet_again = |silences: &mut Silences| {
            silences.quiet(SESSION, &[7], Some(30_000), 1_000);
            silences.forgets(20_000, 20_000);
            silences.quiet(SESSION, &[7], Some(30_000), 21_000);
        };
        check(30_000, quiet_again, None);
        check(30_001, quiet_again, Some(30_000));
        let too_late = |silences: &mut Silences| silences.forgets(6_001, 6_001);
        check(7_000, too_late, Some(6_000));
        let away = |silences: &mut Silences| silences.forgets(3_000, 9_000);
        check(14_000, away, None);
        check(14_001, away, Some(14_000));
    }

    #[test]
    fn a_void_quiet_that_a_dying_primary_tells_once_more_stays_void() {
        let told_again = |silences: &mut Silences| {
            silences.quiet(SESSION, &[7], Some(4_000), 1_000);
            silences.unled(101, 3_000);
            silences.led(101, 5_000);
            silences.unled(101, 5_000);
            silences.quiet(SESSION, &[7], Some(4_000), 5_000);
        };
        check(9_000, told_again, None);
        check(9_001, told_again, Some(9_000));
    }

    #[test]
    fn what_was_said_before_the_primary_was_lost_and_taken_behind_that_is_void() {
        let late = |silences: &mut Silences| {
            silences.unled(101, 2_000);
            silences.quiet(SESSION, &[7], Some(30_000), 2_000);
        };
        check(7_000, late, None);
        check(7_001, late, Some(7_000));
    }
}
