//! What a commit carries, and what a store gives back.

use tandem_words::{Epoch, NodeId, Position, SessionId, SwitchIncarnation, SwitchName};

use crate::{Claim, Row};

/// The right to be a node's primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The node.
    pub node: NodeId,
    /// The fencing number.
    pub epoch: Epoch,
    /// One more with every renewal.
    pub counter: u64,
}

/// The low watermark W of one switch: all its positions up to this one are committed or deliberately ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// The switch.
    pub switch: SwitchName,
    /// Its incarnation.
    pub incarnation: SwitchIncarnation,
    /// W.
    pub position: Position,
}

/// Rows that become durable together, or not at all. Without rows it is a renewal of the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The lease under which it is written: checked, and renewed to this counter, in the same transaction.
    pub lease: Lease,
    /// Stored with the rows.
    pub watermarks: Vec<Watermark>,
    /// In the order in which they are to stand.
    pub rows: Vec<Row>,
    /// W rests on events that no backup has acknowledged, because none was connected: whoever follows must not trust a copy.
    /// Stored with the lease.
    pub solo: bool,
}

/// A claim that was somebody else's already: none of the session's rows of the batch was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostClaim {
    /// The session that came late.
    pub session: SessionId,
    /// What it wanted.
    pub claim: Claim,
    /// Who has it.
    pub owner: SessionId,
}

/// All that is needed to bring a session back: its opening, the last snapshot, and the rows behind that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRows {
    /// Data of the opening's row.
    pub opening: Vec<u8>,
    /// Data of the last snapshot whose step exists.
    pub snapshot: Option<Vec<u8>>,
    /// Data of the steps behind it (or behind the opening), and of the ending, in order.
    pub tail: Vec<Vec<u8>>,
}
