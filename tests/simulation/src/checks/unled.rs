//! P8: how long nobody leads. In a pair that nothing else disturbs no time-out is waited for: the lock tells of a death at once, and
//! a primary that hands over names its heir.

use tandem_node::role::Fencing;

use super::{Checked, holds};
use crate::{agenda::Process, fault::Kind, plan::Plan};

/// Whatever else was wrong must be over for so long, µs: whoever was away stands again, and has what it needs.
const SETTLED_US: u64 = 5_000_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Unled {
    /// µs.
    lease_timeout_us: u64,
    fencing: Fencing,
    /// Since when each instance has its process, µs.
    lives: [Option<u64>; 2],
    /// Until when something else is wrong, µs.
    disturbed_us: u64,
    /// Which instance led last, and since when it did, µs: the other one asks for the role again when it has seen that.
    leader: Option<usize>,
    taken_over_us: u64,
    gap: Option<Gap>,
}

#[derive(Debug)]
struct Gap {
    /// Who led.
    before: Process,
    /// µs.
    since_us: u64,
    planned: bool,
}

impl Unled {
    pub(super) fn new(plan: &Plan) -> Unled {
        Unled {
            lease_timeout_us: plan.lease_timeout_ms * 1_000,
            fencing: plan.fencing,
            lives: [None; 2],
            disturbed_us: 0,
            leader: None,
            taken_over_us: 0,
            gap: None,
        }
    }

    /// A fault comes.
    pub(super) fn struck(&mut self, kind: Kind, lasts_ms: u64, now_us: u64) {
        if !matches!(kind, Kind::CrashPrimary | Kind::Switchover | Kind::HangUps) {
            self.disturbed_us = self.disturbed_us.max(now_us + lasts_ms * 1_000);
        }
    }

    /// A process starts.
    pub(super) fn starts(&mut self, process: Process, now_us: u64) {
        self.set(process, Some(now_us));
    }

    /// A process is gone; whether it was the one that led.
    pub(super) fn dies(&mut self, process: Process, led: bool, now_us: u64) {
        self.set(process, None);
        // With the epoch alone the lock says nothing, and the lease's timeout is waited for.
        if led && self.fencing == Fencing::Kill {
            self.gap = Some(Gap { before: process, since_us: now_us, planned: false });
        } else if led || self.gap.as_ref().is_some_and(|gap| gap.before.instance != process.instance) {
            self.gap = None;
        }
    }

    /// A primary is asked to hand over; whether it is the process that leads, or was about to.
    pub(super) fn hands_over(&mut self, process: Process, leads: bool, now_us: u64) {
        self.gap = leads.then_some(Gap { before: process, since_us: now_us, planned: true });
    }

    /// The gateway follows this process.
    pub(super) fn led(&mut self, process: Process, now_us: u64) -> Checked {
        let disturbed_us = self.disturbed_us.max(self.taken_over_us);
        if self.leader.replace(process.instance) != Some(process.instance) {
            self.taken_over_us = now_us;
        }
        let Some(Gap { before, since_us, planned }) = self.gap.take() else { return Ok(()) };
        let heir_since_us = self.lives.get(1 - before.instance).copied().flatten();
        let settled = heir_since_us.is_some_and(|heir_us| heir_us.max(disturbed_us) + SETTLED_US < since_us);
        if !settled {
            return Ok(());
        }
        let for_us = now_us.saturating_sub(since_us);
        holds("P8", for_us < self.lease_timeout_us * 2 / 3, || {
            format!("nobody led for {for_us} µs behind {before:?} (planned: {planned}), and nothing else was wrong")
        })?;
        holds("P8", process.instance != before.instance, || format!("{before:?} went, and {process:?} leads instead of the other one"))
    }

    fn set(&mut self, process: Process, since_us: Option<u64>) {
        if let Some(lives) = self.lives.get_mut(process.instance) {
            *lives = since_us;
        }
    }
}
