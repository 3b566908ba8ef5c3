//! How an instance stands, asked from outside.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};
use tandem_words::{Epoch, InstanceName, Timestamp};

use super::{PeerStanding, SynchStanding, ToNode};
use crate::session::ToWorker;

/// How long an answer may take: a worker may be inside a step (`limits.step-wall`), or have much to do.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// How an instance stands; what `tandem status` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `101/a`.
    pub instance: String,
    /// `primary` or `backup`.
    pub role: String,
    /// The lease's epoch, as this instance knows it.
    pub epoch: Epoch,
    /// A primary: how far it is with its gateway: `serving` when all is well. A backup: `watching`.
    pub phase: String,
    /// Why commits, and with them all actions, are held up; none: they are not.
    pub held_up: Option<String>,
    /// Whether it was told to end.
    pub stopping: bool,
    /// Whether it has the gateway's welcome.
    pub reaches_switch: bool,
    /// Who holds the lease, as this instance knows it; none: nobody.
    pub holder: Option<String>,
    /// How the other instance stands; none: no connection to it.
    pub peer: Option<PeerStanding>,
    /// How the synch link stands; none: it has no ports.
    pub synch: Option<SynchStanding>,
    /// A backup: versions that live sessions run on and that are not compiled here, as it last looked.
    #[serde(default)]
    pub lacking: usize,
    /// Switch time, as last heard, ms.
    pub switch_time: Timestamp,
    /// Sessions that are not over. Left out while a worker is too busy to say.
    pub live_sessions: Option<usize>,
    /// Those whose guest is in memory. The same.
    pub sessions_in_memory: Option<usize>,
    /// Sessions that this epoch found in the store and went on with.
    pub recovered: usize,
    /// Sessions that it found and has started again, because they are not persisted.
    pub restarted: usize,
    /// Replays that came to something else than the journal, in this role: of sessions that were brought back, of those that ended and
    /// were sampled, and of those that a backup follows (P10). The log says which; 0 when all is well.
    #[serde(default)]
    pub replays_differed: usize,
    /// Steps committed in this epoch.
    pub steps: u64,
    /// Where its sessions live on.
    pub store: Option<PathBuf>,
}

impl Status {
    /// Whether calls are being served.
    pub fn serves(&self) -> bool {
        self.phase == "serving" && self.held_up.is_none() && !self.stopping
    }

    /// Whether it does what its role asks for: a primary serves, a backup could take over.
    pub fn is_ready(&self) -> bool {
        let has_all = self.synch.as_ref().is_none_or(|synch| synch.connected && synch.full);
        self.serves() || (self.role == "backup" && self.held_up.is_none() && self.reaches_switch && has_all && self.lacking == 0)
    }

    /// In a word or a sentence.
    pub fn standing(&self) -> String {
        match &self.held_up {
            Some(why) if self.role == "backup" => format!("the lease cannot be taken: {why}"),
            None if self.role == "backup" && !self.reaches_switch => format!("{}, without the switch", self.phase),
            None if self.role == "backup" && self.lacking > 0 => {
                format!("{}, without {} of the versions that live sessions run on", self.phase, self.lacking)
            }
            None if self.role == "backup" && !self.is_ready() => format!("{}, without all that the primary keeps", self.phase),
            Some(why) => format!("{}, but commits are held up: {why}", self.phase),
            None if self.stopping => "stopping".to_owned(),
            None => self.phase.clone(),
        }
    }
}

/// A running instance.
#[derive(Clone)]
pub struct Instance {
    pub(super) node: Sender<ToNode>,
    pub(super) workers: Vec<Sender<ToWorker>>,
}

impl Instance {
    /// How it stands, without its sessions; cheap, for probes. None: it has ended.
    pub fn standing(&self) -> Option<Status> {
        let (sender, answer) = bounded(1);
        self.node.send(ToNode::Status(sender)).ok()?;
        answer.recv_timeout(ANSWER_WITHIN).ok()
    }

    /// How it stands; none: it has ended. The workers are asked from here: the node's thread, with its heartbeats, waits for
    /// nobody.
    pub fn status(&self) -> Option<Status> {
        let status = self.standing()?;
        let counts = self.counts();
        Some(Status { live_sessions: counts.map(|(live, _)| live), sessions_in_memory: counts.map(|(_, present)| present), ..status })
    }

    /// Take no more events, let the commits come through, give the lease back, end.
    pub fn stop(&self) {
        let _ = self.node.send(ToNode::Stop);
    }

    /// Hands the role over to the other instance of the pair, without waiting for any time-out. Returns the heir when the
    /// switchover has begun, or why it does not. `force`: also to one that is not ready.
    pub fn hand_over(&self, force: bool) -> Result<InstanceName, String> {
        let (answer, answered) = bounded(1);
        let ended = || "this instance is just ending or changing its role; look at tandem status".to_owned();
        self.node.send(ToNode::HandOver { force, answer }).map_err(|_| ended())?;
        answered.recv_timeout(ANSWER_WITHIN).map_err(|_| ended())?
    }

    fn counts(&self) -> Option<(usize, usize)> {
        let (sender, answers) = bounded(self.workers.len());
        for worker in &self.workers {
            worker.send(ToWorker::Count(sender.clone())).ok()?;
        }
        sum(&answers, self.workers.len(), Instant::now() + ANSWER_WITHIN)
    }
}

fn sum(answers: &Receiver<(usize, usize)>, of: usize, until: Instant) -> Option<(usize, usize)> {
    (0..of).try_fold((0, 0), |(live, present), _| {
        let (more, more_present) = answers.recv_deadline(until).ok()?;
        Some((live + more, present + more_present))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_that_lacks_a_version_of_live_sessions_is_not_ready() {
        let status: Status = serde_json::from_value(serde_json::json!({
            "instance": "101/b", "role": "backup", "epoch": 3, "phase": "watching", "held_up": null, "stopping": false,
            "reaches_switch": true, "holder": "101/a (process 7)", "peer": null, "synch": null, "switch_time": 0, "live_sessions": null,
            "sessions_in_memory": null, "recovered": 0, "restarted": 0, "steps": 0, "store": null
        }))
        .unwrap();
        assert!(status.is_ready() && status.standing() == "watching");
        let lacks = Status { lacking: 2, ..status };
        assert!(!lacks.is_ready());
        assert_eq!(lacks.standing(), "watching, without 2 of the versions that live sessions run on");
    }
}
