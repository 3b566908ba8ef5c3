//! Who led when: the record's `led` and `unled` lines as spans of time.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::ids::Timestamp;

/// From and to, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

impl Span {
    pub(crate) fn overlaps(&self, other: Span) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    pub(crate) fn length_ms(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// A time in which a node had an acknowledged primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) epoch: u64,
    pub(crate) from: Timestamp,
    /// None: until the record's end.
    pub(crate) to: Option<Timestamp>,
}

/// All nodes that ever led.
#[derive(Debug, Default)]
pub(crate) struct Leadership {
    nodes: BTreeMap<u32, Vec<Period>>,
    begun_at: Timestamp,
    ended_at: Timestamp,
}

impl Leadership {
    pub(crate) fn begin(&mut self, at: Timestamp) {
        self.begun_at = at;
    }

    pub(crate) fn lead(&mut self, node: u32, epoch: u64, at: Timestamp) {
        self.unlead(node, at);
        self.nodes.entry(node).or_default().push(Period { epoch, from: at, to: None });
    }

    pub(crate) fn unlead(&mut self, node: u32, at: Timestamp) {
        if let Some(last) = self.nodes.get_mut(&node).and_then(|periods| periods.last_mut()) {
            last.to.get_or_insert(at);
        }
    }

    /// The gateway is gone, and with it every connection.
    pub(crate) fn unlead_all(&mut self, at: Timestamp) {
        let nodes: Vec<u32> = self.nodes.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.unlead(node, at));
    }

    pub(crate) fn end(&mut self, at: Timestamp) {
        self.ended_at = at;
    }

    pub(crate) fn periods(&self, node: u32) -> &[Period] {
        self.nodes.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The last moment at which anybody led; none: nobody ever did.
    pub(crate) fn last_led(&self) -> Option<Timestamp> {
        self.nodes.values().flatten().map(|period| period.to.unwrap_or(self.ended_at)).max()
    }

    /// When the node had nobody. A primary that came and went within one millisecond could do nothing: it does not count.
    pub(crate) fn without(&self, node: u32) -> Vec<Span> {
        let lasting = self.periods(node).iter().filter(|period| period.to != Some(period.from));
        let mut spans = Vec::new();
        let mut since = Some(self.begun_at);
        for period in lasting {
            if let Some(from) = since.filter(|from| *from < period.from) {
                spans.push(Span { from, to: period.from });
            }
            since = period.to;
        }
        spans.extend(since.map(|from| Span { from, to: self.ended_at }));
        spans
    }

    /// When no node had anybody.
    pub(crate) fn without_all(&self) -> Vec<Span> {
        let mut common = vec![Span { from: self.begun_at, to: self.ended_at }];
        for node in self.nodes.keys() {
            let own = self.without(*node);
            let cut = |a: &Span, b: &Span| Span { from: a.from.max(b.from), to: a.to.min(b.to) };
            let pairs = common.iter().flat_map(|a| own.iter().filter(|b| a.overlaps(**b)).map(move |b| cut(a, b)));
            common = pairs.collect();
        }
        common
    }

    /// Every loss of a primary, of whatever node: from the loss to the next primary (or the end). One that is replaced while it
    /// leads is a loss too. Before its first primary a node has lost nobody, but calls that came in that time waited as well.
    pub(crate) fn faults(&self) -> Vec<Span> {
        let mut faults = BTreeSet::new();
        for periods in self.nodes.values() {
            faults.extend(periods.first().map(|first| Span { from: self.begun_at, to: first.from }).filter(|span| span.length_ms() > 0));
            let nexts = periods.iter().skip(1).map(|next| next.from).chain([self.ended_at]);
            faults.extend(periods.iter().zip(nexts).filter_map(|(period, next)| Some(Span { from: period.to?, to: next })));
        }
        faults.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: u64, to: u64) -> Span {
        Span { from, to }
    }

    fn leadership() -> Leadership {
        let mut leadership = Leadership::default();
        leadership.lead(101, 1, 0);
        leadership.unlead(101, 100);
        leadership.lead(101, 2, 150);
        leadership.unlead(101, 150);
        leadership.lead(101, 3, 200);
        leadership.lead(101, 4, 300);
        leadership.end(400);
        leadership
    }

    #[test]
    fn a_primary_without_time_ends_no_span_and_one_that_is_replaced_begins_none() {
        assert_eq!(leadership().without(101), [span(100, 200)]);
        assert_eq!(leadership().faults(), [span(100, 150), span(150, 200), span(300, 300)]);
        assert_eq!(leadership().last_led(), Some(400));
    }

    #[test]
    fn nobody_at_all_is_what_the_nodes_have_in_common() {
        let mut leadership = leadership();
        assert_eq!(leadership.without_all(), [span(100, 200)]);
        leadership.lead(102, 1, 120);
        leadership.unlead(102, 180);
        assert_eq!(leadership.without(102), [span(0, 120), span(180, 400)]);
        assert_eq!(leadership.without_all(), [span(100, 120), span(180, 200)]);
        assert_eq!(Leadership { ended_at: 9, ..Leadership::default() }.without_all(), [span(0, 9)]);
    }

    #[test]
    fn a_lost_primary_that_nobody_follows_is_lost_until_the_end() {
        let mut leadership = leadership();
        leadership.unlead_all(350);
        assert_eq!(leadership.without(101), [span(100, 200), span(350, 400)]);
        assert_eq!(leadership.last_led(), Some(350));
    }
}
