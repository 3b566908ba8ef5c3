//! What was promised, checked from the switch's record, the journal's rows, the leases, the wire, and what strategies heard: no
//! checker asks the code under test what it thinks.
//!
//! | file | promises |
//! | --- | --- |
//! | this one | P2, P5, P6, the lease, on the wire and at every commit |
//! | `journal` | the order of rows; messages and timers, when they become durable |
//! | `events` | P1, P4 |
//! | `requests` | P3, messages, sessions started by sessions |
//! | `timers` | timers fire, once, and merged with the switch's events by time |
//! | `recovered` | P7 |
//! | `ears` | P4, P7 of sessions that are not persisted |
//! | `restarts`, `synch` | who starts again, when, and as uncertain or not |
//! | `unled` | P8: how long nobody leads |
//! | `silence` | P9 |
//! | `replay` | P10 |
//! | `diverged` | P10 where a strategy differs at replay, and P7 of what starts again then |
//!
//! P8 is all of these over many switchovers, and that everything comes to a good end once everything is healed.

mod diverged;
mod ears;
mod events;
mod journal;
mod recovered;
mod replay;
mod requests;
mod restarts;
mod silence;
mod switch;
mod synch;
mod timers;
mod unled;

use std::collections::{BTreeMap, BTreeSet};

use tandem_gateway::{
    core::ConnectionId,
    record::{Line, Verdict},
};
use tandem_journal::{Batch, EndedBy, LostClaim, Opening};
use tandem_session::WorkerOptions;
use tandem_store::StoreError;
use tandem_switch_link::{GatewayFrame, GatewayMessage, HostMessage};
use tandem_synch_link::PrimaryMessage;
use tandem_words::{Epoch, EventBody, InteractionId, RequestKey, Restart, SessionId, Timestamp};

use crate::{agenda::Process, fault::Kind, plan::Plan, store::Disk, strategies::Heard};
use ears::Ears;
use journal::Journal;
use restarts::Restarts;
use switch::Switch;
use synch::Synch;
use unled::Unled;

/// A promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which checker says so.
    pub checker: &'static str,
    /// What it saw.
    pub what: String,
}

/// See the module.
pub struct Judge {
    finding: Option<Finding>,
    journal: Journal,
    switch: Switch,
    ears: Ears,
    restarts: Restarts,
    synch: Synch,
    unled: Unled,
    /// Who took each epoch.
    leases: BTreeMap<Epoch, Process>,
    /// Connections whose `lead` was acknowledged.
    led: BTreeSet<ConnectionId>,
    /// Processes of which a thread stands still, since when (µs).
    standing_still: BTreeMap<Process, u64>,
    plan: Plan,
    lease_timeout_ms: u64,
    worker: WorkerOptions,
}

impl Judge {
    /// Of a world with this plan.
    pub fn new(plan: &Plan) -> Judge {
        Judge {
            finding: None,
            journal: Journal::default(),
            switch: Switch::new(plan.core.retain),
            ears: Ears::default(),
            restarts: Restarts::new(plan.restarts.clone()),
            synch: Synch::default(),
            unled: Unled::new(plan),
            leases: BTreeMap::new(),
            led: BTreeSet::new(),
            standing_still: BTreeMap::new(),
            plan: plan.clone(),
            lease_timeout_ms: plan.lease_timeout_ms,
            worker: plan.worker,
        }
    }

    /// Something was found; the first finding counts.
    pub fn find(&mut self, checker: &'static str, what: String) {
        self.finding.get_or_insert(Finding { checker, what });
    }

    /// Whether something was.
    pub fn has_found(&self) -> bool {
        self.finding.is_some()
    }

    fn newest_epoch(&self) -> Epoch {
        self.leases.last_key_value().map_or(0, |(epoch, _)| *epoch)
    }

    /// A process took the lease.
    pub fn lease_taken(&mut self, process: Process, epoch: Epoch) {
        if epoch <= self.newest_epoch() {
            self.find("P5", format!("{process:?} took epoch {epoch}, and epoch {} was taken before", self.newest_epoch()));
        }
        self.leases.insert(epoch, process);
        self.restarts.begins(process);
        self.synch.leads(process, epoch);
    }

