//! An instance that is not primary: it watches lease and lock, listens at the gateway, and serves nobody (P6).

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use tandem_node::role::{Candidate, CandidateOptions, Fencing, LeaseSeen, LockSeen, Move, Observation};
use tandem_session::{AnyGuests, Guests};
use tandem_store::{Disposition, LeaseRow, PrimaryLock, Reader, Signature, Sqlite, Store, StoreError, open_reader};
use tandem_switch_link::{GatewayMessage, HostMessage, PROTOCOL};
use tandem_synch_link::Standing;
use tandem_words::{InstanceName, VersionId};

use super::{
    Fatal, Follower, Home, Inbox, Instance, InstanceOptions, NodeLock, Status, SynchStanding, Ticks, ToNode, boot_clock_ms, holder,
    inbox::weight, this_process,
};
use crate::{session::Activity, switch_link::Outgoing, synch::BackupHandle};

/// How often the gateway hears that this instance lives; it waits for 3 s (`docs/switch-link.md`).
const HEARTBEAT: Duration = Duration::from_millis(250);

/// How soon it looks again when it has the lock of a holder whose process is just ending, or has just given it back.
const SOON: Duration = Duration::from_millis(2);

/// How soon it looks again whether it may ask for the lock: the heir of the role that it gave away may die young.
const SHORTLY: Duration = Duration::from_millis(10);

/// What is to be done on the store before the lease is taken on it.
pub type BeforeLeading<'a> = &'a mut dyn FnMut(&mut dyn Store) -> Result<(), StoreError>;

/// Which versions are compiled now.
pub type Compiled = Box<dyn Fn() -> Vec<VersionId> + Send>;

/// How many versions that live sessions run on are not compiled here.
pub type Lacking = Box<dyn Fn() -> usize + Send>;

/// See the module.
pub struct CandidateService {
    candidate: Candidate,
    options: CandidateOptions,
    instance: InstanceOptions,
    path: PathBuf,
    lock: NodeLock,
    reader: Option<Box<dyn Reader>>,
    /// Open, where the lease was to be taken and could not be.
    store: Option<Sqlite>,
    lease: Option<LeaseRow>,
    link: Option<Outgoing>,
    welcome: bool,
    held_up: Option<String>,
    follower: Option<Follower>,
    ticks: Ticks,
    /// The synch link, and what tells the versions whose components are compiled.
    synch: Option<(BackupHandle, Compiled)>,
    lacking: Lacking,
    node: Sender<ToNode>,
    messages: Receiver<ToNode>,
    activity: Activity,
}

impl CandidateService {
    /// A candidate for the lease of the node on the store at `path`. `first`: its process has just started.
    pub fn new(options: CandidateOptions, instance: InstanceOptions, path: &Path, lock: NodeLock, first: bool) -> Self {
        let candidate = if first { Candidate::starting(options, boot_clock_ms()) } else { Candidate::again(options) };
        let (node, messages) = unbounded();
        let activity = Activity::new(node.clone());
        CandidateService {
            candidate,
            options,
            instance,
            path: path.to_owned(),
            lock,
            reader: None,
            store: None,
            lease: None,
            link: None,
            welcome: false,
            held_up: None,
            follower: None,
            ticks: Ticks::default(),
            synch: None,
            lacking: Box::new(|| 0),
            node,
            messages,
            activity,
        }
    }

    /// It tells the primary how it stands, and which versions are compiled.
    pub fn tells(&mut self, primary: BackupHandle, compiled: Compiled) {
        self.synch = Some((primary, compiled));
    }

    /// What it lacks of what live sessions run on: as long as that is anything, it is not ready.
    pub fn lacks(&mut self, lacking: Lacking) {
        self.lacking = lacking;
    }

    /// To watch and stop it.
    pub fn handle(&self) -> Instance {
        Instance { node: self.node.clone(), workers: Vec::new() }
    }

    /// Where the switch link speaks to it.
    pub fn inbox(&self) -> Inbox {
        Inbox { node: self.node.clone(), activity: self.activity.clone() }
    }

