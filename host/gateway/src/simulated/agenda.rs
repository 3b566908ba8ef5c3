//! What calls have coming to them, and when.

use std::collections::{BTreeMap, BTreeSet};

use tandem_words::Timestamp;

use super::call::CallNumber;

/// What is to happen to a call; at most one of each kind is set for a call. The order of the cases is the order within an
/// instant, so that a key pressed in the very last moment still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The caller presses the next key that they have in mind.
    Press,
    /// The treatment that runs has come to its end, or its time is up.
    Treatment,
    /// Whoever is being rung answers, or has been rung for long enough.
    Ring,
    /// A route that waits for no agent is out of time.
    Route,
    /// The talk, or the default route's announcement, is over.
    Talk,
    /// The caller has waited for a person for as long as they would.
    Patience,
    /// The caller hangs up whatever happens.
    HangUp,
}

/// All timers of all calls. What happens at one instant happens in the order (call, timer), whenever it was set: two runs
/// that set the same timers in another order still go the same way.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    by_time: BTreeSet<(Timestamp, CallNumber, Timer)>,
    by_call: BTreeMap<(CallNumber, Timer), Timestamp>,
}

impl Agenda {
    /// Sets a timer, instead of one of that kind that is set.
    pub(super) fn set(&mut self, call: CallNumber, timer: Timer, at: Timestamp) {
        self.clear(call, timer);
        self.by_call.insert((call, timer), at);
        self.by_time.insert((at, call, timer));
    }

    pub(super) fn clear(&mut self, call: CallNumber, timer: Timer) {
        if let Some(at) = self.by_call.remove(&(call, timer)) {
            self.by_time.remove(&(at, call, timer));
        }
    }

    /// The call is over.
    pub(super) fn forget(&mut self, call: CallNumber) {
        while let Some((&(call, timer), _)) = self.by_call.range((call, Timer::Press)..=(call, Timer::HangUp)).next() {
            self.clear(call, timer);
        }
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, ..)| *at)
    }

    /// Takes the first timer that is due by `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(CallNumber, Timer)> {
        let &(at, call, timer) = self.by_time.first()?;
        (at <= now).then(|| {
            self.clear(call, timer);
            (call, timer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_goes_by_call_and_timer_however_it_was_set() {
        let mut agenda = Agenda::default();
        for (call, timer, at) in [(2, Timer::Press, 5), (1, Timer::HangUp, 5), (1, Timer::Treatment, 5), (3, Timer::Ring, 4)] {
            agenda.set(call, timer, at);
        }
        agenda.set(3, Timer::Ring, 6);
        assert_eq!(agenda.next_due(), Some(5));
        let order: Vec<_> = std::iter::from_fn(|| agenda.take_due(6)).collect();
        assert_eq!(order, [(1, Timer::Treatment), (1, Timer::HangUp), (2, Timer::Press), (3, Timer::Ring)]);
    }

    #[test]
    fn a_forgotten_call_leaves_nothing_behind() {
        let mut agenda = Agenda::default();
        for timer in [Timer::Press, Timer::Talk, Timer::HangUp] {
            agenda.set(1, timer, 5);
            agenda.set(2, timer, 5);
        }
        agenda.forget(1);
        assert!(agenda.by_call.keys().all(|(call, _)| *call == 2));
        assert_eq!((agenda.by_call.len(), agenda.by_time.len()), (3, 3));
    }
}
