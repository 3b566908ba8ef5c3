//! The backup's side: a copy of what the primary keeps.

use std::collections::{BTreeMap, BTreeSet};

use tandem_synch_link::{Held, KeptSession, PrimaryMessage};
use tandem_words::{Bug, Epoch, SessionId, planted};

use super::{KeepLimits, Keeper, keeper::session_of};

/// Sessions that a backup takes. Reason: memory; as many as an instance is built for (design, section 14).
pub const MAX_SESSIONS: usize = 1_000_000;

/// What a primary may not say. The connection is made again, and the full state comes with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// Changes come one after the other.
    #[error("the primary sent change {found} where change {expected} should come, against the protocol (docs/synch-link.md)")]
    Order {
        /// The number it should have had.
        expected: u64,
        /// The number it had.
        found: u64,
    },
    /// A message that has no place here.
    #[error("the primary sent {what}, against the protocol (docs/synch-link.md)")]
    OutOfPlace {
        /// The message, and where.
        what: &'static str,
    },
    /// More than this instance can hold.
    #[error("the primary sent more than {MAX_SESSIONS} sessions; this backup cannot hold them, and is not ready")]
    TooMany,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Mirror {
    keeper: Keeper,
    /// Of the primary that is or was connected.
    epoch: Epoch,
    /// Set while the copy is complete as of then.
    full: Option<Held>,
    /// While the full state comes: what was there before it began and has not come again. It is better than nothing, should the
    /// primary die now.
    filling: Option<BTreeSet<SessionId>>,
}

impl Mirror {
    /// An empty one.
    #[must_use]
    pub fn new(limits: KeepLimits) -> Self {
        Mirror { keeper: Keeper::new(limits, BTreeMap::new()), ..Mirror::default() }
    }

    /// What is to be said in `hello`.
    #[must_use]
    pub fn have(&self) -> Option<Held> {
        self.full
    }

