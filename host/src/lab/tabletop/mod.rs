//! All of Tandem on one table: a simulated switch, a host and its store on one thread, in virtual time. Scenario tests play on
//! it, and the simulation.
//!
//! Whatever is done to the table is carried through to its end before the call returns: frames go to and fro until nothing
//! moves. Time passes only by [`Tabletop::pass`], from instant to instant.

mod disk;
#[cfg(test)]
mod restarts_tests;
#[cfg(test)]
mod tests;

use tandem_gateway::{
    core::{self, ConnectionId, Exchange, Keepsake, Pace},
    record::Line,
    simulated::{self, Command, CommandError, SimulatedSwitch, callers::CallerPlan},
};
use tandem_journal::Record;
use tandem_node::{Deployments, RestartOptions, synch::Keeper};
use tandem_session::{Guests, WorkerOptions};
use tandem_words::{InstanceName, InteractionId, SwitchName, Timestamp};

use super::solo_host::{Inheritance, SoloError, SoloHost, SoloOptions};
pub use disk::Crashes;
use disk::Disk;

/// The table's switch.
const SWITCH: &str = "main";

/// Frames to and fro at one instant. More is a host and a switch that keep each other busy for ever.
const MAX_ROUNDS: u32 = 100_000;

/// How a table is laid.
pub struct TableOptions {
    /// The switch's core: default routes, deadlines.
    pub core: core::Options,
    /// The switch: routing points, agents, sounds.
    pub switch: simulated::Options,
    /// Who calls by themselves; none: only [`Tabletop::command`] makes calls.
    pub callers: Vec<CallerPlan>,
    /// What is deployed.
    pub deployments: Deployments,
    /// How sessions are treated.
    pub worker: WorkerOptions,
    /// How many sessions start again at once. Real time is switch time here.
    pub restarts: RestartOptions,
    /// When the host dies by itself.
    pub crashes: Crashes,
    /// Whether the next host finds a full copy of what its predecessor's sessions had heard that were not persisted.
    pub has_backup: bool,
    /// Switch time.
    pub start: Timestamp,
}

impl TableOptions {
    /// Nothing deployed, nobody there, and the default route 9000 everywhere.
    pub fn new(start: Timestamp) -> Self {
        TableOptions {
            core: core::Options::new(SWITCH, "9000"),
            switch: simulated::Options::default(),
            callers: Vec::new(),
            deployments: Deployments::default(),
            worker: WorkerOptions::default(),
            restarts: RestartOptions::default(),
            crashes: Crashes::Never,
            has_backup: true,
            start,
        }
    }
}

/// Why a table stands still. Always a fault of Tandem, or of how the table was laid.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum TableError {
    #[error("the host stopped: {0}")]
    Host(#[from] SoloError),
    #[error("the host's journal cannot be read back: {0}")]
    Journal(String),
    #[error("the switch cannot be set up: {0}")]
    Switch(#[from] tandem_queue::Error),
    #[error("host and switch still talk after {MAX_ROUNDS} frames at one instant")]
    Restless,
    #[error("time cannot pass ({0:?}): the host has not said that it is done")]
    Stuck(Pace),
}

/// How often things happened on a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Hosts that died.
    pub deaths: u64,
    /// Instants at whose end sessions lived and none of them was in memory.
    pub nobody_in_memory: u64,
    /// Instants at whose end a session was in memory.
    pub somebody_in_memory: u64,
}

/// See the module.
pub struct Tabletop<G> {
    exchange: Exchange<SimulatedSwitch>,
    disk: Disk,
    guests: Box<dyn Fn() -> G>,
    solo: SoloOptions,
    host: Option<SoloHost<G>>,
    /// None: no backup follows.
    backup: Option<Keeper>,
    connection: ConnectionId,
    back_at: Option<Timestamp>,
    lines: Vec<Line>,
    tally: Tally,
}

impl<G: Guests> Tabletop<G> {
    /// Lays the table and starts the host. `guests`: what each host of the table runs sessions on.
    pub fn lay(options: TableOptions, guests: impl Fn() -> G + 'static) -> Result<Self, TableError> {
        let TableOptions { core, switch, callers, deployments, worker, restarts, crashes, has_backup, start } = options;
        let name: SwitchName = core.switch.clone();
        let switch = SimulatedSwitch::new(switch, callers, start)?;
        let solo = SoloOptions { instance: InstanceName { node: 101, letter: 'a' }, switch: name, deployments, worker, restarts };
        let mut table = Tabletop {
            exchange: Exchange::new(core, Keepsake::default().next_life(1), switch, 0, start),
            disk: Disk::new(crashes),
            guests: Box::new(guests),
            solo,
            host: None,
            backup: has_backup.then(Keeper::default),
            connection: ConnectionId(0),
            back_at: None,
            lines: Vec::new(),
            tally: Tally::default(),
        };
        table.start_host()?;
        table.settle()?;
        Ok(table)
    }

    /// Switch time.
    pub fn now(&self) -> Timestamp {
        self.exchange.now()
    }

    /// Switch and gateway, to look at.
    pub fn exchange(&self) -> &Exchange<SimulatedSwitch> {
        &self.exchange
    }

    /// The host, if one runs, to look at.
    pub fn host(&self) -> Option<&SoloHost<G>> {
        self.host.as_ref()
    }

