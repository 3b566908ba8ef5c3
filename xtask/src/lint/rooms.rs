//! Who may know whom: the tables of `docs/ARCHITECTURE.md` against the crates and against the modules of the crate `tandem`.
//!
//! A row of the table of crates: `` | `tandem-queue` | `host/queue` | words | – | … `` (crate, folder, crates of this workspace that it
//! may use, outside crates that only it may use). A row of the table of modules: `` | `session` | `store`, `node` | … ``.

use std::collections::{BTreeMap, BTreeSet};

use super::{metadata::Metadata, tree::Tree};

const DOCUMENT: &str = "docs/ARCHITECTURE.md";

/// Everything that breaks a row, or has none.
pub fn check(tree: &Tree, metadata: &Metadata) -> Vec<String> {
    match tree.text(DOCUMENT) {
        Ok(document) => crates(document, metadata).into_iter().chain(modules(document, tree)).collect(),
        Err(missing) => vec![missing],
    }
}

/// The rows of the table under a heading: cells without their back ticks.
fn table<'a>(document: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = document.split_once(&format!("{heading}\n")).map_or("", |(_, rest)| rest);
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The words in back ticks of a cell.
fn names(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn crates(document: &str, metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    let mut rows: BTreeMap<&str, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    for row in table(document, "### Crates") {
        if let [name, _folder, may_use, alone, ..] = row.as_slice() {
            rows.insert(name.trim_matches('`'), (names(may_use), names(alone)));
        }
    }
    let kept: BTreeMap<&str, &str> = rows.iter().flat_map(|(owner, (_, alone))| alone.iter().map(|name| (*name, *owner))).collect();
    let own: BTreeSet<&str> = metadata.own().map(|package| package.name.as_str()).collect();
    for package in metadata.own().filter(|package| package.name.starts_with("tandem")) {
        let Some((may_use, _)) = rows.get(package.name.as_str()) else {
            found.push(format!("{DOCUMENT}: the table of crates has no row for {}", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.kind.is_none()) {
            let name = dependency.name.as_str();
            if own.contains(name) && !may_use.contains(name) {
                found.push(format!("{} must not know {name} ({DOCUMENT}, Crates)", package.name));
            }
            if let Some(owner) = kept.get(name).filter(|owner| **owner != package.name) {
                found.push(format!("{} must not use {name}: only {owner} does ({DOCUMENT}, Crates)", package.name));
            }
        }
    }
    found.extend(rows.keys().filter(|name| !own.contains(*name)).map(|name| format!("{DOCUMENT}: there is no crate {name}")));
    found
}

fn modules(document: &str, tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let rows: BTreeMap<&str, BTreeSet<&str>> = table(document, "### Modules of the crate `tandem`")
        .into_iter()
        .filter_map(|row| Some((row.first()?.trim_matches('`'), names(row.get(1)?))))
        .collect();
    let mut seen = BTreeSet::new();
    for (path, text) in tree.below("host/src/", ".rs") {
        let Some((module, _)) = path.strip_prefix("host/src/").and_then(|rest| rest.split_once('/')) else { continue };
        let Some(may_use) = rows.get(module) else {
            if seen.insert(module) {
                found.push(format!("{DOCUMENT}: the table of modules has no row for host/src/{module}"));
            }
            continue;
        };
        seen.insert(module);
        for other in used(text) {
            let everything = may_use.contains("*");
            if other != module && !everything && rows.contains_key(other) && !may_use.contains(other) {
                found.push(format!("{path}: {module} must not know {other} ({DOCUMENT}, Modules)"));
            }
        }
    }
    found.extend(rows.keys().filter(|name| !seen.contains(*name)).map(|name| format!("{DOCUMENT}: there is no module {name}")));
    found
}

/// The modules that a file names: `crate::x` and `crate::{x, y::z}`.
fn used(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => {
                let mut depth = 0_usize;
                let mut at_start = true;
                for (index, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        c if at_start && depth == 0 && is_word(c) => {
                            found.insert(first_word(group.get(index..).unwrap_or_default()));
                            at_start = false;
                        }
                        _ => {}
                    }
                }
            }
            None => {
                found.insert(first_word(rest));
            }
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn first_word(text: &str) -> &str {
    text.split(|c| !is_word(c)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::tree;

    const TABLES: &str = "\
### Crates
| crate | folder | may use | only here | what |
| --- | --- | --- | --- | --- |
| `tandem` | `host` | `tandem-queue`, `tandem-store` | – | the program |
| `tandem-queue` | `host/queue` | – | – | groups |
| `tandem-store` | `host/store` | – | `rusqlite` | stores |
### Modules of the crate `tandem`
| module | may use | what |
| --- | --- | --- |
| `cli` | `*` | commands |
| `session` | `node` | workers |
| `node` | – | roles |
";

    fn metadata(packages: &[(&str, &[&str])]) -> Metadata {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, uses)| {
                let uses: Vec<_> = uses.iter().map(|name| serde_json::json!({ "name": name, "kind": null })).collect();
                serde_json::json!({ "name": name, "version": "0", "source": null, "license": null, "dependencies": uses })
            })
            .collect();
        serde_json::from_value(serde_json::json!({ "packages": packages })).unwrap()
    }

    fn files(session: &str) -> Tree {
        tree(&[("host/src/cli/mod.rs", "use crate::session::X;"), ("host/src/node/mod.rs", ""), ("host/src/session/mod.rs", session)])
    }

    #[test]
    fn what_the_tables_allow_is_allowed() {
        let good = metadata(&[
            ("tandem", &["tandem-queue", "tandem-store", "serde"]),
            ("tandem-queue", &["serde"]),
            ("tandem-store", &["rusqlite"]),
        ]);
        assert_eq!(crates(TABLES, &good), Vec::<String>::new());
        assert_eq!(modules(TABLES, &files("use crate::node::Desk; use crate::session::Y;")), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found() {
        let bad = metadata(&[("tandem", &["rusqlite"]), ("tandem-queue", &["tandem-store"]), ("tandem-store", &[]), ("tandem-new", &[])]);
        let found = crates(TABLES, &bad).join("\n");
        for say in ["tandem must not use rusqlite: only tandem-store", "tandem-queue must not know tandem-store", "no row for tandem-new"] {
            assert!(found.contains(say), "{say} is not in\n{found}");
        }
        assert!(crates(TABLES, &metadata(&[])).join("\n").contains("there is no crate tandem-queue"));
    }

    #[test]
    fn a_module_that_knows_too_much_is_found() {
        for session in ["use crate::cli::Verdict;", "use crate::{\n    node::X,\n    cli::{A, B},\n};", "fn f() { crate::cli::g() }"] {
            let found = modules(TABLES, &files(session));
            assert_eq!(found, ["host/src/session/mod.rs: session must not know cli (docs/ARCHITECTURE.md, Modules)"], "{session}");
        }
        let more = tree(&[("host/src/lab/mod.rs", ""), ("host/src/cli/mod.rs", ""), ("host/src/session/mod.rs", "")]);
        let found = modules(TABLES, &more).join("\n");
        assert!(found.contains("no row for host/src/lab") && found.contains("there is no module node"), "{found}");
    }
}
