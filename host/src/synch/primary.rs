//! The primary's service: it listens, and serves one backup.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use tandem_synch_link::{Held, Standing};
use tandem_words::Epoch;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};

use super::{
    Error, Options, Outgoing, Status,
    peer::{self, Desk},
    retry::{Pauses, Told},
    status::Board,
};

/// Connections at once, those that still shake hands included. Reason: room for a backup, its next try, and some who are refused with
/// a word.
const MOST_SOCKETS: usize = 8;

/// For what the owner sent last. Reason: a planned switchover ends with a word to the heir.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the owner of a [`PrimaryService`] hears, in order. One connection's news end with `BackupGone` before the next one's begin.
#[derive(Debug)]
pub enum PrimaryNews {
    /// A backup is welcome: for `Source::connected`.
    BackupConnected {
        /// What is sent goes in here; dropped, it closes the connection.
        outgoing: Outgoing,
        /// What the backup has.
        have: Option<Held>,
    },
    /// A part of the full state is written: for `Source::more`.
    Room,
    /// For `Source::acknowledged`.
    Acknowledged(u64),
    /// How the backup stands now.
    Standing(Standing),
    /// For `Source::gone`.
    BackupGone,
}

/// Where news go. Called on the service's tasks: it must not block.
pub(super) type News = Arc<dyn Fn(PrimaryNews) + Send + Sync>;

/// See the module.
pub struct PrimaryService {
    desk: Arc<Desk>,
    told: Told,
}

/// To watch it.
#[derive(Debug, Clone)]
pub struct Handle {
    status: watch::Receiver<Status>,
}

impl Handle {
    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until it stands so; false: the service has ended.
    pub async fn stands(&mut self, so: impl FnMut(&Status) -> bool) -> bool {
        self.status.wait_for(so).await.is_ok()
    }
}

impl PrimaryService {
    /// A primary of this epoch.
    pub fn new(options: Options, epoch: Epoch, news: impl Fn(PrimaryNews) + Send + Sync + 'static) -> (Self, Handle) {
        let (board, status) = Board::new();
        let desk = Desk { options, epoch, news: Arc::new(news), busy: AtomicBool::new(false), board };
        (PrimaryService { desk: Arc::new(desk), told: Told::default() }, Handle { status })
    }

    /// Runs until `shutdown` says so.
    pub async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        tokio::select! {
            () = self.serve(&mut connections) => {}
            _ = shutdown.wait_for(|shutdown| *shutdown) => {}
        }
        let ending = async { while connections.join_next().await.is_some() {} };
        // The rest is dropped with the set.
        let _ = timeout(LAST_WORDS, ending).await;
    }

    async fn serve(&mut self, connections: &mut JoinSet<Result<(), Error>>) {
        let mut pauses = Pauses::default();
        loop {
            let began = Instant::now();
            match self.listen().await {
                Ok(listener) => self.accept(&listener, connections).await,
                Err(error) => self.complain(&error, None),
            }
            sleep(pauses.after(began.elapsed())).await;
        }
    }

    async fn listen(&mut self) -> Result<TcpListener, Error> {
        let address = &self.desk.options.listen;
        let listening = async {
            let listener = TcpListener::bind((address.host.as_str(), address.port)).await?;
            Ok((listener.local_addr()?, listener))
        };
        let (on, listener) = listening.await.map_err(|cause| Error::Listen { address: address.clone(), cause })?;
        tracing::info!(%on, "the synch port listens for a backup");
        self.told.over();
        self.desk.board.tell(|status| *status = Status { listens_on: Some(on), ..Status::default() });
        Ok(listener)
    }

    /// Returns when the port is lost.
    async fn accept(&mut self, listener: &TcpListener, connections: &mut JoinSet<Result<(), Error>>) {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => self.take(tcp, peer, connections),
                    Err(error) => {
                        self.desk.board.tell(|status| status.listens_on = None);
                        return self.complain(&Error::Io(error), None);
                    }
                },
                Some(ended) = connections.join_next() => self.ended(ended),
            }
        }
    }

    fn take(&mut self, tcp: TcpStream, peer: SocketAddr, connections: &mut JoinSet<Result<(), Error>>) {
        if connections.len() >= MOST_SOCKETS {
            return self.complain(&Error::TooMany(MOST_SOCKETS), None);
        }
        connections.spawn(peer::serve(tcp, peer.ip().to_string(), Arc::clone(&self.desk)));
    }

    fn ended(&mut self, ended: Result<Result<(), Error>, JoinError>) {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.complain(&error, Some("a connection to the synch port ended: ")),
            Err(error) => tracing::error!("a connection to the synch port ended: {error}; please report this"),
        }
    }

    fn complain(&mut self, error: &Error, what: Option<&str>) {
        let words = format!("{}{error}", what.unwrap_or_default());
        if self.told.is_news(&words, Instant::now()) {
            tracing::warn!("{words}");
        }
        self.desk.board.tell(|status| {
            if status.connected.is_none() {
                status.problem = Some(words);
            }
        });
    }
}
