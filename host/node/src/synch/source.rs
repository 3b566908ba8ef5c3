//! The primary's side: what the backup is sent, and which events may count for W (ADR 5).

use std::collections::BTreeMap;

use tandem_journal::Survival;
use tandem_switch_link::Mark;
use tandem_synch_link::{Change, Held, KeptSession, PrimaryMessage, encoded_bytes};
use tandem_words::{Bug, Epoch, SessionId, planted};

use super::{
    KeepLimits, Keeper,
    keeper::session_of,
    waiting::{Buffer, BufferLimits, InFlight},
};

/// How long a backup may take to acknowledge. Reason: as long as a silent one is waited for; meanwhile the gateway keeps the events.
pub const ACKNOWLEDGES_WITHIN_MS: u64 = 3_000;

/// What may be on its way to the backup. Reason: memory; a backup that lets more pile up does not keep up.
pub const MAX_IN_FLIGHT_BYTES: usize = 16 << 20;

/// How much of the full state goes out at once. Reason: changes stand behind it in the same socket, and W behind them.
pub const PART_BYTES: usize = 256 << 10;

/// What the owner of a [`Source`] is to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "almost every effect is a message to send")]
pub enum Effect {
    /// Send this to the backup.
    Send(PrimaryMessage),
    /// This event may count for W.
    Count(Mark),
    /// From the next commit on the lease's row says so: W rests on events that only this instance has. It comes before the first
    /// mark of that kind, and both must become durable together.
    Solo(bool),
    /// Close the connection to the backup, for this reason. It counts as gone already.
    Cut(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No backup is connected.
    Alone,
    /// It gets the full state; sessions up to this one have been sent.
    Filling { sent: Option<SessionId> },
    /// All has been sent, and is acknowledged with this number.
    CatchingUp { until: u64 },
    /// It has everything but what is in flight.
    Level,
}

/// See the module. Times are milliseconds of one clock that does not go back.
#[derive(Debug)]
pub struct Source {
    epoch: Epoch,
    keeper: Keeper,
    seq: u64,
    phase: Phase,
    solo: bool,
    buffer: Buffer,
    in_flight: InFlight,
    /// The last change that says that events are lost.
    missed: u64,
    part_bytes: usize,
}

impl Source {
    /// A primary of this epoch begins, with what it took over. It is solo: its lease's row must say so from the first commit on,
    /// until a backup is level.
    #[must_use]
    pub fn new(epoch: Epoch, buffer: BufferLimits, keep: KeepLimits, kept: BTreeMap<SessionId, KeptSession>) -> Self {
        Source {
            epoch,
            keeper: Keeper::new(keep, kept),
            seq: 0,
            phase: Phase::Alone,
            solo: true,
            buffer: Buffer::new(buffer),
            in_flight: InFlight::default(),
            missed: 0,
            part_bytes: PART_BYTES,
        }
    }

    #[cfg(test)]
    pub(super) fn in_parts_of(self, part_bytes: usize) -> Self {
        Source { part_bytes, ..self }
    }

    /// What is kept.
    #[must_use]
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Whether W may rest on events that only this instance has.
    #[must_use]
    pub fn is_solo(&self) -> bool {
        self.solo
    }

    /// Whether a backup is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.phase != Phase::Alone
    }

    /// Whether the backup has everything but what is in flight.
    #[must_use]
    pub fn is_level(&self) -> bool {
        self.phase == Phase::Level
    }