    /// The gateway follows whoever took this epoch.
    pub fn led(&mut self, epoch: Epoch, now_us: u64) {
        if let Some(process) = self.leases.get(&epoch) {
            let led = self.unled.led(*process, now_us);
            self.take(led);
        }
    }

    /// Whether the gateway follows this process, and nobody has taken the lease since.
    fn leads(&self, process: Process) -> bool {
        let newest = self.leases.last_key_value();
        newest.is_some_and(|(epoch, holder)| *epoch == self.switch.highest_epoch && *holder == process)
    }

    /// A fault comes.
    pub fn struck(&mut self, kind: Kind, lasts_ms: u64, now_us: u64) {
        self.unled.struck(kind, lasts_ms, now_us);
    }

    /// A process starts.
    pub fn starts(&mut self, process: Process, now_us: u64) {
        self.unled.starts(process, now_us);
    }

    /// A process is gone.
    pub fn dies(&mut self, process: Process, now_us: u64) {
        self.unled.dies(process, self.leads(process), now_us);
    }

    /// A primary is asked to hand over.
    pub fn hands_over(&mut self, process: Process, now_us: u64) {
        self.unled.hands_over(process, self.leads(process), now_us);
    }

    /// A message leaves a process for the gateway.
    pub fn sent(&mut self, process: Process, id: ConnectionId, message: &HostMessage) {
        match message {
            HostMessage::Hello { .. } | HostMessage::Heartbeat => {}
            HostMessage::Lead { epoch, .. } if self.leases.get(epoch) == Some(&process) => {}
            HostMessage::Lead { epoch, .. } => self.find("P6", format!("{process:?} says `lead` in epoch {epoch}, which it never took")),
            _ if !self.led.contains(&id) => {
                self.find("P5", format!("{process:?} sent {message:?} before the gateway acknowledged its `lead`"));
            }
            _ => {}
        }
    }

    /// A frame of the gateway came to a process.
    pub fn hears(&mut self, id: ConnectionId, frame: &GatewayFrame) {
        if frame.messages.iter().any(|message| matches!(message, GatewayMessage::Leading { .. })) {
            self.led.insert(id);
        }
    }

    /// Something that this request asked for is done inside the host.
    pub fn leaves(&mut self, key: RequestKey, what: &str) {
        if !self.journal.is_durable(&key) {
            self.find("P2", format!("request {key}: {what}, and its step was not durable"));
        }
    }

    /// A process makes a session.
    pub fn opens(&mut self, process: Process, opening: &Opening) {
        if self.leases.get(&opening.epoch) != Some(&process) {
            self.find("P6", format!("{process:?} made session {} and never was primary in epoch {}", opening.session, opening.epoch));
        }
        if let Some(tandem_journal::Claim::Request(key)) = opening.claim {
            self.leaves(key, "it started a session");
        }
    }

    /// A thread of a process stands still.
    pub fn stands_still(&mut self, process: Process, now_us: u64) {
        self.restarts.disturbed(process, now_us, false);
        self.standing_still.entry(process).or_insert(now_us);
    }

    /// A process slept, or its clock jumped: its threads are given time to show that they go on.
    pub fn begins_afresh(&mut self, process: Process, clock_jumped: bool, now_us: u64) {
        self.restarts.disturbed(process, now_us, clock_jumped);
        self.standing_still.remove(&process);
        if clock_jumped {
            self.standing_still.insert(process, u64::MAX);
        }
    }

    /// A process begins a transaction that renews its lease.
    pub fn renews(&mut self, process: Process, now_us: u64) {
        let Some(since_us) = self.standing_still.get(&process) else { return };
        let for_ms = now_us.saturating_sub(*since_us) / 1_000;
        if for_ms > self.lease_timeout_ms * 3 / 4 {
            self.find("lease", format!("{process:?} renews its lease although one of its threads has stood still for {for_ms} ms"));
        }
    }

