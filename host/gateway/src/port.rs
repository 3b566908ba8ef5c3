//! What the core asks of a switch, and what a switch reports.

use tandem_words::{EventBody, Interaction, InteractionId, RequestBody, RequestKey, Timestamp, Visit};

use crate::record::Line;

/// A switch, as the exchange drives it. Time never goes back; what is due at `now` has happened when a call returns, and is
/// told by the next `drain_reports` and `drain_lines`.
pub trait Switch {
    /// Carries out an order.
    fn order(&mut self, now: Timestamp, order: Order);
    /// Time is `now`: everything due up to it happens, in order.
    fn advance(&mut self, now: Timestamp);
    /// When something happens next by itself; after `advance(now)` later than `now`.
    fn next_due(&self) -> Option<Timestamp>;
    /// What happened since the last call, in order.
    fn drain_reports(&mut self) -> Vec<Report>;
    /// What callers experienced since the last call, in order.
    fn drain_lines(&mut self) -> Vec<Line>;
    /// No call lives and none will come.
    fn is_over(&self) -> bool;
    /// What a gateway finds that begins beside it, reports of which were drained before.
    fn survey(&self) -> Survey;
}

/// What a switch knows by itself, for a gateway that has no memory of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Calls that live.
    pub calls: Vec<Found>,
    /// Requests under way: each will be answered. With the call whose end of the request a finished session would wait for
    /// (music is none: it ends by command only).
    pub open: Vec<(RequestKey, Option<InteractionId>)>,
}

/// A call that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As it is now.
    pub interaction: Interaction,
    /// None for a call that a session made.
    pub visit: Option<Visit>,
    /// How it stands.
    pub condition: Condition,
}

/// The core asks. A switch answers each [`Order::Apply`] with exactly one [`Report::Event`] that names its key in `answers`,
/// at once or later (an order it cannot carry out: with `EventBody::Failed`); a call's end answers what was open on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A new request, already deduplicated and in order.
    Apply {
        /// Its idempotency key.
        key: RequestKey,
        /// What is asked for; never a timer, message, fetch or session request (the host serves these).
        body: RequestBody,
        /// For `routing.set-priority`: the route it means.
        route: Option<RequestKey>,
    },
    /// Stop this request; it answers `cancelled`, or as if it had ended just before. Unknown or answered: nothing happens.
    Cancel {
        /// The request to stop.
        key: RequestKey,
    },
    /// Nobody serves the call: drop what is under way on it and send it to this number. The open requests of it are answered
    /// with `failed(gone)`.
    DefaultRoute {
        /// The call.
        interaction: InteractionId,
        /// The routing point's default route.
        to: String,
    },
    /// Nobody serves this call that a session made, and it has no default route: hang up. Its open requests are answered with
    /// `failed(gone)`.
    HangUp {
        /// The call.
        interaction: InteractionId,
    },
}

/// How a call at a routing point stands for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It rings; nobody has answered it yet.
    Ringing,
    /// A treatment, music, or the ringing of a target is heard.
    Attended,
    /// Connected, and nothing is heard, since this switch time.
    Silent {
        /// Since when.
        since: Timestamp,
    },
    /// A target has it: no longer the strategy's to serve.
    Routed,
    /// On its default route.
    DefaultRouted,
    /// Over.
    Gone,
}

/// A switch reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Something that hosts must hear; the core gives it a position.
    Event {
        /// The interaction it tells of.
        interaction: Option<InteractionId>,
        /// With `interaction.added`: which visit.
        visit: Option<Visit>,
        /// The request it answers.
        answers: Option<RequestKey>,
        /// What happened.
        body: EventBody,
    },
    /// A call's condition changed; for the deadlines of the core only. Not before the event that brought the call.
    Condition {
        /// The call.
        interaction: InteractionId,
        /// Its condition from now on.
        condition: Condition,
    },
}
