//! The truth: what the sessions hold and wait for, compared with what the gateway says of it.

use std::collections::BTreeSet;

use tandem_switch_link::{Held, HostMessage, InteractionState, Mark, RequestState};
use tandem_words::{Bug, EventBody, Gap, Holding, Position, RequestKey, Timestamp, planted};

use super::{Directive, Phase, Primary};

/// Interactions, and requests, of one part of `reconcile`. Reason: one part is read while the next is written.
const PART: usize = 1_000;

/// What the sessions hold and wait for, and W; gathered when every commit is through.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    /// The durable W.
    pub after: Option<Mark>,
    /// Interactions that are not over.
    pub interactions: Vec<Holding>,
    /// Requests that wait for the switch.
    pub requests: Vec<RequestKey>,
}

/// The parts of `reconciled` so far.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) interactions: Vec<(Held, InteractionState)>,
    pub(super) requests: Vec<(RequestKey, RequestState)>,
}

impl Primary {
    /// Everything is through, and this is what the sessions hold.
    pub fn took_stock(&mut self, stock: Stock) -> Vec<Directive> {
        if self.phase != Phase::TakingStock {
            return Vec::new();
        }
        self.phase = Phase::Reconciling;
        let mut stock = stock;
        stock.interactions.extend(self.restarts.holdings().cloned());
        stock.requests.extend(self.restarts.requests());
        let after = self.known_w(stock.after);
        let held = |held: &Holding| Held { id: held.interaction.clone(), visit: held.visit.map(|(_, visit)| visit) };
        let parts = stock.interactions.len().max(stock.requests.len()).div_ceil(PART).max(1);
        let (mut held_in, mut asked_in) = (stock.interactions.chunks(PART), stock.requests.chunks(PART));
        let part = |part| HostMessage::Reconcile {
            after,
            interactions: held_in.next().unwrap_or_default().iter().map(held).collect(),
            requests: asked_in.next().unwrap_or_default().to_vec(),
            more: part < parts,
        };
        let reconcile = (1..=parts).map(part).map(Directive::Send).collect();
        self.told = Told::default();
        self.stock = Stock { after, ..stock };
        reconcile
    }

    /// Every part of it has come.
    pub(super) fn reconciled(&mut self, now: Timestamp, kept_from: Position, out: &mut Vec<Directive>) {
        let Told { interactions, requests } = std::mem::take(&mut self.told);
        let Stock { after, interactions: held, requests: asked } = std::mem::take(&mut self.stock);
        let seen = after.filter(|mark| mark.incarnation == self.incarnation).map_or(0, |mark| mark.position);
        let same_life = after.is_none_or(|mark| mark.incarnation == self.incarnation);
        let before_kept = Mark { incarnation: self.incarnation, position: kept_from.saturating_sub(1).max(seen) };
        self.next = before_kept.position + 1;
        if self.fresh {
            self.assignment.recovered(&held, (self.incarnation, self.next), |session| self.restarts.waits(session));
        }
        let lost = after.is_some() && (!same_life || before_kept.position > seen);
        // Over a hole W goes only when what is said instead is durable: till then the gateway keeps what it knows of requests.
        let low = if lost { Mark { position: seen, ..before_kept } } else { before_kept };
        out.push(if same_life { Directive::Follow(low) } else { Directive::Prepare(before_kept) });
        let in_state = |wanted| requests.iter().filter(move |(_, state)| *state == wanted).map(|(key, _)| *key);
        // A new life of the gateway knows nothing of what the old one did: what is unknown to it may have been performed, and is
        // not sent again (P3).
        let mut unknown: BTreeSet<RequestKey> = in_state(RequestState::Unknown).collect();
        if planted(Bug::ResendBeforeReconcile) {
            unknown.extend(asked);
        }
        let (again, never) = if same_life { (unknown, BTreeSet::new()) } else { (BTreeSet::new(), unknown) };
        out.push(Directive::Reconciled { unknown: again, fresh: std::mem::take(&mut self.fresh), remembers: same_life && after.is_some() });
        if planted(Bug::TimersBeforeBacklog) {
            out.push(Directive::Advance(now));
        }
        if lost && self.truths.gap_told < Some((before_kept.incarnation, before_kept.position)) {
            // What the switch cannot tell becomes an explicit gap (P4).
            let what = format!("the switch no longer has the events between {seen} and {kept_from}; sessions hear a gap");
            out.push(Directive::Warn(what));
            out.push(Directive::NewsForAll(EventBody::Gap(Gap { interaction: None, since: self.now })));
            self.truths.gap_told = Some((before_kept.incarnation, before_kept.position));
        }
        let unanswered = in_state(RequestState::Answered).chain(never);
        self.truths.begin(now, lost.then_some(before_kept), unanswered, &held, &interactions);
        self.reconciled_at = now;
        let dropped = self.restarts.reconciled(&interactions, &requests, &held);
        out.extend(dropped.into_iter().map(|(session, calls)| Directive::Discard(session, calls)));
    }
}
