//! The primary's end of one connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tandem_node::synch::greeting::Greeter;
use tandem_synch_link::{BackupMessage, Hello, PrimaryMessage, Refusal};
use tandem_words::Epoch;
use tokio::{net::TcpStream, sync::mpsc, time::timeout};

use super::{
    Error, Options, Outgoing, PrimaryNews,
    carriage::{Hearing, Reading, Writing, halves, ticks},
    options::HANDSHAKE_WITHIN,
    primary::News,
    status::Board,
    tls,
};

/// For what a refused peer still sends. Reason: closing a socket with unread bytes would throw away the word that says why.
const LINGER: Duration = Duration::from_millis(500);

/// What all connections share.
pub(super) struct Desk {
    pub(super) options: Options,
    pub(super) epoch: Epoch,
    pub(super) news: News,
    pub(super) busy: AtomicBool,
    pub(super) board: Board,
}

/// The one place for a backup.
struct Place<'a>(&'a Desk);

impl<'a> Place<'a> {
    fn take(desk: &'a Desk) -> Option<Self> {
        (!desk.busy.swap(true, Ordering::SeqCst)).then_some(Place(desk))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.board.tell(|status| status.connected = None);
        self.0.busy.store(false, Ordering::SeqCst);
    }
}

/// Serves a connection from its first byte to its last. Gives why it ended, where that is not the owner's will.
pub(super) async fn serve(tcp: TcpStream, peer: String, desk: Arc<Desk>) -> Result<(), Error> {
    let slow = |_| Error::SlowHandshake(HANDSHAKE_WITHIN);
    let (hello, mut reading, mut writing) = timeout(HANDSHAKE_WITHIN, shake_hands(tcp, &peer, &desk)).await.map_err(slow)??;
    let greeter: &Greeter = &desk.options.own;
    // Only who may be the backup takes the place, if it is free.
    let place = greeter.answer(&hello, desk.epoch, false).ok().and_then(|_| Place::take(&desk));
    match greeter.answer(&hello, desk.epoch, place.is_none()) {
        Err((reason, message)) => {
            refuse(&mut reading, &mut writing, reason, message.clone()).await;
            Err(Error::Refused(message))
        }
        Ok(welcome) => {
            writing.send(&welcome).await?;
            let other = format!("{} (release {})", hello.instance, hello.release);
            tracing::info!(backup = other, peer, "a backup is connected");
            desk.board.tell(|status| {
                (status.connected, status.quiet) = (Some(other), false);
                status.problem = None;
            });
            let (outgoing, messages) = Outgoing::channel();
            (desk.news)(PrimaryNews::BackupConnected { outgoing, have: hello.have });
            let ended = talk(reading, writing, messages, &desk).await;
            (desk.news)(PrimaryNews::BackupGone);
            drop(place);
            ended
        }
    }
}

async fn shake_hands(tcp: TcpStream, peer: &str, desk: &Desk) -> Result<(Hello, Reading, Writing), Error> {
    let stream = tls::accepted(tcp, peer, desk.options.tls.as_ref()).await?;
    let (mut reading, mut writing) = halves(stream, desk.options.heartbeat);
    match reading.next().await {
        Ok(BackupMessage::Hello(hello)) => Ok((*hello, reading, writing)),
        Ok(_) => Err(Error::OutOfPlace("another message than `hello` first".to_owned())),
        Err(Error::Frame(error)) => {
            // It may be an instance of a release that this one cannot read.
            refuse(&mut reading, &mut writing, Refusal::Malformed, error.to_string()).await;
            Err(Error::Frame(error))
        }
        Err(error) => Err(error),
    }
}

async fn refuse(reading: &mut Reading, writing: &mut Writing, reason: Refusal, message: String) {
    let told = async {
        writing.send(&PrimaryMessage::Refused { reason, message }).await?;
        writing.close().await?;
        while reading.next::<BackupMessage>().await.is_ok() {}
        Ok::<(), Error>(())
    };
    // Who does not listen is not told.
    let _ = timeout(LINGER, told).await;
}

async fn talk(
    mut reading: Reading,
    mut writing: Writing,
    mut messages: mpsc::UnboundedReceiver<PrimaryMessage>,
    desk: &Desk,
) -> Result<(), Error> {
    let hearing = Hearing::new(desk.options.heartbeat);
    let sent = AtomicU64::new(0);
    let write = async {
        let mut heartbeats = ticks(desk.options.heartbeat);
        loop {
            let mut next = tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => Some(message),
                    None => break writing.close().await,
                },
                _ = heartbeats.tick() => Some(PrimaryMessage::Heartbeat),
            };
            let mut filling = false;
            while let Some(message) = next.take() {
                match message {
                    PrimaryMessage::Change { seq, .. } | PrimaryMessage::End { seq } => sent.store(seq, Ordering::Relaxed),
                    PrimaryMessage::Begin | PrimaryMessage::Kept(_) => filling = true,
                    _ => {}
                }
                if !writing.put(&message)? {
                    next = messages.try_recv().ok();
                }
            }
            writing.flush().await?;
            if filling && messages.is_empty() {
                (desk.news)(PrimaryNews::Room);
            }
        }
    };
    let read = async {
        let (mut acknowledged, mut standing) = (None, None);
        loop {
            let message = reading.next().await?;
            hearing.heard();
            match message {
                BackupMessage::Ack { seq } if acknowledged.is_none_or(|last| last < seq) && seq <= sent.load(Ordering::Relaxed) => {
                    acknowledged = Some(seq);
                    (desk.news)(PrimaryNews::Acknowledged(seq));
                }
                BackupMessage::Ack { seq } => break Err(Error::OutOfPlace(format!("an acknowledgement of change {seq} out of order"))),
                BackupMessage::Standing(now) => {
                    hearing.idle_talk()?;
                    if standing.as_ref() != Some(&now) {
                        standing = Some(now.clone());
                        (desk.news)(PrimaryNews::Standing(now));
                    }
                }
                BackupMessage::Heartbeat => hearing.idle_talk()?,
                BackupMessage::Hello(_) => break Err(Error::OutOfPlace("`hello` once more".to_owned())),
            }
        }
    };
    tokio::select! {
        ended = write => ended,
        ended = read => ended,
        silent = hearing.listen(|quiet| desk.board.tell(|status| status.quiet = quiet)) => Err(silent),
    }
}
