//! What is going to happen, in order of time, and of the order in which it was planned.

use std::{cmp::Reverse, collections::BinaryHeap};

use tandem_gateway::core::ConnectionId;

/// A process of an instance; another one after each restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Which instance: 0 is `a`, 1 is `b`.
    pub instance: usize,
    /// Counts its processes.
    pub life: u32,
}

/// The threads of a primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Thread {
    Node,
    Worker(usize),
    Committer,
    Reader,
    /// Reads the rows of all sessions after a takeover.
    Ahead,
}

/// Which way packets go: to whom the connection was made (the gateway, the primary), or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Way {
    Forth,
    Back,
}

/// Something that a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// A candidate looks at the lease.
    Look,
    /// The lock came free.
    LockFree,
    /// The transaction that takes the lease is at its end.
    Taken {
        /// When it began, by the process's own clock.
        began_ms: u64,
    },
    /// The threads stand.
    Begun,
    /// A thread handles what waits for it.
    Thread(Thread),
    /// The transaction becomes durable.
    Apply,
    /// It is acknowledged.
    Acknowledged,
    /// The committer tries once more.
    Again,
    /// The transaction that gives the lease back is at its end.
    Released,
    /// "I live", to the gateway.
    Heartbeat,
    /// The threads are looked at.
    Pulse,
    /// Nothing was committed for a while.
    Renew,
    /// The switch link is to be made.
    Connect,
    /// It was not made in time.
    ConnectTimeout(ConnectionId),
    /// The synch link is to be made.
    SynchConnect,
    /// The primary has not answered `hello` in time.
    SynchTimeout(ConnectionId),
    /// An end of the synch link says that it lives, and counts how long it has not heard the other one.
    SynchTick,
    /// What the backup has is acknowledged.
    SynchAck,
    /// A part of the full state is written.
    SynchRoom,
    /// Sessions may start again.
    Restarts,
    /// A backup reads what its primary has written.
    Follow,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// In a process, if it still lives and has the same role (`run`).
    In(Process, u32, Doing),
    /// The next packet of a switch link is there.
    Deliver(ConnectionId, Way),
    /// The next packet of a synch link is there.
    Synch(ConnectionId, Way),
    /// Switch time passes, if nothing has been said since.
    Pass(u64),
    /// The gateway looks after silence and stalls.
    GatewayLook,
    /// It comes back.
    GatewayBack,
    /// An instance's process is started again.
    Start(usize, u32),
    /// A fault may come from now on.
    FaultDue(usize),
    /// A fault is over.
    FaultOver(usize),
    /// Everything is healed.
    Heal,
    /// Is it over?
    Over,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    planned: u64,
}

#[derive(Debug)]
struct Entry(u64, u64, Happening);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

impl Agenda {
    /// At this real time, µs.
    pub fn plan(&mut self, at_us: u64, what: Happening) {
        self.planned += 1;
        self.heap.push(Reverse(Entry(at_us, self.planned, what)));
    }

    /// What is next.
    pub fn next(&mut self) -> Option<(u64, Happening)> {
        self.heap.pop().map(|Reverse(Entry(at_us, _, what))| (at_us, what))
    }
}