    /// A batch was given to the store, and this came of it.
    pub fn committed(&mut self, process: Process, switch_now: Timestamp, batch: &Batch, result: &Result<Vec<LostClaim>, StoreError>) {
        let Ok(lost) = result else { return };
        let newest = self.newest_epoch();
        if batch.lease.epoch < newest {
            self.find("P5", format!("{process:?} committed a batch of epoch {} after epoch {newest} was taken", batch.lease.epoch));
        }
        self.synch.committed(batch.solo);
        let committed = self.journal.committed(batch, lost, switch_now);
        self.take(committed);
        for row in batch.rows.iter().filter(|row| row.kind == tandem_journal::RowKind::Ended) {
            let ending = self.journal.session(row.session).and_then(|book| book.ending.clone());
            if let Some(ending) = ending.filter(|ending| ending.by == EndedBy::NotRestarted) {
                let dropped = self.restarts.not_restarted(process, &ending, &self.journal);
                self.take(dropped);
            }
        }
    }

    fn take(&mut self, checked: Checked) {
        if let Err(finding) = checked {
            self.finding.get_or_insert(finding);
        }
    }

    /// Whether nothing has kept a process from going on since then.
    pub fn is_undisturbed(&self, process: Process, since_us: u64) -> bool {
        !self.standing_still.contains_key(&process) && self.restarts.is_undisturbed(process, since_us)
    }

    /// Something kept a process from going on.
    pub fn disturbed(&mut self, process: Process, now_us: u64) {
        self.restarts.disturbed(process, now_us, false);
    }

    /// The node's thread of a process takes up a frame of the gateway.
    pub fn told(&mut self, process: Process, frame: &GatewayFrame, now_us: u64) {
        self.restarts.told(process, frame, now_us, &self.switch);
    }

    /// These start again now.
    pub fn restarted(&mut self, process: Process, sessions: &[(SessionId, Restart)], now_us: u64) {
        // One that does not know yet that it was deposed: nothing of what it does then can leave it.
        if self.leases.last_key_value().is_some_and(|(_, holder)| *holder != process) {
            return;
        }
        let fully = self.synch.had_everything(process);
        let restarted = self.restarts.restarted(process, sessions, now_us, (&self.journal, fully));
        self.take(restarted);
    }

    /// Strategies that run in a process heard this.
    pub fn heard(&mut self, process: Process, epoch: Epoch, heard: Vec<Heard>, now_us: u64) {
        for heard in &heard {
            let Heard::Event(session, event) = heard else { continue };
            let (EventBody::InteractionAdded(added), true) = (&event.body, event.seq == 1 && session.epoch == epoch) else { continue };
            if let Some(visit) = self.switch.visit_added(&added.id, event.switch_at) {
                let served = self.restarts.served(process, (added.id.clone(), visit), now_us);
                self.take(served);
            }
        }
        let heard = self.ears.heard(epoch, heard, &self.plan);
        self.take(heard);
    }

    /// A process is a backup from now on.
    pub fn stands_by(&mut self, process: Process) {
        self.synch.begins(process);
    }

    /// A primary of this epoch has welcomed it.
    pub fn synch_connected(&mut self, process: Process, epoch: Epoch) {
        self.synch.connected(process, epoch);
    }

    /// Its primary tells it this.
    pub fn synch_heard(&mut self, process: Process, message: &PrimaryMessage) {
        self.synch.heard(process, message);
    }

    /// Calls that live on the switch.
    pub fn live_calls(&self) -> Vec<InteractionId> {
        self.switch.live_calls()
    }

    /// A life of the switch begins, and of its gateway.
    pub fn switch_begins(&mut self) {
        self.switch.begins();
    }

    /// The gateway dies, and the switch lives on.
    pub fn gateway_dies(&mut self, at: Timestamp) {
        self.switch.gateway_dies(at);
    }

