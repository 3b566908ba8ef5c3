//! A step being written: what a guest may ask for while it handles an event, and by which rules.

use std::collections::{BTreeMap, VecDeque};

use tandem_journal::{LocalTime, LocalTimeAnswer, LogLevel, Note, Request, Step};
use tandem_words::{ErrorCode, Failure, InteractionId, Property, RequestBody, RequestId, Timestamp};

use crate::{SessionState, StepLimits, limits::MAX_ZONE_BYTES};

/// Ends a line that was cut.
const CUT: &str = "…";

/// A guest went over a limit: the step fails, and with it the instance it runs in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: the limit is {limit} ({option}); do less in one step, or raise the limit in tandem.toml")]
pub struct OverLimit {
    /// What was too much.
    pub what: String,
    /// How much would have been allowed.
    pub limit: u64,
    /// The option that says so.
    pub option: &'static str,
}

/// Collects what a guest asks for during one `on-event`. The imports of the contract are thin wrappers of its methods.
#[derive(Debug)]
pub struct Draft {
    state: Box<SessionState>,
    limits: StepLimits,
    requests: Vec<Request>,
    next_request: RequestId,
    local_times: Vec<LocalTimeAnswer>,
    /// In a replay: the answers the journal has kept, which are given again whatever today's zone rules say.
    kept_local_times: VecDeque<LocalTimeAnswer>,
    /// In a replay: what the host refused then, and nothing else is refused now, whatever today's limits are.
    kept_refusals: Option<BTreeMap<RequestId, Failure>>,
    notes: Vec<Note>,
    dropped_notes: u32,
}

/// What a draft holds when the guest has returned.
#[derive(Debug)]
pub struct Written {
    /// The session's state, untouched: a step changes it when it is applied, not when it is written.
    pub state: Box<SessionState>,
    /// In order.
    pub requests: Vec<Request>,
    /// In order.
    pub local_times: Vec<LocalTimeAnswer>,
    /// In order.
    pub notes: Vec<Note>,
}

impl Draft {
    /// A draft of a step of this session, as it is since the event came.
    pub fn new(state: Box<SessionState>, limits: StepLimits) -> Self {
        let next_request = state.next_request();
        Draft {
            state,
            limits,
            requests: Vec::new(),
            next_request,
            local_times: Vec::new(),
            kept_local_times: VecDeque::new(),
            kept_refusals: None,
            notes: Vec::new(),
            dropped_notes: 0,
        }
    }

    /// The same, for a step that the journal has: what was refused then is refused now.
    pub fn replay(state: Box<SessionState>, limits: StepLimits, step: &Step) -> Self {
        let mut draft = Draft::new(state, StepLimits { local_times_per_step: step.local_times.len(), ..limits.for_replay() });
        draft.kept_local_times = step.local_times.iter().cloned().collect();
        draft.kept_refusals = Some(step.requests.iter().filter_map(|request| Some((request.id, request.refused.clone()?))).collect());
        draft
    }

    /// Asks for something. What the host does not pass on is numbered and answered like the rest: the refusal is an event.
    pub fn request(&mut self, body: RequestBody) -> Result<RequestId, OverLimit> {
        self.room_for_a_request()?;
        let size = body.payload_bytes();
        if size > self.limits.payload_bytes {
            return Err(OverLimit {
                what: format!("a {} request of {size} bytes", body.name()),
                limit: self.limits.payload_bytes as u64,
                option: "limits.payload",
            });
        }
        let id = self.next_request;
        self.next_request += 1;
        let refused = match &self.kept_refusals {
            Some(kept) => kept.get(&id).cloned(),
            None => self.refusal(&body),
        };
        self.requests.push(Request { id, body, refused });
        Ok(id)
    }

    /// Stops an earlier request of the session. One that is unknown, answered or cancelled already is ignored.
    pub fn cancel(&mut self, request: RequestId) -> Result<(), OverLimit> {
        self.room_for_a_request()?;
        let open = self.state.open_request(request).is_some_and(|open| !open.cancelled);
        let last = self.requests.iter().rev().find(|earlier| earlier.id == request);
        if last.map_or(open, |earlier| earlier.body != RequestBody::Cancel) {
            self.requests.push(Request { id: request, body: RequestBody::Cancel, refused: None });
        }
        Ok(())
    }

    /// User data of an interaction of the session, as of this step, its own attaches included.
    pub fn user_data(&self, interaction: &str, key: &str) -> Option<String> {
        let mut value = self.state.user_data(interaction, key).map(str::to_owned);
        for request in self.requests.iter().filter(|request| request.refused.is_none()) {
            match &request.body {
                RequestBody::Attach { interaction: of, data } if &**of == interaction => {
                    if let Some(property) = data.iter().rev().find(|property| property.key == key) {
                        value = Some(property.value.clone());
                    }
                }
                RequestBody::DeleteUserData { interaction: of, keys } if &**of == interaction && keys.iter().any(|k| k == key) => {
                    value = None
                }
                _ => {}
            }
        }
        value
    }

