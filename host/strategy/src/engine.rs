//! The engine: wasmtime's configuration, the linker with the contract's imports, and the epoch.

use std::{
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use sha2::{Digest, Sha256};
use wasmtime::{
    Config, WasmBacktraceDetails,
    component::{HasSelf, Linker},
};

use crate::{EngineLimits, LoadError, bindings::RoutingStrategy, host_side::HostSide, ticker::Ticker, wasi};

/// Stack of a guest. Fixed, because a recursion must end at the same depth wherever it is replayed.
const STACK_BYTES: usize = 512 << 10;

/// One for a process; clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    wasmtime: wasmtime::Engine,
    linker: Linker<HostSide>,
    limits: EngineLimits,
    hash: String,
    instances: Arc<AtomicUsize>,
    _ticker: Ticker,
}

impl Engine {
    /// Starts the engine and its thread `tandem-epoch`, which ends with the last clone.
    pub fn new(limits: EngineLimits) -> Result<Self, LoadError> {
        Inner::start(limits).map(|inner| Engine(Arc::new(inner))).map_err(|error| LoadError::Engine(format!("{error:#}")))
    }

    /// What guests may use.
    pub fn limits(&self) -> &EngineLimits {
        &self.0.limits
    }

    /// Instances that live now.
    pub fn instances(&self) -> usize {
        self.0.instances.load(Relaxed)
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    pub(crate) fn linker(&self) -> &Linker<HostSide> {
        &self.0.linker
    }

    /// Of wasmtime's version and configuration: what is compiled for another one does not run here.
    pub(crate) fn hash(&self) -> &str {
        &self.0.hash
    }

    /// Room for one more instance, until it is dropped. Instances for one session leave a quarter to cells, so that a
    /// strategy that wants many of them cannot keep the others from starting.
    pub(crate) fn place(&self, own: bool) -> Option<PlaceTaken> {
        let all = self.0.limits.instances;
        let limit = if own { all - all / 4 } else { all };
        let counter = &self.0.instances;
        let taken = counter.fetch_update(Relaxed, Relaxed, |count| (count < limit).then_some(count + 1));
        taken.ok().map(|_| PlaceTaken(counter.clone()))
    }
}

impl Inner {
    fn start(limits: EngineLimits) -> wasmtime::Result<Self> {
        let wasmtime = wasmtime::Engine::new(&config())?;
        let mut linker = Linker::new(&wasmtime);
        RoutingStrategy::add_to_linker::<_, HasSelf<HostSide>>(&mut linker, |host| host)?;
        wasi::add_to_linker(&mut linker)?;
        let ticker = Ticker::start(wasmtime.clone())?;
        let hash = compatibility_hash(&wasmtime);
        Ok(Inner { wasmtime, linker, limits, hash, instances: Arc::default(), _ticker: ticker })
    }
}

/// An instance counts while this lives.
pub(crate) struct PlaceTaken(Arc<AtomicUsize>);

impl Drop for PlaceTaken {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// The same in every process of a release: what it says is part of what a step computes (P10).
///
/// Instances are allocated on demand, not from a pool. Cells make them few and long-lived, so that instantiating (8 µs
/// either way) does not matter; a pool would need sizes fixed for the largest language that may ever come (Python: 50 core
/// instances, 60,000 table elements) and reserve address space and memory maps for all of it.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Nothing in the contract is async; a store with it costs a microsecond a call.
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .max_wasm_stack(STACK_BYTES)
        // The environment must not change what is compiled.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    // 4 GiB of address space for each memory is wasmtime's default on 64 bits, and kept: no bounds checks (facts: 15 to 35 %
    // an event otherwise). Threads and garbage collection are not compiled in.
    config
}

fn compatibility_hash(engine: &wasmtime::Engine) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A hash that is the same in every build, unlike the standard library's.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Never asked for: the whole digest is read instead.
    fn finish(&self) -> u64 {
        0
    }
}
