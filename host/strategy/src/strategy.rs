//! A strategy that is ready to run, and the way there from a component's bytes.

use std::{collections::BTreeSet, sync::Arc};

use sha2::{Digest, Sha256};
use tandem_words::{Manifest, VersionId};
use wasmtime::component::{Component, InstancePre};

use crate::{
    Cache, Engine, LoadError,
    bindings::RoutingStrategyIndices,
    cell::{Cell, OpenError},
    host_side::HostSide,
    world,
};

/// Of a strategy's name, which stands in URLs, file names and log lines.
const NAME_BYTES: usize = 64;

/// One version of a strategy, loaded.
pub struct Strategy {
    version: VersionId,
    manifest: Manifest,
    report: Report,
    pub(crate) code: Code,
}

/// What `tandem check` tells of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its SHA-256.
    pub version: VersionId,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Interfaces of the contract that it uses.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
    /// Interfaces of WASI that it uses; they are virtual here. Rust strategies have none.
    pub wasi: Vec<String>,
    /// Bytes of the component.
    pub bytes: usize,
}

/// Everything prepared for making instances.
pub(crate) struct Code {
    pub(crate) instances: InstancePre<HostSide>,
    pub(crate) exports: RoutingStrategyIndices,
    /// For people: name, version, beginning of the hash.
    pub(crate) label: Arc<str>,
}

impl Strategy {
    /// Checks, compiles and asks for the manifest.
    ///
    /// Blocks for as long as that takes: milliseconds from a cache, seconds without. Not for an async runtime's threads.
    pub fn load(engine: &Engine, bytes: &[u8], cache: Option<&Cache>) -> Result<Self, LoadError> {
        let limit = engine.limits().component_bytes;
        if bytes.len() > limit {
            return Err(LoadError::TooLarge { bytes: bytes.len(), limit });
        }
        world::check_header(bytes)?;
        let version = version_of(bytes);
        let component = match cache {
            Some(cache) => cache.component(engine, version, bytes)?,
            None => Component::new(engine.wasmtime(), bytes).map_err(|error| LoadError::Damaged(format!("{error:#}")))?,
        };
        let names = world::check(&component)?;
        let other_shape = |error| LoadError::OtherShape { served: world::SERVED, what: format!("{error:#}") };
        let instances = engine.linker().instantiate_pre(&component).map_err(other_shape)?;
        let exports = RoutingStrategyIndices::new(&instances).map_err(other_shape)?;
        let short = version.to_string().chars().take(8).collect::<String>();
        let mut code = Code { instances, exports, label: format!("component {short}").into() };
        let mut cell = Cell::open(engine, &code, false, Arc::new(|| ())).map_err(|error| match error {
            OpenError::Shape(error) => other_shape(error),
            OpenError::Failure(failure) => LoadError::Describe(failure.message),
        })?;
        let manifest = cell.describe().map_err(|failure| LoadError::Describe(failure.message))?;
        check_manifest(&manifest).map_err(LoadError::Manifest)?;
        code.label = format!("strategy {} {} ({short})", manifest.name, manifest.version).into();
        let report = Report {
            version,
            manifest: manifest.clone(),
            imports: names.imports,
            exports: names.exports,
            wasi: names.wasi,
            bytes: bytes.len(),
        };
        Ok(Strategy { version, manifest, report, code })
    }

    /// The SHA-256 of its component.
    pub fn version(&self) -> VersionId {
        self.version
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What is known of its component.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

/// Loads a component and tells what it is; nothing is kept.
pub fn inspect(engine: &Engine, bytes: &[u8]) -> Result<Report, LoadError> {
    Strategy::load(engine, bytes, None).map(|strategy| strategy.report)
}

/// A component's version.
fn version_of(bytes: &[u8]) -> VersionId {
    VersionId(Sha256::digest(bytes).into())
}

/// What the contract says of a manifest in words.
fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if manifest.name.is_empty() || manifest.name.len() > NAME_BYTES || !manifest.name.chars().all(good) {
        return Err(format!("the name {:?} is not 1 to {NAME_BYTES} lower-case letters, digits and `-`", manifest.name));
    }
    if manifest.media.is_empty() {
        return Err("it names no media, so nothing could be routed by it".to_owned());
    }
    let mut known = BTreeSet::new();
    match manifest.parameters.iter().find(|parameter| parameter.name.is_empty() || !known.insert(&parameter.name)) {
        Some(parameter) => Err(format!("the parameter {:?} has no name, or the name of another one", parameter.name)),
        None => Ok(()),
    }
}
