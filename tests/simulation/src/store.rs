//! The pair's store: the product's memory store behind one writer's lock, with faults, and every batch shown to the judge.

use tandem_journal::{Batch, Lease, LostClaim};
use tandem_store::{Disposition, Holder, Memory, Reader, Store as _, StoreError};
use tandem_words::{InstanceName, NodeId};

use crate::agenda::Process;

/// How the store is today.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mood {
    /// A transaction takes up to so much longer, µs.
    pub slow_us: u64,
    /// Of a hundred tries so many find it busy.
    pub busy_percent: u64,
    /// Of a hundred commits so many are applied and reported as failed.
    pub unknown_percent: u64,
    /// Since when there is no room, if there is none.
    pub full_since_us: Option<u64>,
    /// The next commit ends in an I/O error.
    pub fails_next: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Disk {
    memory: [Memory; 2],
    /// Who has a transaction open.
    writer: Option<Process>,
    /// How it is today.
    pub mood: Mood,
}

impl Default for Disk {
    fn default() -> Self {
        let memory = Memory::new(77);
        Disk { memory: [memory.clone(), memory], writer: None, mood: Mood::default() }
    }
}

impl Disk {
    /// Begins a transaction, if nobody else has one open.
    pub fn begin(&mut self, process: Process) -> bool {
        let free = self.writer.is_none();
        if free {
            self.writer = Some(process);
        }
        free
    }

    /// Ends it.
    pub fn end(&mut self, process: Process) {
        if self.writer == Some(process) {
            self.writer = None;
        }
    }

    /// Whether this process has one open.
    pub fn is_writing(&self, process: Process) -> bool {
        self.writer == Some(process)
    }

    /// A new process opens the store: what only the one before knew is gone.
    pub fn opened(&mut self, instance: usize) {
        if let Some(memory) = self.memory.get_mut(instance) {
            *memory = memory.clone();
        }
    }

    fn memory(&mut self, instance: usize) -> &mut Memory {
        let [a, b] = &mut self.memory;
        if instance == 0 { a } else { b }
    }

    fn room(&self) -> Result<(), StoreError> {
        if self.mood.full_since_us.is_some() {
            Err(StoreError::Full { path: "sim.db".into(), cause: "a full disk".to_owned() })
        } else {
            Ok(())
        }
    }

    /// As the process holds it.
    pub fn commit(&mut self, process: Process, batch: &Batch) -> Result<Vec<LostClaim>, StoreError> {
        self.room()?;
        self.memory(process.instance).commit(batch)
    }

    /// Takes the lease.
    pub fn take_lease(&mut self, process: Process, instance: InstanceName) -> Result<Lease, StoreError> {
        self.room()?;
        let holder = Holder { instance, pid: process.life, process_start: 0, boot_id: String::new() };
        self.memory(process.instance).take_lease(instance.node, &holder)
    }

    /// Gives it back.
    pub fn release_lease(&mut self, process: Process, lease: Lease, heir: Option<InstanceName>) -> Result<(), StoreError> {
        self.room()?;
        self.memory(process.instance).release_lease(lease, heir)
    }

    /// To read; readers wait for nobody.
    pub fn reader(&mut self) -> &mut dyn Reader {
        self.memory(0)
    }

    /// The lease as it stands: epoch, counter, who, whether released, and its heir.
    pub fn lease(&mut self, node: NodeId) -> Option<tandem_store::LeaseRow> {
        self.reader().lease(node).ok().flatten()
    }
}

/// Whether the product repeats after this error.
pub fn is_repeated(error: &StoreError) -> bool {
    error.disposition() == Disposition::Repeat
}