    /// It follows its primary's sessions, with guests that this makes; who ticks for them when they are a primary's.
    pub fn follows<G: Guests + Send + 'static>(&mut self, guests: impl Fn(usize, &Ticks) -> G) {
        let guests = (0..self.instance.workers).map(|worker| Box::new(guests(worker, &self.ticks)) as AnyGuests).collect();
        let follower = Follower::start(&self.path, self.instance.instance.node, guests, self.instance.sessions);
        self.follower = follower.inspect_err(|error| tracing::warn!("the journal is not read ahead: {error}")).ok();
    }

    /// Runs until it has taken the lease (returned with the store), or was told to end (none). Looks at lease and lock sixteen times
    /// a timeout, which is how much later than the timeout a hang can be found; the lock, when it comes free, wakes it at once.
    pub fn run(mut self, before_leading: BeforeLeading<'_>) -> Result<Option<Home>, Fatal> {
        let looks_each = Duration::from_millis(self.options.timeout_ms / 16);
        let (mut next_look, mut next_heartbeat, mut had_lock, mut tried) = (Instant::now(), Instant::now(), false, false);
        loop {
            // A lock that has just come may be that of a holder who gave the role away and lives on: its lease tells.
            let has_lock = self.lock.is_mine();
            if Instant::now() >= next_look || has_lock && !had_lock {
                self.looks()?;
                tried = false;
                self.lock.keep()?;
                // Until it may ask for the lock nothing would wake it.
                let waits = self.candidate.wants_lock(boot_clock_ms());
                next_look = Instant::now() + if waits { looks_each } else { looks_each.min(SHORTLY) };
            }
            had_lock = has_lock;
            if Instant::now() >= next_heartbeat {
                next_heartbeat = Instant::now() + HEARTBEAT;
                self.link.iter().filter(|_| self.welcome).for_each(|link| link.send(vec![HostMessage::Heartbeat]));
            }
            self.says_how_it_stands();
            let mut next = next_look.min(next_heartbeat);
            let decided = self.decides();
            if decided != Move::Lead {
                (self.held_up, self.store) = (None, None);
            }
            match decided {
                // Whoever had the lease may have renewed it as soon as that could be done.
                Move::Lead if tried => {}
                Move::Lead => match self.leads(before_leading) {
                    Ok(home) => return Ok(Some(home)),
                    Err(error) if error.disposition() == Disposition::Repeat => {
                        tried = true;
                        self.hold_up(&error);
                    }
                    Err(error) => return Err(error.into()),
                },
                Move::Kill { epoch } => self.kills(epoch)?,
                // Whoever had it is dying, or has just given the lease back.
                Move::Watch if self.lock.is_mine() => {
                    next_look = next_look.min(Instant::now() + SOON);
                    next = next.min(next_look);
                }
                Move::Watch => {}
            }
            let first = self.messages.recv_deadline(next).ok();
            let more: Vec<_> = self.messages.try_iter().collect();
            for message in first.into_iter().chain(more) {
                match message {
                    ToNode::Stop => {
                        self.lock.let_go();
                        return Ok(None);
                    }
                    ToNode::Fatal(fatal) => return Err(fatal),
                    message => self.hears(message),
                }
            }
        }
    }

    fn says_how_it_stands(&self) {
        if let Some((primary, compiled)) = &self.synch {
            let (ready, why_not) = (self.held_up.is_none(), self.held_up.clone());
            primary.tell(Standing { ready, why_not, compiled: compiled(), reaches_switch: self.welcome });
        }
    }

    fn hears(&mut self, message: ToNode) {
        match message {
            ToNode::Connected(link) => {
                let InstanceOptions { cluster, instance, token, .. } = &self.instance;
                // It listens: `lead` is what it never says.
                link.send(vec![HostMessage::Hello {
                    protocols: vec![PROTOCOL],
                    cluster: cluster.clone(),
                    node: instance.node,
                    instance: instance.to_string(),
                    token: token.clone(),
                }]);
                (self.link, self.welcome) = (Some(link), false);
            }
            ToNode::Disconnected => (self.link, self.welcome) = (None, false),
            ToNode::Frame(frame) => {
                self.activity.end(weight(&frame));
                for message in frame.messages {
                    match message {
                        GatewayMessage::Welcome { switch, .. } if switch == self.instance.switch => self.welcome = true,
                        GatewayMessage::Welcome { switch, .. } => {
                            tracing::error!("the gateway is that of switch {switch}, and this instance serves {}", self.instance.switch);
                            self.link = None;
                        }
                        GatewayMessage::Refused { message, .. } => tracing::error!("the gateway refused this instance: {message}"),
                        _ => {}
                    }
                }
            }
            // Whoever asked may have waited too long and gone.
            ToNode::Status(answer) => {
                let _ = answer.send(self.status());
            }
            ToNode::HandOver { answer, .. } => {
                let holder = self.lease.as_ref().filter(|lease| !lease.released).map(|lease| lease.holder.instance.to_string());
                let ask = holder.map_or_else(|| "nobody is primary".to_owned(), |holder| format!("ask {holder}"));
                let _ = answer.send(Err(format!("{} is backup; {ask}", self.instance.instance)));
            }
            _ => {}
        }
    }

    /// Looks at lease and lock. A store that cannot be read for a moment is looked at again.
    fn looks(&mut self) -> Result<(), Fatal> {
        let began = boot_clock_ms();
        match self.read_lease() {
            Ok(lease) => self.lease = lease,
            Err(error) if error.disposition() == Disposition::Repeat => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let lease = self.lease.as_ref().map(|row| LeaseSeen {
            epoch: row.lease.epoch,
            counter: row.lease.counter,
            released: row.released,
            holder: row.holder.instance,
            heir: row.heir,
        });
        let signature = PrimaryLock::signature(&self.path, self.instance.instance.node);
        let (locked_by, beat) = signature.map_or((0, 0), |Signature { holder, beat }| {
            let own = holder.pid == std::process::id();
            ((u64::from(holder.pid) << 40) ^ holder.process_start, if own { 0 } else { beat })
        });
        self.candidate.saw(Observation { lease, locked_by, beat }, began, boot_clock_ms());
        Ok(())
    }

    fn read_lease(&mut self) -> Result<Option<LeaseRow>, StoreError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(open(&self.path)?),
        };
        reader.lease(self.instance.instance.node)
    }

    fn decides(&mut self) -> Move {
        let now = boot_clock_ms();
        if self.candidate.wants_lock(now) {
            self.lock.want(&self.node);
        }
        let holder_lives = || {
            let other = self.lease.as_ref().filter(|row| row.holder.pid != std::process::id());
            other.is_some_and(|row| holder::lives(&row.holder))
        };
        let lock = if self.lock.is_mine() { LockSeen::Mine { holder_lives: holder_lives() } } else { LockSeen::NotMine };
        self.candidate.lock(lock);
        self.candidate.decide(now)
    }

    /// Kills who stands in the way: whoever took the lock last and, if it has not given it back, whoever holds the lease.
    fn kills(&mut self, epoch: u64) -> Result<(), Fatal> {
        let before = self.lease.clone();
        self.looks()?;
        if self.lease != before {
            return Ok(());
        }
        let locker = PrimaryLock::signature(&self.path, self.instance.instance.node).map(|signature| signature.holder);
        let leader = self.lease.as_ref().filter(|row| !row.released).map(|row| row.holder.clone());
        let mut tried = None;
        for holder in locker.into_iter().chain(leader) {
            if tried.as_ref() == Some(&holder) {
                continue;
            }
            match holder::kill(&holder) {
                Ok(true) => {
                    let (pid, instance) = (holder.pid, holder.instance);
                    tracing::warn!(epoch, pid, %instance, "killed: its lease stood unchanged for lease.timeout");
                }
                Ok(false) => {}
                Err(error) => tracing::error!("{error}"),
            }
            tried = Some(holder);
        }
        Ok(())
    }

    fn leads(&mut self, before_leading: BeforeLeading<'_>) -> Result<Home, StoreError> {
        let mut store = match self.store.take() {
            Some(store) => store,
            None => {
                let mut store = Sqlite::open(&self.path)?;
                // Between two tries it ticks, and shows a beat: several times before it would be taken for one that hangs.
                store.waits_for_writers(Duration::from_millis(self.options.timeout_ms / 8))?;
                store
            }
        };
        let (node, me) = (self.instance.instance.node, this_process(self.instance.instance));
        let taken = before_leading(&mut store).and_then(|()| {
            let began = boot_clock_ms();
            Ok((store.take_lease(node, &me)?, began))
        });
        match taken {
            Ok(taken) => Ok(Home {
                store: Box::new(store),
                path: Some(self.path.clone()),
                lock: Some(self.lock.clone()),
                taken: Some(taken),
                mirror: None,
                follower: self.follower.take(),
                ticks: self.ticks.clone(),
            }),
            Err(error) => {
                self.store = Some(store);
                Err(error)
            }
        }
    }

    /// It has the lock, and tries again: the other one, started again, must not take that for a hang.
    fn hold_up(&mut self, error: &StoreError) {
        self.lock.beat();
        let what = error.to_string();
        if self.held_up.as_ref() != Some(&what) {
            tracing::error!("the lease cannot be taken: {what}; trying again");
            self.held_up = Some(what);
        }
    }

    fn status(&self) -> Status {
        Status {
            instance: self.instance.instance.to_string(),
            role: "backup".to_owned(),
            epoch: self.candidate.epoch(),
            phase: "watching".to_owned(),
            held_up: self.held_up.clone(),
            stopping: false,
            reaches_switch: self.welcome,
            holder: self.lease.as_ref().filter(|lease| !lease.released).map(|lease| named(lease.holder.instance, lease.holder.pid)),
            peer: None,
            synch: self.synch.as_ref().map(|(link, _)| {
                let status = link.status();
                SynchStanding { connected: status.connected.is_some(), full: status.full, lag: 0, problem: status.problem }
            }),
            lacking: (self.lacking)(),
            restarted: 0,
            replays_differed: self.follower.as_ref().map_or(0, Follower::replays_differed),
            switch_time: 0,
            live_sessions: None,
            sessions_in_memory: None,
            recovered: 0,
            steps: 0,
            store: Some(self.path.clone()),
        }
    }
}

/// `101/a (process 4711)`.
pub(super) fn named(instance: InstanceName, pid: u32) -> String {
    format!("{instance} (process {pid})")
}

/// The rule's options, from the instance's.
pub fn candidate_options(options: &InstanceOptions, preferred: Option<char>, fencing: Fencing) -> CandidateOptions {
    let timeout_ms = u64::try_from(options.lease_timeout.as_millis()).unwrap_or(u64::MAX);
    CandidateOptions { instance: options.instance, timeout_ms, preferred, fencing }
}

/// Opens the store for reading. Where it is not there yet, or is being made just now, it is made.
pub fn open(path: &Path) -> Result<Box<dyn Reader>, StoreError> {
    match open_reader(path) {
        Err(StoreError::Missing { .. } | StoreError::NotAStore { .. }) => {
            drop(Sqlite::open(path)?);
            open_reader(path)
        }
        opened => opened,
    }
}
