//! Short ways to write rows down.

use tandem_journal::{Batch, Claim, Lease, LostClaim, Row, RowKind};
use tandem_store::{Holder, Reader, Store, StoreError};
use tandem_words::{NodeId, SessionId};

pub const NODE: NodeId = 101;

pub fn holder(pid: u32) -> Holder {
    Holder { instance: "101/a".parse().unwrap(), pid, process_start: 4_711, boot_id: "0a-1b".to_owned() }
}

/// The session's number `number` of node 101, epoch 1.
pub fn id(number: u64) -> SessionId {
    SessionId { node: NODE, epoch: 1, number }
}

pub fn visit(interaction: &str, visit: u32) -> Claim {
    visit_in(1, interaction, visit)
}

/// In another life of the switch.
pub fn visit_in(incarnation: u64, interaction: &str, visit: u32) -> Claim {
    Claim::Visit { interaction: interaction.to_owned(), switch: "main".into(), incarnation, visit }
}

pub fn row(session: SessionId, kind: RowKind, seq: u32, data: &str) -> Row {
    Row { session, incarnation: 1, seq, kind, data: data.as_bytes().to_vec() }
}

pub fn opened(session: SessionId, claim: Option<Claim>) -> Row {
    row(session, RowKind::Opened(claim), 0, &format!("{session} opened"))
}

pub fn step(session: SessionId, seq: u32) -> Row {
    row(session, RowKind::Step { last: false }, seq, &format!("{session} step {seq}"))
}

pub fn last_step(session: SessionId, seq: u32) -> Row {
    row(session, RowKind::Step { last: true }, seq, &format!("{session} step {seq}"))
}

pub fn snapshot(session: SessionId, seq: u32) -> Row {
    row(session, RowKind::Snapshot, seq, &format!("{session} snapshot {seq}"))
}

pub fn ended(session: SessionId, seq: u32) -> Row {
    row(session, RowKind::Ended, seq, &format!("{session} ended"))
}

pub fn again(incarnation: u32, mut row: Row) -> Row {
    row.incarnation = incarnation;
    row.data.extend_from_slice(format!(" #{incarnation}").as_bytes());
    row
}

pub fn text(data: &[u8]) -> String {
    String::from_utf8(data.to_vec()).unwrap()
}

/// A store with its lease: counts the renewals.
pub struct Primary {
    pub store: Box<dyn Store>,
    pub lease: Lease,
}

impl Primary {
    pub fn of(mut store: Box<dyn Store>, node: NodeId) -> Self {
        let lease = store.take_lease(node, &holder(1)).unwrap();
        Primary { store, lease }
    }

    /// The next batch of these rows, not yet written.
    pub fn batch(&self, rows: Vec<Row>) -> Batch {
        Batch { lease: Lease { counter: self.lease.counter + 1, ..self.lease }, watermarks: Vec::new(), rows, solo: false }
    }

    pub fn commit(&mut self, batch: &Batch) -> Result<Vec<LostClaim>, StoreError> {
        let lost = self.store.commit(batch)?;
        self.lease = batch.lease;
        Ok(lost)
    }

    pub fn write(&mut self, rows: Vec<Row>) -> Vec<LostClaim> {
        self.commit(&self.batch(rows)).unwrap()
    }

    pub fn reader(&self) -> Box<dyn Reader> {
        self.store.reader().unwrap()
    }

    pub fn all_rows(&self, session: SessionId) -> Vec<String> {
        self.reader().all_rows_of(session).unwrap().iter().map(|data| text(data)).collect()
    }
}
