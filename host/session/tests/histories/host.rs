//! The host: a primary, two workers, a commit queue. What the desk does in the product is done here by hand, with every
//! channel a queue of its own.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use tandem_journal::{Claim, Lease, Survival, decode};
use tandem_native_guests::NativeGuests;
use tandem_node::{Deployment, Deployments, Directive, NodeOptions, Phase, Primary, Stock};
use tandem_session::{Arrival, CommitQueue, Durable, Following, HostRequest, Input, Output, Records, Release, Worker, WorkerOptions};
use tandem_switch_link::{GatewayFrame, GatewayMessage, HostMessage};
use tandem_words::{EventBody, InstanceName, RequestKey, SessionId};

use crate::{
    disk::Disk,
    strategy::{MORTAL, VERSION},
};

pub const WORKERS: usize = 2;

pub struct Host {
    pub primary: Primary,
    pub workers: Vec<Worker<NativeGuests>>,
    pub guests: Vec<NativeGuests>,
    pub queue: CommitQueue,
    pub inputs: Vec<VecDeque<Input>>,
    pub loads: VecDeque<SessionId>,
    pub outgoing: Vec<HostMessage>,
    pub take_stock: bool,
    frames: u64,
}

fn options() -> WorkerOptions {
    WorkerOptions { snapshot_every: 4, passivate_after_ms: 2_000, max_steps_ahead: 6, max_records_ahead: 8, ..WorkerOptions::default() }
}

fn deployments() -> Deployments {
    let of = |version| Deployment { strategy: "native".to_owned(), version, parameters: Vec::new(), survival: Survival::Recovered };
    Deployments {
        routing_points: [("8000".to_owned(), of(VERSION)), ("8001".to_owned(), of(MORTAL))].into(),
        strategies: [("native".to_owned(), of(VERSION))].into(),
    }
}

impl Host {
    pub fn start(epoch: u64, disk: &Disk, guests: &NativeGuests) -> Host {
        let guests: Vec<NativeGuests> = (0..WORKERS).map(|_| guests.afresh()).collect();
        // A backup that has followed the journal has what a reader of the store finds, and in every third epoch it is that backup, with
        // its guests, that leads.
        let is_backup = epoch.is_multiple_of(3);
        let followers = guests.iter().map(|guests| if is_backup { guests.clone() } else { guests.afresh() });
        let mut followers: Vec<_> = followers.map(|guests| Following::new(101, guests, options())).collect();
        for row in &disk.rows {
            let record = decode(&row.data).unwrap();
            followers[owner(record.session())].record(&record).unwrap();
        }
        let mut workers: Vec<_> = guests.iter().map(|guests| Worker::new(guests.clone(), options(), epoch)).collect();
        let followed = followers.into_iter().flat_map(|following| following.into_parts().1);
        let mut followed: BTreeMap<_, _> = followed.map(|folded| (folded.state.session(), folded)).collect();
        for session in disk.live_sessions() {
            let records = Records::read(&disk.session_rows(session).unwrap()).unwrap();
            let (folded, read) = (followed.remove(&session).unwrap(), records.fold().unwrap());
            assert_eq!((&folded.state, folded.last_snapshot), (&read.state, read.last_snapshot), "{session}");
            workers[owner(session)].recover(if is_backup { folded } else { read });
            if epoch.is_multiple_of(2) {
                workers[owner(session)].read_ahead(session, records);
            }
        }
        assert!(followed.is_empty(), "{followed:?}");
        let node = NodeOptions {
            cluster: "cc1".to_owned(),
            instance: InstanceName { node: 101, letter: 'a' },
            epoch,
            store: 1,
            switch: "main".into(),
            token: None,
        };
        Host {
            primary: Primary::new(node, deployments()),
            workers,
            guests,
            queue: CommitQueue::new(Lease { node: 101, epoch, counter: 0 }, "main".into()),
            inputs: (0..WORKERS).map(|_| VecDeque::new()).collect(),
            loads: VecDeque::new(),
            outgoing: Vec::new(),
            take_stock: false,
            frames: 0,
        }
    }

    pub fn connect(&mut self) {
        self.frames = 0;
        let directives = self.primary.connected();
        self.carry_out(directives);
    }

    pub fn cut(&mut self) {
        self.outgoing.clear();
        self.take_stock = false;
        self.primary.disconnected();
    }

    pub fn frame(&mut self, messages: Vec<GatewayMessage>) {
        self.frames += 1;
        let (directives, taken) = self.primary.frame(GatewayFrame { seq: self.frames, messages });
        taken.unwrap();
        self.carry_out(directives);
    }

    fn carry_out(&mut self, directives: Vec<Directive>) {
        for directive in directives {
            match directive {
                Directive::Send(message) => self.outgoing.push(message),
                Directive::TakeStock => self.take_stock = true,
                Directive::Follow(mark) => self.queue.follow(mark),
                Directive::Prepare(mark) => self.queue.prepare(mark),
                Directive::Reconciled { unknown, fresh, remembers } => {
                    let unknown = Arc::new(unknown);
                    self.for_all(|| Input::Reconciled { unknown: Arc::clone(&unknown), fresh, remembers });
                }
                Directive::Advance(now) => self.for_all(|| Input::Advance(now)),
                Directive::Open { opening, event } => {
                    let first = event.map(|(incarnation, event)| Arrival::Switch { incarnation, event });
                    self.inputs[owner(opening.session)].push_back(Input::Open(opening, first));
                }
                Directive::Deliver(session, incarnation, event) => self.arrive(session, Arrival::Switch { incarnation, event }),
                Directive::News(session, body) => self.arrive(session, Arrival::News(body)),
                Directive::NewsForAll(body) => self.for_all(|| Input::News(body.clone())),
                Directive::Answer(key, body) => self.answer(key, body),
                Directive::Message { to, from, strategy, message } => self.arrive(to, Arrival::Message { from, strategy, message }),
                Directive::Ignore(mark) => self.queue.ignored(mark),
                Directive::Restart(..) | Directive::Discard(..) => panic!("every session is persisted"),
                Directive::Warn(_) => {}
            }
        }
    }

