//! What the built components are, looked at from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use tandem_strategies::{ALL, SDK_RUST, strategy};
use wit_component::{DecodedWasm, decode};

/// The names of what a component imports or exports.
fn names(wasm: &[u8], exports: bool) -> Vec<String> {
    let DecodedWasm::Component(resolve, world) = decode(wasm).expect("a component") else { panic!("not a component") };
    let world = &resolve.worlds[world];
    let items = if exports { &world.exports } else { &world.imports };
    items.keys().map(|key| resolve.name_world_key(key)).collect()
}

#[test]
fn a_strategy_imports_the_contract_and_nothing_else() {
    for strategy in ALL {
        for name in names(strategy.wasm, false) {
            assert!(name.starts_with("tandem:strategy/") && name.ends_with("@0.1.0"), "{} imports {name}", strategy.name);
        }
        assert_eq!(names(strategy.wasm, true), ["tandem:strategy/strategy@0.1.0"], "{}", strategy.name);
    }
}

#[test]
fn the_three_strategies_are_there_and_small() {
    assert_eq!(ALL.iter().map(|s| s.name).collect::<Vec<_>>(), ["hours", "ivr-menu", "survey", "welcome"]);
    for strategy in ALL {
        // A strategy that grows fivefold has taken something aboard that it should not.
        assert!(strategy.wasm.len() < 300_000, "{} has {} bytes", strategy.name, strategy.wasm.len());
        assert!(!strategy.scenarios.is_empty());
    }
    assert!(strategy("welcome").is_some() && strategy("Welcome").is_none());
}

#[test]
fn the_sdk_is_whole() {
    let has = |name: &str| SDK_RUST.iter().any(|(path, bytes)| *path == name && !bytes.is_empty());
    for name in ["Cargo.toml", "README.md", "src/lib.rs", "src/flow/call.rs", "wit/strategy.wit"] {
        assert!(has(name), "{name}");
    }
}
