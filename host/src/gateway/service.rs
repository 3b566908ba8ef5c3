//! The service: one task that owns the exchange.

use std::{
    collections::BTreeSet,
    future::Future,
    net::SocketAddr,
    pin::pin,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tandem_gateway::{
    core::{ConnectionId, Exchange, MAX_CONNECTIONS, Pace, Turn},
    simulated::SimulatedSwitch,
};
use tandem_switch_link::HostMessage;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep_until},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Error, Handle, Options, Status,
    clients::Clients,
    connection::{self, Input},
    control,
    files::{RecordFile, StateFile, read_token},
    handle::Question,
    moment::Watchers,
    pacer::Pacer,
    tls,
};

/// How often silence, stalls and the record are looked after. A longer pause between two looks means that this process
/// itself did not run.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Flushes of the record.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Frames that wait for the service's task; a connection that brings more waits. Reason: memory.
const MAX_WAITING_INPUTS: usize = 1_024;

/// Sockets at once, those that still shake hands included. Reason: room for those that the core refuses with a word, and no more.
const MOST_SOCKETS: usize = 2 * MAX_CONNECTIONS;

/// Instants passed in a row before others on this thread get their turn.
const INSTANTS_IN_A_ROW: u32 = 64;

/// A gateway that was killed is away for so long at most. Reason: as for held time, whoever asked may have died.
const LONGEST_AWAY: Duration = Duration::from_secs(10);

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// True: all calls are over and the record is complete. False: it was told to stop.
    pub over: bool,
    /// The last status.
    pub status: Status,
}

/// A bound service, ready to run.
pub struct Service {
    exchange: Exchange<SimulatedSwitch>,
    listener: TcpListener,
    control: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    state: Option<StateFile>,
    record: Option<RecordFile>,
    pacer: Pacer,
    heard_within: Duration,
    stall_timeout: Duration,
    handle: Handle,
    questions: mpsc::Receiver<Question>,
    watchers: Watchers,
    clients: Clients,
    /// Instances that may not connect.
    severed: BTreeSet<String>,
    /// The gateway is dead, until then.
    away_until: Option<Instant>,
    connections: JoinSet<()>,
    next_connection: u64,
    /// Since when the exchange waits for a host.
    waiting_since: Option<Instant>,
    looked_at: Instant,
    flushed_at: Instant,
}

/// When the service has something to do by itself.
enum Wake {
    Now,
    At(Instant),
    Never,
}

impl Service {
    /// Reads the files and listens. Nothing is served before [`Service::run`].
    pub async fn bind(mut options: Options) -> Result<Self, Error> {
        if !options.listen.ip().is_loopback() && (options.tls.is_none() || options.token_file.is_none()) {
            return Err(Error::Unprotected(options.listen));
        }
        if let Some(address) = options.control.filter(|address| !address.ip().is_loopback()) {
            return Err(Error::OpenControl(address));
        }
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        if let Some(path) = &options.token_file {
            options.core.token = Some(read_token(path)?);
        }
        let state = options.state_file.map(StateFile::new);
        let keepsake = match &state {
            Some(state) => state.read()?,
            None => Default::default(),
        };
        let keepsake = keepsake.next_life(not_before());
        // A switch that starts again counts its callers from 1 again, and an id must not come twice.
        options.switch.begin_ids_with(format!("{}-c", keepsake.incarnation));
        let record = options.record_file.map(RecordFile::create).transpose()?;
        let (listener, listens_on) = listen(options.listen).await?;
        let (control, control_on) = match options.control {
            Some(address) => listen(address).await.map(|(listener, address)| (Some(listener), Some(address)))?,
            None => (None, None),
        };
        let (ask, questions) = mpsc::channel(16);
        let now = Instant::now();
        Ok(Service {
            exchange: Exchange::new(options.core, keepsake, options.switch, options.seed, options.start),
            listener,
            control,
            tls,
            state,
            record,
            pacer: Pacer::new(options.speed, now, options.start),
            heard_within: options.heard_within,
            stall_timeout: options.stall_timeout,
            handle: Handle { listens_on, control_on, questions: ask },
            questions,
            watchers: Watchers::default(),
            clients: Clients::default(),
            severed: BTreeSet::new(),
            away_until: None,
            connections: JoinSet::new(),
            next_connection: 1,
            waiting_since: None,
            looked_at: now,
            flushed_at: now,
        })
    }

