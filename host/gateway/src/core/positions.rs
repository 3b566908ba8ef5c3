//! The events, numbered and kept.

use std::collections::VecDeque;

use tandem_switch_link::SwitchEvent;
use tandem_words::Position;

/// Events by position, the oldest of which may be gone.
#[derive(Debug)]
pub(super) struct Positions {
    kept: VecDeque<SwitchEvent>,
    last: Position,
    retain: usize,
}

impl Positions {
    pub(super) fn new(retain: usize) -> Self {
        Positions { kept: VecDeque::new(), last: 0, retain }
    }

    /// The last position given; 0: none.
    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Gives the event its position and keeps it. Past the bound the oldest go: `reconciled` will tell.
    pub(super) fn push(&mut self, mut event: SwitchEvent) -> SwitchEvent {
        self.last += 1;
        event.position = self.last;
        self.kept.push_back(event.clone());
        while self.kept.len() > self.retain {
            self.kept.pop_front();
        }
        event
    }

    /// The first position still kept, or the next one where none is.
    pub(super) fn kept_from(&self) -> Position {
        self.kept.front().map_or(self.last + 1, |event| event.position)
    }

    /// All events kept behind `after`, in order.
    pub(super) fn behind(&self, after: Position) -> impl Iterator<Item = &SwitchEvent> {
        // Without holes: a position's place is its distance from the first.
        let skipped = (after + 1).saturating_sub(self.kept_from());
        self.kept.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX))
    }

    /// Every node has acknowledged up to here.
    pub(super) fn forget_up_to(&mut self, position: Position) {
        while self.kept.front().is_some_and(|event| event.position <= position) {
            self.kept.pop_front();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use tandem_words::EventBody;

    use super::*;

    fn event() -> SwitchEvent {
        SwitchEvent { position: 0, at: 0, interaction: None, visit: None, answers: None, body: EventBody::Done }
    }

    #[test]
    fn positions_have_no_holes_and_the_oldest_go_first() {
        let mut positions = Positions::new(3);
        assert_eq!(positions.kept_from(), 1);
        let given: Vec<_> = (0..5).map(|_| positions.push(event()).position).collect();
        assert_eq!(given, [1, 2, 3, 4, 5]);
        assert_eq!(positions.kept_from(), 3);
        let behind = |positions: &Positions, after| positions.behind(after).map(|event| event.position).collect::<Vec<_>>();
        assert_eq!(behind(&positions, 0), [3, 4, 5]);
        assert_eq!(behind(&positions, 4), [5]);
        assert_eq!(behind(&positions, 5), [0; 0]);
        positions.forget_up_to(4);
        assert_eq!((positions.kept_from(), positions.len()), (5, 1));
        positions.forget_up_to(5);
        assert_eq!((positions.kept_from(), positions.last()), (6, 5));
    }
}