    /// Whether the backup has everything: the moment for [`PrimaryMessage::HandOver`].
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_level() && self.in_flight.is_empty()
    }

    /// Changes that were sent and are not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.in_flight.oldest().map_or(0, |oldest| (self.seq + 1).saturating_sub(oldest))
    }

    /// Bytes that wait for an absent backup.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.bytes()
    }

    /// A step is through its commit: what changed with it, and the event of the switch that it handled.
    pub fn kept(&mut self, now_ms: u64, changes: Vec<Change>, mark: Option<Mark>, out: &mut Vec<Effect>) {
        for change in changes {
            // Nobody starts a session again that is to be left.
            let left = matches!(&change, Change::Opened(opening) if opening.survival != Survival::Restarted);
            if left || !self.keeper.apply(&change) {
                continue;
            }
            self.seq += 1;
            let bytes = encoded_bytes(&change);
            if self.is_told_of(session_of(&change)) {
                out.push(Effect::Send(PrimaryMessage::Change { seq: self.seq, change: change.clone() }));
                self.in_flight.push(now_ms, self.seq, bytes, None);
            }
            self.buffer.push(now_ms, self.seq, change, bytes);
        }
        if let Some(mark) = mark {
            match self.phase {
                Phase::Filling { .. } if planted(Bug::FullWhileFilled) => out.push(Effect::Count(mark)),
                Phase::Alone | Phase::Filling { .. } => self.count_alone(vec![mark], out),
                // It has all that came before, this event too if it was told again.
                Phase::Level if self.in_flight.is_empty() || planted(Bug::CountedBeforeAcknowledged) => out.push(Effect::Count(mark)),
                Phase::CatchingUp { .. } | Phase::Level => self.in_flight.push(now_ms, self.seq, 0, Some(mark)),
            }
        }
        if self.in_flight.bytes() > MAX_IN_FLIGHT_BYTES {
            self.cut(format!("{MAX_IN_FLIGHT_BYTES} bytes wait for it; it does not keep up"), out);
        }
    }

    /// The switch has lost events: those who start these sessions again must say so (P7), or not trust their copy. W may go over the
    /// hole when the backup has that ([`Source::is_behind`]).
    pub fn missed(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let before = self.seq;
        let changes = self.keeper.behind(None).map(|kept| Change::Missed(kept.opening.session)).collect();
        self.kept(now_ms, changes, None, out);
        if self.seq > before {
            self.missed = self.seq;
            if matches!(self.phase, Phase::Alone | Phase::Filling { .. }) {
                self.tell_solo(true, out);
            }
        }
    }

    /// Whether a backup is connected that has not acknowledged everything.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.is_connected() && !self.is_settled()
    }

    /// Whether changes of this session go out: its part of the full state has.
    fn is_told_of(&self, session: SessionId) -> bool {
        match self.phase {
            Phase::Alone => false,
            Phase::Filling { sent } => sent.is_some_and(|sent| session <= sent),
            Phase::CatchingUp { .. } | Phase::Level => true,
        }
    }

    /// A backup has been welcomed, and has this much.
    pub fn connected(&mut self, now_ms: u64, have: Option<Held>, out: &mut Vec<Effect>) {
        self.gone(out);
        let ours = |have: &Held| have.epoch == self.epoch && have.seq <= self.seq && self.buffer.reaches(have.seq);
        let Some(have) = have.filter(ours) else {
            self.phase = Phase::Filling { sent: None };
            if planted(Bug::FullWhileFilled) {
                self.tell_solo(false, out);
            }
            out.push(Effect::Send(PrimaryMessage::Begin));
            return self.more(now_ms, out);
        };
        for (seq, change, bytes) in self.buffer.behind(have.seq) {
            out.push(Effect::Send(PrimaryMessage::Change { seq, change: change.clone() }));
            self.in_flight.push(now_ms, seq, bytes, None);
        }
        self.phase = Phase::CatchingUp { until: self.seq };
        self.acknowledged(have.seq, out);
    }

    /// Everything sent has been written to the socket: more of the full state, if that is being sent.
    pub fn more(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let Phase::Filling { mut sent } = self.phase else { return };
        let mut bytes = 0;
        for session in self.keeper.behind(sent) {
            if bytes >= self.part_bytes {
                self.phase = Phase::Filling { sent };
                return;
            }
            bytes += encoded_bytes(session);
            sent = Some(session.opening.session);
            out.push(Effect::Send(PrimaryMessage::Kept(Box::new(session.clone()))));
        }
        out.push(Effect::Send(PrimaryMessage::End { seq: self.seq }));
        self.phase = Phase::CatchingUp { until: self.seq };
        // While it was being filled no event waited for it.
        self.in_flight.clear();
        self.in_flight.push(now_ms, self.seq, 0, None);
    }

    /// The backup has every change up to this one.
    pub fn acknowledged(&mut self, seq: u64, out: &mut Vec<Effect>) {
        let until = match self.phase {
            Phase::Alone => return,
            Phase::CatchingUp { until } if seq <= self.seq => until,
            Phase::Level if seq <= self.seq => 0,
            _ => return self.cut(format!("it acknowledged change {seq}, which was not sent"), out),
        };
        self.buffer.forget(seq);
        out.extend(self.in_flight.acknowledged(seq).into_iter().map(Effect::Count));
        if seq >= until {
            self.phase = Phase::Level;
            self.tell_solo(false, out);
        }
    }

    /// The connection to the backup is gone.
    pub fn gone(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Alone;
        if self.in_flight.oldest().is_some_and(|oldest| oldest <= self.missed) {
            self.tell_solo(true, out);
        }
        let marks = self.in_flight.clear();
        self.count_alone(marks, out);
    }

    /// Time passes; to be called about once a second.
    pub fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        self.buffer.age(now_ms);
        let waits = matches!(self.phase, Phase::CatchingUp { .. } | Phase::Level);
        if waits && self.in_flight.waits_ms(now_ms) > ACKNOWLEDGES_WITHIN_MS {
            self.cut(format!("it did not acknowledge a change within {ACKNOWLEDGES_WITHIN_MS} ms"), out);
        }
    }

    fn cut(&mut self, why: String, out: &mut Vec<Effect>) {
        out.push(Effect::Cut(why));
        self.gone(out);
    }

    fn count_alone(&mut self, marks: Vec<Mark>, out: &mut Vec<Effect>) {
        if !marks.is_empty() {
            self.tell_solo(true, out);
        }
        out.extend(marks.into_iter().map(Effect::Count));
    }

    fn tell_solo(&mut self, solo: bool, out: &mut Vec<Effect>) {
        if self.solo != solo && !(solo && planted(Bug::SoloNotTold)) {
            self.solo = solo;
            out.push(Effect::Solo(solo));
        }
    }
}