    /// The switch's record got a line.
    pub fn line(&mut self, line: Line) {
        if let Line::Begin { incarnation, .. } = &line
            && self.switch.lives.iter().any(|life| life.incarnation == *incarnation)
        {
            self.find("P4", format!("the gateway begins again in incarnation {incarnation}, which was before"));
        }
        if let Line::Request { key, epoch, verdict, body, .. } = &line {
            if !self.journal.is_durable(key) {
                self.find("P2", format!("request {key} ({}) came to the switch, and its step was not durable", body.name()));
            }
            let led = self.switch.highest_epoch;
            if matches!(verdict, Verdict::Applied | Verdict::Gone | Verdict::Duplicate) && *epoch < led {
                self.find("P5", format!("request {key} of epoch {epoch} was taken ({verdict:?}) after epoch {led} led"));
            }
        }
        if let Line::Led { epoch, .. } = &line
            && *epoch < self.switch.highest_epoch
        {
            self.find("P5", format!("epoch {epoch} leads after epoch {}", self.switch.highest_epoch));
        }
        self.switch.line(line);
    }

    /// Whether every session is over and W stands at the switch's last event.
    pub fn nobody_is_left(&mut self, disk: &mut Disk) -> bool {
        self.live(disk).is_empty() && self.w_behind().is_none()
    }

    /// Who is.
    pub fn left(&mut self, disk: &mut Disk) -> String {
        let live: Vec<String> = self.live(disk).iter().map(|session| self.shown(*session)).collect();
        format!("sessions not over: [{}], W behind: {:?}", live.join("; "), self.w_behind())
    }

    /// A session, as far as the journal tells it: its strategy, its last steps, the requests without an answer.
    fn shown(&self, session: SessionId) -> String {
        let Some(book) = self.journal.session(session) else { return session.to_string() };
        let last: Vec<String> =
            book.steps.iter().rev().take(4).map(|step| format!("{} {}", step.event.seq, step.event.body.name())).collect();
        let asked = book.steps.iter().flat_map(|step| &step.requests);
        let open = asked.filter(|request| request.body != tandem_words::RequestBody::Cancel && book.answer(request.id).is_none());
        let open: Vec<String> = open.map(|request| format!("{} {}", request.id, request.body.name())).collect();
        format!("{session} ({}, over {:?}) heard last {last:?}, waits for {open:?}", book.opening.strategy, book.over_after())
    }

    /// Sessions that are not over, but for those that nobody ever told anything: who started them is over.
    fn live(&self, disk: &mut Disk) -> Vec<SessionId> {
        let live = disk.reader().live_sessions(101).unwrap_or_default();
        let told = |session: &SessionId| match self.journal.session(*session) {
            Some(book) if book.is_persisted() => !book.steps.is_empty(),
            Some(_) => self.ears.has_heard(*session),
            None => true,
        };
        live.into_iter().filter(told).collect()
    }

    /// W and the last position, where they differ.
    fn w_behind(&self) -> Option<(u64, u64)> {
        let life = self.switch.lives.last()?;
        let (w, last) = (self.journal.w(life.incarnation), life.events.len() as u64);
        (w != last).then_some((w, last))
    }

    /// Calls that arrived, and how often a primary was acknowledged.
    pub fn counts(&self) -> (u64, u64) {
        let calls = self.switch.calls.iter().map(|calls| calls.arrived.len() as u64).sum();
        (calls, self.switch.leads)
    }

    /// What the journal holds, line by line.
    pub fn journal(&self) -> impl Iterator<Item = String> {
        self.journal.lines()
    }

    /// Everything is over: do the books balance?
    pub fn verdict(mut self) -> Option<Finding> {
        if self.finding.is_some() {
            return self.finding.take();
        }
        let (journal, switch) = (&self.journal, &self.switch);
        events::check(journal, switch)
            .and_then(|()| requests::check(journal, switch))
            .and_then(|()| timers::check(journal))
            .and_then(|()| recovered::check(journal))
            .and_then(|()| diverged::check(journal, &self.plan))
            .and_then(|()| self.ears.check(journal, switch))
            .and_then(|()| silence::check(switch))
            .and_then(|()| switch.check_served())
            .and_then(|()| replay::check(journal, &self.plan, self.worker))
            .err()
    }
}

/// What a checker answers.
type Checked = Result<(), Finding>;

/// A finding, unless it is so.
fn holds(checker: &'static str, so: bool, what: impl FnOnce() -> String) -> Checked {
    if so { Ok(()) } else { Err(Finding { checker, what: what() }) }
}