    /// For others to speak with it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until the run is over or `shutdown` comes. Connections end with it; the record is flushed in either case.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<Summary, Error> {
        let mut shutdown = pin!(shutdown);
        let (to_me, mut inputs) = mpsc::channel(MAX_WAITING_INPUTS);
        let (listener, handle) = (self.control.take(), self.handle.clone());
        let mut control = pin!(async {
            match listener {
                Some(listener) => control::serve(listener, handle).await,
                None => std::future::pending().await,
            }
        });
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut in_a_row = 0;
        loop {
            let turn = self.exchange.turn();
            self.deliver(turn)?;
            if self.exchange.over() {
                return self.finish(true);
            }
            let wake = self.next_wake();
            in_a_row = if matches!(wake, Wake::Now) { in_a_row + 1 } else { 0 };
            if in_a_row >= INSTANTS_IN_A_ROW {
                in_a_row = 0;
                tokio::task::yield_now().await;
            }
            tokio::select! {
                // What comes rarely stands first: under load there is always an input.
                biased;
                () = &mut shutdown => return self.finish(false),
                () = sleep_until(self.away_until.unwrap_or_else(Instant::now).into()), if self.away_until.is_some() => self.begin_again(),
                _ = look.tick() => self.look_after()?,
                Some(question) = self.questions.recv() => self.answer(question),
                Some(_) = self.connections.join_next() => {}
                accepted = self.listener.accept() => self.accept(accepted, &to_me),
                ended = &mut control => return ended.and_then(|()| self.finish(false)),
                Some(input) = inputs.recv() => {
                    self.catch_up()?;
                    self.take(input);
                    // What came together is handled together: fewer, longer frames.
                    for _ in 0..MAX_WAITING_INPUTS {
                        let Ok(input) = inputs.try_recv() else { break };
                        self.take(input);
                    }
                }
                () = due(&wake) => self.pass_due(),
            }
        }
    }

    /// Sends what a turn gave, in its order: state first.
    fn deliver(&mut self, turn: Turn) -> Result<(), Error> {
        if let (Some(keep), Some(state)) = (&turn.keep, &self.state) {
            state.write(keep)?;
        }
        if let Some(record) = &mut self.record {
            record.write(&turn.lines)?;
        }
        for (id, frame) in turn.frames {
            if !self.clients.send(id, frame) {
                tracing::warn!(connection = id.0, "the instance reads too slowly, or not at all: its connection is dropped");
                self.close(id);
            }
        }
        for id in turn.close {
            tracing::warn!(connection = id.0, "refused and closed");
            self.clients.close(id);
        }
        let (pace, now) = (self.exchange.pace(), Instant::now());
        self.pacer.pace(pace, now, self.exchange.now());
        self.waiting_since = (pace == Pace::Waiting).then(|| self.waiting_since.unwrap_or(now));
        if self.watchers.are_there() {
            let status = self.status();
            self.watchers.look(&status);
        }
        Ok(())
    }

    /// Whether time may pass at all.
    fn may_pass(&self) -> bool {
        matches!(self.exchange.pace(), Pace::Settled | Pace::Free) && !self.watchers.hold()
    }

    fn next_wake(&self) -> Wake {
        if !self.may_pass() {
            return Wake::Never;
        }
        match self.exchange.next_instant().and_then(|next| self.pacer.real_at(next)) {
            None => Wake::Never,
            Some(at) if at <= Instant::now() => Wake::Now,
            Some(at) => Wake::At(at),
        }
    }

    /// The next instant has come.
    fn pass_due(&mut self) {
        if let Some(next) = self.exchange.next_instant() {
            self.exchange.pass_to(next);
        }
    }

    /// Somebody speaks: it is as late as the clock says, and what was due until now comes first.
    fn catch_up(&mut self) -> Result<(), Error> {
        let real = Instant::now();
        while self.may_pass() {
            let now = self.exchange.now();
            let to = self.pacer.switch_at(real, now);
            if to <= now {
                break;
            }
            self.exchange.pass_to(to);
            let turn = self.exchange.turn();
            self.deliver(turn)?;
        }
        Ok(())
    }

    fn take(&mut self, input: Input) {
        match input {
            // On a connection of the gateway that is dead.
            _ if self.away_until.is_some() => {}
            Input::Connected { id, outgoing, heard } => {
                self.clients.add(id, outgoing, heard);
                self.exchange.connected(id);
            }
            Input::Frame { id, messages } if self.is_severed(&messages) => self.close(id),
            Input::Frame { id, messages } => self.exchange.received(id, messages),
            Input::Unreadable { id, why } => self.exchange.malformed(id, why),
            Input::Closed { id } => self.close(id),
        }
    }

    fn is_severed(&self, messages: &[HostMessage]) -> bool {
        let severed = |message: &HostMessage| matches!(message, HostMessage::Hello { instance, .. } if self.severed.contains(instance));
        !self.severed.is_empty() && messages.iter().any(severed)
    }

    fn close(&mut self, id: ConnectionId) {
        self.clients.close(id);
        self.exchange.closed(id);
    }

    fn accept(&mut self, accepted: std::io::Result<(TcpStream, SocketAddr)>, to_me: &mpsc::Sender<Input>) {
        match accepted {
            Ok(_) if self.away_until.is_some() => {}
            Ok((_, peer)) if self.connections.len() >= MOST_SOCKETS => tracing::warn!(%peer, "too many connections: turned away"),
            Ok((stream, _)) => {
                let id = ConnectionId(self.next_connection);
                self.next_connection += 1;
                // Ends with its socket, or when this service drops its end; a failure is its own only.
                self.connections.spawn(connection::serve(id, stream, self.tls.clone(), to_me.clone()));
            }
            Err(error) => tracing::warn!("a connection could not be accepted: {error}"),
        }
    }

    fn answer(&mut self, question: Question) {
        match question {
            // Whoever asked may have gone away.
            Question::Status(answer) => drop(answer.send(self.status())),
            Question::StopArrivals(answer) => {
                self.exchange.switch_mut().stop_arrivals();
                let _ = answer.send(());
            }
            Question::Hold(moment, answer) => self.watchers.wait_for(moment, answer),
            Question::Lead(more_than, answer) => self.watchers.wait_for_lead(more_than, answer),
            Question::Sever(instance, answer) => {
                let instance = instance.to_string();
                self.exchange.core().connections_of(&instance).into_iter().for_each(|id| self.close(id));
                self.severed.insert(instance);
                let _ = answer.send(());
            }
            Question::Admit(instance, answer) => {
                self.severed.remove(&instance.to_string());
                let _ = answer.send(());
            }
            Question::KillGateway(away, answer) => {
                self.die(away.min(LONGEST_AWAY));
                let _ = answer.send(());
            }
            Question::LetGo(answer) => {
                self.watchers.let_go();
                let _ = answer.send(());
            }
        }
    }

    /// The gateway is killed: what it knew is gone, and what was on its way to and from instances.
    fn die(&mut self, away: Duration) {
        tracing::warn!("the gateway is dead, for {away:?}");
        self.exchange.die();
        self.clients.close_all();
        self.connections.abort_all();
        self.away_until = Some(Instant::now() + away);
    }

    fn begin_again(&mut self) {
        self.away_until = None;
        self.exchange.begin_again(not_before());
        tracing::warn!(incarnation = self.exchange.core().incarnation(), "the gateway begins again");
    }

    fn status(&self) -> Status {
        let switch = self.exchange.switch().status();
        Status {
            now: self.exchange.now(),
            incarnation: self.exchange.core().incarnation(),
            led: self.exchange.core().is_led(),
            over: self.exchange.over(),
            live_calls: switch.live_calls,
            at_routing_point: switch.at_routing_point,
            waiting: switch.waiting,
            talking: switch.talking,
            on_default_route: switch.on_default_route,
            treatments_running: switch.treatments_running,
            collects_half_pressed: switch.collects_half_pressed,
            open_requests: switch.open_requests,
            rejected: switch.counts.rejected,
            tally: self.exchange.tally(),
        }
    }

    /// What real time brings: instances that fell silent, a primary that stalls, the record's flush.
    fn look_after(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if now.duration_since(self.looked_at) > 4 * LOOK_EVERY {
            self.clients.forgive();
        }
        self.looked_at = now;
        self.watchers.look_at_clock(now);
        for id in self.clients.silent_for(self.heard_within) {
            tracing::warn!(connection = id.0, "nothing was heard for {:?}: the instance is gone", self.heard_within);
            self.close(id);
        }
        if self.waiting_since.is_some_and(|since| now.duration_since(since) > self.stall_timeout) {
            tracing::warn!("a primary is not idle after {:?}: time runs without it", self.stall_timeout);
            self.exchange.stalled();
            self.waiting_since = None;
        }
        if let Some(record) = self.record.as_mut().filter(|_| now.duration_since(self.flushed_at) >= FLUSH_EVERY) {
            record.flush()?;
            self.flushed_at = now;
        }
        Ok(())
    }

    fn finish(&mut self, over: bool) -> Result<Summary, Error> {
        if let Some(record) = &mut self.record {
            if over {
                record.write(&[self.exchange.end()])?;
            }
            record.flush()?;
        }
        let status = self.status();
        tracing::info!(over, now = status.now, calls = status.tally.calls, "the gateway ends");
        Ok(Summary { over, status })
    }
}

/// The time of day: an incarnation must not come twice, also when the state file was lost.
fn not_before() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or_default()
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|source| Error::Listen { address, source })
}

async fn due(wake: &Wake) {
    match wake {
        Wake::Now => {}
        Wake::At(at) => sleep_until((*at).into()).await,
        Wake::Never => std::future::pending().await,
    }
}
