//! Scenarios played: each alone, restored after every step, among others, and with a host that dies with every step.

mod expectation;
mod failure;
mod play;
mod player;
mod staffing;
mod stage;
mod story;
#[cfg(test)]
mod tests;

pub use failure::{Failure, Fault};
pub use stage::{Played, Stage};

/// Others who play the same scenario at the same time. Enough to fill an instance with sessions at different points of it.
pub const OTHERS: u32 = 50;

/// The others call up to so much later, ms: some prompts are over by then and some are not.
const OTHERS_WITHIN_MS: u64 = 10_000;

/// How a scenario is played. What is expected is the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// One caller.
    Alone,
    /// The session leaves memory after every step, and is brought back for the next.
    Restored,
    /// Among [`OTHERS`] callers whose sessions live in the same instance.
    AmongOthers,
    /// The host dies with every step.
    Dying,
}

impl Mode {
    /// All, in the order in which they are tried.
    pub const ALL: [Mode; 4] = [Mode::Alone, Mode::Restored, Mode::AmongOthers, Mode::Dying];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Alone => "alone",
            Mode::Restored => "restored after every step",
            Mode::AmongOthers => "among 50 others",
            Mode::Dying => "the host dying with every step",
        }
    }

    /// What it probably means that a scenario passes alone and fails like this.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Mode::Alone => None,
            Mode::Restored => Some(
                "it passes alone and fails when the session is restored after every step: does the saved state miss a field \
                 (event style), or does the strategy do other things when it is replayed (straight-line style)?",
            ),
            Mode::AmongOthers => Some(
                "it passes alone and fails among others who live in the same instance: does the strategy keep something in a \
                 static or in a global?",
            ),
            Mode::Dying => Some(
                "it passes alone and fails when the host dies with every step. Where it passes restored, look at what the strategy \
                 does with session.recovered; if it does nothing, please report this as a fault of Tandem",
            ),
        }
    }
}
