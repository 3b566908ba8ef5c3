//! What every store can do.

use std::ops::ControlFlow;

use tandem_journal::{Batch, Claim, Lease, LostClaim, SessionRows, Watermark};
use tandem_words::{Incarnation, InstanceName, NodeId, SessionId, StoreId, VersionId};

use crate::{Holder, LeaseRow, StoreError};

/// The writing side: one committer thread calls it.
pub trait Store: Send {
    /// The store's random id, made when the store was: two stores that hold leases of the same names are told apart by it.
    fn store_id(&self) -> StoreId;

    /// Becomes the node's primary: epoch one more than the newest, counter 0. The former holder can commit no more.
    fn take_lease(&mut self, node: NodeId, holder: &Holder) -> Result<Lease, StoreError>;

    /// Gives the lease back, naming who shall take it. The epoch can commit no more. A repeat does nothing.
    fn release_lease(&mut self, lease: Lease, heir: Option<InstanceName>) -> Result<(), StoreError>;

    /// Makes a batch durable, all or nothing: lease checked and renewed, watermarks raised, rows in their order.
    ///
    /// A session whose claim is somebody else's already is left out of it whole, and reported; so are rows that follow in
    /// later batches. On an error of disposition [`Repeat`](crate::Disposition::Repeat) the *same* batch is given again:
    /// its lease counter (one more than that of the last acknowledged batch) makes a repeat harmless, also where the
    /// first try was durable and only its acknowledgement was lost.
    fn commit(&mut self, batch: &Batch) -> Result<Vec<LostClaim>, StoreError>;

    /// Keeps a component, so that replay never depends on a file. Keeping it again does nothing.
    fn keep_component(&mut self, version: VersionId, name: &str, bytes: &[u8]) -> Result<(), StoreError>;

    /// A reader with a connection of its own.
    fn reader(&self) -> Result<Box<dyn Reader>, StoreError>;

    /// A node's lease as it stands; none where it never had one.
    fn read_lease(&self, node: NodeId) -> Result<Option<LeaseRow>, StoreError> {
        self.reader()?.lease(node)
    }

    /// A component that was kept.
    fn component(&self, version: VersionId) -> Result<Option<Component>, StoreError> {
        self.reader()?.component(version)
    }
}

/// The reading side: sees what is committed, never blocks the writer. A visitor ends its visit with `Break`.
pub trait Reader: Send {
    /// The store's random id.
    fn store_id(&mut self) -> Result<StoreId, StoreError>;

    /// A node's lease as it stands; none where it never had one.
    fn lease(&mut self, node: NodeId) -> Result<Option<LeaseRow>, StoreError>;

    /// W of each switch, by its name.
    fn watermarks(&mut self, node: NodeId) -> Result<Vec<Watermark>, StoreError>;

    /// The node's sessions that are not over, oldest first.
    fn live_sessions(&mut self, node: NodeId) -> Result<Vec<SessionId>, StoreError>;

    /// What brings a session back; none where it was never opened. Of its newest incarnation.
    fn session_rows(&mut self, session: SessionId) -> Result<Option<SessionRows>, StoreError>;

    /// All live sessions of a node in one pass, each when its last row is reached.
    fn for_each_live_session(
        &mut self,
        node: NodeId,
        visit: &mut dyn FnMut(SessionId, SessionRows) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The sessions that claimed a visit of this interaction, in the order of its visits.
    fn sessions_of_interaction(&mut self, interaction: &str) -> Result<Vec<SessionId>, StoreError>;

    /// Data of all rows of a session, of all incarnations, in order; empty where it was never opened.
    fn all_rows_of(&mut self, session: SessionId) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Whose a claim is.
    fn claim_owner(&mut self, claim: &Claim) -> Result<Option<SessionId>, StoreError>;

    /// Data of every row that was committed when the visit began, in commit order.
    fn export(&mut self, visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), StoreError>;

    /// The number of the journal's last row; 0: it has none. Rows are numbered from 1, in commit order, without holes.
    fn last_row(&mut self) -> Result<u64, StoreError>;

    /// Number and data of the rows behind `after`, of all nodes, in order, at most `rows` of them.
    fn rows_behind(&mut self, after: u64, rows: u32, visit: &mut dyn FnMut(u64, &[u8])) -> Result<(), StoreError>;

    /// Every session, oldest first.
    fn sessions(&mut self, visit: &mut dyn FnMut(SessionSummary) -> ControlFlow<()>) -> Result<(), StoreError>;

    /// How much there is.
    fn counts(&mut self) -> Result<Counts, StoreError>;

    /// A component that was kept.
    fn component(&mut self, version: VersionId) -> Result<Option<Component>, StoreError>;
}

/// A session, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Which.
    pub session: SessionId,
    /// Its newest incarnation; the rest is said of that one.
    pub incarnation: Incarnation,
    /// Whether it is not over.
    pub live: bool,
    /// How many steps it made.
    pub steps: u32,
    /// Data of its opening's row.
    pub opening: Vec<u8>,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions, over or not.
    pub sessions: u64,
    /// Those that are not over.
    pub live: u64,
    /// Steps of the sessions' newest incarnations.
    pub steps: u64,
    /// Rows of the journal.
    pub rows: u64,
    /// Bytes: SQLite: of the file, without what still stands in its write-ahead log; memory: of the rows' data.
    pub bytes: u64,
}

/// A strategy's component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The strategy's name, as deployed when it was first kept.
    pub name: String,
    /// The component itself.
    pub bytes: Vec<u8>,
}
