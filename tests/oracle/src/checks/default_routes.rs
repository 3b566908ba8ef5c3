//! Default routes: a call goes there because no host lived, or because its strategy left it to it. Nothing else explains it.

use crate::finding::{Finding, Findings, Kind};
use crate::host::Run;
use crate::input::ids::{SessionId, Timestamp};
use crate::input::record::Outcome;
use crate::input::request::{Asks, Target};
use crate::judge::Sides;
use crate::leadership::Span;
use crate::report::Facts;
use crate::switch::Call;

pub(crate) fn check(sides: &Sides<'_>, facts: &mut Facts, findings: &mut Findings) {
    let deployed = sides.deployed();
    let asked_for = sessions_that_asked(sides);
    for call in sides.switch.calls.iter().filter(|call| call.outcome() == Some(Outcome::DefaultRouted)) {
        let Some(at) = call.default_routed_at.or(call.closed_at) else { continue };
        let sessions: Vec<SessionId> = call.visits.iter().filter_map(|visit| sides.host.session_of(&call.id, visit.number?)).collect();
        if absence(sides, call, sessions.last().copied(), at).is_some() {
            continue;
        }
        let gave_up = |session: &SessionId| {
            let run = sides.host.last_run(*session).map(|(_, run)| run);
            run.is_some_and(|run| was_over_before(run, call, at)) || asked_for.contains(session)
        };
        if sessions.last().is_some_and(gave_up) {
            facts.default_routed_by_strategy += 1;
        } else if sessions.is_empty() && call.visits.last().is_some_and(|visit| !deployed.contains(&*visit.routing_point)) {
            facts.default_routed_undeployed += 1;
        } else {
            findings.add(Kind::UnexplainedDefaultRoutes, unexplained(call, sessions.last().copied(), at));
        }
    }
}

/// Whether the session ended before the call went to its default route, and not because of that.
fn was_over_before(run: &Run, call: &Call, at: Timestamp) -> bool {
    let Some(over) = run.over.filter(|over| over.at <= at) else { return false };
    call.default_routed_by.is_none_or(|told| over.last.is_none_or(|last| last < told))
}

fn unexplained(call: &Call, session: Option<SessionId>, at: Timestamp) -> Finding {
    let what = match session {
        Some(_) => "the call went to its default route while a host lived and its session was neither over nor asked for it",
        None => "the call went to its default route without a session while a host lived",
    };
    Finding::new(what).call(&*call.id).session(session).at(at)
}

/// The absence of hosts in which the call was given up: of its session's node, or of all nodes where it had no session; at
/// least as long as the control deadline.
fn absence(sides: &Sides<'_>, call: &Call, session: Option<SessionId>, at: Timestamp) -> Option<Span> {
    let (leadership, deadline_ms) = (&sides.switch.leadership, sides.switch.control_deadline_ms(call));
    let spans = session.map_or_else(|| leadership.without_all(), |session| leadership.without(session.node));
    spans.into_iter().find(|span| span.from <= at && at <= span.to && span.length_ms() >= deadline_ms)
}

/// Sessions that asked for the default route themselves.
fn sessions_that_asked(sides: &Sides<'_>) -> std::collections::HashSet<SessionId> {
    let asks = |asks: &Asks| matches!(asks, Asks::Route(route) if route.targets.contains(&Target::DefaultRoute));
    let committed = sides.host.asked.iter().filter(|(_, asked)| !asked.refused && asks(&asked.body.asks)).map(|(key, _)| key.session);
    // Of sessions whose steps are not kept.
    let received = sides.switch.requests.iter().filter(|received| asks(&received.body.asks)).map(|received| received.key.session);
    committed.chain(received).collect()
}
