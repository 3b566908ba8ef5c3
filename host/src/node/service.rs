//! The node's thread.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tandem_instance::{Floor as _, desk};
use tandem_node::{Directive, LinkError, Phase, Primary, Stock, Tenure, synch::ACKNOWLEDGES_WITHIN_MS};
use tandem_session::{Inventory, Output};
use tandem_store::{Disposition, Reader};
use tandem_switch_link::{HostMessage, Mark, Refusal};
use tandem_words::{InstanceName, SwitchName};

use super::{
    Fatal, Status, ToNode,
    backup::Backup,
    boot_clock_ms, ending,
    fatal::STOPS_WITHIN,
    floor::Threads,
    inbox::weight,
    reign::{LiveVersions, Reign, millis},
    said, tick_every,
};
use crate::{
    session::{Progress, ToCommitter},
    switch_link::Outgoing,
    synch::Handle,
};

/// How often the gateway hears that this instance lives; it waits for 3 s (`docs/switch-link.md`).
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Messages handled before anything is sent: what came together leaves together.
const MESSAGES_AT_ONCE: usize = 512;

/// How long a switchover waits for what is on its way to the heir: as long as anything does.
const HEIR_CATCHES_UP_WITHIN: Duration = Duration::from_millis(ACKNOWLEDGES_WITHIN_MS);

/// See the module.
pub struct NodeService {
    primary: Primary,
    threads: Threads,
    pub(super) reader: Box<dyn Reader>,
    switch: SwitchName,
    progress: Progress,
    link: Option<Outgoing>,
    stock: StockTaking,
    /// How often the workers were asked: what they say late is not taken.
    inventories: u64,
    /// Since when.
    stopping: Option<Instant>,
    releasing: bool,
    status: Status,
    reign: Reign,
    versions: LiveVersions,
    restarted: usize,
    replays_differed: usize,
}

/// How far the taking of stock is: everything handled, then W durable, then the workers asked, then all of them heard.
enum StockTaking {
    No,
    Wanted,
    Flushing,
    Asking { workers: usize, stock: Stock },
}

impl NodeService {
    /// A primary without a connection. `status`: what does not change of it.
    #[expect(clippy::too_many_arguments, reason = "the parts of a primary, put together in one place")]
    pub(super) fn new(
        primary: Primary,
        threads: Threads,
        reader: Box<dyn Reader>,
        switch: SwitchName,
        progress: Progress,
        status: Status,
        reign: Reign,
        versions: LiveVersions,
    ) -> Self {
        NodeService {
            primary,
            threads,
            reader,
            switch,
            progress,
            link: None,
            stock: StockTaking::No,
            inventories: 0,
            stopping: None,
            releasing: false,
            status,
            reign,
            versions,
            restarted: 0,
            replays_differed: 0,
        }
    }

    /// The service that carries its synch link.
    pub(super) fn synch_carried_by(&mut self, link: Handle) {
        self.threads.backup.iter_mut().for_each(|backup| backup.carried_by(link.clone()));
    }

    /// Runs until the instance is stopped or cannot go on; when it returns, its threads have ended.
    pub fn run(mut self, messages: &Receiver<ToNode>) -> Result<(), Fatal> {
        let ran = self.serve(messages);
        if ran.is_err() {
            // Nothing leaves any more, and what is not committed is not committed either.
            self.progress.give_up();
        }
        let NodeService { threads, reign, link, .. } = self;
        reign.pair.iter().for_each(|pair| pair.peer.tell(None));
        // The switch link sends what it has been given, and closes.
        drop(link);
        match (ending::wait(threads.stop(), reign.lock), ran) {
            (Some(thread), Ok(())) => Err(Fatal::Remains { thread }),
            (Some(thread), Err(fatal)) if fatal.role_is_lost() => Err(Fatal::Remains { thread }),
            (_, ran) => ran,
        }
    }

