//! The contract in `wit/`, its document and the SDK's copy tell the same story.

use std::{collections::BTreeSet, fs};

use super::tree::Tree;
use crate::command::top;

const WIT: &str = "wit/strategy.wit";
const DOCUMENT: &str = "docs/wit.md";

/// Names that stand in one and not in the other.
pub fn check(tree: &Tree) -> Vec<String> {
    let mut found = compare(tree);
    let same = |copy: &str| fs::read(top().join(copy)).ok() == fs::read(top().join(WIT)).ok();
    for (copy, _) in tree.below("guest-sdk/", "Cargo.toml") {
        let copy = copy.replace("Cargo.toml", "wit/strategy.wit");
        if !same(&copy) {
            found.push(format!("{copy} is not {WIT}: let its folder be a link to the one at the top"));
        }
    }
    found
}

fn compare(tree: &Tree) -> Vec<String> {
    let (wit, document) = match (tree.text(WIT), tree.text(DOCUMENT)) {
        (Ok(wit), Ok(document)) => (wit, document),
        (Err(missing), _) | (_, Err(missing)) => return vec![missing],
    };
    let declared = declared(wit);
    // Functions of the resource are written `session.start`.
    let written: BTreeSet<&str> = document.split('`').skip(1).step_by(2).map(without_resource).collect();
    let mut found: Vec<String> = declared
        .iter()
        .filter(|name| !written.contains(**name))
        .map(|name| format!("{DOCUMENT} does not tell of `{name}` ({WIT})"))
        .collect();
    // Rows of the tables begin with a name of the contract.
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| row.split('`').next()).map(without_resource);
    found.extend(rows.filter(|name| !declared.contains(name)).map(|name| format!("{DOCUMENT} tells of `{name}`, and {WIT} has none")));
    found
}

fn without_resource(name: &str) -> &str {
    name.strip_prefix("session.").unwrap_or(name)
}

/// The cases of `event-body` and the functions of all interfaces.
fn declared(wit: &str) -> BTreeSet<&str> {
    let cases = wit.split_once("variant event-body {").and_then(|(_, rest)| rest.split_once('}')).map_or("", |(cases, _)| cases);
    let case = cases.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.is_empty());
    let case = case.flat_map(|line| line.split(',')).map(|case| case.split(['(', ' ']).find(|word| !word.is_empty()).unwrap_or_default());
    let function = wit.lines().map(str::trim).filter(|line| !line.starts_with("//") && line.contains("func("));
    let function = function.filter_map(|line| line.split(':').next()).map(|name| name.trim_start_matches("export").trim());
    case.chain(function).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::tree;

    const CONTRACT: &str = "
      variant event-body {
        /// It rings, or not.
        interaction-added(interaction), timer-fired,
        digit(digit),
      }
      interface dialog {
        play: func(prompt: prompt) -> request-id;
      }";

    #[test]
    fn cases_and_functions_are_read() {
        assert_eq!(declared(CONTRACT).into_iter().collect::<Vec<_>>(), ["digit", "interaction-added", "play", "timer-fired"]);
    }

    #[test]
    fn a_name_on_one_side_only_is_found() {
        let document = "| `interaction-added` | x |\n| `timer-fired` | x |\nand `digit`\n| `play` | x |\n";
        let both = |document: &str| compare(&tree(&[(WIT, CONTRACT), (DOCUMENT, document)]));
        assert_eq!(both(document), Vec::<String>::new());
        assert_eq!(both(&document.replace("`play`", "play")), ["docs/wit.md does not tell of `play` (wit/strategy.wit)"]);
        assert!(both(&format!("{document}| `gap` | x |\n"))[0].contains("tells of `gap`"));
        assert_eq!(compare(&tree(&[(WIT, CONTRACT)])), ["docs/wit.md is missing"]);
    }
}
