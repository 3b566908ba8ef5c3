//! The store without a disk: what it holds ends with the process.
//!
//! A handle is cheap to clone and all clones hold the same data, so that a test or the lab can drop a host, and everything
//! the host knew, and start another on what was committed.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tandem_journal::{Batch, Claim, Lease, LostClaim, RowKind, SessionRows, Watermark};
use tandem_words::{Epoch, InstanceName, NodeId, Position, SessionId, StoreId, SwitchIncarnation, SwitchName, VersionId};

use crate::{
    Component, Counts, Holder, LeaseRow, Reader, SessionSummary, Store, StoreError,
    assemble::Assembly,
    head::{Head, Kind, check_node},
    lease::{Standing, standing},
    losers::Losers,
};

/// The memory store, and at once its reader.
#[derive(Debug, Default)]
pub struct Memory {
    id: StoreId,
    data: Arc<Mutex<Data>>,
    losers: Losers,
}

/// Another handle on the same data, as another process would open it: what only the first knew is not in it.
impl Clone for Memory {
    fn clone(&self) -> Self {
        Memory { id: self.id, data: Arc::clone(&self.data), losers: Losers::default() }
    }
}

#[derive(Debug, Default)]
struct Data {
    leases: BTreeMap<NodeId, LeaseRow>,
    watermarks: BTreeMap<(NodeId, SwitchName), (SwitchIncarnation, Position)>,
    claims: BTreeMap<Claim, SessionId>,
    sessions: BTreeMap<SessionId, Session>,
    /// In commit order.
    journal: Vec<Vec<u8>>,
    components: BTreeMap<VersionId, Component>,
}

#[derive(Debug)]
struct Session {
    head: Head,
    /// Its rows: kind, step, and place in the journal.
    rows: Vec<(Kind, u32, usize)>,
}

impl Memory {
    /// An empty store. The id comes from the caller: a simulation must be able to repeat it.
    pub fn new(id: StoreId) -> Self {
        Memory { id, ..Memory::default() }
    }

    /// An empty store in which `node` has had a primary up to this epoch, which gave its lease back.
    pub fn following(id: StoreId, node: NodeId, epoch: Epoch, holder: Holder) -> Self {
        let lease = Lease { node, epoch, counter: 0 };
        let store = Memory::new(id);
        store.data().leases.insert(node, LeaseRow { lease, holder, released: true, heir: None, solo: true });
        store
    }

    /// A panic elsewhere leaves no half batch: a batch is checked before anything of it is written.
    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Data {
    fn data_of(&self, place: usize) -> Vec<u8> {
        self.journal.get(place).cloned().unwrap_or_default()
    }

    fn rows_of(&self, session: &Session) -> SessionRows {
        let mut assembly = Assembly::default();
        for (kind, seq, place) in &session.rows {
            assembly.add(*kind, *seq, self.data_of(*place));
        }
        assembly.finish()
    }

    /// Claims of the batch that are somebody else's, or go to an earlier session of the same batch; and those it wins.
    fn claims_of(&self, batch: &Batch) -> (Vec<LostClaim>, BTreeMap<Claim, SessionId>) {
        let (mut lost, mut won) = (Vec::new(), BTreeMap::new());
        for row in &batch.rows {
            let RowKind::Opened(Some(claim)) = &row.kind else { continue };
            match self.claims.get(claim).or_else(|| won.get(claim)) {
                Some(owner) if *owner != row.session => {
                    lost.push(LostClaim { session: row.session, claim: claim.clone(), owner: *owner });
                }
                _ => {
                    won.insert(claim.clone(), row.session);
                }
            }
        }
        (lost, won)
    }
}

impl Store for Memory {
    fn store_id(&self) -> StoreId {
        self.id
    }

    fn take_lease(&mut self, node: NodeId, holder: &Holder) -> Result<Lease, StoreError> {
        let mut data = self.data();
        let (epoch, solo) = data.leases.get(&node).map_or((1, true), |row| (row.lease.epoch + 1, row.solo));
        let lease = Lease { node, epoch, counter: 0 };
        data.leases.insert(node, LeaseRow { lease, holder: holder.clone(), released: false, heir: None, solo });
        drop(data);
        self.losers.clear();
        Ok(lease)
    }

