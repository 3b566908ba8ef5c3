//! Putting an instance together: lease first, then threads, then what the store has, then the switch.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::ControlFlow,
    time::Duration,
};

use crossbeam_channel::{Receiver, unbounded};
use tandem_journal::Opening;
use tandem_node::{Deployments, NodeOptions, Primary, RestartOptions, Restarts, Tenure, synch::taken_over};
use tandem_session::{AnyGuests, CommitQueue, Folded, Guests, Input, WorkerOptions};
use tandem_store::{InstanceLock, Reader, StoreError};
use tandem_words::{Epoch, InstanceName, NodeId, SessionId, SwitchName, VersionId};
use tokio::{runtime, sync::watch, time::timeout};

use super::{
    Fatal, Follower, Home, Inbox, Instance, NodeService, Pair, Status, SynchOptions, Ticks, ToNode, Watch, Watched,
    backup::Backup,
    boot_clock_ms,
    candidate::named,
    floor::Threads,
    recovery,
    recovery::Found,
    reign::{LiveVersions, Reign},
    this_process, tick_every,
};
use crate::{
    session::{Activity, Ahead, Committer, Progress, ReaderThread, WorkerParts, Workers},
    switch_link::{ClientOptions, SwitchLinkClient},
    synch::PrimaryService,
};

/// What makes an instance.
#[derive(Debug, Clone)]
pub struct InstanceOptions {
    /// The cluster's name.
    pub cluster: String,
    /// Which instance.
    pub instance: InstanceName,
    /// The switch it serves.
    pub switch: SwitchName,
    /// The switch link's secret.
    pub token: Option<String>,
    /// Worker threads.
    pub workers: usize,
    /// How sessions are treated.
    pub sessions: WorkerOptions,
    /// `lease.timeout`.
    pub lease_timeout: Duration,
    /// `lease.renewal`.
    pub lease_renewal: Duration,
    /// What is deployed.
    pub deployments: Deployments,
    /// How many sessions start again at once.
    pub restarts: RestartOptions,
    /// The other instance of the node; none: there is none.
    pub pair: Option<Pair>,
}

/// Why an instance did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum InstanceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fatal(#[from] Fatal),
    #[error("a thread cannot be started: {0}; the system is out of threads or memory")]
    Thread(#[from] io::Error),
}

/// How long the last frames may take to the gateway when the instance ends.
const LAST_FRAMES_WITHIN: Duration = Duration::from_secs(1);

/// An instance that has taken its lease and found its sessions, ready to run.
pub struct Ready {
    /// To watch and stop it.
    pub handle: Instance,
    service: NodeService,
    messages: Receiver<ToNode>,
    activity: Activity,
    ticks: Ticks,
    tick_every: Duration,
    versions: BTreeSet<VersionId>,
    epoch: Epoch,
    synch: Option<SynchOptions>,
}

impl Ready {
    /// The versions that the sessions found run on, and where their components are kept: to be loaded before it runs.
    pub fn found(&mut self) -> (&BTreeSet<VersionId>, &mut dyn Reader) {
        (&self.versions, self.service.reader.as_mut())
    }

    /// Runs it to its end, on this thread, with the switch link to this gateway, and the synch link where there is one, on the current
    /// tokio runtime.
    pub fn run(mut self, link: ClientOptions) -> Result<(), InstanceError> {
        let (shutdown, ended) = watch::channel(false);
        let inbox = self.inbox();
        let mut backup = self.synch.take().map(|synch| {
            let inbox = inbox.clone();
            let (service, handle) = PrimaryService::new(synch.link, self.epoch, move |news| inbox.synch(news));
            self.service.synch_carried_by(handle);
            tokio::spawn(service.run(ended.clone()))
        });
        let (alarm, ticker, every) = (inbox.alarm("switch link"), self.ticks.ticker("switch link"), self.tick_every);
        let mut client = tokio::spawn(async move {
            let _alarm = alarm;
            let client = SwitchLinkClient::new(link, inbox).run(ended);
            tokio::pin!(client);
            // The same task: one that hangs does not tick.
            while timeout(every, &mut client).await.is_err() {
                ticker.tick();
            }
        });
        let result = self.run_linked();
        let _ = shutdown.send(true);
        // What the last commits release is still on its way to the gateway. After a failure nothing more may leave.
        let last_frames = if result.is_ok() { LAST_FRAMES_WITHIN } else { Duration::ZERO };
        runtime::Handle::current().block_on(async {
            let _ = timeout(last_frames, &mut client).await;
            if let Some(backup) = &mut backup {
                let _ = timeout(last_frames, backup).await;
            }
        });
        client.abort();
        backup.iter().for_each(|backup| backup.abort());
        result
    }

