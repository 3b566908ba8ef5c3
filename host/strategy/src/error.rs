//! Why a component does not become a strategy.

use std::{io, path::PathBuf};

/// See the module. Every text says what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum LoadError {
    #[error("wasmtime does not start: {0}")]
    Engine(String),
    #[error(
        "the component has {bytes} bytes; the limit is {limit} (EngineLimits::component_bytes, fixed in this release); strip its debug information"
    )]
    TooLarge { bytes: usize, limit: usize },
    #[error("this is not WebAssembly: a component begins with the bytes \"\\0asm\"; give the .wasm file that the build has made")]
    NotWasm,
    #[error(
        "this is a core WebAssembly module, not a component; link it with wasm-component-ld (`tandem new` sets that up) or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    #[error("the component is damaged or uses what Tandem does not allow: {0}")]
    Damaged(String),
    #[error(
        "the component imports {imports}, which strategies do not have; take out the library that needs it (web services are reached by http.fetch of the contract)"
    )]
    ForeignImports { imports: String },
    #[error("the component is made for {found}; this release of Tandem serves {served}; build it again with the SDK of this release")]
    OtherVersion { found: String, served: &'static str },
    #[error("the component does not export {missing}, so it is no strategy; does it implement world tandem:strategy/routing-strategy?")]
    NoStrategy { missing: &'static str },
    #[error("the component does not fit the contract {served}: {what}; build it again with the SDK of this release")]
    OtherShape { served: &'static str, what: String },
    #[error("the strategy could not say what it is: {0}")]
    Describe(String),
    #[error("the strategy's manifest is not usable: {0}")]
    Manifest(String),
    #[error("the component could not be compiled: {0}")]
    Compile(String),
    #[error("the folder for compiled components, {path}: {what}")]
    CacheFolder { path: PathBuf, what: String },
    #[error("the compiled component {path}: {error}")]
    CacheFile { path: PathBuf, error: io::Error },
}

impl LoadError {
    /// Whether the same component may be loaded another time: what failed was the machine (no room on the disk, a compiler that was
    /// killed), and not the component.
    pub fn may_pass(&self) -> bool {
        matches!(self, LoadError::Compile(_) | LoadError::CacheFile { .. })
    }
}

/// The catalogue takes no more versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process has loaded {0} versions of strategies, which is the limit; restart the instance to forget old ones")]
pub struct CatalogueFull(pub usize);
