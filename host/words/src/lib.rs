//! The words of Tandem: ids, events, requests and the session's context, as every room of the host uses them.
//!
//! These types mirror `wit/strategy.wit` (the contract) and carry the dotted names of `docs/wit.md` wherever they are
//! written down: in the journal, on the switch link, in scenario files. This crate decides nothing and knows nothing:
//! no clock, no socket, no thread, no disk.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod event;
mod holding;
mod id;
mod manifest;
mod planted;
mod request;

pub use event::{
    Custom, Deletion, Digit, Digits, Direction, EndCause, ErrorCode, Event, EventBody, Failure, Gap, GroupStatus, Interaction, Media,
    Message, Party, PartyState, Property, Recording, Response, Restart, RestartCause, Routed, StoppedBy, UserDataChange,
};
pub use holding::Holding;
pub use id::{
    Epoch, Incarnation, InstanceName, InteractionId, NodeId, ParseIdError, Position, RequestId, RequestKey, SessionId, StoreId,
    SwitchIncarnation, SwitchName, Timestamp, VersionId, Visit,
};
pub use manifest::{Context, Isolation, Manifest, OnSwap, Origin, Parameter};
#[cfg(feature = "planted-bugs")]
pub use planted::plant;
pub use planted::{Bug, planted};
pub use request::{CollectOptions, CreateCall, Fetch, Prompt, RequestBody, Route, Speech, StartSession, Target};
