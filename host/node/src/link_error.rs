//! What a gateway may not say.

use tandem_switch_link::{PROTOCOL, Refusal};
use tandem_words::Position;

use crate::Phase;

/// Why a connection cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The gateway refused.
    #[error("the gateway refused this instance: {message}")]
    Refused {
        /// For programs: after `Fenced` the instance must stop.
        reason: Refusal,
        /// The gateway's words.
        message: String,
    },
    /// It speaks what nobody offered.
    #[error("the gateway speaks version {found} of the protocol, and this release version {PROTOCOL}; run releases that fit together")]
    OtherProtocol {
        /// The version it chose.
        found: u32,
    },
    /// It is the gateway of another switch.
    #[error("the gateway speaks for switch {found:?}, but tandem.toml calls it {expected:?}; correct the name in [switch.NAME] or the url")]
    OtherSwitch {
        /// Its name.
        found: String,
        /// The name in the configuration.
        expected: String,
    },
    /// Frames are numbered without holes.
    #[error(
        "the gateway's frame {found} came where frame {expected} should; it loses or repeats frames, against the protocol (docs/switch-link.md)"
    )]
    FrameOrder {
        /// The number it should have had.
        expected: u64,
        /// The number it had.
        found: u64,
    },
    /// Positions are, too: an event that is passed over would be lost.
    #[error("the gateway sent event {found} where event {expected} should come, against the protocol (docs/switch-link.md)")]
    EventOrder {
        /// The position it should have had.
        expected: Position,
        /// The position it had.
        found: Position,
    },
    /// It answers what was not asked.
    #[error(
        "the gateway's `reconciled` tells of more than the {asked} interactions and requests that it was asked for, against the protocol (docs/switch-link.md)"
    )]
    Unasked {
        /// How many were asked for.
        asked: usize,
    },
    /// A message that has no place here.
    #[error("the gateway sent {what} in phase {phase:?}, against the protocol (docs/switch-link.md)")]
    OutOfOrder {
        /// The message.
        what: &'static str,
        /// Where the primary stood.
        phase: Phase,
    },
    /// No switch counts so far; taken, it would stand in the way of every number that comes after it.
    #[error("the gateway sent {what} with the number {found}; numbers go up to 2^53, against the protocol (docs/switch-link.md)")]
    TooLarge {
        /// The message.
        what: &'static str,
        /// The number.
        found: u64,
    },
}
