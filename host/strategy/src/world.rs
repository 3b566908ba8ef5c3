//! Whether a component speaks the contract, judged by the names of its imports and exports.

use wasmtime::component::Component;

use crate::LoadError;

/// The contract this release serves.
pub(crate) const SERVED: &str = "tandem:strategy@0.1.0";
const PACKAGE: &str = "tandem:strategy/";
const VERSION: &str = "@0.1.0";
const IMPORTS: [&str; 7] = ["types", "dialog", "routing", "user-data", "timers", "http", "control"];
const EXPORT: &str = "tandem:strategy/strategy@0.1.0";
/// What the virtual WASI has (see `wasi`).
const WASI: [&str; 6] = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
const WASI_VERSION: &str = "@0.2.";

const WASM: &[u8] = b"\0asm";
const CORE: &[u8] = &[1, 0, 0, 0];

/// Names of a component that passed [`check`].
pub(crate) struct Names {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) wasi: Vec<String>,
}

/// Looks at the first bytes: the mistakes that are made most.
pub(crate) fn check_header(bytes: &[u8]) -> Result<(), LoadError> {
    let Some(rest) = bytes.strip_prefix(WASM) else { return Err(LoadError::NotWasm) };
    if rest.starts_with(CORE) { Err(LoadError::CoreModule) } else { Ok(()) }
}

/// Looks at all names.
pub(crate) fn check(component: &Component) -> Result<Names, LoadError> {
    let (engine, kind) = (component.engine(), component.component_type());
    let mut names = Names { imports: Vec::new(), exports: Vec::new(), wasi: Vec::new() };
    let mut foreign = Vec::new();
    for (name, _) in kind.imports(engine) {
        if is_ours(name)? {
            names.imports.push(name.to_owned());
        } else if WASI.iter().any(|package| name.starts_with(package)) && name.contains(WASI_VERSION) {
            names.wasi.push(name.to_owned());
        } else {
            foreign.push(name);
        }
    }
    if !foreign.is_empty() {
        return Err(LoadError::ForeignImports { imports: foreign.join(", ") });
    }
    names.exports = kind.exports(engine).map(|(name, _)| name.to_owned()).collect();
    if names.exports.iter().any(|name| name == EXPORT) {
        return Ok(names);
    }
    match names.exports.iter().find(|name| name.starts_with("tandem:strategy/strategy@")) {
        Some(other) => Err(other_version(other)),
        None => Err(LoadError::NoStrategy { missing: EXPORT }),
    }
}

/// Whether an import is one of the contract.
fn is_ours(name: &str) -> Result<bool, LoadError> {
    let Some(rest) = name.strip_prefix(PACKAGE) else { return Ok(false) };
    match rest.strip_suffix(VERSION) {
        Some(interface) => Ok(IMPORTS.contains(&interface)),
        None => Err(other_version(name)),
    }
}

fn other_version(name: &str) -> LoadError {
    LoadError::OtherVersion { found: name.to_owned(), served: SERVED }
}
