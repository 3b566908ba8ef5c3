//! What a step has to say to the log of the host: lines of `control.log`, and why it failed.

use tandem_journal::{LogLevel, Note, Outcome, Step, StepFailure};

use crate::SessionState;

/// Leaves the host with a durable step, so that the log tells nothing that never was, and nothing again in a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whose session it is, by name.
    pub strategy: String,
    /// In order, cut to `note_bytes` and `notes_per_step`.
    pub lines: Vec<(LogLevel, String)>,
    /// The step failed, and the session with it.
    pub failure: Option<StepFailure>,
}

/// None: nothing, as nearly always.
pub(crate) fn of_step(state: &SessionState, step: &Step) -> Option<Box<Said>> {
    let line = |note: &Note| match note {
        Note::Log(level, text) => Some((*level, text.clone())),
        Note::Milestone(_) => None,
    };
    let lines: Vec<_> = step.notes.iter().filter_map(line).collect();
    let failure = match &step.outcome {
        Outcome::Failed(failure) => Some(failure.clone()),
        Outcome::Wait | Outcome::Checkpoint | Outcome::Finish | Outcome::Late => None,
    };
    let strategy = || state.opening().strategy.clone();
    (failure.is_some() || !lines.is_empty()).then(|| Box::new(Said { strategy: strategy(), lines, failure }))
}
