//! What leaves the host when a step is durable, and what is sent again by a new primary.

use std::collections::{BTreeMap, BTreeSet};

use tandem_journal::{Claim, Source, Step};
use tandem_switch_link::{Asked, Held, Mark, Over, StepMessage};
use tandem_synch_link::Change;
use tandem_words::{
    Epoch, ErrorCode, EventBody, Failure, Incarnation, Interaction, Message, RequestBody, RequestId, RequestKey, SessionId, StartSession,
    Timestamp,
};

use crate::{Arrival, Life, OpenRequest, Said, SessionState, said};

/// A request that the host serves for one session by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRequest {
    /// Deliver a message to the session of this id.
    Send {
        /// The receiver, as the sender named it.
        to: String,
        /// The sender's strategy.
        strategy: String,
        /// What to deliver.
        message: Message,
    },
    /// Start a session.
    Start(StartSession),
}

/// What leaves the host with a step, in this order, once the step is durable (P2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Whose step.
    pub session: SessionId,
    /// In which run.
    pub incarnation: Incarnation,
    /// Its number.
    pub seq: u32,
    /// Session time of it.
    pub at: Timestamp,
    /// How many of the session's records are durable with it; [`crate::Worker::committed`] wants to know.
    pub records: u32,
    /// For the gateway.
    pub step: Option<StepMessage>,
    /// For other sessions.
    pub requests: Vec<(RequestKey, HostRequest)>,
    /// The host's own answers, which come back to the session as events.
    pub answers: Vec<(RequestId, EventBody)>,
    /// Answers to requests of other sessions: a message was heard, or there was nobody to hear it.
    pub replies: Vec<(RequestKey, EventBody)>,
    /// The `control.start-session` that the session was made for, with its first records.
    pub started_for: Option<RequestKey>,
    /// Whether the session is over.
    pub over: bool,
    /// For the backup: what it must know of a session that is not persisted.
    pub changes: Vec<Change>,
    /// The position that counts for W once the backup has these changes.
    pub mark: Option<Mark>,
    /// For the log.
    pub said: Option<Box<Said>>,
}

/// Nothing leaves.
pub(crate) fn nothing(state: &SessionState) -> Release {
    Release {
        session: state.session(),
        incarnation: state.run(),
        seq: state.seq(),
        at: state.at(),
        records: 0,
        step: None,
        requests: Vec::new(),
        answers: Vec::new(),
        replies: Vec::new(),
        started_for: None,
        over: false,
        changes: Vec::new(),
        mark: None,
        said: None,
    }
}

/// Of a session that was opened without an event.
pub(crate) fn of_opening(state: &SessionState) -> Release {
    Release { started_for: starter(state), ..nothing(state) }
}

/// Of a session that the host ended.
pub(crate) fn of_ending(state: &SessionState, epoch: Epoch) -> Release {
    let step = message(state, epoch, None, Vec::new());
    let step = (!step.interactions.is_empty()).then_some(step);
    Release { step, over: true, ..nothing(state) }
}

/// Of a session that was not started again: these calls take their default route.
pub(crate) fn of_discard(state: &SessionState, epoch: Epoch, interactions: Vec<Held>) -> Release {
    let message = StepMessage { over: Some(Over::Failed), interactions, ..message(state, epoch, None, Vec::new()) };
    let step = (!message.interactions.is_empty()).then_some(message);
    Release { step, over: true, ..nothing(state) }
}

/// What the backup must know of a step: what was heard, what was asked of the switch, and whether that was all.
pub(crate) fn changes(state: &SessionState, step: &Step, arrival: Option<Arrival>) -> Vec<Change> {
    let session = step.session;
    let mut changes = Vec::new();
    if let Some(Arrival::Switch { incarnation, event }) = arrival {
        changes.push(Change::Heard { session, incarnation, event });
    }
    let of_switch = |request: &RequestId| state.open_request(*request).is_some_and(OpenRequest::is_for_switch);
    let new = step.requests.iter().filter(|request| request.body != RequestBody::Cancel).map(|request| request.id);
    let requests: Vec<RequestId> = new.filter(of_switch).collect();
    if !requests.is_empty() {
        changes.push(Change::Asked { session, requests });
    }
    if !state.is_live() {
        changes.push(Change::Over(session));
    }
    changes
}

/// Of a message that makes no step: what its sender hears must not run ahead of what it rests on.
pub(crate) fn of_reply(state: &SessionState, from: RequestKey, body: EventBody) -> Release {
    Release { replies: vec![(from, body)], ..nothing(state) }
}

/// Of an answer that came when the session was over.
pub(crate) fn of_late_step(state: &SessionState, step: &Step) -> Release {
    Release { over: step.last, ..nothing(state) }
}

