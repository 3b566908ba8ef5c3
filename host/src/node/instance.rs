//! Putting an instance together: lease first, then threads, then what the store has, then the switch.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, unbounded};
use serde::{Deserialize, Serialize};
use tandem_node::{Deployments, NodeOptions, Primary, Tenure};
use tandem_session::{CommitQueue, Guests, Input, WorkerOptions};
use tandem_store::{Reader, Store, StoreError};
use tandem_words::{Epoch, InstanceName, NodeId, SwitchName, Timestamp};
use tokio::sync::watch;

use super::{
    Fatal, NodeService, ToNode, boot_clock_ms, desk,
    floor::Threads,
    service::StockTaking,
    this_process,
};
use crate::{
    session::{Activity, Committer, ReaderThread, WorkerParts, Workers},
    switch_link::{ClientOptions, SwitchLinkClient},
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

/// How an instance stands; what `tandem status` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `101/a`.
    pub instance: String,
    /// `primary`; a backup comes with the pair.
    pub role: String,
    /// The lease's epoch.
    pub epoch: Epoch,
    /// How far it is with its gateway: `serving` when all is well.
    pub phase: String,
    /// Switch time, as last heard, ms.
    pub switch_time: Timestamp,
    /// Sessions that are not over.
    pub live_sessions: usize,
    /// Those whose guest is in memory.
    pub sessions_in_memory: usize,
    /// Sessions that this epoch found in the store.
    pub recovered: usize,
    /// Steps committed in this epoch.
    pub steps: u64,
    /// Where its sessions live on.
    pub store: Option<PathBuf>,
}

/// A running instance.
#[derive(Clone)]
pub struct Instance {
    node: Sender<ToNode>,
}

impl Instance {
    /// How it stands; none: it has ended.
    pub fn status(&self) -> Option<Status> {
        let (sender, answer) = crossbeam_channel::bounded(1);
        self.node.send(ToNode::Status(sender)).ok()?;
        answer.recv_timeout(Duration::from_secs(5)).ok()
    }

    /// Take no more events, let the commits come through, give the lease back, end.
    pub fn stop(&self) {
        let _ = self.node.send(ToNode::Stop);
    }
}

/// An instance that has taken its lease and found its sessions, ready to run.
pub struct Ready {
    /// To watch and stop it.
    pub handle: Instance,
    service: NodeService,
    messages: Receiver<ToNode>,
    activity: Activity,
}

impl Ready {
    /// Runs it to its end, on this thread, with the switch link to this gateway on the current tokio runtime.
    pub fn run(self, link: ClientOptions) -> Result<(), InstanceError> {
        let (shutdown, ended) = watch::channel(false);
        let client = SwitchLinkClient::new(link, self.handle.node.clone(), self.activity.clone());
        let client = tokio::spawn(client.run(ended));
        let result = self.run_linked();
        let _ = shutdown.send(true);
        client.abort();
        result
    }

    /// Runs it to its end, on this thread; the switch is in this process and speaks through [`Ready::inbox`].
    pub fn run_linked(self) -> Result<(), InstanceError> {
        Ok(self.service.run(&self.messages)?)
    }

    /// The node's inbox, and what counts the frames that are put into it.
    pub fn inbox(&self) -> (Sender<ToNode>, Activity) {
        (self.handle.node.clone(), self.activity.clone())
    }
}

/// Takes the lease, starts the threads and reads the store's sessions. `guests` makes what each worker runs sessions on.
pub fn prepare<G: Guests>(
    options: &InstanceOptions,
    mut store: Box<dyn Store>,
    store_path: Option<PathBuf>,
    guests: impl Fn(usize) -> G + Send + Sync + 'static,
) -> Result<Ready, InstanceError> {
    let node_id = options.instance.node;
    let (store_id, mut reader, rows_reader) = (store.store_id(), store.reader()?, store.reader()?);
    let began = boot_clock_ms();
    let lease = store.take_lease(node_id, &this_process(options.instance))?;
    let lease_timeout_ms = u64::try_from(options.lease_timeout.as_millis()).unwrap_or(u64::MAX);
    let (node, messages) = unbounded();
    let (committer, to_commit) = unbounded();
    let (to_reader, questions) = unbounded();
    let activity = Activity::new(node.clone());

    let renewed_at_ms = Arc::new(AtomicU64::new(began));
    let queue = CommitQueue::new(lease, options.switch.clone());
    let tenure = Tenure::taken(lease_timeout_ms, began);
    Committer::new(store, queue, tenure, Arc::clone(&renewed_at_ms), activity.clone(), node.clone())
        .start(to_commit, options.lease_renewal)?;

    let channels: Vec<_> = (0..options.workers).map(|_| unbounded()).collect();
    let worker_senders = channels.iter().map(|(sender, _)| sender.clone()).collect();
    ReaderThread::start(questions, rows_reader, worker_senders, activity.clone(), node.clone())?;
    let parts = WorkerParts {
        options: options.sessions,
        epoch: lease.epoch,
        activity: activity.clone(),
        node: node.clone(),
        committer: committer.clone(),
        reader: to_reader,
    };
    let workers = Workers::start(channels, &parts, guests)?;
    let recovered = recover(reader.as_mut(), node_id, &workers)?;

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
        switch_time: 0,
        live_sessions: 0,
        sessions_in_memory: 0,
        recovered,
        steps: 0,
        store: store_path,
    };
    tracing::info!(instance = %options.instance, epoch = lease.epoch, sessions = recovered, "primary: lease taken, sessions found");
    let service = NodeService {
        primary: Primary::new(node_options, options.deployments.clone()),
        threads: Threads::new(workers, committer, activity.clone()),
        reader,
        switch: options.switch.clone(),
        lease_timeout_ms,
        renewed_at_ms,
        link: None,
        stock: StockTaking::No,
        stopping: false,
        status,
    };
    Ok(Ready { handle: Instance { node }, service, messages, activity })
}

/// Sessions handed to a worker at once during recovery.
const RECOVERED_AT_ONCE: usize = 256;

fn recover(reader: &mut dyn Reader, node: NodeId, workers: &Workers) -> Result<usize, StoreError> {
    let mut inputs: Vec<Vec<Input>> = (0..workers.len()).map(|_| Vec::new()).collect();
    let mut found = 0;
    desk::recover(reader, node, |folded| {
        found += 1;
        let owner = workers.owner(folded.state.session());
        if let Some(inputs) = inputs.get_mut(owner) {
            inputs.push(Input::Recover(Box::new(folded)));
            if inputs.len() >= RECOVERED_AT_ONCE {
                workers.send(owner, std::mem::take(inputs));
            }
        }
    })?;
    for (owner, inputs) in inputs.into_iter().enumerate() {
        workers.send(owner, inputs);
    }
    Ok(found)
}
