//! What can go wrong with a store, and what the host then does.

use std::path::PathBuf;

use tandem_words::{Epoch, Incarnation, NodeId, SessionId};

/// What the committer does with an error (design, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Nothing was written: repeat the same batch, unchanged, until it is acknowledged or the lease is gone.
    Repeat,
    /// Somebody else is primary: drop every cell, act no more.
    DropCells,
    /// The process ends: going on could lose or double a step.
    EndProcess,
}

/// A store's error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room. Nothing was written.
    #[error("the store {path} has no room left ({cause}); free space on its disk: work then goes on by itself")]
    Full {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        cause: String,
    },
    /// Another writer has it. Nothing was written.
    #[error("the store {path} was busy with another writer for too long; this is repeated by itself")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The epoch is not (or no longer) the node's.
    #[error("the lease of node {node} with epoch {ours} is lost: the store has epoch {found}{}", if *.released { ", released" } else { "" })]
    LeaseLost {
        /// The node.
        node: NodeId,
        /// The epoch that wanted to write.
        ours: Epoch,
        /// The newest epoch of the node, 0 where it never had one.
        found: Epoch,
        /// Whether that epoch was given back by its holder.
        released: bool,
    },
    /// A batch was skipped, or one before the last came again.
    #[error(
        "a batch of node {node} has lease counter {found} and the store stands at {stored}: a batch was skipped or mixed up; \
         this is a bug in Tandem, please report it"
    )]
    OutOfOrder {
        /// The node.
        node: NodeId,
        /// The batch's counter.
        found: u64,
        /// The last committed counter.
        stored: u64,
    },
    /// A row that cannot stand where it wants to. Nothing was written.
    #[error("a row of session {session} {misfit}; this is a bug in Tandem, please report it")]
    Misfit {
        /// Whose row.
        session: SessionId,
        /// What is wrong with it.
        misfit: Misfit,
    },
    /// The directory, or the file where it must exist, is not there.
    #[error("there is no {path}; create it, or correct `store` in [persistence]")]
    Missing {
        /// What is missing.
        path: PathBuf,
    },
    /// The file or its directory cannot be written or opened.
    #[error("the store {path} cannot be opened for writing ({cause}); give this user the right to write the file and its directory")]
    Denied {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: String,
    },
    /// The file is something else.
    #[error("{path} is not a store of Tandem ({what}); name another file as `store` in [persistence], or move this one away")]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: String,
    },
    /// Written by a later release. Nothing was changed.
    #[error(
        "the store {path} has schema {found}, and this release knows up to {known}; run the release that wrote it, or a newer one \
         (the file was not changed)"
    )]
    SchemaNewer {
        /// The file's schema.
        found: i64,
        /// This release's newest.
        known: i64,
        /// The file.
        path: PathBuf,
    },
    /// The file contradicts itself.
    #[error("the store {path} is damaged ({what}); stop all instances, keep a copy, and restore it from a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The disk failed, or SQLite met what should not happen. Whether the last commit is durable is not known.
    #[error("the store {path} failed ({cause}); the process ends, because a sync that failed once cannot be trusted: check the disk")]
    Fatal {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        cause: String,
    },
}

/// What is wrong with a row's place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Misfit {
    #[error("came in a batch of node {node}")]
    OtherNode { node: NodeId },
    #[error("came before its opening")]
    NotOpened,
    #[error("opens incarnation {found}, and incarnation {stands} stands")]
    OpenedAgain { found: Incarnation, stands: Incarnation },
    #[error("is of incarnation {found}, and incarnation {stands} runs")]
    OtherIncarnation { found: Incarnation, stands: Incarnation },
    #[error("is step {found}, and step {stands} is the last")]
    OutOfOrder { found: u32, stands: u32 },
    #[error("came after the session's end")]
    Over,
}

impl StoreError {
    /// What the committer does with it.
    pub fn disposition(&self) -> Disposition {
        match self {
            StoreError::Full { .. } | StoreError::Busy { .. } => Disposition::Repeat,
            StoreError::LeaseLost { .. } => Disposition::DropCells,
            _ => Disposition::EndProcess,
        }
    }
}