    /// Runs it to its end, on this thread; the switch is in this process and speaks through [`Ready::inbox`].
    pub fn run_linked(self) -> Result<(), InstanceError> {
        Ok(self.service.run(&self.messages)?)
    }

    /// Where the switch link speaks to the node.
    pub fn inbox(&self) -> Inbox {
        Inbox { node: self.handle.node.clone(), activity: self.activity.clone() }
    }
}

/// Takes the lease, starts the threads and reads the store's sessions. `guests` makes what each worker runs sessions on, where a backup
/// has not followed with some.
pub fn prepare<G: Guests + Send + 'static>(
    options: &InstanceOptions,
    home: Home,
    guests: impl Fn(usize) -> G,
) -> Result<Ready, InstanceError> {
    let node_id = options.instance.node;
    let Home { mut store, path, lock, taken, mirror, follower, ticks } = home;
    let (store_id, mut reader, rows_reader) = (store.store_id(), store.reader()?, store.reader()?);
    let ahead_reader = follower.is_some().then(|| store.reader()).transpose()?;
    let me = this_process(options.instance);
    let (lease, began) = match taken {
        Some(taken) => taken,
        None => {
            let began = boot_clock_ms();
            (store.take_lease(node_id, &me)?, began)
        }
    };
    // What the one before has written, as long as nothing is committed in this epoch.
    let solo = reader.lease(node_id)?.is_none_or(|row| row.solo);
    let lease_timeout_ms = u64::try_from(options.lease_timeout.as_millis()).unwrap_or(u64::MAX);
    let (node, messages) = unbounded();
    let (committer, to_commit) = unbounded();
    let (to_reader, questions) = unbounded();
    let activity = Activity::new(node.clone());

    let progress = Progress::new(began);
    let queue = CommitQueue::new(lease, options.switch.clone());
    let tenure = Tenure::taken(lease_timeout_ms, began);
    let watched = Watched::new(ticks.clone(), lease_timeout_ms, options.pair.is_some(), lock.clone());
    let tick_every = tick_every(options.lease_timeout);
    let ticker = ticks.ticker("committer");
    let committing = Committer::new(store, queue, tenure, progress.clone(), activity.clone(), node.clone(), watched, ticker).start(
        to_commit,
        options.lease_renewal,
        tick_every,
    )?;

    let channels: Vec<_> = (0..options.workers).map(|_| unbounded()).collect();
    let worker_senders = channels.iter().map(|(sender, _)| sender.clone()).collect();
    let reading = ReaderThread::start(questions, rows_reader, worker_senders, activity.clone(), progress.clone(), node.clone())?;
    let parts = WorkerParts {
        options: options.sessions,
        epoch: lease.epoch,
        activity: activity.clone(),
        progress: progress.clone(),
        node: node.clone(),
        committer: committer.clone(),
        reader: to_reader,
        ticks: ticks.clone(),
        tick_every,
    };
    let followed = follower.and_then(Follower::finish);
    // Of sessions whose guest has not kept up the rows are wanted.
    let ahead_reader = ahead_reader.filter(|_| followed.iter().flatten().any(|worker| worker.absent > 0));
    let (guests, sessions) = match followed {
        Some(followed) => {
            let (guests, sessions): (_, Vec<_>) = followed.into_iter().map(|worker| (worker.guests, worker.sessions)).unzip();
            (guests, Some(sessions))
        }
        None => ((0..options.workers).map(|worker| Box::new(guests(worker)) as AnyGuests).collect(), None),
    };
    let mut workers = Workers::start(channels, &parts, guests)?;
    let Recovered { found, waiting, .. } = Recovered::of(sessions, reader.as_mut(), node_id, &workers)?;
    let for_ahead = workers.ahead();
    let ahead = ahead_reader.map(|reader| Ahead { reader, node: node_id, workers: for_ahead, progress: progress.clone() });

    let node_options = NodeOptions {
        cluster: options.cluster.clone(),
        instance: options.instance,
        epoch: lease.epoch,
        store: store_id,
        switch: options.switch.clone(),
        token: options.token.clone(),
    };
    let status = Status {
        instance: options.instance.to_string(),
        role: "primary".to_owned(),
        epoch: lease.epoch,
        phase: String::new(),
        held_up: None,
        stopping: false,
        reaches_switch: false,
        holder: Some(named(options.instance, me.pid)),
        peer: None,
        synch: None,
        lacking: 0,
        switch_time: 0,
        live_sessions: None,
        sessions_in_memory: None,
        recovered: found.len() - waiting.len(),
        restarted: 0,
        replays_differed: 0,
        steps: 0,
        store: path.clone(),
    };
    tracing::info!(instance = %options.instance, epoch = lease.epoch, sessions = found.len(), "primary: lease taken, sessions found");
    let handle = Instance { node, workers: workers.senders() };
    let mut primary = Primary::new(node_options, options.deployments.clone());
    let (kept, certain) = mirror.map(|mirror| mirror.into_kept(lease.epoch.saturating_sub(1), solo)).unwrap_or_default();
    if !waiting.is_empty() {
        tracing::info!(sessions = waiting.len(), certain, "sessions that are not persisted wait for the gateway's word");
    }
    let synch = options.pair.as_ref().and_then(|pair| pair.synch.clone());
    let backup = synch.as_ref().map(|synch| Backup::new(synch, lease.epoch, taken_over(&waiting, &kept, certain)));
    primary.set_restarts(Restarts::new(options.restarts.clone(), waiting, kept, certain));
    let mut threads = Threads::new(workers, committer, activity.clone(), vec![committing, reading]);
    threads.ahead = ahead;
    threads.backup = backup;
    let versions: BTreeSet<_> = found.values().copied().collect();
    let deployed = options.deployments.routing_points.values().chain(options.deployments.strategies.values());
    let live = LiveVersions::new(deployed.map(|deployment| deployment.version).collect(), found);
    let other = {
        let (path, pair) = (path, options.pair.clone());
        move || path.as_deref().zip(pair.as_ref()).is_some_and(|(path, pair)| InstanceLock::owner(path, pair.other).is_some())
    };
    let watch = Watch::start(ticks.clone(), options.lease_timeout, other)?;
    let reign = Reign::new(lock, options.pair.clone(), watch, ticks.clone(), options.lease_timeout);
    let service = NodeService::new(primary, threads, reader, options.switch.clone(), progress, status, reign, live);
    Ok(Ready { handle, service, messages, activity, ticks, tick_every, versions, epoch: lease.epoch, synch })
}

