//! The contract as Rust types, generated from `wit/strategy.wit`.
#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "routing-strategy",
    // An import stops a guest that breaks a limit or calls outside `on-event`.
    imports: { default: trappable },
});