    /// Whether it holds all that the primary had sent when it was last heard.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full.is_some_and(|full| full.epoch == self.epoch)
    }

    /// What is kept.
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// A primary of this epoch has welcomed this backup.
    pub fn connected(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.filling = None;
    }

    /// What the primary sent; gives the number to be acknowledged, if one is.
    ///
    /// # Errors
    /// The message has no place here. The copy is not full any more, so the next connection brings the full state.
    pub fn heard(&mut self, message: PrimaryMessage) -> Result<Option<u64>, MirrorError> {
        self.take(message).inspect_err(|_| self.full = None)
    }

    fn take(&mut self, message: PrimaryMessage) -> Result<Option<u64>, MirrorError> {
        match (message, &mut self.filling) {
            (PrimaryMessage::Begin, _) => {
                self.full = planted(Bug::FullWhileFilled).then_some(Held { epoch: self.epoch, seq: 0 });
                self.filling = Some(self.keeper.behind(None).map(|kept| kept.opening.session).collect());
                Ok(None)
            }
            (PrimaryMessage::Kept(session), Some(old)) => {
                if self.keeper.len() >= MAX_SESSIONS {
                    return Err(MirrorError::TooMany);
                }
                old.remove(&session.opening.session);
                self.keeper.put(*session);
                Ok(None)
            }
            (PrimaryMessage::Change { change, .. }, Some(old)) => {
                if old.remove(&session_of(&change)) {
                    self.keeper.remove(session_of(&change));
                }
                self.keeper.apply(&change);
                Ok(None)
            }
            (PrimaryMessage::End { seq }, Some(old)) => {
                std::mem::take(old).into_iter().for_each(|session| self.keeper.remove(session));
                self.filling = None;
                self.full = Some(Held { epoch: self.epoch, seq });
                Ok(Some(seq))
            }
            (PrimaryMessage::Change { seq, change }, None) => {
                let epoch = self.epoch;
                let Some(full) = self.full.as_mut().filter(|full| full.epoch == epoch) else {
                    return Err(MirrorError::OutOfPlace { what: "a change before the full state" });
                };
                if seq != full.seq + 1 {
                    return Err(MirrorError::Order { expected: full.seq + 1, found: seq });
                }
                if self.keeper.len() >= MAX_SESSIONS {
                    return Err(MirrorError::TooMany);
                }
                full.seq = seq;
                self.keeper.apply(&change);
                Ok(Some(seq))
            }
            (PrimaryMessage::Kept(_) | PrimaryMessage::End { .. }, None) => {
                Err(MirrorError::OutOfPlace { what: "a part of the full state without its beginning" })
            }
            (PrimaryMessage::Welcome { .. } | PrimaryMessage::Refused { .. }, _) => {
                Err(MirrorError::OutOfPlace { what: "its answer to `hello` once more" })
            }
            (PrimaryMessage::HandOver | PrimaryMessage::Heartbeat, _) => Ok(None),
        }
    }

    /// This backup becomes primary. `before`: the epoch of the lease that it follows, `solo`: what stands in that lease's row. With
    /// the sessions comes whether the copy is certain: it misses no event that counts for W. Behind W the gateway tells again, also
    /// events that are in the copy: those up to a session's last one are to be passed over.
    #[must_use]
    pub fn into_kept(self, before: Epoch, solo: bool) -> (BTreeMap<SessionId, KeptSession>, bool) {
        let certain = !solo && self.full.is_some_and(|full| full.epoch == before);
        (self.keeper.into_sessions(), certain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{digit, heard, kept, opened, session};

    fn change(seq: u64, change: tandem_synch_link::Change) -> PrimaryMessage {
        PrimaryMessage::Change { seq, change }
    }

    fn full() -> Mirror {
        let mut mirror = Mirror::new(KeepLimits::default());
        mirror.connected(3);
        for message in [PrimaryMessage::Begin, PrimaryMessage::Kept(Box::new(kept(1))), PrimaryMessage::Kept(Box::new(kept(2)))] {
            assert_eq!(mirror.heard(message), Ok(None));
        }
        assert!(!mirror.is_full() && mirror.have().is_none());
        assert_eq!(mirror.heard(PrimaryMessage::End { seq: 7 }), Ok(Some(7)));
        mirror
    }

    #[test]
    fn the_full_state_comes_first_and_then_changes_without_holes() {
        let mut mirror = full();
        assert_eq!(mirror.heard(change(8, heard(1, digit(9, "c1")))), Ok(Some(8)));
        assert_eq!(mirror.have(), Some(Held { epoch: 3, seq: 8 }));
        for found in [8, 10] {
            let mut wrong = full();
            wrong.heard(change(8, heard(1, digit(9, "c1")))).unwrap();
            assert_eq!(wrong.heard(change(found, heard(1, digit(9, "c1")))), Err(MirrorError::Order { expected: 9, found }));
            assert!(!wrong.is_full() && wrong.have().is_none(), "the full state must come again");
        }
        let (sessions, certain) = mirror.into_kept(3, false);
        assert!(certain && sessions[&session(1)].events.len() == 1 && sessions.len() == 2);
    }

    #[test]
    fn a_copy_is_certain_only_if_it_was_full_in_that_epoch_and_nothing_was_counted_alone() {
        assert!(full().into_kept(3, false).1);
        assert!(!full().into_kept(3, true).1 && !full().into_kept(4, false).1);
        let mut begun = full();
        begun.heard(PrimaryMessage::Begin).unwrap();
        let (sessions, certain) = begun.into_kept(3, false);
        assert!(!certain && sessions.len() == 2, "what was there is better than nothing");
    }

    #[test]
    fn what_the_new_full_state_does_not_name_goes_with_its_end() {
        let mut mirror = full();
        mirror.connected(4);
        assert!(!mirror.is_full());
        assert!(matches!(mirror.heard(change(1, opened(9, 1))), Err(MirrorError::OutOfPlace { .. })), "of another epoch");
        mirror.heard(PrimaryMessage::Begin).unwrap();
        mirror.heard(PrimaryMessage::Kept(Box::new(kept(2)))).unwrap();
        // A session that the new primary knows nothing of begins again there.
        mirror.heard(change(1, opened(1, 2))).unwrap();
        mirror.heard(change(2, opened(1, 3))).unwrap();
        mirror.heard(PrimaryMessage::End { seq: 2 }).unwrap();
        let (sessions, certain) = mirror.into_kept(4, false);
        assert!(certain && sessions.len() == 2 && sessions[&session(1)].opening.incarnation == 3);
    }

    #[test]
    fn what_has_no_place_is_refused() {
        let mut mirror = Mirror::new(KeepLimits::default());
        mirror.connected(3);
        let welcome = PrimaryMessage::Welcome { version: 1, release: String::new(), instance: String::new(), epoch: 3 };
        for message in [welcome, PrimaryMessage::End { seq: 1 }, PrimaryMessage::Kept(Box::new(kept(1))), change(1, opened(1, 1))] {
            assert!(matches!(mirror.heard(message.clone()), Err(MirrorError::OutOfPlace { .. })), "{message:?}");
        }
        assert!(mirror.keeper().is_empty() && !mirror.is_full());
    }
}
