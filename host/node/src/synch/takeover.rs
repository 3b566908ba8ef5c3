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
    let keep = |opening: &Opening| match kept.get(&opening.session) {
        Some(kept) => Some(KeptSession { partial: kept.partial || !certain, ..kept.clone() }),
        // With a certain copy the gateway tells all of its call again.
        None if certain => None,
        None => Some(KeptSession { opening: opening.clone(), events: Vec::new(), open: BTreeSet::new(), partial: true }),
    };
    restarted.filter_map(|opening| Some((opening.session, keep(opening)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::kept;

    #[test]
    fn what_an_uncertain_copy_lacks_is_lacked_by_the_next_primary_too() {
        let [known, unknown, mut left] = [1, 2, 3].map(kept);
        left.opening.survival = Survival::Left;
        let waiting = [&known, &unknown, &left].map(|kept| kept.opening.clone());
        let copy = [&known, &left].map(|kept| (kept.opening.session, kept.clone())).into();
        let [known, unknown] = [&known, &unknown].map(|kept| kept.opening.session);
        let certain = taken_over(&waiting, &copy, true);
        assert_eq!(certain.keys().collect::<Vec<_>>(), [&known]);
        assert!(!certain[&known].partial);
        let uncertain = taken_over(&waiting, &copy, false);
        assert_eq!(uncertain.keys().collect::<Vec<_>>(), [&known, &unknown]);
        assert!(uncertain.values().all(|kept| kept.partial));
    }
}
