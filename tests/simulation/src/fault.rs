//! What can go wrong, and in which phase of the pair.

use std::collections::BTreeMap;

use crate::chance::Chance;

/// A kind of fault. "Primary" is whoever holds the newest lease, "backup" the other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Kind {
    CrashPrimary,
    CrashBackup,
    /// Longer than the lease: it is killed, or (with the epoch alone) it wakes up as a former primary.
    PausePrimary,
    PauseBackup,
    /// One thread of the primary stops, the others go on.
    StuckThread,
    CutPrimary,
    /// Frames of one direction stand still, and nobody is told.
    CutOneWay,
    /// The gateway is cut off from both.
    CutBoth,
    Delay,
    ClockJump,
    SlowCommits,
    BusyStore,
    /// Applied, and reported as failed.
    UnknownCommits,
    /// An I/O error: the process must end.
    FailingCommit,
    GatewayRestart,
    /// It dies, and its switch lives on.
    GatewayAlone,
    /// The node's lock's file is removed by hand: whoever makes it anew has a lock that says nothing.
    LockRemoved,
    Switchover,
    /// For so long that what waits for it may get too much, or too old.
    BackupAway,
    /// The synch link: both ends hear of it, or neither.
    CutSynch,
    /// What one instance says stands still.
    CutSynchOneWay,
    DelaySynch,
    /// Callers hang up, all within a moment.
    HangUps,
    /// No room on the disk that both instances write to.
    FullDisk,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 24] = [
        Kind::CrashPrimary,
        Kind::CrashBackup,
        Kind::PausePrimary,
        Kind::PauseBackup,
        Kind::StuckThread,
        Kind::CutPrimary,
        Kind::CutOneWay,
        Kind::CutBoth,
        Kind::Delay,
        Kind::ClockJump,
        Kind::SlowCommits,
        Kind::BusyStore,
        Kind::UnknownCommits,
        Kind::FailingCommit,
        Kind::GatewayRestart,
        Kind::GatewayAlone,
        Kind::LockRemoved,
        Kind::Switchover,
        Kind::BackupAway,
        Kind::CutSynch,
        Kind::CutSynchOneWay,
        Kind::DelaySynch,
        Kind::HangUps,
        Kind::FullDisk,
    ];

    /// For how long.
    pub fn lasts_ms(self, chance: &mut Chance) -> u64 {
        match self {
            Kind::CrashPrimary | Kind::CrashBackup | Kind::FailingCommit => chance.between(50, 6_000),
            Kind::PausePrimary | Kind::PauseBackup => chance.between(300, 9_000),
            Kind::CutPrimary | Kind::CutOneWay | Kind::CutBoth => chance.between(200, 12_000),
            Kind::BackupAway => chance.between(5_000, 30_000),
            Kind::CutSynch | Kind::CutSynchOneWay => chance.between(200, 15_000),
            Kind::FullDisk => chance.between(300, 8_000),
            Kind::Delay | Kind::DelaySynch => chance.between(500, 8_000),
            Kind::SlowCommits | Kind::BusyStore | Kind::UnknownCommits => chance.between(200, 4_000),
            Kind::GatewayRestart | Kind::GatewayAlone => chance.between(100, 4_000),
            Kind::StuckThread | Kind::ClockJump | Kind::LockRemoved | Kind::Switchover | Kind::HangUps => 0,
        }
    }
}

/// Where the pair is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Served, and no call lives.
    Idle,
    /// Nobody has said `lead` to the gateway.
    TakingOver,
    /// `lead` is on its way.
    Leading,
    /// Stock is taken, `reconcile` is on its way.
    Reconciling,
    /// The events behind W are being handled.
    Backlog,
    /// Calls live and are served.
    Serving,
    /// A planned switchover is under way.
    SwitchingOver,
    /// Sessions wait for their restart.
    Restarting,
    /// A backup is connected and has not everything yet.
    Filling,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 9] = [
        Phase::Idle,
        Phase::TakingOver,
        Phase::Leading,
        Phase::Reconciling,
        Phase::Backlog,
        Phase::Serving,
        Phase::SwitchingOver,
        Phase::Restarting,
        Phase::Filling,
    ];

    /// What brings this phase about, where time alone does not.
    pub fn brought_by(self, chance: &mut Chance) -> Option<Kind> {
        match self {
            Phase::Idle | Phase::Serving => None,
            Phase::SwitchingOver => Some(Kind::Switchover),
            Phase::Filling => chance.pick(&[Kind::CrashBackup, Kind::CutSynch, Kind::CrashPrimary]),
            Phase::TakingOver | Phase::Leading | Phase::Reconciling | Phase::Backlog | Phase::Restarting => {
                chance.pick(&[Kind::CrashPrimary, Kind::CrashPrimary, Kind::Switchover, Kind::PausePrimary, Kind::CutPrimary])
            }
        }
    }
}

/// One fault of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Not before (real ms).
    pub at_ms: u64,
    /// In this phase, if it comes soon; none: at once.
    pub phase: Option<Phase>,
    /// What.
    pub kind: Kind,
    /// For how long, where it lasts.
    pub lasts_ms: u64,
    /// Crashes and pauses: while a transaction is open, if one is soon.
    pub in_commit: bool,
}

/// How often each kind came in each phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<(Kind, Phase), u64>);

impl Coverage {
    /// It came.
    pub fn count(&mut self, kind: Kind, phase: Phase) {
        *self.0.entry((kind, phase)).or_default() += 1;
    }

    /// Another seed's.
    pub fn add(&mut self, other: &Coverage) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// Faults in all.
    pub fn faults(&self) -> u64 {
        self.0.values().sum()
    }

    /// Cells that stayed empty.
    pub fn empty(&self) -> Vec<(Kind, Phase)> {
        let cells = Kind::ALL.into_iter().flat_map(|kind| Phase::ALL.map(|phase| (kind, phase)));
        cells.filter(|cell| !self.0.contains_key(cell)).collect()
    }

    /// As a table.
    pub fn table(&self) -> String {
        let mut table = format!("{:16}", "");
        for phase in Phase::ALL {
            table += &format!("{:>14}", format!("{phase:?}"));
        }
        for kind in Kind::ALL {
            table += &format!("\n{:16}", format!("{kind:?}"));
            for phase in Phase::ALL {
                table += &format!("{:>14}", self.0.get(&(kind, phase)).copied().unwrap_or(0));
            }
        }
        table
    }
}
