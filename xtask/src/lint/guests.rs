//! Every guest for faults is used by a test that names it, and every built-in strategy brings a scenario.

use std::collections::BTreeSet;

use super::tree::Tree;

/// Guests that nobody tests.
pub fn check(tree: &Tree) -> Vec<String> {
    let guests =
        tree.below("tests/guests/", "/Cargo.toml").filter_map(|(path, _)| path.split('/').nth(2)).filter(|name| *name != "artifacts");
    let named = |name: &&str| {
        let quoted = format!("\"{name}\"");
        let constant = name.replace('-', "_").to_uppercase();
        let names_it = |text: &str| text.contains(&quoted) || text.contains(&constant);
        let outside = |path: &str| !path.starts_with("tests/guests/");
        tree.below("", ".rs").any(|(path, text)| outside(path) && text.contains("#[test]") && names_it(text))
            || tree.below("", ".scenario").any(|(_, text)| text.contains(*name))
    };
    let mut found: Vec<String> = guests
        .filter(|name| !named(name))
        .map(|name| format!("tests/guests/{name} is named by no test: write one, or take it away"))
        .collect();
    let strategies: BTreeSet<&str> = tree.below("strategies/", "/src/lib.rs").filter_map(|(path, _)| path.split('/').nth(1)).collect();
    let without = strategies.into_iter().filter(|name| !matches!(*name, "artifacts" | "build")).filter(|name| {
        let folder = format!("strategies/{name}/scenarios/");
        tree.below(&folder, ".scenario").next().is_none()
    });
    found.extend(without.map(|name| format!("strategies/{name} has no scenario test: write strategies/{name}/scenarios/*.scenario")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::tree;

    #[test]
    fn a_guest_without_a_test_is_found() {
        let guest = ("tests/guests/eats-memory/Cargo.toml", "");
        let test = |text| tree(&[guest, ("host/strategy/tests/limits.rs", text)]);
        assert!(check(&test("#[test] fn f() { guest(\"eats-memory\") }")).is_empty());
        assert!(check(&test("#[test] fn f() { guests::EATS_MEMORY }")).is_empty());
        assert_eq!(check(&test("fn f() { guest(\"eats-memory\") }")).len(), 1, "not a test");
        assert_eq!(check(&test("#[test] fn f() { guest(\"eats\") }")).len(), 1);
    }

    #[test]
    fn a_strategy_without_a_scenario_is_found() {
        let strategy = ("strategies/menu/src/lib.rs", "");
        assert_eq!(check(&tree(&[strategy, ("strategies/build/src/lib.rs", "")])).len(), 1);
        assert!(check(&tree(&[strategy, ("strategies/menu/scenarios/a.scenario", "")])).is_empty());
    }
}