    fn release_lease(&mut self, lease: Lease, heir: Option<InstanceName>) -> Result<(), StoreError> {
        match self.data().leases.get_mut(&lease.node) {
            Some(row) if row.lease.epoch == lease.epoch => {
                if !row.released {
                    (row.released, row.heir) = (true, heir);
                }
                Ok(())
            }
            row => {
                let found = row.map(|row| (row.lease.epoch, row.released)).unwrap_or_default();
                Err(StoreError::LeaseLost { node: lease.node, ours: lease.epoch, found: found.0, released: found.1 })
            }
        }
    }

    fn commit(&mut self, batch: &Batch) -> Result<Vec<LostClaim>, StoreError> {
        let handle = Arc::clone(&self.data);
        let mut data = handle.lock().unwrap_or_else(PoisonError::into_inner);
        let found = data.leases.get(&batch.lease.node).map(|row| (row.lease.epoch, row.lease.counter, row.released));
        let standing = standing(batch.lease, found)?;
        let (lost, won) = data.claims_of(batch);
        lost.into_iter().for_each(|lost| self.losers.remember(lost));
        let lost = self.losers.of(batch);
        if standing == Standing::Repeated {
            return Ok(lost);
        }
        // First everything that can fail, then everything that is written.
        let mut heads: BTreeMap<SessionId, Head> = BTreeMap::new();
        let mut rows = Vec::new();
        for row in &batch.rows {
            check_node(batch.lease.node, row.session)?;
            if self.losers.contains(row.session) {
                continue;
            }
            let place = data.journal.len() + rows.len();
            let before = heads.get(&row.session).or_else(|| data.sessions.get(&row.session).map(|session| &session.head));
            let id = i64::try_from(place + 1).unwrap_or(i64::MAX);
            heads.insert(row.session, Head::follow(before.copied(), row, id)?);
            rows.push((row, place));
        }
        data.claims.extend(won.into_iter().filter(|(_, session)| !self.losers.contains(*session)));
        for (row, place) in rows {
            data.journal.push(row.data.clone());
            if let Some(head) = heads.get(&row.session) {
                let session = data.sessions.entry(row.session).or_insert_with(|| Session { head: *head, rows: Vec::new() });
                session.head = *head;
                session.rows.push((Kind::of(&row.kind), row.seq, place));
            }
        }
        for mark in &batch.watermarks {
            let stands = data.watermarks.entry((batch.lease.node, mark.switch.clone())).or_default();
            *stands = (*stands).max((mark.incarnation, mark.position));
        }
        if let Some(row) = data.leases.get_mut(&batch.lease.node) {
            (row.lease.counter, row.solo) = (batch.lease.counter, batch.solo);
        }
        Ok(lost)
    }

    fn keep_component(&mut self, version: VersionId, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.data().components.entry(version).or_insert_with(|| Component { name: name.to_owned(), bytes: bytes.to_vec() });
        Ok(())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        Ok(Box::new(self.clone()))
    }
}

impl Reader for Memory {
    fn store_id(&mut self) -> Result<StoreId, StoreError> {
        Ok(self.id)
    }

    fn lease(&mut self, node: NodeId) -> Result<Option<LeaseRow>, StoreError> {
        Ok(self.data().leases.get(&node).cloned())
    }

    fn watermarks(&mut self, node: NodeId) -> Result<Vec<Watermark>, StoreError> {
        let data = self.data();
        let marks = data.watermarks.iter().filter(|((of, _), _)| *of == node);
        let mark = |((_, switch), at): (&(NodeId, SwitchName), &(u64, u64))| Watermark {
            switch: switch.clone(),
            incarnation: at.0,
            position: at.1,
        };
        Ok(marks.map(mark).collect())
    }

    fn live_sessions(&mut self, node: NodeId) -> Result<Vec<SessionId>, StoreError> {
        let data = self.data();
        let live = data.sessions.iter().filter(|(id, session)| id.node == node && !session.head.ended);
        let mut live: Vec<_> = live.map(|(id, session)| (session.head.key, *id)).collect();
        live.sort_unstable();
        Ok(live.into_iter().map(|(_, id)| id).collect())
    }

