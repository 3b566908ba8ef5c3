//! A virtual WASI for components whose language brings one along (Python, JavaScript, Go): nothing of the machine shows.
//!
//! Both clocks read the event's time and stand still during a call; sleeping is over at once. Random numbers follow from
//! the event's seed. There is no environment, no argument, no directory, no socket; what is written goes into the log.
//! Components without WASI imports (Rust) never make one of these.

mod output;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use rand::TryRng;
use tandem_words::Timestamp;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView,
    p2::{DynPollable, Pollable, bindings::clocks::monotonic_clock, subscribe},
};

use self::output::Output;
use crate::host_side::HostSide;

/// A monotonic clock must never read 0 (Go stops at its start if it does).
const MONOTONIC_BASE_NS: u64 = 1_000_000_000;
/// Handles an instance may hold: streams and pollables, a handful in all languages tried.
const MAX_RESOURCES: usize = 1_000;
/// Random bytes in one call; Python takes 20 KB at its start, in pieces of 8 bytes.
const MAX_RANDOM_BYTES: u64 = 1 << 20;
/// Keys of hash tables. Always the same: a table's order must not depend on where an instance runs.
const HASH_SEED: u128 = 0x7a6e_6465_6d5f_6861_7368_5f73_6565_6400;

/// The WASI of one instance.
pub(crate) struct VirtualWasi {
    ctx: WasiCtx,
    table: ResourceTable,
    now: Arc<AtomicU64>,
    random: Random,
    insecure: Random,
    out: Output,
    err: Output,
}

impl VirtualWasi {
    pub(crate) fn new(at: Timestamp, seed: u64) -> Self {
        let (now, random, insecure) = (Arc::new(AtomicU64::new(at)), Random::default(), Random::default());
        let (out, err) = (Output::default(), Output::default());
        let mut builder = WasiCtx::builder();
        builder
            .wall_clock(WallClock(now.clone()))
            .monotonic_clock(MonotonicClock(now.clone()))
            .secure_random(random.clone())
            .insecure_random(insecure.clone())
            .insecure_random_seed(HASH_SEED)
            .max_random_size(MAX_RANDOM_BYTES)
            .stdout(out.clone())
            .stderr(err.clone())
            .allow_ip_name_lookup(false)
            .allow_tcp(false)
            .allow_udp(false);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut wasi = VirtualWasi { ctx: builder.build(), table, now, random, insecure, out, err };
        wasi.set(at, seed);
        wasi
    }

    /// A call begins.
    pub(crate) fn set(&mut self, at: Timestamp, seed: u64) {
        self.now.store(at, Relaxed);
        self.random.0.store(seed, Relaxed);
        self.insecure.0.store(!seed, Relaxed);
    }

    /// What was written to stdout and to stderr since the last call.
    pub(crate) fn take_output(&mut self) -> (String, String) {
        (self.out.take(), self.err.take())
    }
}

/// Lets components import WASI 0.2.
pub(crate) fn add_to_linker(linker: &mut Linker<HostSide>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    // The library's own would let a guest sleep, and a worker with it.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<HostSide, SleeplessClock>(linker, |host| Sleepless(host.wasi()))?;
    linker.allow_shadowing(false);
    Ok(())
}

impl WasiView for HostSide {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi();
        WasiCtxView { ctx: &mut wasi.ctx, table: &mut wasi.table }
    }
}

struct SleeplessClock;

impl HasData for SleeplessClock {
    type Data<'a> = Sleepless<'a>;
}

struct Sleepless<'a>(&'a mut VirtualWasi);

impl monotonic_clock::Host for Sleepless<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(MonotonicClock(self.0.now.clone()).now())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(MonotonicClock(self.0.now.clone()).resolution())
    }

    fn subscribe_instant(&mut self, _when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let over = self.0.table.push(Over)?;
        subscribe(&mut self.0.table, over)
    }

    fn subscribe_duration(&mut self, _duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_instant(0)
    }
}

/// A sleep that is over.
struct Over;

#[wasmtime_wasi::async_trait]
impl Pollable for Over {
    async fn ready(&mut self) {}
}

struct WallClock(Arc<AtomicU64>);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Relaxed))
    }
}

struct MonotonicClock(Arc<AtomicU64>);

impl HostMonotonicClock for MonotonicClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.load(Relaxed).saturating_mul(1_000_000).saturating_add(MONOTONIC_BASE_NS)
    }
}

/// SplitMix64: every seed is a good one, and its state fits one atomic number. Not for secrets, which a strategy has none of.
#[derive(Clone, Default)]
struct Random(Arc<AtomicU64>);

impl Random {
    fn next(&self) -> u64 {
        mix(self.0.fetch_add(GOLDEN, Relaxed).wrapping_add(GOLDEN))
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes a number that depends on all bits of `z`.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [a, b, c, d, ..] = self.next().to_le_bytes();
        Ok(u32::from_le_bytes([a, b, c, d]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *to = from;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_follow_from_the_seed() {
        let mut wasi = VirtualWasi::new(5, 7);
        let mut draw = |seed| {
            wasi.set(5, seed);
            let mut bytes = [0; 20];
            wasi.random.try_fill_bytes(&mut bytes).unwrap();
            (bytes, wasi.random.next(), wasi.insecure.next())
        };
        let first = draw(7);
        assert_eq!(draw(7), first);
        assert_ne!(draw(8), first);
        assert_ne!(first.1, first.2);
        // The published first value of SplitMix64 for seed 0.
        assert_eq!(Random::default().next(), 0xe220_a839_7b1d_cdaf);
    }
}
