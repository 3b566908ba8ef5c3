//! A worker, its commit queue and a disk, driven by hand: nothing is committed or loaded unless the test says so.

use std::collections::{BTreeSet, VecDeque};

use tandem_journal::{Claim, Lease, Opening, Outcome, Survival};
use tandem_native_guests::{Act, Ask, Memory, NativeGuests, Script};
use tandem_session::{
    Arrival, CommitQueue, Durable, Folded, HostRequest, Input, Output, Release, SessionState, Worker, WorkerOptions, fold,
};
use tandem_switch_link::{Held, Mark, StepMessage, SwitchEvent};
use tandem_words::{
    Deletion, Digit, Direction, EndCause, Event, EventBody, Interaction, InteractionId, Media, Origin, RequestKey, SessionId, Timestamp,
    VersionId,
};

use crate::disk::Disk;

pub const VERSION: VersionId = VersionId([7; 32]);

pub struct Rig {
    pub guests: NativeGuests,
    pub options: WorkerOptions,
    pub worker: Worker<NativeGuests>,
    pub queue: CommitQueue,
    pub disk: Disk,
    pub epoch: u64,
    /// What was told to the gateway, in order.
    pub sent: Vec<StepMessage>,
    /// Answers that a worker gave at once.
    pub answered: Vec<(RequestKey, EventBody)>,
    /// What was released, in order.
    pub released: Vec<Release>,
    pub unreadable: Vec<(SessionId, String)>,
    pub warned: Vec<String>,
    pub differed: Vec<String>,
    pub ignored: Vec<Mark>,
    /// Rows that are asked for and not read.
    pub loads: VecDeque<SessionId>,
    /// The same of whole journals.
    pub whole: VecDeque<SessionId>,
    inputs: VecDeque<Input>,
    next_started: u64,
    position: u64,
}

impl Rig {
    pub fn new(script: Script) -> Rig {
        Rig::with(script, WorkerOptions::default())
    }

    pub fn with(script: Script, options: WorkerOptions) -> Rig {
        Rig::of(NativeGuests::new().with(VERSION, script), options)
    }

    pub fn of(guests: NativeGuests, options: WorkerOptions) -> Rig {
        Rig::begin(guests, options, Disk::default(), 1)
    }

    fn begin(guests: NativeGuests, options: WorkerOptions, disk: Disk, epoch: u64) -> Rig {
        let lease = Lease { node: 101, epoch, counter: 0 };
        let mut queue = CommitQueue::new(lease, "main".into());
        queue.follow(disk.w.unwrap_or(Mark { incarnation: 1, position: 0 }));
        Rig {
            worker: Worker::new(guests.clone(), options, epoch),
            guests,
            options,
            queue,
            disk,
            epoch,
            sent: Vec::new(),
            answered: Vec::new(),
            released: Vec::new(),
            unreadable: Vec::new(),
            warned: Vec::new(),
            differed: Vec::new(),
            ignored: Vec::new(),
            loads: VecDeque::new(),
            whole: VecDeque::new(),
            inputs: VecDeque::new(),
            next_started: 1_000,
            position: 0,
        }
    }

    /// The process is gone; another one recovers from the disk. The gateway has seen every request but these.
    pub fn crash(self, unknown: &[RequestKey]) -> Rig {
        let mut rig = self.crash_without_reconciling();
        rig.input(Input::Reconciled { unknown: std::sync::Arc::new(unknown.iter().copied().collect()), fresh: true, remembers: true });
        rig
    }

    pub fn crash_without_reconciling(self) -> Rig {
        let folded = |session| fold(&self.disk.session_rows(session).unwrap()).unwrap();
        let (guests, sessions) = (self.guests.afresh(), self.disk.live_sessions().into_iter().map(folded).collect());
        self.taken_over(guests, sessions)
    }

    /// The process is gone; a backup with these guests and sessions takes over.
    pub fn crash_as(self, guests: NativeGuests, sessions: Vec<Folded>) -> Rig {
        let mut rig = self.taken_over(guests, sessions);
        rig.input(Input::Reconciled { unknown: Default::default(), fresh: true, remembers: true });
        rig
    }

    fn taken_over(self, guests: NativeGuests, sessions: Vec<Folded>) -> Rig {
        let Rig { options, mut disk, epoch, position, .. } = self;
        disk.taken_over();
        let mut rig = Rig::begin(guests, options, disk, epoch + 1);
        rig.position = position;
        sessions.into_iter().for_each(|folded| rig.worker.recover(folded));
        rig
    }

    /// The same where no session of the store is persisted.
    pub fn crash_without_live_ones(self) -> Rig {
        let Rig { guests, options, mut disk, epoch, .. } = self;
        disk.taken_over();
        Rig::begin(guests.afresh(), options, disk, epoch + 1)
    }

    /// The switch's next event comes behind these.
    pub fn skip_positions(&mut self, positions: u64) {
        self.position += positions;
    }

