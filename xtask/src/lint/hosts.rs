//! No package registry's host and no machine's path is committed: a build takes both from where it runs.

use super::tree::Tree;

/// Names and ends of registries' hosts; apart, so that this file is none of its own findings.
const HOSTS: &[(&str, &str)] = &[
    ("crates", "io"),
    ("debian", "org"),
    ("ubuntu", "com"),
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "com"),
    ("npmjs", "org"),
    ("repo1", "maven"),
    ("proxy.golang", "org"),
];

/// Folders of the machines on which people and their helpers work.
const PATHS: &[&[&str]] = &[&["/", "work", "/"], &["/", "root", "/"], &["/", "home", "/"]];

/// Lines with one of them.
pub fn check(tree: &Tree) -> Vec<String> {
    let mut wanted: Vec<String> = HOSTS.iter().map(|(name, end)| format!("{name}.{end}")).collect();
    wanted.extend(PATHS.iter().map(|parts| parts.concat()));
    let mut found = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| !path.ends_with(".lock")) {
        for (number, line) in text.lines().enumerate() {
            let hit = wanted.iter().find(|wanted| stands_alone(line, wanted));
            found.extend(hit.map(|hit| format!("{path}:{}: {hit} must not be committed", number + 1)));
        }
    }
    found
}

/// Whether it stands there and is not the end of a longer name (`frame/work/`).
fn stands_alone(line: &str, wanted: &str) -> bool {
    let before = |at: usize| line.get(..at).and_then(|before| before.chars().last());
    line.match_indices(wanted).any(|(at, _)| !before(at).is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' && wanted.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::tree;

    #[test]
    fn hosts_and_machine_paths_are_found() {
        let host = ["https://files.", "pypi", ".org/x"].concat();
        let folder = ["cd ", "/", "work", "/main"].concat();
        let found = check(&tree(&[("a.rs", &format!("fine\n{host}\n")), ("b.md", &folder), ("Cargo.lock", &host)]));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("a.rs:2:") && found[1].starts_with("b.md:1:"));
    }

    #[test]
    fn longer_names_are_left_alone() {
        let beside = [".", "/", "work", "/x"].concat();
        for text in ["a framework/main", "the crates in io", &beside, "net/worker/"] {
            assert!(check(&tree(&[("a", text)])).is_empty(), "{text}");
        }
    }
}
