//! The node's thread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tandem_journal::FormatError;
use tandem_node::{LinkError, Phase, Primary, Stock, Tenure};
use tandem_session::Output;
use tandem_store::{Reader, StoreError};
use tandem_switch_link::{HostMessage, Mark, Refusal};
use tandem_words::SwitchName;

use super::{
    Status, ToNode, boot_clock_ms,
    desk::{self, Floor as _},
    floor::Threads,
};
use crate::{session::ToCommitter, switch_link::Outgoing};

/// How often the gateway hears that this instance lives; it waits for 3 s (`docs/switch-link.md`).
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Messages handled before anything is sent: what came together leaves together.
const MESSAGES_AT_ONCE: usize = 512;

/// Why the process must end.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal's format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The gateway follows a newer primary.
    #[error("{0}; another instance of this node leads now, and this one must not act any more")]
    Fenced(LinkError),
}

/// See the module.
pub struct NodeService {
    pub(super) primary: Primary,
    pub(super) threads: Threads,
    pub(super) reader: Box<dyn Reader>,
    pub(super) switch: SwitchName,
    pub(super) lease_timeout_ms: u64,
    pub(super) renewed_at_ms: Arc<AtomicU64>,
    pub(super) link: Option<Outgoing>,
    pub(super) stock: StockTaking,
    pub(super) stopping: bool,
    pub(super) status: Status,
}

/// How far the taking of stock is: everything handled, then W durable, then the workers asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StockTaking {
    No,
    Wanted,
    Flushing,
}

impl NodeService {
    /// Runs until the instance is stopped or cannot go on.
    pub fn run(mut self, messages: &Receiver<ToNode>) -> Result<(), Fatal> {
        let mut next_heartbeat = Instant::now() + HEARTBEAT;
        loop {
            let first = match messages.recv_timeout(next_heartbeat.saturating_duration_since(Instant::now())) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            let mut handled = 0;
            for message in first.into_iter().chain(messages.try_iter().take(MESSAGES_AT_ONCE)) {
                match message {
                    ToNode::Released => {
                        self.threads.workers.stop();
                        return Ok(());
                    }
                    message => handled += self.handle(message)?,
                }
            }
            self.threads.flush();
            self.threads.activity.end(handled);
            if self.threads.activity.outstanding() == 0 {
                self.quiet();
            }
            if Instant::now() >= next_heartbeat {
                next_heartbeat = Instant::now() + HEARTBEAT;
                if self.primary.phase() != Phase::Away {
                    self.threads.send(HostMessage::Heartbeat);
                }
            }
            self.send();
        }
    }

    /// Handles one message; tells how many counted ones that were.
    fn handle(&mut self, message: ToNode) -> Result<usize, Fatal> {
        let counted = match message {
            ToNode::Connected(link) => {
                self.link = Some(link);
                self.threads.outgoing.clear();
                let directives = self.primary.connected();
                desk::carry_out(directives, &mut self.threads);
                0
            }
            ToNode::Disconnected => {
                self.disconnected();
                0
            }
            ToNode::Frame(_) if self.stopping || self.link.is_none() => 1,
            ToNode::Frame(frame) => {
                let (directives, taken) = self.primary.frame(frame);
                desk::carry_out(directives, &mut self.threads);
                match taken {
                    Ok(()) => {}
                    Err(error @ LinkError::Refused { reason: Refusal::Fenced, .. }) => return Err(Fatal::Fenced(error)),
                    Err(error) => {
                        tracing::error!("{error}; trying again");
                        self.disconnected();
                    }
                }
                1
            }
            ToNode::Durable(items, w) => {
                self.status.steps += items.len() as u64;
                desk::durable(&mut self.primary, items, w, &mut self.threads);
                1
            }
            ToNode::Outputs(outputs) => {
                outputs.into_iter().for_each(|output| self.output(output));
                1
            }
            ToNode::Status(answer) => {
                let (live_sessions, sessions_in_memory) = self.threads.workers.count();
                let phase = format!("{:?}", self.primary.phase()).to_lowercase();
                let _ = answer.send(Status { live_sessions, sessions_in_memory, phase, switch_time: self.primary.now(), ..self.status.clone() });
                0
            }
            ToNode::Stop => {
                self.stopping = true;
                0
            }
            ToNode::Fatal(fatal) => return Err(fatal),
            ToNode::Quiet | ToNode::Released => 0,
        };
        if std::mem::take(&mut self.threads.take_stock) {
            self.stock = StockTaking::Wanted;
        }
        Ok(counted)
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Answer(key, body) => desk::answer(key, body, &mut self.threads),
            Output::Tell(step) => {
                let told = self.primary.tell(step);
                desk::carry_out(told.into_iter().collect(), &mut self.threads);
            }
            Output::Redo(release) => desk::released(&mut self.primary, release, &mut self.threads),
            Output::Unreadable(session, message) => tracing::error!(%session, "this session is lost: {message}"),
            // Its own thread has seen to these.
            Output::Finished(_) | Output::Ignored(_) | Output::Load(_) => {}
        }
    }

    fn disconnected(&mut self) {
        self.link = None;
        self.threads.outgoing.clear();
        self.stock = StockTaking::No;
        self.primary.disconnected();
    }

    /// Nothing is being worked on: the moment for what has to wait for it.
    fn quiet(&mut self) {
        if self.stopping {
            self.threads.commit(ToCommitter::Release(None));
            return;
        }
        match self.stock {
            StockTaking::Wanted => {
                self.stock = StockTaking::Flushing;
                self.threads.commit(ToCommitter::Flush);
            }
            StockTaking::Flushing => {
                self.stock = StockTaking::No;
                let stock = self.take_stock();
                let directives = self.primary.took_stock(stock);
                desk::carry_out(directives, &mut self.threads);
            }
            StockTaking::No => {
                let idle = self.primary.idle(self.threads.workers.wake_at());
                desk::carry_out(idle.into_iter().collect(), &mut self.threads);
            }
        }
    }

    fn take_stock(&mut self) -> Stock {
        let inventory = self.threads.workers.inventory();
        let stored = match self.reader.watermarks(self.primary.node()) {
            Ok(watermarks) => watermarks.into_iter().find(|watermark| watermark.switch == self.switch),
            Err(error) => {
                tracing::error!("W cannot be read: {error}; the switch is asked for everything it has");
                None
            }
        };
        let after = stored.map(|watermark| Mark { incarnation: watermark.incarnation, position: watermark.position });
        Stock { after, interactions: inventory.interactions, requests: inventory.requests }
    }

    /// Sends what waits for the gateway, if the lease still allows it: a holder stops at two thirds of the timeout, and goes
    /// on when a commit has renewed it.
    fn send(&mut self) {
        if self.threads.outgoing.is_empty() {
            return;
        }
        let tenure = Tenure::taken(self.lease_timeout_ms, self.renewed_at_ms.load(Ordering::SeqCst));
        if tenure.may_act(boot_clock_ms())
            && let Some(link) = &self.link
        {
            link.send(std::mem::take(&mut self.threads.outgoing));
        }
    }
}