/// Of a step, `state` being the one behind it. `told` is what the gateway knows of the session.
pub(crate) fn of_step(state: &SessionState, step: &Step, told: &mut Option<(Vec<Held>, Option<Timestamp>)>, max_quiet_ms: u64) -> Release {
    let mut release = Release { over: !state.is_live(), said: said::of_step(state, step), ..nothing(state) };
    if let Source::Message(from) = step.source {
        release.replies.push((from, EventBody::Done));
    }
    let mut asked = Vec::new();
    for request in &step.requests {
        let Some(open) = state.open_request(request.id) else { continue };
        if request.body == RequestBody::Cancel {
            if open.is_for_switch() {
                asked.push(Asked { request: request.id, body: RequestBody::Cancel });
            } else if open.due().is_some() {
                release.answers.push((request.id, cancelled()));
            }
        } else if open.is_for_switch() {
            asked.push(Asked { request: request.id, body: request.body.clone() });
        } else {
            add_host_request(&mut release, state, request.id);
        }
    }
    let message = message(state, step.epoch, Some(max_quiet_ms), asked);
    let knows = (message.interactions.clone(), message.quiet_until);
    let news = !message.requests.is_empty() || (message.over.is_some() && !message.interactions.is_empty());
    if news || (message.over.is_none() && told.as_ref() != Some(&knows) && (told.is_some() || !knows.0.is_empty())) {
        *told = Some(knows);
        release.step = Some(message);
    }
    release
}

/// What a new primary sends again of a session, by step: the requests the gateway has not seen, its cancels, and what the
/// session holds. Of steps behind `durable` nothing: their own release tells them.
pub(crate) fn resend(
    state: &SessionState,
    unknown: &BTreeSet<RequestKey>,
    durable: u32,
    max_quiet_ms: u64,
    epoch: Epoch,
) -> Vec<StepMessage> {
    let mut steps: BTreeMap<u32, Vec<Asked>> = BTreeMap::new();
    for (request, open) in state.open_requests().filter(|(_, open)| open.is_for_switch() && open.seq <= durable) {
        if unknown.contains(&state.key(request)) {
            steps.entry(open.seq).or_default().push(Asked { request, body: open.body.clone() });
        }
    }
    let all_durable = durable >= state.seq();
    let cancels = state.open_requests().filter(|(_, open)| all_durable && open.is_for_switch() && open.cancelled);
    let cancels: Vec<Asked> = cancels.map(|(request, _)| Asked { request, body: RequestBody::Cancel }).collect();
    if !cancels.is_empty() || (steps.is_empty() && all_durable && state.live_interactions().next().is_some()) {
        steps.entry(state.seq()).or_default().extend(cancels);
    }
    let told = |(seq, asked)| {
        let message = message(state, epoch, Some(max_quiet_ms).filter(|_| all_durable), asked);
        StepMessage { seq, over: message.over.filter(|_| all_durable), ..message }
    };
    steps.into_iter().map(told).collect()
}

/// Whether the gateway, which still knows what it was told, knows the session's last step: a request of that step has come. (Of a step
/// that went in parts an earlier one may have come alone; what the later ones can tell beside requests is a cancel, and the end.)
pub(crate) fn has_come(state: &SessionState, unknown: &BTreeSet<RequestKey>) -> bool {
    let mut open = state.open_requests().filter(|(_, open)| open.is_for_switch());
    let mut of_last = false;
    let all_known = open.all(|(request, open)| {
        of_last |= open.seq == state.seq();
        !open.cancelled && !unknown.contains(&state.key(request))
    });
    state.is_live() && all_known && of_last
}

/// What the host serves itself of a recovered session's open requests; none: nothing.
pub(crate) fn redo(state: &SessionState) -> Option<Release> {
    let mut release = Release { started_for: starter(state).filter(|_| state.seq() == 0), ..nothing(state) };
    for (request, open) in state.open_requests().filter(|(_, open)| !open.is_for_switch()) {
        if open.cancelled && open.due().is_some() {
            release.answers.push((request, cancelled()));
        } else {
            add_host_request(&mut release, state, request);
        }
    }
    let anything = !release.requests.is_empty() || !release.answers.is_empty() || release.started_for.is_some();
    anything.then_some(release)
}

fn add_host_request(release: &mut Release, state: &SessionState, request: RequestId) {
    let Some(open) = state.open_request(request) else { return };
    if let Some(failure) = &open.refused {
        release.answers.push((request, EventBody::Failed(failure.clone())));
        return;
    }
    let served = match &open.body {
        RequestBody::Send { session, name, json } => {
            let message = Message { sender: state.session().to_string(), name: name.clone(), json: json.clone() };
            HostRequest::Send { to: session.clone(), strategy: state.opening().strategy.clone(), message }
        }
        RequestBody::StartSession(start) => HostRequest::Start(start.clone()),
        _ => return,
    };
    release.requests.push((state.key(request), served));
}

fn message(state: &SessionState, epoch: Epoch, max_quiet_ms: Option<u64>, requests: Vec<Asked>) -> StepMessage {
    StepMessage {
        epoch,
        session: state.session(),
        incarnation: state.run(),
        seq: state.seq(),
        interactions: state.live_interactions().map(|interaction| held(state, interaction)).collect(),
        quiet_until: max_quiet_ms.filter(|_| state.is_live()).and_then(|bound| state.quiet_until(bound)),
        over: match state.life() {
            Life::Live => None,
            Life::Finished => Some(Over::Finished),
            Life::Failed => Some(Over::Failed),
        },
        requests,
    }
}

fn held(state: &SessionState, interaction: &Interaction) -> Held {
    Held { id: interaction.id.clone(), visit: state.visit_of(&interaction.id).map(|(_, visit)| visit) }
}

fn starter(state: &SessionState) -> Option<RequestKey> {
    match state.opening().claim {
        Some(Claim::Request(key)) => Some(key),
        _ => None,
    }
}

fn cancelled() -> EventBody {
    EventBody::Failed(Failure::new(ErrorCode::Cancelled, "the session cancelled it"))
}
