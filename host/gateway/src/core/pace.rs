//! How switch time passes.

/// What the driver of an exchange may do with time now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Time stands still: no node has led yet, and the gateway waits for the first.
    Frozen,
    /// Everything of this instant is done: time may pass to the next one, as soon as the speed allows.
    Settled,
    /// A primary has not yet handled everything of this instant: time stands still.
    Waiting,
    /// A node has no acknowledged primary, or a primary stalls: time passes as fast as real time, waiting for nobody.
    Free,
}
