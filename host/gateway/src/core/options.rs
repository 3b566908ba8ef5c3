//! What a gateway's core may be told, and its limits.

use std::collections::BTreeMap;

use tandem_words::SwitchName;

/// Events kept for a node that is away. Reason: an hour of a busy site fits, in some 50 MB.
pub const RETAIN: usize = 100_000;

/// Silence after which a connected call goes to its default route. Reason: below the 5 s that count as silent (P9).
pub const CONTROL_DEADLINE_MS: u64 = 4_000;

/// Ringing without a session after which a call goes to its default route. Reason: more than the nodes' ranks ×
/// `call-watching-timeout` (design, section 6), less than callers ring.
pub const ANSWER_DEADLINE_MS: u64 = 20_000;

/// The longest quiet a session may claim. Reason: P9 must not hang on one forgotten timer.
pub const MAX_QUIET_MS: u64 = 60_000;

/// Connections at once. Reason: a cluster has two instances a node and few nodes; more is a fault or an attack.
pub const MAX_CONNECTIONS: usize = 128;

/// Requests (and steps) that wait for the end of their instant. Reason: memory. Past it they are applied as they stand:
/// their order may then differ from run to run, and nothing else.
pub const MAX_BUFFERED_REQUESTS: usize = 100_000;

/// Requests of one node that are open or whose answers it has not acknowledged. Reason: memory, some 100 MB; a host that
/// commits acknowledges. Past it the connection is refused: nothing is lost, the host sends again what is unknown.
pub const MAX_UNACKNOWLEDGED_REQUESTS: usize = 1_000_000;

/// Interactions and requests that a primary may name when it reconciles. Reason: memory, some 200 MB; more than a node of
/// [`MAX_UNACKNOWLEDGED_REQUESTS`] has.
pub const MAX_RECONCILED: usize = 2_000_000;

/// What holds at one routing point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingPoint {
    /// Where a call goes when no strategy decides.
    pub default_route: String,
    /// See [`CONTROL_DEADLINE_MS`].
    pub control_deadline_ms: u64,
    /// See [`ANSWER_DEADLINE_MS`].
    pub answer_deadline_ms: u64,
}

impl RoutingPoint {
    /// The usual deadlines with this default route.
    pub fn new(default_route: impl Into<String>) -> Self {
        RoutingPoint {
            default_route: default_route.into(),
            control_deadline_ms: CONTROL_DEADLINE_MS,
            answer_deadline_ms: ANSWER_DEADLINE_MS,
        }
    }
}

/// What a core is told at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The switch's name, told in `welcome`.
    pub switch: SwitchName,
    /// By number.
    pub routing_points: BTreeMap<String, RoutingPoint>,
    /// For a call at a number not listed: none is without a default route.
    pub elsewhere: RoutingPoint,
    /// The secret that `hello` must bring; none: any caller may speak (loopback only).
    pub token: Option<String>,
    /// See [`RETAIN`].
    pub retain: usize,
    /// See [`MAX_QUIET_MS`].
    pub max_quiet_ms: u64,
    /// Time stands still until the first `lead`, so that a run begins the same way each time. For switches that own their
    /// callers; a real one does not wait.
    pub wait_for_host: bool,
}

impl Options {
    /// Everything at its default, with this default route for every number.
    pub fn new(switch: impl Into<SwitchName>, default_route: impl Into<String>) -> Self {
        Options {
            switch: switch.into(),
            routing_points: BTreeMap::new(),
            elsewhere: RoutingPoint::new(default_route),
            token: None,
            retain: RETAIN,
            max_quiet_ms: MAX_QUIET_MS,
            wait_for_host: true,
        }
    }

    /// The routing point of this number.
    pub(super) fn routing_point(&self, number: &str) -> &RoutingPoint {
        self.routing_points.get(number).unwrap_or(&self.elsewhere)
    }

    /// The control deadlines by routing point, for the record's first line.
    pub(super) fn control_deadlines_ms(&self) -> BTreeMap<String, u64> {
        self.routing_points.iter().map(|(number, point)| (number.clone(), point.control_deadline_ms)).collect()
    }

    /// The longest control deadline of all; the record's first line tells it.
    pub(super) fn longest_control_deadline_ms(&self) -> u64 {
        self.routing_points.values().map(|point| point.control_deadline_ms).fold(self.elsewhere.control_deadline_ms, u64::max)
    }
}
