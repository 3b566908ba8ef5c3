//! Every dependency that a crate of this repository asks for is named in its code: what nobody names is built for nothing.

use std::path::Path;

use super::{metadata::Metadata, tree::Tree};
use crate::command::top;

/// Dependencies that no file of their crate names.
pub fn check(tree: &Tree, metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    for package in metadata.own() {
        let Some(folder) = Path::new(&package.manifest_path).parent().and_then(|folder| folder.strip_prefix(top()).ok()) else { continue };
        let folder = format!("{}/", folder.display());
        // A crate that lies inside this one's folder has a manifest of its own.
        let inner: Vec<&str> = tree
            .below(&folder, "/Cargo.toml")
            .filter_map(|(path, _)| path.strip_suffix("Cargo.toml"))
            .filter(|inner| *inner != folder)
            .collect();
        let code = || tree.below(&folder, ".rs").filter(|(path, _)| !inner.iter().any(|inner| path.starts_with(inner)));
        for dependency in &package.dependencies {
            let name = dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
            if !code().any(|(_, text)| names(text, &name)) {
                found.push(format!("{folder}Cargo.toml: {} is used nowhere in {}", dependency.name, package.name));
            }
        }
    }
    found
}

/// Whether the word stands there by itself: `toml` is not named by `tandem.toml`.
fn names(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().last());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(word) && !after.is_some_and(|c| word(c) && c != '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::tree;

    #[test]
    fn a_dependency_that_nobody_names_is_found() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "a", "version": "0", "source": null, "license": null, "manifest_path": top().join("host/Cargo.toml"),
            "dependencies": [{ "name": "serde-json", "kind": null }, { "name": "toml", "kind": null }, { "name": "x", "rename": "y", "kind": "dev" }],
        }]});
        let metadata = serde_json::from_value(metadata).unwrap();
        let inner = ("host/words/Cargo.toml", "");
        let used = [("host/src/lib.rs", "use serde_json::Value; toml::from_str; y::z()"), ("host/words/src/lib.rs", ""), inner];
        assert_eq!(check(&tree(&used), &metadata), Vec::<String>::new());
        let unused =
            [("host/src/lib.rs", "use serde_json; // tandem.toml and toml_edit"), ("host/words/src/lib.rs", "toml::x; y::z"), inner];
        assert_eq!(check(&tree(&unused), &metadata).len(), 2, "{:?}", check(&tree(&unused), &metadata));
    }
}
