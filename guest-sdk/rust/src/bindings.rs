//! Generated from `wit/strategy.wit`. The crate root re-exports what an author needs.

wit_bindgen::generate!({
    world: "routing-strategy",
    path: "wit",
    pub_export_macro: true,
    default_bindings_module: "tandem_sdk::bindings",
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    generate_all,
});
