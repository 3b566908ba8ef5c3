//! A moment that somebody waits for.

use std::{
    mem::take,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::Status;

/// Time stands still for so long (real time) for who has asked for a moment and does not let it go on. Reason: whoever died
/// holding it must not stop a switch for ever.
pub(super) const MOST_HELD: Duration = Duration::from_secs(10);

/// What must hold at a moment; each number is the least. `POST /hold` takes it as JSON, and what is left out is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moment {
    /// Calls that have arrived so far.
    pub calls: u64,
    /// Calls that live.
    pub live_calls: usize,
    /// Calls that ring or are connected, and are with no target.
    pub at_routing_point: usize,
    /// Treatments under way.
    pub treatments_running: usize,
    /// Collects that have some of their digits.
    pub collects_half_pressed: usize,
}

impl Moment {
    /// Whether it has come. Without a primary it has not.
    fn is_now(&self, status: &Status) -> bool {
        status.led
            && status.tally.calls >= self.calls
            && status.live_calls >= self.live_calls
            && status.at_routing_point >= self.at_routing_point
            && status.treatments_running >= self.treatments_running
            && status.collects_half_pressed >= self.collects_half_pressed
    }
}

/// Those who wait for something at the switch.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    moment: Option<(Moment, oneshot::Sender<Status>)>,
    leads: Vec<(u64, oneshot::Sender<Status>)>,
    /// Time stands still for the one who waited, since then.
    held_since: Option<Instant>,
}

impl Watchers {
    /// Waits for a moment; who waited for another one before is told nothing.
    pub(super) fn wait_for(&mut self, moment: Moment, answer: oneshot::Sender<Status>) {
        self.moment = Some((moment, answer));
    }

    /// Waits until primaries were acknowledged more often than this.
    pub(super) fn wait_for_lead(&mut self, more_than: u64, answer: oneshot::Sender<Status>) {
        self.leads.push((more_than, answer));
    }

    /// Time may pass again.
    pub(super) fn let_go(&mut self) {
        self.held_since = None;
    }

    pub(super) fn hold(&self) -> bool {
        self.held_since.is_some()
    }

    /// Whether somebody waits, so that a status is worth its work.
    pub(super) fn are_there(&self) -> bool {
        self.moment.is_some() || !self.leads.is_empty()
    }

    /// It stands like this: who waited for it is told, and time stands still for a moment.
    pub(super) fn look(&mut self, status: &Status) {
        for (more_than, answer) in take(&mut self.leads) {
            if status.led && status.tally.leads > more_than {
                // Whoever asked may have gone away.
                let _ = answer.send(status.clone());
            } else if !answer.is_closed() {
                self.leads.push((more_than, answer));
            }
        }
        if let Some((_, answer)) = self.moment.take_if(|(moment, answer)| answer.is_closed() || moment.is_now(status))
            && answer.send(status.clone()).is_ok()
        {
            self.held_since = Some(Instant::now());
        }
    }

    /// Who has held time for too long does so no more.
    pub(super) fn look_at_clock(&mut self, now: Instant) {
        if self.held_since.is_some_and(|since| now.duration_since(since) > MOST_HELD) {
            tracing::warn!("time was held for {MOST_HELD:?} and goes on");
            self.let_go();
        }
    }
}
