//! A store that is a list of rows, and takes a batch only if a real one would. Two tests share it, and neither uses all of it.
#![allow(dead_code)]

use std::collections::BTreeMap;

use tandem_journal::{Batch, Claim, LostClaim, Record, Row, RowKind, SessionRows, Step, decode};
use tandem_switch_link::Mark;
use tandem_words::SessionId;

#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub rows: Vec<Row>,
    claims: BTreeMap<Claim, SessionId>,
    losers: BTreeMap<SessionId, LostClaim>,
    pub w: Option<Mark>,
    counter: u64,
}

impl Disk {
    pub fn commit(&mut self, batch: &Batch) -> Vec<LostClaim> {
        if batch.lease.counter == self.counter {
            return self.lost_of(batch);
        }
        assert_eq!(batch.lease.counter, self.counter + 1, "a batch was skipped");
        self.counter = batch.lease.counter;
        for row in &batch.rows {
            if let RowKind::Opened(Some(claim)) = &row.kind {
                let owner = *self.claims.entry(claim.clone()).or_insert(row.session);
                if owner != row.session {
                    self.losers.insert(row.session, LostClaim { session: row.session, claim: claim.clone(), owner });
                }
            }
            if !self.losers.contains_key(&row.session) {
                self.check(row);
                self.rows.push(row.clone());
            }
        }
        if let Some(mark) = batch.watermarks.first() {
            self.w = Some(Mark { incarnation: mark.incarnation, position: mark.position });
        }
        self.lost_of(batch)
    }

    /// A new primary counts from the start; what the old one's connection remembered is gone.
    pub fn taken_over(&mut self) {
        self.counter = 0;
        self.losers.clear();
    }

    fn lost_of(&self, batch: &Batch) -> Vec<LostClaim> {
        let mut lost: Vec<LostClaim> = batch.rows.iter().filter_map(|row| self.losers.get(&row.session).cloned()).collect();
        lost.dedup_by_key(|claim| claim.session);
        lost
    }

    fn check(&self, row: &Row) {
        let opened = |row: &&Row| matches!(row.kind, RowKind::Opened(_));
        let before: Vec<&Row> = self.of(row.session).collect();
        let last_opening = before.iter().rfind(|row| opened(row)).map(|row| row.incarnation);
        let before: Vec<&Row> = before.into_iter().filter(|row| Some(row.incarnation) == last_opening).collect();
        let steps = before.iter().filter(|row| matches!(row.kind, RowKind::Step { .. })).map(|row| row.seq).max().unwrap_or(0);
        let ended = before.iter().any(|row| matches!(row.kind, RowKind::Ended | RowKind::Step { last: true }));
        match row.kind {
            RowKind::Opened(_) => assert!(Some(row.incarnation) > last_opening, "{} is opened twice", row.session),
            RowKind::Step { .. } => {
                assert!(!before.is_empty(), "{} is not opened", row.session);
                assert!(!ended, "{}: a step after its end", row.session);
                assert_eq!(row.seq, steps + 1, "{}: a hole or a double", row.session);
            }
            // Of a session that is not persisted the steps are not here.
            RowKind::Ended => assert!(!ended && !before.is_empty() && (steps == 0 || row.seq == steps), "{}: a second end", row.session),
            RowKind::Snapshot => assert!(!before.is_empty() && row.seq <= steps, "{}: a snapshot before its step", row.session),
        }
    }

    fn of(&self, session: SessionId) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.session == session)
    }

    pub fn all_rows_of(&self, session: SessionId) -> Vec<Vec<u8>> {
        self.of(session).map(|row| row.data.clone()).collect()
    }

    /// As a store gives them back.
    pub fn session_rows(&self, session: SessionId) -> Option<SessionRows> {
        let mut opening = self.of(session).next()?.data.clone();
        let (mut snapshot, mut tail) = (None, Vec::<(u32, Vec<u8>)>::new());
        for row in self.of(session) {
            match row.kind {
                RowKind::Opened(_) => {
                    opening.clone_from(&row.data);
                    (snapshot, tail) = (None, Vec::new());
                }
                RowKind::Snapshot => {
                    tail.retain(|(seq, _)| *seq > row.seq);
                    snapshot = Some(row.data.clone());
                }
                RowKind::Step { .. } | RowKind::Ended => tail.push((row.seq, row.data.clone())),
            }
        }
        Some(SessionRows { opening, snapshot, tail: tail.into_iter().map(|(_, data)| data).collect() })
    }

    /// Everything a session ever wrote, without what snapshots make superfluous.
    pub fn whole(&self, session: SessionId) -> SessionRows {
        let opening = self.of(session).next().unwrap().data.clone();
        let tail = self.of(session).filter(|row| matches!(row.kind, RowKind::Step { .. } | RowKind::Ended));
        SessionRows { opening, snapshot: None, tail: tail.map(|row| row.data.clone()).collect() }
    }

    pub fn sessions(&self) -> Vec<SessionId> {
        let first = self.rows.iter().filter(|row| matches!(row.kind, RowKind::Opened(_)) && row.incarnation == 1);
        first.map(|row| row.session).collect()
    }

    pub fn live_sessions(&self) -> Vec<SessionId> {
        let ended = |session: &SessionId| self.of(*session).any(|row| matches!(row.kind, RowKind::Ended | RowKind::Step { last: true }));
        self.sessions().into_iter().filter(|session| !ended(session)).collect()
    }

    pub fn records(&self, session: SessionId) -> Vec<Record> {
        self.of(session).map(|row| decode(&row.data).unwrap()).collect()
    }

    pub fn steps(&self, session: SessionId) -> Vec<Step> {
        let step = |record| match record {
            Record::Step(step) => Some(step),
            _ => None,
        };
        self.records(session).into_iter().filter_map(step).collect()
    }

    /// Names of the events a session has handled.
    pub fn events(&self, session: SessionId) -> Vec<&'static str> {
        self.steps(session).iter().map(|step| step.event.body.name()).collect()
    }
}
