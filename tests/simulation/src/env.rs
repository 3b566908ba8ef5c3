//! What all parts of a world share: time, chance, the network, the store, the node's lock, and the judge.

use tandem_gateway::core::ConnectionId;
use tandem_words::Timestamp;

use crate::{
    agenda::{Agenda, Doing, Happening, Process, Way},
    chance::Chance,
    checks::Judge,
    network::{Network, Packet, SynchPacket},
    plan::Plan,
    store::Disk,
    trace::Trace,
};

/// See the module.
pub struct Env {
    /// The seed's plan.
    pub plan: Plan,
    /// Real time, µs.
    pub now_us: u64,
    /// What comes.
    pub agenda: Agenda,
    /// Delays, and what a fault hits.
    pub chance: Chance,
    /// The switch links.
    pub net: Network<Packet>,
    /// The synch links.
    pub synch: Network<SynchPacket>,
    /// Who listens for a backup, of each instance.
    pub listening: [Option<Process>; 2],
    /// The store.
    pub disk: Disk,
    /// Who has the node's lock.
    pub lock: Option<Process>,
    /// Who took it last; a candidate reads that from the lock's file.
    pub locked_last: Option<Process>,
    /// Counted up in the lock's file by whoever has it and cannot write to the store.
    pub beat: u64,
    /// Processes that somebody wants killed.
    pub kills: Vec<Process>,
    /// Processes that want to end by themselves.
    pub ends: Vec<Process>,
    /// The processes that live.
    pub living: [Option<Process>; 2],
    /// Whether each instance has the gateway's welcome; the synch link tells the other one.
    pub reaches: [bool; 2],
    /// Whether the gateway takes connections.
    pub gateway_up: bool,
    /// A planned switchover was begun by this process.
    pub switching: Option<Process>,
    /// Switch time, as the gateway has it.
    pub switch_now: Timestamp,
    /// Looks at everything.
    pub judge: Judge,
    /// Notes everything.
    pub trace: Trace,
}

impl Env {
    /// A process does something so much later, µs.
    pub fn plan_in(&mut self, process: Process, run: u32, after_us: u64, doing: Doing) {
        self.agenda.plan(self.now_us + after_us, Happening::In(process, run, doing));
    }

    /// How long a thread takes to come to what waits for it.
    pub fn thread_delay_us(&mut self) -> u64 {
        if self.chance.percent(3) { self.chance.between(500, 5_000) } else { self.chance.between(5, 120) }
    }

    /// Half of a transaction.
    pub fn commit_delay_us(&mut self) -> u64 {
        let slow_us = self.disk.mood.slow_us;
        self.chance.between(100, 900) + if slow_us > 0 { self.chance.between(0, slow_us) } else { 0 }
    }

    /// Something goes over a synch link.
    pub fn say_to_peer(&mut self, id: ConnectionId, way: Way, packet: SynchPacket) {
        self.synch.send(id, way, packet, self.now_us, &mut self.chance, &mut self.agenda);
    }

    /// A process's synch links end: with it, or because it has another role now. `dead`: what it had sent may be lost.
    pub fn hang_up(&mut self, process: Process, dead: bool) {
        if let Some(listening) = self.listening.get_mut(process.instance) {
            *listening = listening.filter(|listening| *listening != process);
        }
        for (id, way) in self.synch.of_process(process) {
            if dead && self.chance.percent(50) {
                self.synch.lose(id, way);
            }
            self.say_to_peer(id, way, SynchPacket::Close);
        }
    }

    /// Lets go of the lock, if this process has it, and tells the other one.
    pub fn unlock(&mut self, process: Process) {
        if self.lock == Some(process) {
            self.lock = None;
            for other in self.living.into_iter().flatten() {
                self.plan_in(other, 0, 20, Doing::LockFree);
            }
        }
    }

    /// The lock's file is gone: its holder holds nothing that anybody else could see.
    pub fn lock_removed(&mut self) {
        if let Some(holder) = self.lock {
            self.unlock(holder);
        }
    }

    /// Takes it, if nobody has it.
    pub fn try_lock(&mut self, process: Process) -> bool {
        if self.lock.is_none() {
            (self.lock, self.locked_last, self.beat) = (Some(process), Some(process), 0);
        }
        self.lock == Some(process)
    }

    /// It could not write to the store, and shows that it moves.
    pub fn beats(&mut self, process: Process) {
        self.beat += u64::from(self.lock == Some(process));
    }

    /// Whether this process lives.
    pub fn lives(&self, process: Process) -> bool {
        self.living.get(process.instance).copied().flatten() == Some(process)
    }

    /// Notes something in the trace.
    pub fn note(&mut self, what: impl FnOnce() -> String) {
        self.trace.note(self.now_us, what);
    }
}