    fn serve(&mut self, messages: &Receiver<ToNode>) -> Result<(), Fatal> {
        let mut next_heartbeat = Instant::now() + HEARTBEAT;
        let ticker = self.reign.ticks.ticker("node");
        let tick_every = tick_every(self.reign.lease_timeout);
        loop {
            ticker.tick();
            let wait = next_heartbeat.saturating_duration_since(Instant::now()).min(tick_every).min(self.until_restarts());
            let first = match messages.recv_timeout(wait) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let mut handled = 0;
            for message in first.into_iter().chain(messages.try_iter().take(MESSAGES_AT_ONCE)) {
                match message {
                    ToNode::Released => return Ok(()),
                    message => handled += self.handle(message)?,
                }
            }
            self.start_again();
            self.threads.flush();
            self.threads.activity.end(handled);
            if self.threads.activity.outstanding() == 0 {
                self.quiet()?;
            }
            if Instant::now() >= next_heartbeat {
                next_heartbeat = Instant::now() + HEARTBEAT;
                self.look_around()?;
                // What is held back says as much when it goes.
                if self.primary.phase() != Phase::Away && self.threads.outgoing.is_empty() {
                    self.threads.send(HostMessage::Heartbeat);
                }
            }
            self.send();
            if self.stopping.is_some_and(|since| since.elapsed() > STOPS_WITHIN) {
                return Err(Fatal::Unfinished { held_up: self.progress.held_up() });
            }
        }
    }

    /// How long until sessions may start again.
    fn until_restarts(&self) -> Duration {
        let at = self.primary.restarts().wake_at().filter(|_| self.primary.phase() == Phase::Serving);
        at.map_or(HEARTBEAT, |at| Duration::from_millis(at.saturating_sub(boot_clock_ms())))
    }

    fn start_again(&mut self) {
        if self.stopping.is_none() && !self.primary.restarts().is_empty() {
            let directives = self.primary.tick(boot_clock_ms());
            self.restarted += directives.iter().filter(|directive| matches!(directive, Directive::Restart(..))).count();
            desk::carry_out(directives, &mut self.threads);
        }
    }

    /// Handles one message; tells how many counted ones that were.
    fn handle(&mut self, message: ToNode) -> Result<usize, Fatal> {
        let counted = match message {
            ToNode::Connected(link) => {
                self.link = Some(link);
                self.threads.outgoing.clear();
                let directives = self.primary.connected();
                desk::carry_out(directives, &mut self.threads);
                0
            }
            ToNode::Disconnected => {
                self.disconnected();
                0
            }
            ToNode::Frame(frame) if self.stopping.is_some() || self.link.is_none() => weight(&frame),
            ToNode::Frame(frame) => {
                let (weight, before) = (weight(&frame), self.primary.phase());
                let (directives, taken) = self.primary.frame(frame);
                desk::carry_out(directives, &mut self.threads);
                if std::mem::take(&mut self.threads.take_stock) {
                    self.stock = StockTaking::Wanted;
                }
                match (before, self.primary.phase()) {
                    (Phase::Claiming, Phase::TakingStock) => tracing::info!("the switch follows this primary"),
                    (Phase::Reconciling, Phase::Serving) => {
                        tracing::info!(sessions = self.primary.sessions(), "reconciled with the switch: serving");
                    }
                    _ => {}
                }
                match taken {
                    Ok(()) => {}
                    Err(error @ LinkError::Refused { reason: Refusal::Fenced, .. }) => return Err(Fatal::Fenced(error)),
                    Err(error) => {
                        tracing::error!("{error}; trying again");
                        self.disconnected();
                    }
                }
                weight
            }
            ToNode::Durable(items, w) => {
                self.versions.durable(&items);
                said::tell(&items);
                desk::durable(&mut self.primary, items, w, &mut self.threads);
                1
            }
            ToNode::Outputs(outputs) => {
                outputs.into_iter().for_each(|output| self.output(output));
                1
            }
            ToNode::Status(answer) => {
                // Whoever asked may have waited too long and gone.
                let _ = answer.send(self.status());
                0
            }
            ToNode::Stop => {
                self.stopping.get_or_insert_with(Instant::now);
                0
            }
            ToNode::HandOver { force, answer } => {
                // Whoever asked may have gone.
                let _ = answer.send(self.hand_over(force));
                0
            }
            ToNode::Inventory(number, inventory) => {
                if number == self.inventories {
                    self.counts(inventory);
                }
                0
            }
            ToNode::Synch(news) => {
                self.of_backup(|backup, now_ms| backup.hears(now_ms, news));
                0
            }
            ToNode::Fatal(fatal) => return Err(fatal),
            ToNode::Quiet | ToNode::Released => 0,
        };
        Ok(counted)
    }