    /// Local time: from the journal in a replay, else from `zones`; kept for the journal in either case. More than the limit,
    /// and names that no zone has, are refused without asking.
    pub fn local(
        &mut self,
        at: Timestamp,
        zone: &str,
        zones: impl FnOnce(Timestamp, &str) -> Result<LocalTime, String>,
    ) -> Result<LocalTime, String> {
        if zone.len() > MAX_ZONE_BYTES {
            return Err(format!("a time zone's name of {} bytes; the limit is {MAX_ZONE_BYTES}", zone.len()));
        }
        if self.local_times.len() >= self.limits.local_times_per_step {
            return Err(format!("timers.local was asked {} times in this step, which is the limit", self.local_times.len()));
        }
        let answer = match self.kept_local_times.pop_front() {
            Some(kept) if kept.at == at && kept.zone == zone => kept.answer,
            _ => zones(at, zone),
        };
        self.local_times.push(LocalTimeAnswer { at, zone: zone.to_owned(), answer: answer.clone() });
        answer
    }

    /// A log line. Beyond the limit, lines are counted and dropped.
    pub fn log(&mut self, level: LogLevel, text: String) {
        let text = self.cut(text);
        self.note(Note::Log(level, text));
    }

    /// A milestone; counted as a log line.
    pub fn milestone(&mut self, name: String) {
        let name = self.cut(name);
        self.note(Note::Milestone(name));
    }

    /// What was written, when the guest has returned.
    pub fn finish(mut self) -> Written {
        if self.dropped_notes > 0 {
            let text = format!("{} more log lines and milestones of this step were dropped", self.dropped_notes);
            self.notes.push(Note::Log(LogLevel::Warn, text));
        }
        Written { state: self.state, requests: self.requests, local_times: self.local_times, notes: self.notes }
    }

    /// At most `note_bytes`, the mark of the cut included.
    fn cut(&self, mut text: String) -> String {
        if text.len() > self.limits.note_bytes {
            let room = self.limits.note_bytes.saturating_sub(CUT.len());
            let at = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(at);
            text.push_str(CUT);
        }
        text
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() < self.limits.notes_per_step { self.notes.push(note) } else { self.dropped_notes += 1 }
    }

    fn room_for_a_request(&self) -> Result<(), OverLimit> {
        if self.requests.len() < self.limits.requests_per_step {
            return Ok(());
        }
        Err(OverLimit {
            what: "one more request in this step".to_owned(),
            limit: self.limits.requests_per_step as u64,
            option: "limits.requests-per-step",
        })
    }

    /// Why the host does not pass a request on (P12: no rights over foreign interactions).
    fn refusal(&self, body: &RequestBody) -> Option<Failure> {
        let open = self.state.open_count() + self.requests.len();
        if open >= self.limits.open_requests {
            return Some(Failure::new(
                ErrorCode::OverLimit,
                format!("{open} requests of this session wait for their answers, which is the limit"),
            ));
        }
        if let Some(interaction) = body.interaction() {
            return self.state.refusal_on(interaction).or_else(|| self.too_much_user_data(body));
        }
        match body {
            RequestBody::SetPriority { route, .. } => {
                let is_route = |body: &RequestBody, refused: &Option<Failure>| refused.is_none() && matches!(body, RequestBody::Route(_));
                let known = self.state.open_request(*route).is_some_and(|open| is_route(&open.body, &open.refused))
                    || self.requests.iter().any(|earlier| earlier.id == *route && is_route(&earlier.body, &earlier.refused));
                (!known).then(|| Failure::new(ErrorCode::Gone, format!("request {route} is not an open route of this session")))
            }
            RequestBody::Fetch(_) => Some(Failure::new(ErrorCode::Unsupported, "this release of Tandem does not serve http.fetch yet")),
            _ => None,
        }
    }

    /// Whether an attach would leave the interaction with more user data than it may have.
    fn too_much_user_data(&self, body: &RequestBody) -> Option<Failure> {
        let RequestBody::Attach { interaction, data } = body else { return None };
        let mut lengths = BTreeMap::new();
        let mut attach = |data: &[Property]| lengths.extend(data.iter().map(|property| (property.key.clone(), property.value.len())));
        attach(self.state.user_data_of(interaction));
        let open = self.state.open_requests().map(|(_, open)| (&open.body, &open.refused));
        let own = self.requests.iter().map(|request| (&request.body, &request.refused));
        for (body, refused) in open.chain(own) {
            // What is being deleted counts as there until that is answered: nobody deletes in order to attach as much again.
            match body {
                RequestBody::Attach { interaction: of, data } if of == interaction && refused.is_none() => attach(data),
                _ => {}
            }
        }
        attach(data);
        let bytes: usize = lengths.iter().map(|(key, length)| key.len() + length).sum();
        let limit = self.limits.user_data_bytes;
        (bytes > limit).then(|| {
            let message =
                format!("interaction {interaction:?} would have {bytes} bytes of user data; the limit is {limit} (limits.user-data)");
            Failure::new(ErrorCode::OverLimit, message)
        })
    }

    /// Whether the session holds this interaction; for imports that check before they build a request.
    pub fn holds(&self, interaction: &InteractionId) -> bool {
        self.state.holds(interaction)
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
