//! What a native session remembers: named values, so that a snapshot is trivial and tests can look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory(BTreeMap<String, String>);

impl Memory {
    /// A value; empty where none was set.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// All values, to look at and to change.
    pub fn values(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.0
    }

    /// What a snapshot holds; none if it is not one of these guests'.
    pub fn from_snapshot(state: &[u8]) -> Option<Self> {
        rmp_serde::from_slice(state).ok()
    }

    /// A value as a number; 0 where it is none.
    pub fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or(0)
    }

    /// Adds one to a number, and returns it.
    pub fn count(&mut self, name: &str) -> u64 {
        let next = self.number(name) + 1;
        self.set(name, next);
        next
    }

    /// Appends to a list of words.
    pub fn push(&mut self, name: &str, word: &str) {
        let words = self.0.entry(name.to_owned()).or_default();
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }

    /// The list.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.get(name).split_whitespace().collect()
    }
}
