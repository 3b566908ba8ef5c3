//! Files that may want to be two. A note, no failure: a table may well be long.

use super::tree::Tree;

/// Nine of ten files of good trees stay below this.
const LINES: usize = 450;

/// Each longer file.
pub fn list(tree: &Tree) -> Vec<String> {
    let counted = tree.below("", ".rs").map(|(path, text)| (path, text.lines().count()));
    counted.filter(|(_, lines)| *lines > LINES).map(|(path, lines)| format!("{path} has {lines} lines: two ideas?")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::tree::tree;

    #[test]
    fn only_long_rust_files_are_listed() {
        let long = "x\n".repeat(451);
        let found = list(&tree(&[("a.rs", &long), ("b.rs", "x\n"), ("c.md", &long)]));
        assert_eq!(found, ["a.rs has 451 lines: two ideas?"]);
    }
}
