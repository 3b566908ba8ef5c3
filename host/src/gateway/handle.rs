//! What others may ask of a running service.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};
use tandem_gateway::core::Tally;
use tandem_words::{InstanceName, SwitchIncarnation, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::Moment;

/// The service is not running any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gateway is not running any more")]
pub struct Stopped;

/// How the switch and its gateway stand. `docs/switch-link.md` describes `GET /status`, which answers this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Switch time.
    pub now: Timestamp,
    /// Of the switch.
    pub incarnation: SwitchIncarnation,
    /// Every node that led has an acknowledged primary.
    pub led: bool,
    /// No call lives, none will come, the primaries want nothing.
    pub over: bool,
    /// Calls that live.
    pub live_calls: usize,
    /// Of these: ringing or connected, not with a target.
    pub at_routing_point: usize,
    /// Of these: with an open route.
    pub waiting: usize,
    /// With a target.
    pub talking: usize,
    /// On the default route.
    pub on_default_route: usize,
    /// Treatments under way, music not among them.
    pub treatments_running: usize,
    /// Collects that have some of their digits.
    pub collects_half_pressed: usize,
    /// Requests without an answer.
    pub open_requests: usize,
    /// Callers that were turned away: a full switch, or no such number.
    pub rejected: u64,
    /// Everything counted since the beginning.
    #[serde(flatten)]
    pub tally: Tally,
}

/// A question to the service's task.
#[derive(Debug)]
pub(super) enum Question {
    Status(oneshot::Sender<Status>),
    StopArrivals(oneshot::Sender<()>),
    Hold(Moment, oneshot::Sender<Status>),
    LetGo(oneshot::Sender<()>),
    Lead(u64, oneshot::Sender<Status>),
    Sever(InstanceName, oneshot::Sender<()>),
    Admit(InstanceName, oneshot::Sender<()>),
    KillGateway(Duration, oneshot::Sender<()>),
}

/// Speaks with a running [`Service`](super::Service); cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) listens_on: SocketAddr,
    pub(super) control_on: Option<SocketAddr>,
    pub(super) questions: mpsc::Sender<Question>,
}

impl Handle {
    /// Where instances connect.
    pub fn listens_on(&self) -> SocketAddr {
        self.listens_on
    }

    /// Where `GET /status` is answered.
    pub fn control_on(&self) -> Option<SocketAddr> {
        self.control_on
    }

    /// How it stands.
    pub async fn status(&self) -> Result<Status, Stopped> {
        self.ask(Question::Status).await
    }

    /// Nobody calls any more who has not called yet; the run ends once the live calls are over.
    pub async fn stop_arrivals(&self) -> Result<(), Stopped> {
        self.ask(Question::StopArrivals).await
    }

    /// Waits for the moment, and holds switch time there until [`Handle::let_go`], for 10 s at most. One waits at a time.
    pub async fn hold(&self, moment: Moment) -> Result<Status, Stopped> {
        self.ask(|answer| Question::Hold(moment, answer)).await
    }

    /// Time may pass again.
    pub async fn let_go(&self) -> Result<(), Stopped> {
        self.ask(Question::LetGo).await
    }

    /// Waits until a primary leads, and primaries were acknowledged more often than this (`leads` of [`Status`]).
    pub async fn led(&self, more_than: u64) -> Result<Status, Stopped> {
        self.ask(|answer| Question::Lead(more_than, answer)).await
    }

    /// Closes this instance's connection, and every later one at its `hello`, as if its network were cut.
    pub async fn sever(&self, instance: InstanceName) -> Result<(), Stopped> {
        self.ask(|answer| Question::Sever(instance, answer)).await
    }

    /// It may connect again.
    pub async fn admit(&self, instance: InstanceName) -> Result<(), Stopped> {
        self.ask(|answer| Question::Admit(instance, answer)).await
    }

    /// The gateway dies with all that it knew, as a process beside a switch does that is killed: the calls go on, and nobody hears
    /// what happens to them. It begins again after so long (real time), 10 s at most.
    pub async fn kill_gateway(&self, away: Duration) -> Result<(), Stopped> {
        self.ask(|answer| Question::KillGateway(away, answer)).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Stopped> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(question(answer)).await.map_err(|_| Stopped)?;
        answered.await.map_err(|_| Stopped)
    }
}
