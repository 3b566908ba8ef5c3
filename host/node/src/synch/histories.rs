//! Histories drawn at random: links that are cut, delayed and made again, backups that start anew, steps in between.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use tandem_switch_link::Mark;
use tandem_synch_link::{Change, Held, KeptSession, PrimaryMessage};
use tandem_words::{EventBody, Position, SessionId, StoppedBy};

use super::{BufferLimits, Effect, KeepLimits, Keeper, Mirror, Source, session_of};
use crate::testing::{answer, asked, digit, heard, key, mark, opened};

const EPOCH: u64 = 3;
const KEEP: KeepLimits = KeepLimits { events: 4, bytes: 100_000, open: 3 };
const BUFFER: BufferLimits = BufferLimits { bytes: 2_000, age_ms: 5_000 };

#[derive(Debug, Clone)]
enum Op {
    Open(u64),
    Hear(u64),
    Answer(u64),
    Ask(u64),
    End(u64),
    /// An event that no session keeps.
    Nobody,
    ToBackup(usize),
    ToPrimary(usize),
    Cut,
    Connect,
    BackupStartsAnew,
    Pass(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let session = || 1..5_u64;
    let op = prop_oneof![
        2 => session().prop_map(Op::Open),
        8 => session().prop_map(Op::Hear),
        2 => session().prop_map(Op::Answer),
        2 => session().prop_map(Op::Ask),
        1 => session().prop_map(Op::End),
        1 => Just(Op::Nobody),
        8 => (1..6_usize).prop_map(Op::ToBackup),
        8 => (1..6_usize).prop_map(Op::ToPrimary),
        1 => Just(Op::Cut),
        2 => Just(Op::Connect),
        1 => Just(Op::BackupStartsAnew),
        1 => (1..4_000_u64).prop_map(Op::Pass),
    ];
    prop::collection::vec(op, 1..150)
}

/// A pair, and what only an onlooker knows.
struct World {
    now_ms: u64,
    source: Source,
    mirror: Mirror,
    to_backup: VecDeque<PrimaryMessage>,
    to_primary: VecDeque<u64>,
    connected: bool,
    /// The primary's truth after each change.
    truth: Keeper,
    history: Vec<BTreeMap<SessionId, KeptSession>>,
    position: Position,
    /// The events of the switch, with the number of the last change up to them.
    events: BTreeMap<Position, usize>,
    counted: Vec<Position>,
    /// As it would stand in the lease's row.
    solo: bool,
}

impl World {
    fn new() -> Self {
        World {
            now_ms: 0,
            source: Source::new(EPOCH, BUFFER, KEEP, BTreeMap::new()).in_parts_of(300),
            mirror: Mirror::new(KEEP),
            to_backup: VecDeque::new(),
            to_primary: VecDeque::new(),
            connected: false,
            truth: Keeper::new(KEEP, BTreeMap::new()),
            history: vec![BTreeMap::new()],
            position: 0,
            events: BTreeMap::new(),
            counted: Vec::new(),
            solo: true,
        }
    }

    fn step(&mut self, changes: Vec<Change>, mark: Option<Mark>) {
        for change in &changes {
            if self.truth.apply(change) {
                self.history.push(self.truth.clone().into_sessions());
            }
        }
        if let Some(mark) = mark {
            self.events.insert(mark.position, self.history.len() - 1);
        }
        let mut out = Vec::new();
        self.source.kept(self.now_ms, changes, mark, &mut out);
        self.carry_out(out);
    }

    fn hear(&mut self, session: u64, answers: Option<u32>) {
        self.position += 1;
        let event = match answers {
            None => digit(self.position, "c1"),
            Some(request) => answer(self.position, key(session, request), EventBody::PlayDone(StoppedBy::End)),
        };
        self.step(vec![heard(session, event)], Some(mark(1, self.position)));
    }

