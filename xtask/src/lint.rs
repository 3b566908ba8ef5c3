//! `cargo xtask lint`: format, clippy, and the rules that neither knows. Each rule is a file, with a test that it can fail.

mod contract;
mod guests;
mod hosts;
mod licences;
mod metadata;
mod pure;
mod rooms;
mod sizes;
mod tree;
mod unused;

use crate::{
    Done,
    command::{cargo, run, timed},
    setup,
};

/// Runs all parts, or the one that is named; the error names those that found something.
pub fn lint(arguments: &[String]) -> Done {
    // Clippy compiles what embeds the strategies.
    let clippy = || {
        setup::setup(&[]).and_then(|()| run(&mut cargo(&["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"])))
    };
    let parts: [(&str, &dyn Fn() -> Done); 3] =
        [("format", &|| run(&mut cargo(&["fmt", "--all", "--check"]))), ("rules", &rules), ("clippy", &clippy)];
    let chosen = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    if let Some(unknown) = arguments.iter().find(|argument| !parts.iter().any(|(name, _)| name == argument)) {
        return Err(format!("lint has no part {unknown:?}: format, rules, clippy"));
    }
    let mut failed = Vec::new();
    for (name, part) in parts.iter().filter(|(name, _)| chosen(name)) {
        if let Err(what) = timed(name, part) {
            eprintln!("lint: {name}: {what}");
            failed.push(*name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("lint found something: {}", failed.join(", "))) }
}

/// The rules that are checked here.
fn rules() -> Done {
    let tree = tree::Tree::read()?;
    let metadata = metadata::Metadata::read()?;
    let mut found = Vec::new();
    found.extend(rooms::check(&tree, &metadata));
    found.extend(pure::check(&tree, &metadata));
    found.extend(contract::check(&tree));
    found.extend(hosts::check(&tree));
    found.extend(licences::check(&metadata));
    found.extend(guests::check(&tree));
    found.extend(unused::check(&tree, &metadata));
    for line in sizes::list(&tree) {
        eprintln!("note: {line}");
    }
    for line in &found {
        eprintln!("  {line}");
    }
    if found.is_empty() { Ok(()) } else { Err(format!("{} broken", found.len())) }
}
