//! What a backup knows of its primary's sessions before it takes over: the journal's records, folded as they come, and guests that
//! make each step again behind them. Nothing that the store does not have: a takeover then reads only what was written since, and
//! where a guest does otherwise than the journal says, that is known before anybody depends on it (P10).

use std::collections::{BTreeMap, BTreeSet};

use tandem_journal::{Outcome, Record, Snapshot, Step, StepFailure, StepFailureKind, Survival};
use tandem_words::{Bug, NodeId, SessionId, Timestamp, planted};

use crate::{
    Folded, Guests, Place, Records, SessionState, WorkerOptions,
    rebuild::{Setback, replay, replay_step},
};

/// The sessions of one worker to be. See the module.
#[derive(Debug)]
pub struct Following<G> {
    node: NodeId,
    guests: G,
    options: WorkerOptions,
    sessions: BTreeMap<SessionId, Followed>,
    /// Those whose guest is [`Guest::Absent`].
    absent: BTreeSet<SessionId>,
    failures: Vec<(SessionId, StepFailure)>,
    /// The newest time that a step names.
    now: Timestamp,
    folds_only: bool,
}

#[derive(Debug)]
struct Followed {
    state: Box<SessionState>,
    last_snapshot: u32,
    guest: Guest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guest {
    /// Behind the session's last step.
    Here,
    /// To be rebuilt of the session's rows.
    Absent,
    /// The primary has taken it out of memory, or there is no room for it or no version yet: wanted again with the session's next step.
    Idle,
    /// The session is over, is not persisted, or has differed; or its guest did not follow.
    Never,
}

impl<G: Guests> Following<G> {
    /// Of this node's sessions; none so far.
    pub fn new(node: NodeId, guests: G, options: WorkerOptions) -> Self {
        let (sessions, absent, failures) = Default::default();
        Following { node, guests, options, sessions, absent, failures, now: 0, folds_only: false }
    }

    /// A session as the store has it now; the records behind that may be told again. Its guest makes steps as long as `on` says so, and is
    /// otherwise left behind. The message is for people.
    pub fn begin(&mut self, records: &Records, on: &dyn Fn() -> bool) -> Result<(), String> {
        let Folded { state, last_snapshot, .. } = records.fold()?;
        let (session, opening) = (state.session(), state.opening());
        let mut guest = match opening.survival {
            Survival::Recovered if state.is_live() && opening.incarnation == 1 => Guest::Absent,
            _ => Guest::Never,
        };
        if guest == Guest::Absent && !self.folds_only {
            guest = match replay(&mut self.guests, self.options.step, &records.0, Place::Shared, on) {
                Ok(_) => Guest::Here,
                Err(Setback::Unreadable(message)) => return Err(message),
                Err(Setback::Guest(_, failure, _)) => self.failed(session, failure),
                Err(Setback::GivesWay) => {
                    self.guests.remove(session);
                    Guest::Absent
                }
            };
        }
        self.put(session, Followed { state, last_snapshot, guest });
        Ok(())
    }

    /// The journal's next record. One that was seen before changes nothing. The message is for people: what was followed is worth
    /// nothing any more.
    pub fn record(&mut self, record: &Record) -> Result<(), String> {
        let session = record.session();
        if session.node != self.node {
            return Ok(());
        }
        if let Record::Opened(opening) = record {
            let known = self.sessions.get(&session).map(|known| known.state.opening().incarnation);
            let is_news = known < Some(opening.incarnation) && !(known.is_some() && planted(Bug::FormerRunFollowed));
            return if is_news && !planted(Bug::OpeningsNotFollowed) {
                self.begin(&Records::of_opening(opening.clone()), &|| true)
            } else {
                Ok(())
            };
        }
        let Some(mut followed) = self.sessions.remove(&session) else { return Ok(()) };
        let run = followed.state.opening().incarnation;
        let mut over = false;
        match record {
            Record::Step(step) if step.incarnation == run => {
                let expected = followed.state.seq().saturating_add(1);
                if step.event.seq > expected {
                    return Err(format!("session {session} goes on with step {}, and {expected} is missing", step.event.seq));
                }
                if step.event.seq == expected {
                    followed = self.step(followed, step);
                }
                over = step.last;
            }
            Record::Snapshot(kept) if kept.incarnation == run => self.snapshot(&mut followed, kept),
            Record::Ended(ending) => over = ending.incarnation == run,
            Record::Step(_) | Record::Snapshot(_) | Record::Opened(_) => {}
        }
        if over {
            self.guests.remove(session);
            self.absent.remove(&session);
        } else {
            self.put(session, followed);
        }
        Ok(())
    }

