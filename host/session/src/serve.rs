//! Serving a session: which arrivals become steps, and which do not.

use tandem_journal::{EndedBy, Source, StepFailure, StepFailureKind};
use tandem_switch_link::SwitchEvent;
use tandem_words::{Deletion, ErrorCode, EventBody, Failure, InteractionId, RequestId, RequestKey, SessionId, Timestamp};

use crate::{Arrival, Guests, OpenRequest, Output, SessionState, Standing, Worker, slot::Presence};

/// An arrival that becomes a step.
pub(crate) struct Taken {
    pub source: Source,
    pub at: Timestamp,
    pub switch_at: Option<Timestamp>,
    pub request: Option<RequestId>,
    pub body: EventBody,
}

/// What is to be done with an arrival.
enum Verdict {
    Step(Taken),
    /// Nothing: seen before, or no longer of interest.
    Skip,
    /// A message that makes no step: its sender is answered.
    Reply(RequestKey, EventBody),
    /// The host ends the session.
    End(EndedBy),
    /// An operator does: its last step has failed, so that its calls take their default route.
    Terminate,
}

impl<G: Guests> Worker<G> {
    /// Serves what waits for a session, as far as it can go now.
    pub(crate) fn serve(&mut self, id: SessionId) {
        while let Some(slot) = self.slots.get_mut(&id) {
            if slot.presence == Presence::Over {
                self.settle(id);
                return;
            }
            let Some(arrival) = slot.waiting.front() else { return };
            let waits = slot.unheard || matches!(slot.presence, Presence::Loading | Presence::Awaiting);
            if waits || slot.ahead() >= self.options.max_steps_ahead {
                return;
            }
            let Some(state) = slot.state.as_deref() else {
                self.load(id);
                return;
            };
            match judge(state, arrival, self.now, self.options.linger_timeout_ms) {
                Verdict::Skip => {
                    if let Some(mark) = slot.waiting.pop_front().and_then(|arrival| arrival.mark()) {
                        self.pass_over(id, mark);
                    }
                }
                Verdict::Reply(from, body) => {
                    slot.waiting.pop_front();
                    self.reply(id, from, body);
                }
                Verdict::End(by) => {
                    slot.waiting.pop_front();
                    self.end(id, by);
                }
                Verdict::Terminate => {
                    slot.waiting.pop_front();
                    let message = "an operator ended the session".to_owned();
                    self.fail(id, StepFailure { kind: StepFailureKind::Terminated, message });
                }
                Verdict::Step(taken) => {
                    if slot.presence == Presence::Here || self.make_present(id) {
                        self.step(id, taken);
                    }
                }
            }
        }
    }

    /// The first arrival as an event, for a step that fails before a guest has seen it.
    pub(crate) fn first_waiting(&self, id: SessionId) -> Option<Taken> {
        let slot = self.slots.get(&id)?;
        match judge(slot.state.as_deref()?, slot.waiting.front()?, self.now, u64::MAX) {
            Verdict::Step(taken) => Some(taken),
            _ => None,
        }
    }

    /// A session that is over takes only the answers it is owed, and those without its guest.
    fn settle(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        for arrival in std::mem::take(&mut slot.waiting) {
            let Some(state) = self.slots.get(&id).and_then(|slot| slot.state.as_deref()) else { return };
            let owed = |taken: &Taken| taken.request.and_then(|request| state.open_request(request)).is_some_and(OpenRequest::is_owed);
            match judge(state, &arrival, self.now, u64::MAX) {
                Verdict::Step(taken) if owed(&taken) => self.late_step(id, taken, arrival.mark()),
                Verdict::Reply(from, body) => self.reply(id, from, body),
                _ => match (&arrival, arrival.mark()) {
                    (Arrival::Message { from, .. }, _) => {
                        let gone = Failure::new(ErrorCode::Gone, format!("session {id} is over"));
                        self.reply(id, *from, EventBody::Failed(gone));
                    }
                    (_, Some(mark)) => self.pass_over(id, mark),
                    (_, None) => {}
                },
            }
        }
    }

    /// The session is over: its guest goes, its timers are forgotten, and what still waits for it is turned away.
    pub(crate) fn bury(&mut self, id: SessionId) {
        self.guests.remove(id);
        if let Some(mut slot) = self.slots.remove(&id) {
            self.forget_times(id, &slot);
            slot.presence = Presence::Over;
            slot.idle_since = None;
            self.slots.insert(id, slot);
        }
        self.settle(id);
    }

    /// More waits for the session than may (`max_waiting`): it is given up (P12).
    pub(crate) fn give_up_flooded(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        let waiting = slot.waiting.len();
        let message = format!("{waiting} events wait for the session; the limit is {}", self.options.max_waiting);
        match slot.state.as_deref() {
            Some(state) if state.is_live() => self.fail(id, StepFailure { kind: StepFailureKind::Limit, message }),
            Some(_) => self.settle(id),
            None => {
                let waiting = std::mem::take(&mut slot.waiting);
                self.turn_away(id, waiting, ErrorCode::OverLimit, &message);
            }
        }
    }