    fn of_backup(&mut self, act: impl FnOnce(&mut Backup, u64) -> Vec<ToCommitter>) {
        let for_committer = self.threads.backup.as_mut().map(|backup| act(backup, boot_clock_ms()));
        self.threads.commit_all(for_committer.into_iter().flatten());
        if let (Some(pair), Some(backup)) = (&self.reign.pair, &self.threads.backup) {
            pair.peer.tell(backup.peer(pair.other.to_string(), &self.versions.all(), self.progress.is_solo()));
        }
    }

    fn hand_over(&mut self, force: bool) -> Result<InstanceName, String> {
        self.of_backup(|_, _| Vec::new());
        let pair = self.reign.pair.as_ref();
        let pair = pair.ok_or_else(|| format!("{} has no other instance in tandem.toml", self.status.instance))?;
        if self.stopping.is_some() {
            return Err(format!("{} is giving the role up already", self.status.instance));
        }
        if let Some(why) = self.progress.held_up().filter(|_| !force) {
            return Err(format!("commits are held up, as they would be for {}, on the same store: {why}", pair.other));
        }
        let problem = self.threads.backup.as_ref().and_then(|backup| backup.synch().problem);
        if let Some(objection) = pair.objection(problem).filter(|_| !force) {
            return Err(objection);
        }
        tracing::info!(heir = %pair.other, "handing over: no more events, then the last commits");
        self.stopping = Some(Instant::now());
        Ok(pair.other)
    }

    /// What a primary looks at every heartbeat, lest it keeps a role that it cannot fill.
    fn look_around(&mut self) -> Result<(), Fatal> {
        if let Some(lock) = &self.reign.lock {
            lock.keep()?;
        }
        self.of_backup(Backup::tick);
        // While nothing can be committed, nothing can be given back.
        if self.reign.is_blind(self.primary.phase()) && self.stopping.is_none() && self.progress.held_up().is_none() {
            tracing::warn!(heir = ?self.reign.heir.map(|heir| heir.to_string()), "handing over: this instance does not reach the switch, and the other one does");
            self.stopping = Some(Instant::now());
        }
        Ok(())
    }

    fn status(&self) -> Status {
        Status {
            phase: format!("{:?}", self.primary.phase()).to_lowercase(),
            held_up: self.progress.held_up(),
            stopping: self.stopping.is_some(),
            reaches_switch: !matches!(self.primary.phase(), Phase::Away | Phase::Greeting),
            peer: self.reign.pair.as_ref().and_then(|pair| pair.peer.standing()),
            synch: self.threads.backup.as_ref().map(Backup::synch),
            restarted: self.restarted,
            replays_differed: self.replays_differed,
            switch_time: self.primary.now(),
            steps: self.progress.steps(),
            ..self.status.clone()
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Answer(key, body) => desk::answer(key, body, &mut self.threads),
            Output::Tell(step) => {
                let told = self.primary.tell(step);
                desk::carry_out(told, &mut self.threads);
            }
            Output::Redo(release) => desk::released(&mut self.primary, release, &mut self.threads),
            Output::Unreadable(session, message) => tracing::error!(%session, "this session is lost: {message}"),
            Output::Warn(what) => self.threads.warn(what),
            Output::Differs(what) => {
                self.replays_differed += 1;
                self.threads.warn(what);
            }
            // Its own thread has seen to these.
            Output::Finished(_) | Output::Ignored(_) | Output::Load(_) | Output::LoadAll(_) => {}
        }
    }