    /// A new session with its call at time `at`.
    pub fn call(&mut self, number: u64, at: Timestamp) -> SessionId {
        let opening = self.opening(number, at);
        let session = opening.session;
        let added = self.switch_event(at, EventBody::InteractionAdded(interaction(&call_id(number))));
        self.input(Input::Open(Box::new(opening), Some(added)));
        session
    }

    pub fn opening(&self, number: u64, at: Timestamp) -> Opening {
        let claim = Claim::Visit { interaction: call_id(number).to_string(), switch: "main".into(), incarnation: 1, visit: 1 };
        opening(session_in(self.epoch, number), Some(claim), at)
    }

    pub fn switch_event(&mut self, at: Timestamp, body: EventBody) -> Arrival {
        self.answer_event(at, None, body)
    }

    pub fn answer_event(&mut self, at: Timestamp, answers: Option<RequestKey>, body: EventBody) -> Arrival {
        self.position += 1;
        let event = SwitchEvent { position: self.position, at, interaction: None, visit: None, answers, body };
        Arrival::Switch { incarnation: 1, event }
    }

    /// An event of the switch for a session.
    pub fn event(&mut self, session: SessionId, at: Timestamp, body: EventBody) {
        let arrival = self.switch_event(at, body);
        self.input(Input::Arrive(session, arrival));
    }

    /// The switch answers a request.
    pub fn answer(&mut self, session: SessionId, request: u32, at: Timestamp, body: EventBody) {
        let key = RequestKey { session, incarnation: 1, request };
        let arrival = self.answer_event(at, Some(key), body);
        self.input(Input::Arrive(session, arrival));
    }

    pub fn arrive(&mut self, session: SessionId, arrival: Arrival) {
        self.input(Input::Arrive(session, arrival));
    }

    pub fn advance(&mut self, now: Timestamp) {
        self.input(Input::Advance(now));
    }

    /// Puts one input in, and does what follows without a commit or a read.
    pub fn input(&mut self, input: Input) {
        self.inputs.push_back(input);
        while let Some(input) = self.inputs.pop_front() {
            self.worker.handle(input);
            for output in self.worker.drain() {
                self.output(output);
            }
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Finished(finished) => {
                let rows = finished.rows().unwrap();
                self.queue.finished(*finished, rows);
            }
            Output::Ignored(mark) => {
                self.ignored.push(mark);
                self.queue.ignored(mark);
            }
            Output::Answer(key, body) => {
                self.answered.push((key, body.clone()));
                self.inputs.push_back(Input::Arrive(key.session, Arrival::Answer { key, body }));
            }
            Output::Load(session) => self.loads.push_back(session),
            Output::LoadAll(session) => self.whole.push_back(session),
            Output::Tell(step) => self.sent.push(step),
            Output::Redo(release) => self.release(release),
            Output::Unreadable(session, why) => self.unreadable.push((session, why)),
            Output::Warn(what) => self.warned.push(what),
            Output::Differs(what) => self.differed.push(what),
        }
    }

    /// One batch becomes durable.
    pub fn commit(&mut self) {
        let _ = self.commit_rows(usize::MAX);
    }

    /// One batch of at most so many rows, acknowledged; what it means.
    pub fn commit_rows(&mut self, rows: usize) -> usize {
        let lost = self.disk.commit(self.queue.batch(rows));
        let items = self.queue.acknowledged(&lost);
        let released = items.len();
        for item in items {
            match item {
                Durable::Released(release) => {
                    self.inputs.push_back(Input::Committed(vec![(release.session, release.records)]));
                    self.release(*release);
                }
                Durable::Lost(lost) => {
                    self.inputs.push_back(Input::LostClaim(lost.session));
                    if let Claim::Request(key) = lost.claim {
                        self.host_answer(key, EventBody::SessionStarted(lost.owner.to_string()));
                    }
                }
            }
        }
        self.run();
        released
    }

    fn run(&mut self) {
        for input in std::mem::take(&mut self.inputs) {
            self.input(input);
        }
    }

    fn host_answer(&mut self, key: RequestKey, body: EventBody) {
        self.inputs.push_back(Input::Arrive(key.session, Arrival::Answer { key, body }));
    }

    fn release(&mut self, release: Release) {
        self.released.push(release.clone());
        self.sent.extend(release.step);
        for (key, request) in release.requests {
            match request {
                HostRequest::Send { to, strategy, message } => {
                    let to: SessionId = to.parse().unwrap();
                    self.inputs.push_back(Input::Arrive(to, Arrival::Message { from: key, strategy, message }));
                }
                HostRequest::Start(_) => {
                    let session = session_in(self.epoch, self.next_started);
                    self.next_started += 1;
                    let opening = opening(session, Some(Claim::Request(key)), release.at);
                    self.inputs.push_back(Input::Open(Box::new(Opening { origin: Origin::Session, ..opening }), None));
                }
            }
        }
        for (request, body) in release.answers {
            self.inputs.push_back(Input::Arrive(
                release.session,
                Arrival::Answer { key: RequestKey { session: release.session, incarnation: release.incarnation, request }, body },
            ));
        }
        for (key, body) in release.replies {
            self.host_answer(key, body);
        }
        if let Some(starter) = release.started_for {
            self.host_answer(starter, EventBody::SessionStarted(release.session.to_string()));
        }
    }