    fn play(&mut self, op: &Op) {
        let mut out = Vec::new();
        match *op {
            Op::Open(session) => {
                self.position += 1;
                let changes = vec![opened(session, 1), heard(session, digit(self.position, "c1")), asked(session, &[1])];
                self.step(changes, Some(mark(1, self.position)));
            }
            Op::Hear(session) => self.hear(session, None),
            Op::Answer(session) => self.hear(session, Some(1)),
            Op::Ask(session) => self.step(vec![asked(session, &[1, 2])], None),
            Op::End(session) => self.step(vec![Change::Over(key(session, 1).session)], None),
            Op::Nobody => {
                self.position += 1;
                self.step(Vec::new(), Some(mark(1, self.position)));
            }
            Op::ToBackup(count) => (0..count).for_each(|_| self.backup_reads()),
            Op::ToPrimary(count) => {
                for seq in self.to_primary.drain(..count.min(self.to_primary.len())) {
                    self.source.acknowledged(seq, &mut out);
                }
            }
            Op::Cut => {
                self.disconnect();
                self.source.gone(&mut out);
            }
            Op::Connect => {
                self.disconnect();
                self.connected = true;
                self.mirror.connected(EPOCH);
                self.source.connected(self.now_ms, self.mirror.have(), &mut out);
            }
            Op::BackupStartsAnew => {
                self.disconnect();
                self.mirror = Mirror::new(KEEP);
                self.source.gone(&mut out);
            }
            Op::Pass(ms) => {
                self.now_ms += ms;
                self.source.tick(self.now_ms, &mut out);
            }
        }
        self.carry_out(out);
        self.check();
    }

    fn backup_reads(&mut self) {
        let Some(message) = self.to_backup.pop_front() else { return };
        self.to_primary.extend(self.mirror.heard(message).unwrap());
        if self.to_backup.is_empty() {
            let mut out = Vec::new();
            self.source.more(self.now_ms, &mut out);
            self.carry_out(out);
        }
        self.check();
    }

    fn disconnect(&mut self) {
        self.connected = false;
        self.to_backup.clear();
        self.to_primary.clear();
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(message) => {
                    assert!(self.connected, "nobody is there to hear {message:?}");
                    self.to_backup.push_back(message);
                }
                Effect::Count(mark) => {
                    assert!(!self.counted.contains(&mark.position), "{mark:?} counts twice");
                    self.counted.push(mark.position);
                    self.check_w();
                }
                Effect::Solo(solo) => {
                    self.solo = solo;
                    self.check_w();
                }
                Effect::Cut(_) => self.disconnect(),
            }
        }
    }

    fn full(&self) -> Option<usize> {
        self.mirror.have().map(|Held { epoch, seq }| {
            assert_eq!(epoch, EPOCH);
            usize::try_from(seq).unwrap()
        })
    }

    /// What counts, the backup has; or the lease's row says that it may not, or the backup knows by itself.
    fn check_w(&self) {
        if let (false, Some(seq)) = (self.solo, self.full()) {
            for position in &self.counted {
                assert!(self.events[position] <= seq, "W passed event {position}, and the backup has changes up to {seq} only");
            }
        }
    }

    fn check(&self) {
        self.check_w();
        assert!(self.source.buffered_bytes() <= BUFFER.bytes);
        assert_eq!(self.source.is_solo(), self.solo);
        if let Some(seq) = self.full() {
            let kept: BTreeMap<_, _> = self.mirror.keeper().behind(None).map(|kept| (kept.opening.session, kept.clone())).collect();
            assert_eq!(kept, self.history[seq], "the copy is not what the primary kept at change {seq}");
        }
    }

    fn heal(&mut self) {
        self.play(&Op::Connect);
        while !self.to_backup.is_empty() || !self.to_primary.is_empty() {
            self.play(&Op::ToBackup(100));
            self.play(&Op::ToPrimary(100));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_full_copy_is_the_primarys_and_w_passes_nothing_that_it_lacks(ops in ops()) {
        let mut world = World::new();
        ops.iter().for_each(|op| world.play(op));
        world.heal();
        assert!(world.source.is_settled() && !world.solo, "a healed pair is level");
        assert_eq!(world.full(), Some(world.history.len() - 1));
        assert_eq!(world.counted.len(), world.events.len(), "every event counts in the end");
    }
}

#[test]
fn histories_reach_every_phase() {
    let session_in_part = |number| Op::Open(number);
    let mut world = World::new();
    (1..5).for_each(|number| world.play(&session_in_part(number)));
    world.play(&Op::Connect);
    assert!(!world.to_backup.contains(&PrimaryMessage::End { seq: 12 }), "the full state takes more than one part");
    world.play(&Op::Hear(1));
    let Some(PrimaryMessage::Change { seq: 13, change }) = world.to_backup.back() else { panic!("{:?}", world.to_backup) };
    assert_eq!(session_of(change), key(1, 1).session);
    let sent = world.to_backup.len();
    world.play(&Op::Hear(4));
    assert_eq!(world.to_backup.len(), sent, "its part of the full state brings it");
    world.heal();
    world.play(&Op::Cut);
    world.play(&Op::Hear(1));
    world.play(&Op::Connect);
    assert_eq!(world.to_backup.len(), 1, "only the change that it lacks");
}