/// Sessions handed to a worker at once during recovery.
const RECOVERED_AT_ONCE: usize = 256;

/// What the store has of the node's live sessions.
#[derive(Default)]
struct Recovered {
    found: BTreeMap<SessionId, VersionId>,
    /// Those that are not persisted.
    waiting: Vec<Opening>,
    inputs: Vec<Vec<Input>>,
}

impl Recovered {
    fn of(sessions: Option<Vec<Vec<Folded>>>, reader: &mut dyn Reader, node: NodeId, workers: &Workers) -> Result<Self, StoreError> {
        let mut recovered = Recovered { inputs: (0..workers.count()).map(|_| Vec::new()).collect(), ..Recovered::default() };
        match sessions {
            Some(sessions) => sessions.into_iter().flatten().for_each(|folded| recovered.takes(Found::of(folded, None), workers)),
            None => reader.for_each_live_session(node, &mut |session, rows| {
                recovery::found(session, &rows).into_iter().for_each(|found| recovered.takes(found, workers));
                ControlFlow::Continue(())
            })?,
        }
        for (owner, inputs) in std::mem::take(&mut recovered.inputs).into_iter().enumerate() {
            workers.send(owner, inputs);
        }
        Ok(recovered)
    }

    fn takes(&mut self, found: Found, workers: &Workers) {
        let (session, version, inputs) = match found {
            Found::Persisted(folded, records) => {
                let (session, version) = (folded.state.session(), folded.state.opening().version);
                let ahead = records.map(|records| Input::ReadAhead(session, records));
                (session, version, std::iter::once(Input::Recover(folded)).chain(ahead))
            }
            Found::Waiting(opening) => {
                self.waiting.push(opening.clone());
                (opening.session, opening.version, std::iter::once(Input::Await(Box::new(opening))).chain(None))
            }
        };
        self.found.insert(session, version);
        let owner = workers.owner(session);
        if let Some(waiting) = self.inputs.get_mut(owner) {
            waiting.extend(inputs);
            if waiting.len() >= RECOVERED_AT_ONCE {
                workers.send(owner, std::mem::take(waiting));
            }
        }
    }
}