    fn for_all(&mut self, input: impl Fn() -> Input) {
        self.inputs.iter_mut().for_each(|inputs| inputs.push_back(input()));
    }

    fn arrive(&mut self, session: SessionId, arrival: Arrival) {
        self.inputs[owner(session)].push_back(Input::Arrive(session, arrival));
    }

    fn answer(&mut self, key: RequestKey, body: EventBody) {
        self.arrive(key.session, Arrival::Answer { key, body });
    }

    /// A worker handles one input.
    pub fn work(&mut self, worker: usize) -> bool {
        let Some(input) = self.inputs[worker].pop_front() else {
            let rebuilt = self.workers[worker].rebuild_ahead();
            assert!(self.workers[worker].drain().is_empty(), "a rebuild does nothing");
            return rebuilt;
        };
        self.workers[worker].handle(input);
        for output in self.workers[worker].drain() {
            match output {
                Output::Finished(finished) => {
                    let rows = finished.rows().unwrap();
                    self.queue.finished(*finished, rows);
                }
                Output::Ignored(mark) => self.queue.ignored(mark),
                Output::Answer(key, body) => self.answer(key, body),
                Output::Load(session) => self.loads.push_back(session),
                Output::LoadAll(session) => panic!("{session}: its replay differs"),
                Output::Tell(step) => {
                    let told = self.primary.tell(step);
                    self.carry_out(told);
                }
                Output::Redo(release) => self.release(release),
                Output::Unreadable(session, why) => panic!("{session}: {why}"),
                Output::Warn(what) | Output::Differs(what) => panic!("{what}"),
            }
        }
        true
    }

    pub fn load(&mut self, which: usize, disk: &Disk) {
        if let Some(session) = self.loads.remove(which) {
            let rows = disk.session_rows(session).map(Box::new);
            self.inputs[owner(session)].push_back(Input::Loaded(session, rows));
        }
    }

    pub fn commit(&mut self, rows: usize, disk: &mut Disk) {
        let lost = disk.commit(self.queue.batch(rows));
        for item in self.queue.acknowledged(&lost) {
            match item {
                Durable::Released(release) => {
                    let committed = Input::Committed(vec![(release.session, release.records)]);
                    self.inputs[owner(release.session)].push_back(committed);
                    self.release(*release);
                }
                Durable::Lost(lost) => {
                    self.inputs[owner(lost.session)].push_back(Input::LostClaim(lost.session));
                    self.primary.over(lost.session);
                    if let Claim::Request(key) = lost.claim {
                        self.answer(key, EventBody::SessionStarted(lost.owner.to_string()));
                    }
                }
            }
        }
        let acknowledgement = self.queue.durable().and_then(|mark| self.primary.durable(mark));
        self.carry_out(acknowledgement.into_iter().collect());
    }

    fn release(&mut self, release: Release) {
        let session = release.session;
        let told = release.step.map(|step| self.primary.tell(step)).unwrap_or_default();
        self.carry_out(told);
        for (key, request) in release.requests {
            let directive = match request {
                HostRequest::Send { to, strategy, message } => self.primary.send(key, &to, strategy, message),
                HostRequest::Start(start) => self.primary.start(key, &start, release.at),
            };
            self.carry_out(vec![directive]);
        }
        for (request, body) in release.answers {
            self.answer(RequestKey { session, incarnation: release.incarnation, request }, body);
        }
        for (key, body) in release.replies {
            self.answer(key, body);
        }
        if let Some(starter) = release.started_for {
            self.answer(starter, EventBody::SessionStarted(session.to_string()));
        }
        if release.over {
            self.primary.over(session);
        }
    }

    pub fn is_quiet(&self) -> bool {
        self.inputs.iter().all(VecDeque::is_empty) && self.loads.is_empty() && self.queue.is_empty()
    }

    /// What is done when nothing is under way: stock is taken, or the gateway is told so.
    pub fn quiet(&mut self, disk: &mut Disk) {
        assert!(self.is_quiet());
        if std::mem::take(&mut self.take_stock) {
            self.commit(usize::MAX, disk);
            let mut stock = Stock { after: disk.w, ..Stock::default() };
            for inventory in self.workers.iter().map(Worker::inventory) {
                stock.interactions.extend(inventory.interactions);
                stock.requests.extend(inventory.requests);
            }
            let directives = self.primary.took_stock(stock);
            self.carry_out(directives);
        } else if self.primary.phase() == Phase::Serving {
            let wake_at = self.workers.iter().filter_map(Worker::wake_at).min();
            let idle = self.primary.idle(wake_at);
            self.carry_out(idle.into_iter().collect());
        }
    }

    /// Sessions that the workers know.
    pub fn sessions(&self, disk: &Disk) -> BTreeSet<SessionId> {
        disk.sessions().into_iter().filter(|session| self.workers[owner(*session)].state(*session).is_some()).collect()
    }
}

pub fn owner(session: SessionId) -> usize {
    usize::try_from(session.number).unwrap() % WORKERS
}