    /// Reads the rows that were asked for longest ago.
    pub fn load(&mut self) {
        let session = self.loads.pop_front().expect("nothing to load");
        let rows = self.disk.session_rows(session).map(Box::new);
        self.input(Input::Loaded(session, rows));
    }

    /// The same of whole journals.
    pub fn load_whole(&mut self) {
        let session = self.whole.pop_front().expect("nothing to load");
        let rows = self.disk.all_rows_of(session);
        self.input(Input::LoadedAll(session, rows));
    }

    /// Commits and loads until nothing is left to do.
    pub fn settle(&mut self) {
        self.run();
        while !self.queue.is_empty() || !self.loads.is_empty() || !self.whole.is_empty() {
            match (self.loads.is_empty(), self.whole.is_empty()) {
                (false, _) => self.load(),
                (true, false) => self.load_whole(),
                (true, true) => self.commit(),
            }
        }
    }

    /// `unknown` to the gateway, on the same primary's new connection.
    pub fn reconnect(&mut self, unknown: &[RequestKey]) {
        let unknown: BTreeSet<RequestKey> = unknown.iter().copied().collect();
        self.input(Input::Reconciled { unknown: std::sync::Arc::new(unknown), fresh: false, remembers: true });
    }

    pub fn state(&self, session: SessionId) -> &SessionState {
        self.worker.state(session).expect("the worker does not know the session")
    }

    /// Requests told to the gateway, as `name(id)`, in order.
    pub fn requests_sent(&self) -> Vec<String> {
        let requests = self.sent.iter().flat_map(|step| &step.requests);
        requests.map(|asked| format!("{}({})", asked.body.name(), asked.request)).collect()
    }

    /// What came of the last durable step.
    pub fn outcome(&self, session: SessionId) -> Outcome {
        self.disk.steps(session).last().expect("no step").outcome.clone()
    }

    /// W of the last batch.
    pub fn w(&self) -> u64 {
        self.disk.w.map_or(0, |mark| mark.position)
    }
}

pub fn session_in(epoch: u64, number: u64) -> SessionId {
    SessionId { node: 101, epoch, number }
}

pub fn key(session: SessionId, request: u32) -> RequestKey {
    RequestKey { session, incarnation: 1, request }
}

pub fn opening(session: SessionId, claim: Option<Claim>, started_at: Timestamp) -> Opening {
    Opening {
        session,
        incarnation: 1,
        epoch: session.epoch,
        claim,
        origin: Origin::Interaction,
        strategy: "native".to_owned(),
        version: VERSION,
        parameters: Vec::new(),
        switch: "main".into(),
        started_at,
        survival: Survival::Recovered,
    }
}

/// Of visit 1.
pub fn held(call: &str) -> Held {
    Held { id: call.into(), visit: Some(1) }
}

pub fn call_id(number: u64) -> InteractionId {
    format!("c{number}").into()
}

pub fn interaction(id: &InteractionId) -> Interaction {
    Interaction {
        id: id.clone(),
        root: id.clone(),
        media: Media::Voice,
        direction: Direction::Inbound,
        calling: "0171".to_owned(),
        called: "8000".to_owned(),
        routing_point: "8000".to_owned(),
        arrived_at: 0,
        user_data: Vec::new(),
    }
}

pub fn digit(number: u64, digit: &str) -> EventBody {
    EventBody::Digit(Digit { interaction: call_id(number), key: digit.to_owned() })
}

pub fn deleted(number: u64) -> EventBody {
    EventBody::InteractionDeleted(Deletion { interaction: call_id(number), cause: EndCause::CallerHungUp })
}

/// Remembers the name of every event, and does what `act` says.
pub fn script(act: impl Fn(&mut Memory, &Event, &mut Ask) -> Act + Send + Sync + 'static) -> Script {
    Script::new("native", move |memory, event, ask| {
        memory.push("seen", &word(&event.body));
        act(memory, event, ask)
    })
}

/// Remembers, and asks for nothing.
pub fn listener() -> Script {
    script(|_, _, _| Act::Wait)
}

/// A digit as itself, anything else by name.
pub fn word(body: &EventBody) -> String {
    match body {
        EventBody::Digit(digit) => digit.key.clone(),
        EventBody::Message(message) => message.name.clone(),
        other => other.name().to_owned(),
    }
}

/// Plays when the call comes.
pub fn player() -> Script {
    script(|_, event, ask| {
        if let EventBody::InteractionAdded(call) = &event.body {
            ask.play(&call.id, "welcome");
        }
        Act::Wait
    })
}
