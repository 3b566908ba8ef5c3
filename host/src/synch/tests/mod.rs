//! A pair on loopback. The test plays the owners, and strangers.

mod certificates;
mod pair;
mod strangers;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use tandem_node::synch::{BufferLimits, Effect, KeepLimits, Mirror, Source, greeting::Greeter};
use tandem_switch_link::{Mark, SwitchEvent};
use tandem_synch_link::{Change, Fingerprint, OptionHash, Standing};
use tandem_words::{Digit, EventBody, InstanceName, Origin, SessionId, VersionId};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{BackupHandle, BackupNews, BackupService, Handle, Options, Outgoing, PrimaryNews, PrimaryService};
use crate::options::{Tls, values::Address};

/// Nothing here takes so long, unless it hangs.
pub(super) const HUNG: Duration = Duration::from_secs(60);

pub(super) fn greeter(letter: char) -> Greeter {
    Greeter {
        release: "0.1.0".to_owned(),
        cluster: "cc1".to_owned(),
        instance: InstanceName { node: 101, letter },
        store: 77,
        options: Fingerprint { options: vec![OptionHash { name: "lease.timeout".to_owned(), hash: 1 }] },
    }
}

pub(super) fn address(port: u16) -> Address {
    format!("127.0.0.1:{port}").parse().unwrap()
}

/// `connect`: the port of the other instance.
pub(super) fn options(letter: char, listen: u16, connect: u16) -> Options {
    let heartbeat = Duration::from_millis(100);
    let (listen, connect) = (address(listen), address(connect));
    Options { own: greeter(letter), listen, connect, tls: None, keep: KeepLimits::default(), heartbeat }
}

pub(super) fn session(number: u64) -> SessionId {
    SessionId { node: 101, epoch: 3, number }
}

pub(super) fn opened(number: u64) -> Change {
    Change::Opened(Box::new(tandem_journal::Opening {
        session: session(number),
        incarnation: 1,
        epoch: 3,
        claim: None,
        origin: Origin::Interaction,
        strategy: "welcome".to_owned(),
        version: VersionId([1; 32]),
        parameters: Vec::new(),
        switch: "main".into(),
        started_at: 0,
        survival: tandem_journal::Survival::Restarted,
    }))
}

pub(super) fn heard(number: u64, position: u64) -> Change {
    let body = EventBody::Digit(Digit { interaction: "c1".into(), key: "1".to_owned() });
    let event = SwitchEvent { position, at: 1, interaction: Some("c1".into()), visit: None, answers: None, body };
    Change::Heard { session: session(number), incarnation: 1, event }
}

pub(super) fn mark(position: u64) -> Mark {
    Mark { incarnation: 1, position }
}

/// A primary: its service, and what its owner does with the news.
pub(super) struct Primary {
    pub(super) handle: Handle,
    pub(super) port: u16,
    desk: Arc<Mutex<Desk>>,
    told: mpsc::Receiver<String>,
    shutdown: watch::Sender<bool>,
    service: JoinHandle<()>,
}

struct Desk {
    source: Source,
    outgoing: Option<Outgoing>,
    counted: Vec<Mark>,
    standing: Option<Standing>,
    tell: mpsc::Sender<String>,
}

impl Desk {
    fn hear(&mut self, news: PrimaryNews) {
        let mut out = Vec::new();
        let words = match news {
            PrimaryNews::BackupConnected { outgoing, have } => {
                assert!(self.outgoing.is_none(), "two backups");
                self.outgoing = Some(outgoing);
                self.source.connected(0, have, &mut out);
                format!("connected {}", have.map_or("anew".to_owned(), |have| format!("with {}", have.seq)))
            }
            PrimaryNews::Room => {
                self.source.more(0, &mut out);
                String::new()
            }
            PrimaryNews::Acknowledged(seq) => {
                self.source.acknowledged(seq, &mut out);
                format!("acknowledged {seq}")
            }
            PrimaryNews::Standing(standing) => {
                let words = format!("standing {}", standing.ready);
                self.standing = Some(standing);
                words
            }
            PrimaryNews::BackupGone => {
                self.outgoing = None;
                self.source.gone(&mut out);
                "gone".to_owned()
            }
        };
        self.carry_out(out);
        let _ = self.tell.send(words);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.outgoing.as_ref().unwrap().send(message),
                Effect::Count(mark) => self.counted.push(mark),
                Effect::Solo(_) => {}
                Effect::Cut(_) => self.outgoing = None,
            }
        }
    }
}

