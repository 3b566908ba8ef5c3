//! What a new primary keeps of the sessions that its predecessor served.

use std::collections::{BTreeMap, BTreeSet};

use tandem_journal::{Opening, Survival};
use tandem_synch_link::KeptSession;
use tandem_words::{Bug, SessionId, planted};

/// What a new primary keeps of the sessions that wait to start again: `kept` and `certain` are of its own copy. An uncertain copy
/// stays one for the next primary: what its sessions lack, they will not get (P7).
#[must_use]
pub fn taken_over(waiting: &[Opening], kept: &BTreeMap<SessionId, KeptSession>, certain: bool) -> BTreeMap<SessionId, KeptSession> {
    let restarted = waiting.iter().filter(|opening| opening.survival == Survival::Restarted && !planted(Bug::TakenOverNotKept));
    // Of one that a certain copy lacks the gateway tells everything again. It is kept all the same: what is lost from now on counts.
    let lacking = |opening: &Opening| KeptSession { opening: opening.clone(), events: Vec::new(), open: BTreeSet::new(), partial: false };
    let keep = |opening: &Opening| {
        let kept = kept.get(&opening.session).cloned().unwrap_or_else(|| lacking(opening));
        KeptSession { partial: kept.partial || !certain, ..kept }
    };
    restarted.map(|opening| (opening.session, keep(opening))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        synch::{BufferLimits, KeepLimits, Source},
        testing::{digit, heard, kept, opened},
    };

    #[test]
    fn what_an_uncertain_copy_lacks_is_lacked_by_the_next_primary_too() {
        let [known, unknown, mut left] = [1, 2, 3].map(kept);
        left.opening.survival = Survival::Left;
        let waiting = [&known, &unknown, &left].map(|kept| kept.opening.clone());
        let copy = [&known, &left].map(|kept| (kept.opening.session, kept.clone())).into();
        let [known, unknown] = [&known, &unknown].map(|kept| kept.opening.session);
        let certain = taken_over(&waiting, &copy, true);
        assert_eq!(certain.keys().collect::<Vec<_>>(), [&known, &unknown]);
        assert!(certain.values().all(|kept| !kept.partial));
        let uncertain = taken_over(&waiting, &copy, false);
        assert_eq!(uncertain.keys().collect::<Vec<_>>(), [&known, &unknown]);
        assert!(uncertain.values().all(|kept| kept.partial));
    }

    #[test]
    fn events_lost_before_it_starts_again_are_lacked_by_one_that_the_copy_does_not_know() {
        let unknown = kept(1).opening;
        let taken = taken_over(std::slice::from_ref(&unknown), &BTreeMap::new(), true);
        let mut source = Source::new(4, BufferLimits::default(), KeepLimits::default(), taken);
        source.missed(0, &mut Vec::new());
        // It starts again, and hears of its gap; and so must the next incarnation.
        let changes = vec![opened(1, 2), heard(1, digit(5, "c1"))];
        source.kept(0, changes, None, &mut Vec::new());
        assert!(source.keeper().get(unknown.session).unwrap().partial);
    }
}
