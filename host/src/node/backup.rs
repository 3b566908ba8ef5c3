//! The primary's end of the synch link: what it tells its backup, and what it knows of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tandem_node::synch::{BufferLimits, Effect, Source, readiness::not_ready};
use tandem_switch_link::Mark;
use tandem_synch_link::{Change, KeptSession, PrimaryMessage, Standing};
use tandem_words::{Epoch, SessionId, VersionId};

use super::PeerStanding;
use crate::{
    session::ToCommitter,
    synch::{Handle, Options, Outgoing, PrimaryNews},
};

/// The synch link of a pair, as `tandem.toml` has it.
#[derive(Debug, Clone)]
pub struct SynchOptions {
    /// Ports and who may connect.
    pub link: Options,
    /// What may wait for a backup that is away.
    pub buffer: BufferLimits,
}

/// How the synch link stands, as one of its ends sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynchStanding {
    /// Whether the other instance is connected.
    pub connected: bool,
    /// Whether the backup has everything but what is on its way.
    pub full: bool,
    /// Changes on their way to the backup, as the primary counts them; 0 on a backup.
    pub lag: u64,
    /// What is wrong, as long as it is.
    pub problem: Option<String>,
}

/// See the module. What it gives back is for the committer, in order.
pub(super) struct Backup {
    source: Source,
    outgoing: Option<Outgoing>,
    standing: Option<Standing>,
    link: Option<Handle>,
    handed_over: bool,
}

impl Backup {
    /// Of a primary that has taken its lease: `kept` by [`tandem_node::synch::taken_over`].
    pub(super) fn new(options: &SynchOptions, epoch: Epoch, kept: BTreeMap<SessionId, KeptSession>) -> Self {
        let source = Source::new(epoch, options.buffer, options.link.keep, kept);
        Backup { source, outgoing: None, standing: None, link: None, handed_over: false }
    }

    /// The service that carries it.
    pub(super) fn carried_by(&mut self, link: Handle) {
        self.link = Some(link);
    }

    pub(super) fn hears(&mut self, now_ms: u64, news: PrimaryNews) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        match news {
            // The heir comes back before this instance has gone; it has everything.
            PrimaryNews::BackupConnected { .. } if self.handed_over => {}
            PrimaryNews::BackupConnected { outgoing, have } => {
                (self.outgoing, self.standing) = (Some(outgoing), None);
                self.source.connected(now_ms, have, &mut effects);
            }
            PrimaryNews::Room => self.source.more(now_ms, &mut effects),
            PrimaryNews::Acknowledged(seq) => self.source.acknowledged(seq, &mut effects),
            PrimaryNews::Standing(standing) => self.standing = Some(standing),
            PrimaryNews::BackupGone => {
                (self.outgoing, self.standing) = (None, None);
                self.source.gone(&mut effects);
            }
        }
        self.carry_out(effects)
    }

    /// A step of a session that is not persisted is through its commit.
    pub(super) fn kept(&mut self, now_ms: u64, changes: Vec<Change>, mark: Option<Mark>) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        self.source.kept(now_ms, changes, mark, &mut effects);
        self.carry_out(effects)
    }

    /// The switch has lost events.
    pub(super) fn missed(&mut self, now_ms: u64) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        self.source.missed(now_ms, &mut effects);
        self.carry_out(effects)
    }

    /// To be called several times a second.
    pub(super) fn tick(&mut self, now_ms: u64) -> Vec<ToCommitter> {
        let mut effects = Vec::new();
        self.source.tick(now_ms, &mut effects);
        self.carry_out(effects)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Vec<ToCommitter> {
        let mut for_committer = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(message) => self.outgoing.iter().for_each(|outgoing| outgoing.send(message.clone())),
                Effect::Count(mark) => for_committer.push(ToCommitter::Ignored(mark)),
                Effect::Solo(solo) => for_committer.push(ToCommitter::Solo(solo)),
                Effect::Cut(why) => {
                    tracing::warn!("the backup is cut off: {why}");
                    (self.outgoing, self.standing) = (None, None);
                }
            }
        }
        for_committer
    }

    /// Whether an heir would lack something that is still coming to it.
    pub(super) fn is_behind(&self) -> bool {
        self.source.is_behind()
    }

    /// The last word to the heir.
    pub(super) fn hands_over(&mut self) {
        self.handed_over = true;
        if let Some(outgoing) = self.outgoing.take() {
            outgoing.send(PrimaryMessage::HandOver);
        }
    }

    /// How the backup stands; none: nobody is connected. `live`: the versions that it must have; `solo`: what the lease's row says.
    pub(super) fn peer(&self, instance: String, live: &BTreeSet<VersionId>, solo: bool) -> Option<PeerStanding> {
        self.source.is_connected().then(|| {
            let quiet = self.link.as_ref().is_some_and(|link| link.status().quiet);
            let why_not = quiet.then(|| "there was no sign of life from the backup for a moment; it hangs, or is just ending".to_owned());
            let why_not = why_not.or_else(|| not_ready(&self.source, self.standing.as_ref(), live).map(|why| why.to_string()));
            let why_not = why_not.or_else(|| solo.then(|| "the commit that says that it has everything is under way".to_owned()));
            let reaches_switch = !quiet && self.standing.as_ref().is_some_and(|standing| standing.reaches_switch);
            PeerStanding { instance, ready: why_not.is_none(), why_not, reaches_switch }
        })
    }

    pub(super) fn synch(&self) -> SynchStanding {
        SynchStanding {
            connected: self.source.is_connected(),
            full: self.source.is_level(),
            lag: self.source.unacknowledged(),
            problem: self.link.as_ref().and_then(|link| link.status().problem),
        }
    }
}