impl Primary {
    /// Listens on a port of its own, and waits until it does.
    pub(super) async fn start(options: Options) -> Self {
        let mut primary = Self::begin(options);
        assert!(timeout(HUNG, primary.handle.stands(|status| status.listens_on.is_some())).await.unwrap());
        primary.port = primary.handle.status().listens_on.unwrap().port();
        primary
    }

    pub(super) fn begin(options: Options) -> Self {
        let (tell, told) = mpsc::channel();
        let source = Source::new(3, BufferLimits::default(), KeepLimits::default(), Default::default());
        let desk = Arc::new(Mutex::new(Desk { source, outgoing: None, counted: Vec::new(), standing: None, tell }));
        let (shutdown, ended) = watch::channel(false);
        let ears = Arc::clone(&desk);
        let (service, handle) = PrimaryService::new(options, 3, move |news| ears.lock().unwrap().hear(news));
        Primary { handle, port: 0, desk, told, shutdown, service: tokio::spawn(service.run(ended)) }
    }

    pub(super) fn step(&self, changes: Vec<Change>, position: u64) {
        let mut desk = self.desk.lock().unwrap();
        let mut out = Vec::new();
        desk.source.kept(0, changes, Some(mark(position)), &mut out);
        desk.carry_out(out);
    }

    /// Waits until the owner has been told this.
    pub(super) fn is_told(&self, wanted: &str) {
        let mut told = Vec::new();
        loop {
            match self.told.recv_timeout(HUNG) {
                Ok(words) if words == wanted => return,
                Ok(words) => told.push(words),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("{wanted:?} was not told, but {told:?}"),
            }
        }
    }

    pub(super) fn counted(&self) -> Vec<u64> {
        self.desk.lock().unwrap().counted.iter().map(|mark| mark.position).collect()
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        self.desk.lock().unwrap().standing.clone()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.desk.lock().unwrap().source.is_settled()
    }

    /// The owner's last word to the backup, and the end of the connection.
    pub(super) fn hand_over(&self) {
        let outgoing = self.desk.lock().unwrap().outgoing.take().unwrap();
        outgoing.send(tandem_synch_link::PrimaryMessage::HandOver);
    }

    /// The word of whoever stands in the way.
    pub(super) async fn problem(&mut self, part: &str) {
        let says = |status: &super::Status| status.problem.as_ref().is_some_and(|problem| problem.contains(part));
        let found = timeout(HUNG, self.handle.stands(says)).await;
        assert!(found.is_ok(), "{part:?} was not told, but {:?}", self.handle.status());
    }

    pub(super) async fn stop(self) {
        self.desk.lock().unwrap().outgoing = None;
        self.shutdown.send_replace(true);
        timeout(HUNG, self.service).await.unwrap().unwrap();
    }
}

/// A backup: its service, and what its owner was told.
pub(super) struct Backup {
    pub(super) handle: BackupHandle,
    told: mpsc::Receiver<BackupNews>,
    shutdown: watch::Sender<bool>,
    service: JoinHandle<Mirror>,
}

impl Backup {
    pub(super) fn start(options: Options) -> Self {
        let (tell, told) = mpsc::channel();
        let (shutdown, ended) = watch::channel(false);
        let (service, handle) = BackupService::new(options, Standing::default(), move |news| drop(tell.send(news)));
        Backup { handle, told, shutdown, service: tokio::spawn(service.run(ended)) }
    }

    pub(super) fn of(primary: &Primary) -> Self {
        Self::start(options('b', 0, primary.port))
    }

    pub(super) fn is_told(&self, wanted: &BackupNews) {
        loop {
            match self.told.recv_timeout(HUNG) {
                Ok(news) if news == *wanted => return,
                Ok(_) => {}
                Err(_) => panic!("{wanted:?} was not told: {:?}", self.handle.status()),
            }
        }
    }

    pub(super) async fn problem(&mut self, part: &str) {
        let says = |status: &super::Status| status.problem.as_ref().is_some_and(|problem| problem.contains(part));
        let found = timeout(HUNG, self.handle.stands(says)).await;
        assert!(found.is_ok(), "{part:?} was not told, but {:?}", self.handle.status());
    }

    pub(super) async fn take_over(self) -> Mirror {
        self.shutdown.send_replace(true);
        timeout(HUNG, self.service).await.unwrap().unwrap()
    }
}

pub(super) fn tls(folder: &Path, name: &str) -> Tls {
    Tls { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")), client_ca: folder.join("ca.pem") }
}
