//! A line that says nothing.

use std::fmt;

/// A scenario that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// Its line, from 1.
    pub line: usize,
    /// Its column, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// The sentence that was probably meant.
    pub nearest: Option<&'static str>,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what)?;
        match self.nearest {
            Some(nearest) => write!(f, "\n    write: {nearest}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ScenarioError {}