    fn session_rows(&mut self, session: SessionId) -> Result<Option<SessionRows>, StoreError> {
        let data = self.data();
        Ok(data.sessions.get(&session).map(|session| data.rows_of(session)))
    }

    fn for_each_live_session(
        &mut self,
        node: NodeId,
        visit: &mut dyn FnMut(SessionId, SessionRows) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut live: Vec<_> = {
            let data = self.data();
            let live = data.sessions.iter().filter(|(id, session)| id.node == node && !session.head.ended);
            live.map(|(id, session)| (session.head.last, *id)).collect()
        };
        live.sort_unstable();
        for (_, id) in live {
            // The visitor may commit: the data is not held while it runs.
            if let Some(rows) = self.session_rows(id)?
                && visit(id, rows).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn sessions_of_interaction(&mut self, interaction: &str) -> Result<Vec<SessionId>, StoreError> {
        let data = self.data();
        let first = Claim::Visit { interaction: interaction.to_owned(), switch: "".into(), incarnation: 0, visit: 0 };
        let of = |claim: &Claim| matches!(claim, Claim::Visit { interaction: of, .. } if of == interaction);
        Ok(data.claims.range(first..).take_while(|(claim, _)| of(claim)).map(|(_, session)| *session).collect())
    }

    fn all_rows_of(&mut self, session: SessionId) -> Result<Vec<Vec<u8>>, StoreError> {
        let data = self.data();
        let rows = data.sessions.get(&session).map(|session| session.rows.as_slice()).unwrap_or_default();
        Ok(rows.iter().map(|(_, _, place)| data.data_of(*place)).collect())
    }

    fn claim_owner(&mut self, claim: &Claim) -> Result<Option<SessionId>, StoreError> {
        Ok(self.data().claims.get(claim).copied())
    }

    fn export(&mut self, visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), StoreError> {
        let rows = self.data().journal.len();
        for place in 0..rows {
            let data = self.data().data_of(place);
            if visit(&data).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn last_row(&mut self) -> Result<u64, StoreError> {
        Ok(self.data().journal.len() as u64)
    }

    fn rows_behind(&mut self, after: u64, rows: u32, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StoreError> {
        let (after, rows) = (usize::try_from(after).unwrap_or(usize::MAX), usize::try_from(rows).unwrap_or(usize::MAX));
        let data: Vec<Vec<u8>> = self.data().journal.iter().skip(after).take(rows).cloned().collect();
        data.iter().zip(1..).for_each(|(row, at)| visit(after as u64 + at, row));
        Ok(())
    }

    fn sessions(&mut self, visit: &mut dyn FnMut(SessionSummary) -> ControlFlow<()>) -> Result<(), StoreError> {
        let mut summaries: Vec<_> = {
            let data = self.data();
            let summary = |(id, session): (&SessionId, &Session)| {
                let opening = usize::try_from(session.head.opening - 1).unwrap_or_default();
                let Head { key, incarnation, seq, ended, .. } = session.head;
                (key, SessionSummary { session: *id, incarnation, live: !ended, steps: seq, opening: data.data_of(opening) })
            };
            data.sessions.iter().map(summary).collect()
        };
        summaries.sort_unstable_by_key(|(key, _)| *key);
        let _ = summaries.into_iter().try_for_each(|(_, summary)| visit(summary));
        Ok(())
    }

    fn counts(&mut self) -> Result<Counts, StoreError> {
        let data = self.data();
        Ok(Counts {
            sessions: data.sessions.len() as u64,
            live: data.sessions.values().filter(|session| !session.head.ended).count() as u64,
            steps: data.sessions.values().map(|session| u64::from(session.head.seq)).sum(),
            rows: data.journal.len() as u64,
            bytes: data.journal.iter().map(|row| row.len() as u64).sum(),
        })
    }

    fn component(&mut self, version: VersionId) -> Result<Option<Component>, StoreError> {
        Ok(self.data().components.get(&version).cloned())
    }
}