    fn disconnected(&mut self) {
        self.link = None;
        self.threads.outgoing.clear();
        self.stock = StockTaking::No;
        self.primary.disconnected();
    }

    /// Nothing is being worked on: the moment for what has to wait for it.
    fn quiet(&mut self) -> Result<(), Fatal> {
        if let Some(since) = self.stopping {
            let heir_is_behind = self.threads.backup.as_ref().is_some_and(Backup::is_behind) && since.elapsed() < HEIR_CATCHES_UP_WITHIN;
            if !heir_is_behind && !std::mem::replace(&mut self.releasing, true) {
                self.threads.backup.iter_mut().for_each(Backup::hands_over);
                self.threads.commit(ToCommitter::Release(self.reign.heir));
            }
            return Ok(());
        }
        match self.stock {
            StockTaking::Wanted => {
                self.stock = StockTaking::Flushing;
                self.threads.commit(ToCommitter::Flush);
            }
            StockTaking::Flushing => self.takes_stock()?,
            // A worker may be rebuilding a session, which takes its time: heartbeats and probes do not wait for it.
            StockTaking::Asking { .. } => {}
            StockTaking::No => {
                self.primary.backup_is_behind(self.threads.backup.as_ref().is_some_and(Backup::is_behind));
                let idle = self.primary.idle(self.threads.workers.wake_at());
                desk::carry_out(idle.into_iter().collect(), &mut self.threads);
            }
        }
        Ok(())
    }

    /// Everything is durable. Where the store is busy it is asked again in a moment: with a W that is too low the gateway would tell again
    /// what sessions that are over have heard.
    fn takes_stock(&mut self) -> Result<(), Fatal> {
        let stored = match self.reader.watermarks(self.primary.node()) {
            Ok(watermarks) => watermarks.into_iter().find(|watermark| watermark.switch == self.switch),
            Err(error) if error.disposition() == Disposition::Repeat => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let after = stored.map(|watermark| Mark { incarnation: watermark.incarnation, position: watermark.position });
        let stock = Stock { after, interactions: Vec::new(), requests: Vec::new() };
        self.stock = StockTaking::Asking { workers: self.threads.workers.count(), stock };
        self.inventories += 1;
        self.threads.workers.take_inventory(self.inventories);
        Ok(())
    }

    /// Another worker has said what its sessions hold and wait for.
    fn counts(&mut self, inventory: Inventory) {
        let StockTaking::Asking { workers, stock } = &mut self.stock else { return };
        stock.interactions.extend(inventory.interactions);
        stock.requests.extend(inventory.requests);
        *workers = workers.saturating_sub(1);
        if *workers == 0
            && let StockTaking::Asking { stock, .. } = std::mem::replace(&mut self.stock, StockTaking::No)
        {
            let directives = self.primary.took_stock(stock);
            desk::carry_out(directives, &mut self.threads);
            self.threads.read_ahead();
        }
    }

    /// Sends what waits for the gateway, if the lease still allows it: a holder stops at two thirds of the timeout, and goes
    /// on when a commit has renewed it.
    fn send(&mut self) {
        if self.threads.outgoing.is_empty() {
            return;
        }
        let tenure = Tenure::taken(millis(self.reign.lease_timeout), self.progress.renewed_at_ms());
        if tenure.may_act(boot_clock_ms())
            && let Some(link) = &self.link
        {
            let mut outgoing = std::mem::take(&mut self.threads.outgoing);
            // A part of a `reconcile` goes as soon as it is written.
            while let Some(at) = outgoing.iter().position(|message| matches!(message, HostMessage::Reconcile { more: true, .. })) {
                let rest = outgoing.split_off(at + 1);
                link.send(std::mem::replace(&mut outgoing, rest));
            }
            link.send(outgoing);
        }
    }
}
