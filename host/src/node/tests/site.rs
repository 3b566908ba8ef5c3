//! An instance on a store that can be made to fail, with the gateway played by the test.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tandem_journal::{Batch, Lease, LostClaim, Survival};
use tandem_native_guests::{Act, NativeGuests, Script};
use tandem_node::{Deployment, Deployments};
use tandem_session::WorkerOptions;
use tandem_store::{Holder, Memory, Reader, Store, StoreError};
use tandem_switch_link::{GatewayFrame, GatewayMessage, HostMessage, PROTOCOL, SwitchEvent};
use tandem_words::{EventBody, InstanceName, Interaction, NodeId, StoreId, VersionId};

use crate::{
    node::{Home, Inbox, Instance, InstanceError, InstanceOptions, prepare},
    switch_link::{Outgoing, Unsent},
};

/// Nothing here takes long: past this the test hangs.
pub const HUNG: Duration = Duration::from_secs(30);
/// For what must not happen: long enough for a fault to show in most runs, and no fault fails no run.
pub const A_WHILE: Duration = Duration::from_millis(300);
pub const INSTANCE: InstanceName = InstanceName { node: 101, letter: 'a' };
const VERSION: VersionId = VersionId([1; 32]);

/// A memory store whose disk can be full.
pub struct Flaky {
    pub inner: Memory,
    pub full: Arc<AtomicBool>,
    pub keeps_its_lease: Arc<AtomicBool>,
}

impl Store for Flaky {
    fn store_id(&self) -> StoreId {
        self.inner.store_id()
    }

    fn take_lease(&mut self, node: NodeId, holder: &Holder) -> Result<Lease, StoreError> {
        self.inner.take_lease(node, holder)
    }

    fn release_lease(&mut self, lease: Lease, heir: Option<InstanceName>) -> Result<(), StoreError> {
        if self.keeps_its_lease.load(Ordering::SeqCst) {
            return Err(StoreError::Busy { path: "here".into() });
        }
        self.inner.release_lease(lease, heir)
    }

    fn commit(&mut self, batch: &Batch) -> Result<Vec<LostClaim>, StoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full { path: "here".into(), cause: "a test".into() });
        }
        self.inner.commit(batch)
    }

    fn keep_component(&mut self, version: VersionId, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.keep_component(version, name, bytes)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        self.inner.reader()
    }
}

pub struct Site {
    pub store: Memory,
    pub full: Arc<AtomicBool>,
    pub keeps_its_lease: Arc<AtomicBool>,
    pub instance: Instance,
    pub inbox: Inbox,
    running: JoinHandle<Result<(), InstanceError>>,
    unsent: Option<Unsent>,
    seq: u64,
    heard: Vec<HostMessage>,
}

impl Site {
    /// Its strategy welcomes each call.
    pub fn new() -> Self {
        Site::with(
            Memory::default(),
            Script::new("welcome", |_, event, ask| {
                if let EventBody::InteractionAdded(call) = &event.body {
                    ask.play(&call.id, "welcome");
                }
                Act::Wait
            }),
        )
    }

    pub fn with(store: Memory, script: Script) -> Self {
        let (full, keeps_its_lease) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let deployment =
            Deployment { strategy: "test".to_owned(), version: VERSION, parameters: Vec::new(), survival: Survival::Recovered };
        let mut deployments = Deployments::default();
        deployments.routing_points.insert("8000".to_owned(), deployment);
        let options = InstanceOptions {
            cluster: "cc1".to_owned(),
            instance: INSTANCE,
            switch: "main".into(),
            token: None,
            workers: 2,
            sessions: WorkerOptions::default(),
            lease_timeout: Duration::from_millis(600),
            lease_renewal: Duration::from_millis(50),
            deployments,
            restarts: Default::default(),
            pair: None,
        };
        let home =
            Home::of(Box::new(Flaky { inner: store.clone(), full: Arc::clone(&full), keeps_its_lease: Arc::clone(&keeps_its_lease) }));
        let guests = NativeGuests::new().with(VERSION, script);
        let ready = prepare(&options, home, move |_| guests.afresh()).unwrap();
        let (instance, inbox) = (ready.handle.clone(), ready.inbox());
        let running = std::thread::spawn(move || ready.run_linked());
        Site { store, full, keeps_its_lease, instance, inbox, running, unsent: None, seq: 0, heard: Vec::new() }
    }

    pub fn fills_its_disk(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// A new connection; what the host said on the one before is forgotten.
    pub fn connects(&mut self) {
        let (outgoing, unsent) = Outgoing::channel();
        (self.unsent, self.seq) = (Some(unsent), 0);
        self.heard.clear();
        self.inbox.connected(outgoing);
    }

    pub fn says(&mut self, message: GatewayMessage) {
        self.seq += 1;
        self.inbox.frame(GatewayFrame { seq: self.seq, messages: vec![message] });
    }

    /// What the host has said on this connection, and not been looked for yet.
    fn listens(&mut self) {
        while let Some(messages) = self.unsent.as_mut().and_then(Unsent::try_next) {
            self.heard.extend(messages);
        }
    }

    /// Waits until the host has said this; it and all before it are then forgotten, and returned.
    pub fn hears(&mut self, what: impl Fn(&HostMessage) -> bool) -> Vec<HostMessage> {
        let deadline = Instant::now() + HUNG;
        loop {
            self.listens();
            if let Some(at) = self.heard.iter().position(&what) {
                return self.heard.drain(..=at).collect();
            }
            assert!(Instant::now() < deadline, "not heard; instead {:?}", self.heard);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What else it says in a while.
    pub fn hears_in_a_while(&mut self) -> Vec<HostMessage> {
        std::thread::sleep(A_WHILE);
        self.listens();
        std::mem::take(&mut self.heard)
    }

    pub fn greets(&mut self) {
        self.hears(|message| matches!(message, HostMessage::Hello { .. }));
        self.says(GatewayMessage::Welcome { protocol: PROTOCOL, switch: "main".into(), incarnation: 1, now: 1_000 });
        let lead = self.hears(|message| matches!(message, HostMessage::Lead { .. }));
        let Some(HostMessage::Lead { epoch, .. }) = lead.last() else { unreachable!() };
        self.says(GatewayMessage::Leading { epoch: *epoch, now: 1_000 });
    }

    /// Connected, leading, reconciled: nothing is there yet, or nothing is told of it.
    pub fn serves(&mut self) {
        self.connects();
        self.greets();
        self.hears(|message| matches!(message, HostMessage::Reconcile { .. }));
        self.says(GatewayMessage::Reconciled { now: 1_000, kept_from: 1, interactions: Vec::new(), requests: Vec::new(), more: false });
        self.hears(|message| matches!(message, HostMessage::Idle { .. }));
    }

    pub fn a_call_comes(&mut self, position: u64) {
        let id: tandem_words::InteractionId = format!("c{position}").into();
        let interaction = Interaction::arriving(id.clone(), "5550100", "8000", 1_000);
        let body = EventBody::InteractionAdded(interaction);
        self.says(GatewayMessage::Event(SwitchEvent { position, at: 1_000, interaction: Some(id), visit: Some(1), answers: None, body }));
    }

    /// Waits for the instance's end.
    pub fn ends(self) -> Result<(), InstanceError> {
        let deadline = Instant::now() + HUNG;
        while !self.running.is_finished() {
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.running.join().unwrap()
    }
}
