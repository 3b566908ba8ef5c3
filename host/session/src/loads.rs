//! Which rows of recovered sessions a worker asks for singly while all rows are read in one pass ([`crate::Worker::read_ahead`]).
//!
//! A session that has something to do does not wait for the pass to come to it, if only few do so; a thousand would be read twice.

use std::collections::{BTreeMap, BTreeSet};

use tandem_words::{Bug, SessionId, planted};

use crate::Input;

/// Of one worker. See the module.
#[derive(Debug)]
pub struct Loads {
    /// So many are read singly beside a pass.
    beside: usize,
    /// How often all rows of a session are being read.
    whole: usize,
    /// What brings a session back: how often it is being read, and how many of these come too late.
    single: BTreeMap<SessionId, (usize, usize)>,
    /// These wait for the pass to come to them; none: there is no pass, or it is over.
    waiting: Option<BTreeSet<SessionId>>,
}

impl Loads {
    /// Of a worker that will hear of a pass, and of its end. Until then it may begin.
    pub fn beside_a_pass(beside: usize) -> Self {
        Loads { beside, whole: 0, single: BTreeMap::new(), waiting: Some(BTreeSet::new()) }
    }

    /// A session's rows are wanted. True: they are to be read now; false: the pass brings them.
    pub fn wants(&mut self, session: SessionId) -> bool {
        let beside = self.whole + self.single.len();
        if let Some(waiting) = self.waiting.as_mut().filter(|_| beside >= self.beside) {
            waiting.insert(session);
            return false;
        }
        self.single.entry(session).or_default().0 += 1;
        true
    }

    /// All rows of a session are wanted, which no pass brings: they are to be read now.
    pub fn wants_all(&mut self) {
        self.whole += 1;
    }

    /// Rows were read. False: the pass was faster. They may be older than what the session has done since, and are not to be used,
    /// lest it be rebuilt of them.
    pub fn is_of_use(&mut self, read: &Input) -> bool {
        let session = match read {
            Input::Loaded(session, _) => session,
            Input::LoadedAll(..) => {
                self.whole = self.whole.saturating_sub(1);
                return true;
            }
            _ => return true,
        };
        let Some((under_way, late)) = self.single.get_mut(session) else { return true };
        let of_use = *late == 0;
        (*under_way, *late) = (under_way.saturating_sub(1), late.saturating_sub(1));
        if *under_way == 0 {
            self.single.remove(session);
        }
        of_use || planted(Bug::LateRowsTaken)
    }

    /// The pass has brought what the session wanted. True: it was waiting for that.
    pub fn brought(&mut self, session: SessionId) -> bool {
        if let Some((under_way, late)) = self.single.get_mut(&session) {
            *late = *under_way;
        }
        self.waiting.as_mut().is_some_and(|waiting| waiting.remove(&session))
    }

    /// How many wait for the pass.
    pub fn waiting(&self) -> usize {
        self.waiting.as_ref().map_or(0, BTreeSet::len)
    }

    /// The pass is over. To these it has not brought anything that was of use: their rows are to be read now.
    pub fn pass_is_over(&mut self) -> BTreeSet<SessionId> {
        let waiting = self.waiting.take().unwrap_or_default();
        waiting.iter().for_each(|session| self.single.entry(*session).or_default().0 += 1);
        if planted(Bug::WaitForPassForgotten) { BTreeSet::new() } else { waiting }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u64) -> SessionId {
        SessionId { node: 101, epoch: 1, number }
    }

    #[test]
    fn few_are_read_beside_a_pass_and_the_others_wait_for_it() {
        let mut loads = Loads::beside_a_pass(2);
        loads.wants_all();
        assert_eq!([1, 2, 3].map(|number| loads.wants(session(number))), [true, false, false]);
        assert!(loads.is_of_use(&Input::LoadedAll(session(9), Vec::new())));
        assert!(loads.wants(session(4)), "there is room again");
        assert_eq!([2, 2, 4].map(|number| loads.brought(session(number))), [true, false, false]);
        assert_eq!((loads.waiting(), loads.pass_is_over()), (1, [session(3)].into()));
        assert!(loads.waiting() == 0 && loads.pass_is_over().is_empty());
    }

    #[test]
    fn without_a_pass_all_are_read() {
        let mut loads = Loads::beside_a_pass(0);
        assert!(!loads.wants(session(1)));
        assert_eq!(loads.pass_is_over(), [session(1)].into());
        assert!((2..100).all(|number| loads.wants(session(number))));
    }

    #[test]
    fn rows_that_come_behind_those_of_the_pass_are_of_no_use() {
        let mut loads = Loads::beside_a_pass(2);
        assert!(loads.wants(session(1)) && !loads.brought(session(1)));
        // It goes on, dies with its cell, and wants its rows once more: those of before are on their way still.
        assert!(loads.wants(session(1)));
        let read = Input::Loaded(session(1), None);
        assert_eq!([loads.is_of_use(&read), loads.is_of_use(&read)], [false, true]);
        assert!(loads.wants(session(1)) && loads.is_of_use(&read));
    }
}