    fn step(&mut self, followed: Followed, step: &Step) -> Followed {
        self.now = self.now.max(step.event.at);
        let Followed { mut state, last_snapshot, mut guest } = followed;
        let goes_on = matches!(step.outcome, Outcome::Wait | Outcome::Checkpoint);
        if guest == Guest::Here && goes_on && !self.folds_only {
            let (before, result) = replay_step(&mut self.guests, self.options.step, state, step);
            state = before;
            if let Err(failure) = result {
                guest = self.failed(step.session, failure.into());
            }
        } else {
            state.apply(step);
            guest = match guest {
                Guest::Here if planted(Bug::GuestLeftBehind) => return Followed { state, last_snapshot, guest },
                Guest::Here | Guest::Absent | Guest::Idle if goes_on => Guest::Absent,
                _ => Guest::Never,
            };
            self.guests.remove(step.session);
        }
        Followed { state, last_snapshot, guest }
    }

    fn snapshot(&mut self, followed: &mut Followed, kept: &Snapshot) {
        let (seq, at) = (followed.state.seq(), followed.state.at());
        if kept.seq > seq {
            return;
        }
        followed.last_snapshot = kept.seq.max(followed.last_snapshot);
        // One behind a step that was made so long ago is that of a session that leaves memory.
        if kept.seq == seq && followed.guest != Guest::Never && self.now >= at.saturating_add(self.options.passivate_after_ms) {
            followed.guest = Guest::Idle;
            self.guests.remove(kept.session);
        }
    }

    fn put(&mut self, session: SessionId, followed: Followed) {
        if followed.guest == Guest::Absent {
            self.absent.insert(session);
        } else {
            self.absent.remove(&session);
        }
        self.sessions.insert(session, followed);
        // They died because of a neighbour.
        for dead in self.guests.take_dead() {
            if let Some(followed) = self.sessions.get_mut(&dead).filter(|followed| followed.guest == Guest::Here) {
                followed.guest = Guest::Absent;
                self.absent.insert(dead);
            }
        }
    }

    fn failed(&mut self, session: SessionId, failure: StepFailure) -> Guest {
        self.guests.remove(session);
        if failure.kind == StepFailureKind::Unavailable {
            return Guest::Idle;
        }
        self.failures.push((session, failure));
        Guest::Never
    }

    /// Whether guests make no steps from now on, as there is no time for it: those of the sessions that do are left behind.
    pub fn fold_only(&mut self, folds_only: bool) {
        self.folds_only = folds_only;
    }

    /// A session whose guest is to be rebuilt, by [`Following::begin`].
    pub fn next_absent(&mut self) -> Option<SessionId> {
        self.absent.pop_first()
    }

    /// Guests that did not follow the journal since this was asked last.
    pub fn take_failures(&mut self) -> Vec<(SessionId, StepFailure)> {
        std::mem::take(&mut self.failures)
    }

    /// How many sessions live.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// How many of them lack a guest that they had better have.
    pub fn absent(&self) -> usize {
        self.sessions.values().filter(|followed| followed.guest == Guest::Absent).count()
    }

    /// The guests, and the sessions that live, as the store has them.
    pub fn into_parts(self) -> (G, Vec<Folded>) {
        let folded = |Followed { state, last_snapshot, guest }| Folded { state, last_snapshot, here: guest == Guest::Here };
        (self.guests, self.sessions.into_values().map(folded).collect())
    }
}
