//! Planted bugs: each turns one decision of the rules round, so that the simulation's checkers can show that they would notice.
//!
//! In the product [`planted`] is `false` and costs nothing: only the feature `planted-bugs`, which the simulation alone turns
//! on, makes it a question to the running seed.

/// A bug that can be planted. Where it is asked for says what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Bug {
    EpochCheckSkipped,
    ReleaseBeforeCommit,
    ReleaseOutOfOrder,
    TimerForgotten,
    ResumeAtHighest,
    ResendBeforeReconcile,
    SameIncarnationAfterRestart,
    RebuildWithoutUncommittedTail,
    SnapshotBeforeItsRow,
    ClaimAndSessionInTwoWrites,
    NoLeadAcknowledgement,
    TimersBeforeBacklog,
    LeaseRenewedUnwatched,
    MessageBeforeCommit,
    SwitchIncarnationIgnored,
    WatchingTooShort,
    SameIncarnationOfSwitch,
    CountedBeforeAcknowledged,
    SoloNotTold,
    FullWhileFilled,
    TakenOverNotKept,
    UncertainNotAsked,
    GoneCallRestarted,
    RestartQuotaIgnored,
    LiveBeforeKept,
    PartialNotTold,
    SurveyIgnored,
    OpenForgotten,
    ClaimedCallTold,
    GuestLeftBehind,
    OpeningsNotFollowed,
    FormerRunFollowed,
    EarlierStepReadAhead,
    WaitForPassForgotten,
    LateRowsTaken,
    OldTimerKept,
    HeirWaits,
    HeldLossNotTold,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 38] = [
        Bug::EpochCheckSkipped,
        Bug::ReleaseBeforeCommit,
        Bug::ReleaseOutOfOrder,
        Bug::TimerForgotten,
        Bug::ResumeAtHighest,
        Bug::ResendBeforeReconcile,
        Bug::SameIncarnationAfterRestart,
        Bug::RebuildWithoutUncommittedTail,
        Bug::SnapshotBeforeItsRow,
        Bug::ClaimAndSessionInTwoWrites,
        Bug::NoLeadAcknowledgement,
        Bug::TimersBeforeBacklog,
        Bug::LeaseRenewedUnwatched,
        Bug::MessageBeforeCommit,
        Bug::SwitchIncarnationIgnored,
        Bug::WatchingTooShort,
        Bug::SameIncarnationOfSwitch,
        Bug::CountedBeforeAcknowledged,
        Bug::SoloNotTold,
        Bug::FullWhileFilled,
        Bug::TakenOverNotKept,
        Bug::UncertainNotAsked,
        Bug::GoneCallRestarted,
        Bug::RestartQuotaIgnored,
        Bug::LiveBeforeKept,
        Bug::PartialNotTold,
        Bug::SurveyIgnored,
        Bug::OpenForgotten,
        Bug::ClaimedCallTold,
        Bug::GuestLeftBehind,
        Bug::OpeningsNotFollowed,
        Bug::FormerRunFollowed,
        Bug::EarlierStepReadAhead,
        Bug::WaitForPassForgotten,
        Bug::LateRowsTaken,
        Bug::OldTimerKept,
        Bug::HeirWaits,
        Bug::HeldLossNotTold,
    ];
}

#[cfg(not(feature = "planted-bugs"))]
/// Whether this bug is planted here.
#[inline]
#[must_use]
pub const fn planted(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted-bugs")]
mod planting {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug on this thread, in place of the one before.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Whether this bug is planted here.
    #[must_use]
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted-bugs")]
pub use planting::{plant, planted};
