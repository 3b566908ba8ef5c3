//! Each pure room has clippy's list of what it must not know, and the list is one; and it depends on nothing that brings a
//! clock, a socket, a thread or a disk.

use std::fs;

use super::{metadata::Metadata, tree::Tree};
use crate::command::top;

const LIST: &str = "host/pure.clippy.toml";

/// Outside crates that do things.
const EFFECTS: &[&str] = &[
    "axum",
    "crossbeam-channel",
    "getrandom",
    "mio",
    "rayon",
    "rusqlite",
    "rustix",
    "rustls",
    "tempfile",
    "tokio",
    "tokio-tungstenite",
    "ureq",
    "wasmtime",
];

/// The crates that `docs/ARCHITECTURE.md` calls pure, without the list or with an outside crate that does things.
pub fn check(tree: &Tree, metadata: &Metadata) -> Vec<String> {
    let document = match tree.text("docs/ARCHITECTURE.md") {
        Ok(document) => document,
        Err(missing) => return vec![missing],
    };
    let rooms = pure_rooms(document);
    if rooms.is_empty() {
        return vec!["docs/ARCHITECTURE.md names no pure room".into()];
    }
    let list = fs::canonicalize(top().join(LIST)).ok();
    let linked = |folder: &str| list.is_some() && fs::canonicalize(top().join(folder).join("clippy.toml")).ok() == list;
    let mut found = Vec::new();
    for (name, folder) in rooms {
        if !linked(folder) {
            found.push(format!("{folder} is a pure room without clippy's list: ln -s ../pure.clippy.toml {folder}/clippy.toml"));
        }
        let package = metadata.own().find(|package| package.name == name);
        let uses = package.iter().flat_map(|package| &package.dependencies).filter(|dependency| dependency.kind.is_none());
        let effects = uses.filter(|dependency| EFFECTS.contains(&dependency.name.as_str()));
        found.extend(effects.map(|dependency| format!("{name} is a pure room and must not use {}", dependency.name)));
    }
    found
}

/// Crate and folder of rows that say `pure`.
fn pure_rooms(document: &str) -> Vec<(&str, &str)> {
    let rows = document.lines().filter(|line| line.starts_with("| `tandem") && line.contains("**pure**"));
    rows.filter_map(|row| {
        let mut cells = row.split('|').skip(1).map(|cell| cell.trim().trim_matches('`'));
        Some((cells.next()?, cells.next()?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::tree;

    #[test]
    fn a_pure_room_without_the_list_is_found() {
        let none = Metadata { packages: Vec::new() };
        let row = |folder: &str| format!("| `tandem-x` | `{folder}` | – | – | **pure** |\n");
        let document = format!("{}{}| `tandem` | `host` | – | – | not so |\n", row("host/words"), row("host/nowhere"));
        let found = check(&tree(&[("docs/ARCHITECTURE.md", &document)]), &none);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("host/nowhere"));
        assert_eq!(check(&tree(&[("docs/ARCHITECTURE.md", "")]), &none).len(), 1);
        assert_eq!(check(&tree(&[]), &none).len(), 1);
    }

    #[test]
    fn a_pure_room_that_does_things_is_found() {
        let document = "| `tandem-x` | `host/words` | – | – | **pure** |\n";
        let uses = |name: &str, kind: Option<&str>| {
            serde_json::from_value(serde_json::json!({ "packages": [{
                "name": "tandem-x", "version": "0", "source": null, "license": null, "dependencies": [{ "name": name, "kind": kind }],
            }]}))
            .unwrap()
        };
        let found = |metadata| check(&tree(&[("docs/ARCHITECTURE.md", document)]), &metadata);
        assert_eq!(found(uses("tokio", None)), ["tandem-x is a pure room and must not use tokio"]);
        assert!(found(uses("tempfile", Some("dev"))).is_empty() && found(uses("serde", None)).is_empty());
    }
}
