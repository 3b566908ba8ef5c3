//! What is not a strategy, and how its author is told.

use tandem_strategy::{Engine, EngineLimits, LoadError, Strategy, inspect};

use crate::{bed::wasm, handmade::Guest};

fn refusal(component: &[u8]) -> LoadError {
    let engine = Engine::new(EngineLimits::default()).unwrap();
    match Strategy::load(&engine, component, None) {
        Ok(strategy) => panic!("{:?} was loaded", strategy.manifest()),
        Err(error) => error,
    }
}

#[test]
fn a_rust_strategy_imports_no_wasi() {
    let engine = Engine::new(EngineLimits::default()).unwrap();
    let report = inspect(&engine, wasm("timers")).unwrap();
    assert_eq!(report.manifest.name, "timers");
    assert_eq!(report.bytes, wasm("timers").len());
    assert_eq!(report.wasi, [""; 0]);
    assert!(report.imports.contains(&"tandem:strategy/timers@0.1.0".to_owned()), "{report:?}");
    assert!(report.exports.contains(&"tandem:strategy/strategy@0.1.0".to_owned()), "{report:?}");
}

#[test]
fn what_is_no_component_is_refused_for_what_it_is() {
    assert!(matches!(refusal(b""), LoadError::NotWasm));
    assert!(matches!(refusal(b"#!/bin/sh"), LoadError::NotWasm));
    assert!(matches!(refusal(&wat::parse_str("(module)").unwrap()), LoadError::CoreModule));
    let whole = wasm("fails");
    for end in [8, 9, 100, whole.len() / 2, whole.len() - 1] {
        let error = refusal(&whole[..end]);
        // Eight bytes are an empty component: whole, but no strategy.
        assert!(matches!(error, LoadError::Damaged(_)) || end == 8 && matches!(error, LoadError::NoStrategy { .. }), "{end}: {error}");
    }
    let mut garbage = whole.to_vec();
    garbage[8..].fill(0xa5);
    assert!(matches!(refusal(&garbage), LoadError::Damaged(_)));
}

#[test]
fn a_component_of_another_world_is_told_what_is_foreign_or_missing() {
    let error = refusal(wasm("another-world"));
    assert!(matches!(&error, LoadError::ForeignImports { imports } if imports == "example:greeting/clock@1.0.0"), "{error}");
    let error = refusal(&wat::parse_str("(component)").unwrap());
    assert!(error.to_string().contains("does not export tandem:strategy/strategy@0.1.0"), "{error}");
    let http = Guest {
        imports: r#"(import "wasi:http/outgoing-handler@0.2.0" "handle" (func $handle))"#,
        on_event: "(call $handle)",
        ..Guest::default()
    };
    let error = refusal(&http.component());
    assert!(error.to_string().contains("wasi:http/outgoing-handler@0.2.0") && error.to_string().contains("http.fetch"), "{error}");
}

#[test]
fn a_component_of_another_version_is_told_which_is_served() {
    for version in ["0.2.0", "0.1.1"] {
        let error = refusal(&Guest::default().component_of(version));
        assert!(matches!(&error, LoadError::OtherVersion { found, .. } if found.ends_with(version)), "{error}");
        assert!(error.to_string().contains("tandem:strategy@0.1.0"), "{error}");
    }
}

#[test]
fn a_component_of_the_right_name_and_the_wrong_shape_is_refused() {
    let component = wat::parse_str(
        r#"(component
            (core module $m (func (export "f") (result i32) i32.const 1))
            (core instance $i (instantiate $m))
            (func $f (result u32) (canon lift (core func $i "f")))
            (instance $strategy (export "describe" (func $f)))
            (export "tandem:strategy/strategy@0.1.0" (instance $strategy)))"#,
    );
    let error = refusal(&component.unwrap());
    assert!(matches!(error, LoadError::OtherShape { .. }), "{error}");
}

#[test]
fn a_component_that_is_too_large_is_not_even_compiled() {
    let engine = Engine::new(EngineLimits { component_bytes: 1_000, ..EngineLimits::default() }).unwrap();
    let error = inspect(&engine, wasm("fails")).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { limit: 1_000, .. }), "{error}");
}

#[test]
fn a_strategy_that_cannot_say_what_it_is_is_refused() {
    let error = refusal(&Guest { describe: "unreachable", ..Guest::default() }.component());
    assert!(matches!(&error, LoadError::Describe(what) if what.contains("describe was stopped")), "{error}");
    let error = refusal(&Guest { describe: "(loop $forever (br $forever))", ..Guest::default() }.component());
    assert!(matches!(&error, LoadError::Describe(what) if what.contains("limits.step-")), "{error}");
    let error = refusal(&Guest { data: r#"(data (i32.const 16) "Hand Made")"#, ..Guest::default() }.component());
    assert!(matches!(&error, LoadError::Manifest(what) if what.contains("Hand Mad")), "{error}");
}

#[test]
fn a_component_that_needs_more_memory_than_a_cell_has_is_refused_when_it_is_loaded() {
    let engine = Engine::new(EngineLimits { cell_memory_bytes: 64 << 10, ..EngineLimits::default() }).unwrap();
    let error = inspect(&engine, wasm("fails")).unwrap_err();
    assert!(error.to_string().contains("limits.cell-memory"), "{error}");
}
