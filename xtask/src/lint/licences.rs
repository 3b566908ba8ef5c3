//! Every dependency has a licence that lets anyone use Tandem for anything.

use super::metadata::Metadata;

const PERMISSIVE: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates without one.
pub fn check(metadata: &Metadata) -> Vec<String> {
    let bad = metadata.packages.iter().filter(|package| !package.license.as_deref().is_some_and(permissive));
    let shown = |licence: &Option<String>| licence.clone().unwrap_or_else(|| "no licence named".into());
    bad.map(|package| {
        format!("{} {}: {} is not permissive (xtask/src/lint/licences.rs)", package.name, package.version, shown(&package.license))
    })
    .collect()
}

/// `A OR B`: one is enough; `A AND B`: both; brackets bind. The old `/` means OR.
fn permissive(licence: &str) -> bool {
    let licence = licence.replace('/', " OR ");
    split(&licence, " AND ").iter().all(|all| {
        let any = all.trim();
        let any = any.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(any);
        match any.contains(" AND ") && any != licence.trim() {
            true => permissive(any),
            false => any.split(" OR ").any(|one| PERMISSIVE.contains(&one.trim().trim_matches(['(', ')']))),
        }
    })
}

/// At a word outside of brackets.
fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut begin = 0;
    for (at, _) in text.match_indices(word) {
        let (before, part) = (text.get(..at).unwrap_or_default(), text.get(begin..at).unwrap_or_default());
        if before.matches('(').count() == before.matches(')').count() {
            parts.push(part);
            begin = at + word.len();
        }
    }
    parts.push(text.get(begin..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_several_is_enough_and_all_of_a_sum_are_needed() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "MIT AND BSD-3-Clause",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(permissive(good), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR LGPL-2.1) AND MIT", "MPL-2.0", "GPL-2.0 WITH MIT"] {
            assert!(!permissive(bad), "{bad}");
        }
    }

    #[test]
    fn a_crate_without_a_licence_is_found() {
        let packages = serde_json::json!({ "packages": [
            { "name": "a", "version": "1", "source": null, "license": null, "dependencies": [] },
            { "name": "b", "version": "2", "source": "x", "license": "AGPL-3.0", "dependencies": [] },
            { "name": "c", "version": "3", "source": "x", "license": "MIT", "dependencies": [] },
        ]});
        let found = check(&serde_json::from_value(packages).unwrap());
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
