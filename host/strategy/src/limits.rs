//! The engine's limits, each with its default and its reason (design, section 3; P12). Those of which `tandem.toml` has an option
//! say so; the others are fixed in this release, and errors name them by their field.

use std::time::Duration;

use tandem_session::Effort;

/// How much longer a step may take that is known to end well, because it did so before.
const REPLAY_FACTOR: u32 = 10;

/// Of `transfer_bytes`: room for a description and for texts of errors, whatever else is allowed.
const MIN_TRANSFER_BYTES: usize = 4 << 20;

/// What guests may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// `limits.step-cpu`: CPU time of the worker for one call of a guest, ms. A step takes microseconds; neighbours wait
    /// meanwhile. Measured in ticks of 10 ms.
    pub step_cpu_ms: u32,
    /// `limits.step-wall`: time that passes during one call, ms. Above the CPU limit, for a machine that is busy.
    pub step_wall_ms: u32,
    /// `limits.cell-memory`: bytes of linear memory of one instance, shared or own. A thousand sessions take 1.4 MB in Rust,
    /// 7.5 MB in Python.
    pub cell_memory_bytes: usize,
    /// Sessions in one cell. All of them are rebuilt after a trap.
    pub cell_sessions: usize,
    /// Instances in the process. Each takes up to 6 memory maps and 4 GiB of address space, and the
    /// kernel's default map count (65,530) ends at about 10,900 (`vm.max_map_count`). Instances for one session get three
    /// quarters of it at most.
    pub instances: usize,
    /// Elements of one table of a guest: pointers to its functions. Python has the most, 60,000.
    pub table_elements: usize,
    /// Core instances, and so tables and memories, within one component. Python has about 50.
    pub core_instances: usize,
    /// Bytes that one import may carry from the guest, or one export give back: above `limits.payload` and `limits.state`,
    /// so that those answer first (see [`EngineLimits::carrying`]), and far below what a list that names the same text a million
    /// times would copy.
    pub transfer_bytes: usize,
    /// Bytes of a component. Python's are 18 MB; compiling takes twenty times as much memory.
    pub component_bytes: usize,
    /// How long compiling may take, ms. Python's takes 20 s of CPU.
    pub compile_ms: u32,
}

impl Default for EngineLimits {
    fn default() -> Self {
        EngineLimits {
            step_cpu_ms: 100,
            step_wall_ms: 2_000,
            cell_memory_bytes: 64 << 20,
            cell_sessions: 1_024,
            instances: 8_000,
            table_elements: 100_000,
            core_instances: 100,
            transfer_bytes: MIN_TRANSFER_BYTES,
            component_bytes: 64 << 20,
            compile_ms: 120_000,
        }
    }
}

impl EngineLimits {
    /// The same with room for a request of `payload_bytes` (`limits.payload`), in a replay ten times as large, and for a snapshot
    /// of `state_bytes` (`limits.state`): twice as much as the larger one, for what lists and records take beside their texts.
    pub fn carrying(self, payload_bytes: usize, state_bytes: usize) -> Self {
        let replayed = payload_bytes.saturating_mul(REPLAY_FACTOR as usize);
        EngineLimits { transfer_bytes: replayed.max(state_bytes).saturating_mul(2).max(MIN_TRANSFER_BYTES), ..self }
    }

    /// CPU and wall time of one call.
    pub(crate) fn call_times(&self, effort: Effort) -> (Duration, Duration) {
        let factor = match effort {
            Effort::First => 1,
            Effort::Replay => REPLAY_FACTOR,
        };
        let time = |ms: u32| Duration::from_millis(u64::from(ms)) * factor;
        (time(self.step_cpu_ms), time(self.step_wall_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_may_carry_whatever_the_other_limits_allow() {
        for (payload_bytes, state_bytes) in [(1 << 10, 1 << 10), (64 << 10, 256 << 10), (1 << 20, 1 << 10), (1 << 10, 16 << 20)] {
            let limits = EngineLimits::default().carrying(payload_bytes, state_bytes);
            assert!(limits.transfer_bytes > payload_bytes * 10 && limits.transfer_bytes > state_bytes, "{limits:?}");
            assert!(limits.transfer_bytes <= 32 << 20, "{limits:?}");
        }
    }
}
