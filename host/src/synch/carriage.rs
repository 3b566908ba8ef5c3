//! Frames over a socket, and whether the other side still lives.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use tandem_synch_link::{LENGTH_BYTES, decode, encode, frame_bytes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf},
    time::{Interval, MissedTickBehavior, interval, timeout},
};

use super::{
    Error,
    options::{MISSED_HEARTBEATS, QUIET_HEARTBEATS},
    tls::Stream,
};

/// Messages that say nothing new (heartbeats, standings), between two heartbeats of this side. Reason: one is usual, and a peer
/// that floods must not keep this instance busy.
pub(super) const IDLE_TALK: u32 = 64;

/// How much is gathered before it is written.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// The reading end.
pub(super) struct Reading {
    from: BufReader<ReadHalf<Stream>>,
    frame: Vec<u8>,
}

/// The writing end.
pub(super) struct Writing {
    to: WriteHalf<Stream>,
    waiting: Vec<u8>,
    within: Duration,
}

/// Both ends; `heartbeat`: how often the other side is heard.
pub(super) fn halves(stream: Stream, heartbeat: Duration) -> (Reading, Writing) {
    let (from, to) = tokio::io::split(stream);
    let reading = Reading { from: BufReader::with_capacity(WRITTEN_AT_ONCE, from), frame: Vec::new() };
    (reading, Writing { to, waiting: Vec::new(), within: heartbeat * MISSED_HEARTBEATS })
}

impl Reading {
    /// The next message.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let mut length = [0; LENGTH_BYTES];
        self.from.read_exact(&mut length).await.map_err(closed)?;
        let bytes = frame_bytes(length)?;
        self.frame.clear();
        // It grows with what comes, not with what was announced.
        let limit = u64::try_from(bytes).unwrap_or(u64::MAX);
        let read = (&mut self.from).take(limit).read_to_end(&mut self.frame).await?;
        if read < bytes {
            return Err(Error::Closed);
        }
        let message = decode(&self.frame)?;
        if self.frame.capacity() > WRITTEN_AT_ONCE {
            self.frame = Vec::new();
        }
        Ok(message)
    }
}

fn closed(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => Error::Closed,
        _ => Error::Io(error),
    }
}

impl Writing {
    /// Puts a message behind those that wait. Gives whether enough wait to be written.
    pub(super) fn put(&mut self, message: &impl Serialize) -> Result<bool, Error> {
        encode(message, &mut self.waiting)?;
        Ok(self.waiting.len() >= WRITTEN_AT_ONCE)
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let write = async {
            self.to.write_all(&self.waiting).await?;
            self.to.flush().await
        };
        timeout(self.within, write).await.map_err(|_| Error::Stuck(self.within))?.map_err(closed)?;
        self.waiting.clear();
        self.waiting.shrink_to(2 * WRITTEN_AT_ONCE);
        Ok(())
    }

    /// One message, now.
    pub(super) async fn send(&mut self, message: &impl Serialize) -> Result<(), Error> {
        self.put(message)?;
        self.flush().await
    }

    /// Says that nothing more comes.
    pub(super) async fn close(&mut self) -> Result<(), Error> {
        timeout(self.within, self.to.shutdown()).await.map_err(|_| Error::Stuck(self.within))?.map_err(closed)
    }
}

/// What was heard lately. Ticks, not a clock: an instance that was stopped for a while has not listened, and gives the other its time.
pub(super) struct Hearing {
    silent: AtomicU32,
    idle_talk: AtomicU32,
    heartbeat: Duration,
}

impl Hearing {
    pub(super) fn new(heartbeat: Duration) -> Self {
        Hearing { silent: AtomicU32::new(0), idle_talk: AtomicU32::new(0), heartbeat }
    }

    /// A message came.
    pub(super) fn heard(&self) {
        self.silent.store(0, Ordering::Relaxed);
    }

    /// One that says nothing new, or little.
    pub(super) fn idle_talk(&self) -> Result<(), Error> {
        match self.idle_talk.fetch_add(1, Ordering::Relaxed) {
            too_many if too_many >= IDLE_TALK => Err(Error::OutOfPlace(format!("{IDLE_TALK} idle messages within {:?}", self.heartbeat))),
            _ => Ok(()),
        }
    }

    /// Ends when nothing was heard for too long. `quiet` is told when it begins to look like that, and when it does not any more.
    pub(super) async fn listen(&self, quiet: impl Fn(bool)) -> Error {
        let (mut ticks, mut was_quiet) = (ticks(self.heartbeat), false);
        loop {
            let silent = self.silent.fetch_add(1, Ordering::Relaxed);
            if silent > MISSED_HEARTBEATS {
                return Error::Silent(self.heartbeat * MISSED_HEARTBEATS);
            }
            let is_quiet = silent > QUIET_HEARTBEATS;
            if is_quiet != std::mem::replace(&mut was_quiet, is_quiet) {
                quiet(is_quiet);
            }
            ticks.tick().await;
            self.idle_talk.store(0, Ordering::Relaxed);
        }
    }
}

pub(super) fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
