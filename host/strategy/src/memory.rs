//! Memory of one instance: how much it has, and what it was refused.

use wasmtime::ResourceLimiter;

use crate::EngineLimits;

/// Bounds the sum of all linear memories of an instance, and its tables.
///
/// A growth beyond the limit is refused as the specification has it (`memory.grow` gives -1). Most guests then trap, which
/// looks like any other trap; so the refusal is remembered.
pub(crate) struct Memory {
    limit: usize,
    table_elements: usize,
    core_instances: usize,
    used: usize,
    last_growth: usize,
    refused: Option<usize>,
}

impl Memory {
    pub(crate) fn new(limits: &EngineLimits) -> Self {
        Memory {
            limit: limits.cell_memory_bytes,
            table_elements: limits.table_elements,
            core_instances: limits.core_instances,
            used: 0,
            last_growth: 0,
            refused: None,
        }
    }

    /// Whether less than half is used: new sessions find room.
    pub(crate) fn has_room(&self) -> bool {
        self.used <= self.limit / 2
    }

    /// Forgets earlier refusals: a call begins.
    pub(crate) fn begin_call(&mut self) {
        self.refused = None;
    }

    /// Bytes that were asked for in this call and refused, and how many are allowed.
    pub(crate) fn refused(&self) -> Option<(usize, usize)> {
        self.refused.map(|bytes| (bytes, self.limit))
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        let used = self.used.saturating_add(growth);
        if used > self.limit {
            self.refused = Some(used);
            return Ok(false);
        }
        self.used = used;
        self.last_growth = growth;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // Also told of a growth that was refused above; nothing was added for that one.
        if self.refused.is_none() {
            self.used = self.used.saturating_sub(self.last_growth);
            self.refused = Some(self.used.saturating_add(self.last_growth));
        }
        self.last_growth = 0;
        Ok(())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.table_elements)
    }

    fn instances(&self) -> usize {
        self.core_instances
    }

    fn tables(&self) -> usize {
        self.core_instances
    }

    fn memories(&self) -> usize {
        self.core_instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_of_an_instance_count_together() {
        let mut memory = Memory::new(&EngineLimits { cell_memory_bytes: 1_000, ..EngineLimits::default() });
        assert!(memory.memory_growing(0, 400, None).unwrap());
        assert!(memory.has_room());
        assert!(memory.memory_growing(0, 600, None).unwrap());
        assert!(!memory.has_room());
        assert_eq!(memory.refused(), None);
        assert!(!memory.memory_growing(600, 601, None).unwrap());
        assert_eq!(memory.refused(), Some((1_001, 1_000)));
        memory.begin_call();
        assert_eq!(memory.refused(), None);
    }
}