    /// How often things happened.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// What was committed since the last call, in commit order.
    pub fn records(&mut self) -> Result<Vec<Record>, TableError> {
        let rows = self.disk.take_rows();
        rows.iter().map(|row| tandem_journal::decode(row).map_err(|error| TableError::Journal(error.to_string()))).collect()
    }

    /// The switch's record since the last call.
    pub fn lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// Somebody at the switch does something. What follows of it is done when this returns.
    pub fn command(&mut self, command: Command) -> Result<Result<Option<InteractionId>, CommandError>, TableError> {
        let now = self.now();
        let done = self.exchange.switch_mut().command(now, command);
        self.settle()?;
        Ok(done)
    }

    /// The host is gone, with everything that it had in memory.
    pub fn kill_host(&mut self) {
        self.follow();
        if self.host.take().is_some() {
            self.tally.deaths += 1;
            self.exchange.closed(self.connection);
        }
    }

    /// The host dies, and another starts on the same store `after_ms` later.
    pub fn host_dies(&mut self, after_ms: u64) -> Result<(), TableError> {
        self.kill_host();
        let back_at = self.now() + after_ms;
        self.back_at = Some(self.back_at.map_or(back_at, |at| at.max(back_at)));
        self.start_if_due()?;
        self.settle()
    }

    /// A host starts on what the store has, if none runs.
    pub fn start_host(&mut self) -> Result<(), TableError> {
        if self.host.is_some() {
            return Ok(());
        }
        let kept = self.backup.clone().map(Keeper::into_sessions);
        let inherited = Inheritance { certain: kept.is_some(), kept: kept.unwrap_or_default() };
        let mut host = SoloHost::start(Box::new(self.disk.clone()), (self.guests)(), self.solo.clone(), inherited)?;
        self.connection = ConnectionId(self.connection.0 + 1);
        self.exchange.connected(self.connection);
        host.connected()?;
        self.host = Some(host);
        Ok(())
    }

    /// Time passes to the next instant at which something is due, at most to `limit`.
    pub fn pass(&mut self, limit: Timestamp) -> Result<(), TableError> {
        let tick_at = self.host.as_ref().and_then(SoloHost::wants_tick);
        let limit = [self.back_at, tick_at].into_iter().flatten().fold(limit, Timestamp::min).max(self.now());
        self.exchange.pass_to(limit);
        self.settle()?;
        self.start_if_due()?;
        self.settle()
    }

    fn start_if_due(&mut self) -> Result<(), TableError> {
        if self.back_at.is_some_and(|at| at <= self.now()) {
            self.back_at = None;
            self.start_host()?;
        }
        Ok(())
    }

    /// Frames go to and fro until nothing moves.
    fn settle(&mut self) -> Result<(), TableError> {
        for _ in 0..MAX_ROUNDS {
            if !self.exchange_frames()? {
                return self.check_settled();
            }
        }
        Err(TableError::Restless)
    }

    /// Whether anything moved.
    fn exchange_frames(&mut self) -> Result<bool, TableError> {
        let turn = self.exchange.turn();
        self.lines.extend(turn.lines);
        let mut moved = !turn.frames.is_empty();
        for (to, frame) in turn.frames {
            let Some(host) = self.host.as_mut().filter(|_| to == self.connection) else { continue };
            let done = host.frame(frame);
            match done {
                Err(_) if self.disk.takes_crash() => self.crash()?,
                done => done?,
            }
        }
        let now = self.exchange.now();
        if let Some(host) = &mut self.host
            && host.wants_tick().is_some_and(|at| at <= now)
        {
            let done = host.tick(now);
            if done.is_err() && self.disk.takes_crash() {
                self.crash()?;
            } else {
                done?;
            }
            moved = true;
        }
        self.follow();
        let outgoing = self.host.as_mut().map(SoloHost::outgoing).unwrap_or_default();
        if !outgoing.is_empty() {
            moved = true;
            self.exchange.received(self.connection, outgoing);
        }
        if self.disk.takes_crash() {
            self.crash()?;
            moved = true;
        }
        Ok(moved)
    }

    /// The backup takes what the host has told it.
    fn follow(&mut self) {
        let changes = self.host.as_mut().map(SoloHost::take_changes).unwrap_or_default();
        if let Some(backup) = &mut self.backup {
            changes.iter().for_each(|change| _ = backup.apply(change));
        }
    }

    fn crash(&mut self) -> Result<(), TableError> {
        self.kill_host();
        self.start_host()
    }

    fn check_settled(&mut self) -> Result<(), TableError> {
        let Some(host) = &self.host else { return Ok(()) };
        let worker = host.worker();
        match (worker.live_sessions(), worker.present_sessions()) {
            (0, _) => {}
            (_, 0) => self.tally.nobody_in_memory += 1,
            _ => self.tally.somebody_in_memory += 1,
        }
        match self.exchange.pace() {
            Pace::Settled | Pace::Free => Ok(()),
            pace => Err(TableError::Stuck(pace)),
        }
    }
}

/// A deployment of one strategy at these numbers.
pub fn deployed(deployment: &tandem_node::Deployment, numbers: impl IntoIterator<Item = String>) -> Deployments {
    Deployments {
        routing_points: numbers.into_iter().map(|number| (number, deployment.clone())).collect(),
        strategies: [(deployment.strategy.clone(), deployment.clone())].into(),
    }
}