    /// Nobody serves these any more: senders of messages are told so.
    pub(crate) fn turn_away(&mut self, id: SessionId, waiting: impl IntoIterator<Item = Arrival>, code: ErrorCode, why: &str) {
        for arrival in waiting {
            if let Arrival::Message { from, .. } = arrival {
                let failure = Failure::new(code, format!("session {id}: {why}"));
                self.outputs.push(Output::Answer(from, EventBody::Failed(failure)));
            } else {
                self.outputs.extend(arrival.mark().map(Output::Ignored));
            }
        }
    }

    /// Has its records read, and its guest made of them. A session that is not persisted has its records in memory, and so has one
    /// that was read ahead.
    pub(crate) fn load(&mut self, id: SessionId) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if slot.persisted && slot.memory.is_empty() {
            slot.presence = Presence::Loading;
            self.outputs.push(Output::Load(id));
        } else {
            self.rebuild_from_memory(id);
        }
    }
}

fn judge(state: &SessionState, arrival: &Arrival, now: Timestamp, linger_timeout_ms: u64) -> Verdict {
    let host = |request, body| Verdict::Step(Taken { source: Source::Host, at: now, switch_at: None, request, body });
    let switch = |incarnation, event: &SwitchEvent, request| {
        let source = Source::Switch { incarnation, position: event.position };
        Verdict::Step(Taken { source, at: event.at, switch_at: Some(event.at), request, body: event.body.clone() })
    };
    match arrival {
        Arrival::Switch { incarnation, event } => {
            let run = state.run();
            let of_later_run = event.answers.is_some_and(|key| key.incarnation > run);
            // What answers an earlier run is news to this one: a treatment that outlived the failure has ended.
            let request = event.answers.filter(|key| key.incarnation == run).map(|key| key.request);
            let answered = request.is_some_and(|request| !state.is_open(request));
            if state.has_seen(*incarnation, event.position) || of_later_run || answered {
                return Verdict::Skip;
            }
            switch(*incarnation, event, request)
        }
        Arrival::Again { incarnation, event } if state.has_seen(*incarnation, event.position) => Verdict::Skip,
        Arrival::Again { incarnation, event } => switch(*incarnation, event, None),
        // Its time is when it was due, however late the session comes to it: backlog and timers merge by time.
        Arrival::Timer(request) => match state.open_request(*request).filter(|open| !open.cancelled).and_then(OpenRequest::due) {
            Some(at) => {
                Verdict::Step(Taken { source: Source::Host, at, switch_at: None, request: Some(*request), body: EventBody::TimerFired })
            }
            None => Verdict::Skip,
        },
        Arrival::Answer { key, body } if state.key(key.request) == *key && state.is_open(key.request) => {
            host(Some(key.request), body.clone())
        }
        Arrival::Answer { .. } => Verdict::Skip,
        Arrival::Message { from, .. } if state.has_heard(*from) => Verdict::Reply(*from, EventBody::Done),
        Arrival::Message { from, strategy, .. } if *strategy != state.opening().strategy => {
            let denied = Failure::new(ErrorCode::Denied, format!("session {} runs another strategy than the sender", state.session()));
            Verdict::Reply(*from, EventBody::Failed(denied))
        }
        Arrival::Message { from, message, .. } => Verdict::Step(Taken {
            source: Source::Message(*from),
            at: now,
            switch_at: None,
            request: None,
            body: EventBody::Message(message.clone()),
        }),
        // What the switch could not tell, the session may have heard all the same.
        Arrival::News(EventBody::InteractionDeleted(Deletion { interaction, .. })) if !is_known(state, interaction) => Verdict::Skip,
        Arrival::News(EventBody::InteractionDefaultRouted(interaction)) if !state.holds(interaction) => Verdict::Skip,
        // Where it had stopped, however late its guest is back: what it missed comes behind this, each at its own time.
        Arrival::News(EventBody::SessionRecovered) => {
            let body = EventBody::SessionRecovered;
            Verdict::Step(Taken { source: Source::Host, at: state.at(), switch_at: None, request: None, body })
        }
        Arrival::News(body) => host(None, body.clone()),
        // While an answer is owed to it, it goes on: the next step puts this on the agenda again.
        Arrival::Linger if state.is_owed() => Verdict::Skip,
        Arrival::Linger => match state.alone_since() {
            Some(alone) if alone.saturating_add(linger_timeout_ms) <= now => Verdict::End(EndedBy::Linger),
            _ => Verdict::Skip,
        },
        Arrival::Terminate => Verdict::Terminate,
    }
}

fn is_known(state: &SessionState, interaction: &InteractionId) -> bool {
    state.standing(interaction).is_some_and(|standing| standing != Standing::Gone)
}
