//! Limits, each with its default and its reason. `tandem.toml` names them under `[limits]` and `[sessions]`.

/// What one step may do (design, section 3; P12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepLimits {
    /// `limits.requests-per-step`. A flow asks for a handful of things at once; hundreds are a loop gone wrong.
    pub requests_per_step: usize,
    /// `limits.payload`: bytes of one request. Switch link and journal carry it, and the pair keeps it in memory.
    pub payload_bytes: usize,
    /// `limits.user-data`: bytes of the user data of one interaction, keys and values; an attach that would make it more is
    /// answered `over-limit`. Every snapshot of the session and every message about the call carries all of it.
    pub user_data_bytes: usize,
    /// Requests of one session that may wait for their answers, timers included; more are answered `over-limit`. Each costs the
    /// host memory for as long as it is open.
    pub open_requests: usize,
    /// Log lines and milestones of one step; those beyond are dropped and counted.
    pub notes_per_step: usize,
    /// Bytes of one log line or milestone; longer ones are cut.
    pub note_bytes: usize,
    /// Answers of `timers.local` in one step: the journal keeps each. Those beyond are refused.
    pub local_times_per_step: usize,
}

/// Bytes of a time zone's name; the longest of the database has 32.
pub(crate) const MAX_ZONE_BYTES: usize = 64;

/// Senders whose messages a session knows again. One entry for each that ever sent would let a session that lives long grow
/// without bound; who has been silent longest is forgotten first, for it is the least likely to send again.
pub(crate) const MAX_SENDERS: usize = 4_096;

/// Interactions that are over and still known to their session: a dialler makes thousands of calls.
pub(crate) const MAX_GONE: usize = 64;

impl StepLimits {
    /// For a step that is in the journal already: its outcome is known to be good, whatever limits it was made under.
    pub(crate) fn for_replay(self) -> Self {
        StepLimits {
            requests_per_step: self.requests_per_step.saturating_mul(10),
            payload_bytes: self.payload_bytes.saturating_mul(10),
            ..self
        }
    }
}

impl Default for StepLimits {
    fn default() -> Self {
        StepLimits {
            requests_per_step: 256,
            payload_bytes: 64 << 10,
            user_data_bytes: 256 << 10,
            open_requests: 1_000,
            notes_per_step: 100,
            note_bytes: 1_000,
            local_times_per_step: 100,
        }
    }
}

/// How a worker treats its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Of each step.
    pub step: StepLimits,
    /// `limits.state`: bytes of one snapshot. It is written again and again.
    pub state_bytes: usize,
    /// `limits.max-journal-steps`: how far a session without snapshots may go; its recovery replays all of it.
    pub max_journal_steps: u32,
    /// `sessions.snapshot-every`: steps between snapshots. Recovery replays at most so many.
    pub snapshot_every: u32,
    /// `sessions.passivate-after`: idle time after which a session leaves memory, ms of switch time.
    pub passivate_after_ms: u64,
    /// `sessions.linger-timeout`: how long a session lives behind its last interaction, ms of switch time.
    pub linger_timeout_ms: u64,
    /// How many steps a session may be ahead of its commits. What it may cost to do them again after a failure.
    pub max_steps_ahead: usize,
    /// Steps of answers and of the host's own events (timers, news) at one instant of session time. A flow makes a handful; a
    /// session that asks again whenever it is answered would go on for ever, and time would stand still for all.
    pub max_steps_at_once: u32,
    /// Arrivals that may wait for one session; more are a gateway or a sender gone wild: the session is failed.
    pub max_waiting: usize,
    /// Arrivals held for a session that waits to be started again, and events that one whose replay differs hears again; more are lost, and it is told that its events are `partial`.
    /// A restart takes milliseconds to seconds; a call has a handful of events meanwhile.
    pub max_held: usize,
    /// `orchestration.restart-session-on-switchover`: whether a persisted session whose replay differs starts again; for strategies
    /// whose manifest does not say.
    pub restart_diverged: bool,
    /// Records of recovered sessions that a worker keeps until their guests are rebuilt; those beyond are read again. About 1 KB each,
    /// for a moment; 10,000 calls in the middle of their menus are half of it.
    pub max_records_ahead: usize,
    /// `max-quiet`: the longest silence a session may ask for, ms of switch time (design, section 9).
    pub max_quiet_ms: u64,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        WorkerOptions {
            step: StepLimits::default(),
            state_bytes: 256 << 10,
            max_journal_steps: 10_000,
            snapshot_every: 50,
            passivate_after_ms: 600_000,
            linger_timeout_ms: 60_000,
            max_steps_ahead: 64,
            max_steps_at_once: 1_000,
            max_waiting: 10_000,
            max_held: 1_000,
            restart_diverged: false,
            max_records_ahead: 100_000,
            max_quiet_ms: 60_000,
        }
    }
}
