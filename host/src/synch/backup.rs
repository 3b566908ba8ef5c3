//! The backup's service: it connects, and keeps a copy of what the primary keeps.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tandem_node::synch::Mirror;
use tandem_synch_link::{BackupMessage, PrimaryMessage, Standing};
use tandem_words::Epoch;
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Error, Options, Status,
    carriage::{Hearing, Reading, Writing, halves, ticks},
    options::HANDSHAKE_WITHIN,
    retry::{Pauses, Told},
    status::Board,
    tls,
};

/// What the owner of a [`BackupService`] hears, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupNews {
    /// A primary of this epoch has welcomed this backup.
    Connected(Epoch),
    /// The copy is complete.
    Full,
    /// A planned switchover: the lease is about to be released, naming this instance.
    HandOver,
    /// The connection is lost. The copy stays.
    Gone,
}

/// Where news go. Called on the service's task: it must not block.
type News = Arc<dyn Fn(BackupNews) + Send + Sync>;

/// See the module.
pub struct BackupService {
    options: Options,
    mirror: Mirror,
    news: News,
    standing: watch::Receiver<Standing>,
    board: Board,
}

/// To watch it, and to say how the backup stands.
#[derive(Debug, Clone)]
pub struct BackupHandle {
    standing: Arc<watch::Sender<Standing>>,
    status: watch::Receiver<Status>,
}

impl BackupHandle {
    /// Tells the primary, now or when it is connected.
    pub fn tell(&self, standing: Standing) {
        self.standing.send_if_modified(|told| {
            let news = *told != standing;
            *told = standing;
            news
        });
    }

    /// How the link stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until it stands so; false: the service has ended.
    pub async fn stands(&mut self, so: impl FnMut(&Status) -> bool) -> bool {
        self.status.wait_for(so).await.is_ok()
    }
}

impl BackupService {
    /// A backup that has nothing yet, and stands as `standing` says.
    pub fn new(options: Options, standing: Standing, news: impl Fn(BackupNews) + Send + Sync + 'static) -> (Self, BackupHandle) {
        let (board, status) = Board::new();
        let (tell, standing) = watch::channel(standing);
        let mirror = Mirror::new(options.keep);
        (BackupService { options, mirror, news: Arc::new(news), standing, board }, BackupHandle { standing: Arc::new(tell), status })
    }

    /// Runs until `shutdown` says so; then the copy is its owner's.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) -> Mirror {
        tokio::select! {
            () = self.serve() => {}
            _ = shutdown.wait_for(|shutdown| *shutdown) => {}
        }
        self.mirror
    }

    async fn serve(&mut self) {
        let (mut pauses, mut told) = (Pauses::default(), Told::default());
        loop {
            let mut lived = Duration::ZERO;
            let error = match self.connect().await {
                Ok((reading, writing)) => {
                    told.over();
                    let began = Instant::now();
                    let error = self.talk(reading, writing).await;
                    lived = began.elapsed();
                    (self.news)(BackupNews::Gone);
                    error
                }
                Err(error) => error,
            };
            let words = format!("synch link: {error}");
            match error {
                // As long as neither instance leads, or while the other one starts, nobody listens.
                Error::Unreachable { .. } | Error::Closed => tracing::debug!("{words}"),
                _ if told.is_news(&words, Instant::now()) => tracing::warn!("{words}; connecting again"),
                _ => {}
            }
            let full = self.mirror.is_full();
            self.board.tell(|status| *status = Status { full, problem: Some(words), ..Status::default() });
            sleep(pauses.after(lived)).await;
        }
    }

    async fn connect(&mut self) -> Result<(Reading, Writing), Error> {
        let slow = |_| Error::SlowHandshake(HANDSHAKE_WITHIN);
        timeout(HANDSHAKE_WITHIN, self.shake_hands()).await.map_err(slow)?
    }

    async fn shake_hands(&mut self) -> Result<(Reading, Writing), Error> {
        let Options { own, connect, tls, heartbeat, .. } = &self.options;
        let unreachable = |cause| Error::Unreachable { address: connect.clone(), cause };
        let tcp = TcpStream::connect((connect.host.as_str(), connect.port)).await.map_err(unreachable)?;
        let stream = tls::connected(tcp, &connect.host, tls.as_ref()).await?;
        let (mut reading, mut writing) = halves(stream, *heartbeat);
        writing.send(&BackupMessage::Hello(Box::new(own.hello(self.mirror.have())))).await?;
        let epoch = own.welcomed(reading.next().await?)?;
        self.mirror.connected(epoch);
        tracing::info!(primary = %own.other(), epoch, "connected to the primary's synch port");
        let (full, other) = (self.mirror.is_full(), own.other().to_string());
        self.board.tell(|status| *status = Status { connected: Some(other), full, ..Status::default() });
        (self.news)(BackupNews::Connected(epoch));
        if full {
            (self.news)(BackupNews::Full);
        }
        Ok((reading, writing))
    }

    /// Gives why it ended.
    async fn talk(&mut self, mut reading: Reading, mut writing: Writing) -> Error {
        let BackupService { options, mirror, news, standing, board } = self;
        let hearing = Hearing::new(options.heartbeat);
        let (acknowledge, mut acknowledged) = watch::channel(None);
        standing.mark_changed();
        let write = async {
            let mut heartbeats = ticks(options.heartbeat);
            loop {
                let message = tokio::select! {
                    Ok(()) = acknowledged.changed() => match *acknowledged.borrow_and_update() {
                        Some(seq) => BackupMessage::Ack { seq },
                        None => continue,
                    },
                    Ok(()) = standing.changed() => BackupMessage::Standing(standing.borrow_and_update().clone()),
                    _ = heartbeats.tick() => BackupMessage::Heartbeat,
                };
                if let Err(error) = writing.send(&message).await {
                    return error;
                }
            }
        };
        let read = async {
            loop {
                let message = match reading.next().await {
                    Ok(message) => message,
                    Err(error) => return error,
                };
                hearing.heard();
                match message {
                    PrimaryMessage::HandOver => news(BackupNews::HandOver),
                    PrimaryMessage::Heartbeat => {
                        if let Err(error) = hearing.idle_talk() {
                            return error;
                        }
                    }
                    _ => {}
                }
                let was_full = mirror.is_full();
                match mirror.heard(message) {
                    Ok(Some(seq)) => drop(acknowledge.send_replace(Some(seq))),
                    Ok(None) => {}
                    Err(error) => return Error::Mirror(error),
                }
                if mirror.is_full() != was_full {
                    board.tell(|status| status.full = !was_full);
                    if !was_full {
                        news(BackupNews::Full);
                    }
                }
            }
        };
        tokio::select! {
            error = write => error,
            error = read => error,
            silent = hearing.listen(|_| ()) => silent,
        }
    }
}
