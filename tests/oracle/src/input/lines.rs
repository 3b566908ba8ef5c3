//! JSON lines.

use std::io::BufRead;

use serde::de::DeserializeOwned;

/// Why a file cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk's word.
    #[error("{file}, line {line}: cannot be read: {source}")]
    Io {
        /// `record`, `journal`, `twin record` or `twin journal`.
        file: &'static str,
        /// From 1.
        line: u64,
        /// Why.
        source: std::io::Error,
    },
    /// A line that is not what this file holds.
    #[error("{file}, line {line}: {why}; the line begins {begins:?}")]
    Line {
        /// `record`, `journal`, `twin record` or `twin journal`.
        file: &'static str,
        /// From 1.
        line: u64,
        /// What is wrong, and what was expected.
        why: String,
        /// The line's first characters.
        begins: String,
    },
    /// The comparison is against a run that had faults itself.
    #[error("the twin record is not of a run without faults: {0}; run the same seed again and let nothing die")]
    TwinHasFaults(String),
    /// The two runs are not of the same seed.
    #[error("the record is of seed {ours} and the twin record of seed {theirs}; compare runs of one seed")]
    OtherSeed {
        /// Of the record.
        ours: u64,
        /// Of the twin record.
        theirs: u64,
    },
}

/// Enough of a line to find it by.
const SHOWN: usize = 120;

/// Reads every line as a `T` and hands it on with its number. Empty lines are skipped.
pub(crate) fn each<T: DeserializeOwned>(
    file: &'static str,
    input: impl BufRead,
    mut take: impl FnMut(u64, T) -> Result<(), String>,
) -> Result<(), ReadError> {
    for (text, line) in input.lines().zip(1_u64..) {
        let text = text.map_err(|source| ReadError::Io { file, line, source })?;
        if text.trim().is_empty() {
            continue;
        }
        let wrong = |why| ReadError::Line { file, line, why, begins: text.chars().take(SHOWN).collect() };
        let value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        take(line, value).map_err(wrong)?;
    }
    Ok(())
}
