//! A scenario that fails: where, what was expected, what came instead, and the call so far.

use std::fmt;

use crate::lab::{scenario::Scenario, tabletop::TableError};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The strategy did something else.
    Instead {
        /// What it did, and when.
        got: String,
    },
    /// It did not come to it.
    Missing {
        /// What goes on, or why it cannot come any more.
        why: String,
    },
    /// It did more than the scenario expects.
    Unexpected {
        /// What.
        got: String,
    },
    /// The step could not be taken.
    Impossible {
        /// Why, and what to do.
        why: String,
    },
    /// Tandem itself failed.
    Tandem {
        /// How.
        why: String,
    },
}

/// A scenario that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The line of the scenario.
    pub line: usize,
    /// What stands there.
    pub sentence: String,
    /// Which caller of several; none: there is one.
    pub caller: Option<usize>,
    /// What was found.
    pub fault: Fault,
    /// What happened in the call so far.
    pub timeline: Vec<String>,
}

impl Failure {
    /// Of the table, not of the strategy.
    pub(super) fn of_table(error: &TableError) -> Self {
        let fault = Fault::Tandem { why: error.to_string() };
        Failure { line: 0, sentence: String::new(), caller: None, fault, timeline: Vec::new() }
    }

    /// Of a line of the setting.
    pub(super) fn of_setting(scenario: &Scenario, line: usize, sentence: String, why: String) -> Self {
        let line = if line == 0 { scenario.steps.first().map_or(1, |step| step.line) } else { line };
        Failure { line, sentence, caller: None, fault: Fault::Impossible { why }, timeline: Vec::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            writeln!(f, "line {}: {}", self.line, self.sentence)?;
        }
        if let Some(caller) = self.caller {
            writeln!(f, "    caller    {caller} of {}", super::OTHERS + 1)?;
        }
        let expected = self.sentence.strip_prefix("expect ").unwrap_or(&self.sentence);
        match &self.fault {
            Fault::Instead { got } => writeln!(f, "    expected  {expected}\n    got       {got}")?,
            Fault::Missing { why } => writeln!(f, "    expected  {expected}\n    got       nothing: {why}")?,
            Fault::Unexpected { got } => writeln!(f, "    expected  nothing more\n    got       {got}")?,
            Fault::Impossible { why } => writeln!(f, "    {why}")?,
            Fault::Tandem { why } => writeln!(f, "    Tandem itself failed: {why}; please report this")?,
        }
        if !self.timeline.is_empty() {
            writeln!(f, "    the call so far:")?;
            self.timeline.iter().try_for_each(|line| writeln!(f, "      {line}"))?;
        }
        Ok(())
    }
}
