//! The options fingerprint: what both instances of a node must have set alike (design, sections 7 and 11).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One option that must be equal in the pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionHash {
    /// As a person looks for it: `limits.state`, `routing-point[8000].control-deadline`.
    pub name: String,
    /// A hash of its value: the value itself stays where it is.
    pub hash: u64,
}

/// All of them, so that a refusal can name those that differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// By name.
    pub options: Vec<OptionHash>,
}

impl Fingerprint {
    /// The names of the options that both sides know and that differ. What only one of them knows is news of its release; what
    /// is there several times (routing points, switches, nodes) has an option of its own that lists them.
    #[must_use]
    pub fn differing(&self, other: &Fingerprint) -> Vec<String> {
        let theirs: BTreeMap<_, _> = other.options.iter().map(|option| (option.name.as_str(), option.hash)).collect();
        let differs = |option: &&OptionHash| theirs.get(option.name.as_str()).is_some_and(|hash| *hash != option.hash);
        self.options.iter().filter(differs).map(|option| option.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(options: &[(&str, u64)]) -> Fingerprint {
        Fingerprint { options: options.iter().map(|(name, hash)| OptionHash { name: (*name).to_owned(), hash: *hash }).collect() }
    }

    #[test]
    fn what_differs_is_named_and_what_one_release_does_not_know_is_not() {
        let old = fingerprint(&[("lease.timeout", 1), ("limits.state", 2), ("gone", 3)]);
        let new = fingerprint(&[("limits.state", 9), ("lease.timeout", 1), ("new", 4)]);
        assert_eq!(old.differing(&new), ["limits.state"]);
        assert_eq!(new.differing(&old), ["limits.state"]);
        assert!(old.differing(&old).is_empty());
    }
}
