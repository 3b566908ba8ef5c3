//! Committed steps: taken, ordered, applied once (P3).

use tandem_switch_link::{Asked, GatewayMessage, RequestState, StepMessage};
use tandem_words::{ErrorCode, EventBody, Failure, InteractionId, RequestBody, RequestKey};

use super::{ConnectionId, Core, MAX_BUFFERED_REQUESTS, MAX_UNACKNOWLEDGED_REQUESTS, Quit};
use crate::{
    port::Order,
    record::{Line, Verdict},
};

impl Core {
    /// A step came. It is kept until the end of its instant: requests of one instant act in the order (session, incarnation,
    /// seq, place in the list), in whatever order they came (design, section 9).
    pub(super) fn step(&mut self, id: ConnectionId, step: StepMessage) -> Result<(), Quit> {
        if let Err(quit) = self.may_step(id, &step) {
            self.record_refused(&step);
            return Err(quit);
        }
        if let Some(asked) = step.requests.iter().find(|asked| is_for_the_host(&asked.body)) {
            let (session, name) = (step.session, asked.body.name());
            return Err(Quit::malformed(format!("request {} of session {session}: the host itself serves `{name}`", asked.request)));
        }
        self.buffered_requests += 1 + step.requests.len();
        self.buffered.push((id, step));
        if self.buffered_requests > MAX_BUFFERED_REQUESTS {
            self.apply_buffered();
        }
        Ok(())
    }

    fn may_step(&self, id: ConnectionId, step: &StepMessage) -> Result<(), Quit> {
        let (node, epoch, reconciled) = self.role(id, "step")?;
        let name = format!("step {} of session {}", step.seq, step.session);
        if step.epoch < epoch {
            return Err(Quit::fenced(format!("{name} in epoch {}: epoch {epoch} leads", step.epoch)));
        }
        if step.epoch > epoch {
            return Err(Quit::malformed(format!("{name} in epoch {}, which never led; say `lead` first", step.epoch)));
        }
        if !reconciled {
            return Err(Quit::malformed(format!("{name} before `reconcile`")));
        }
        if step.session.node != node {
            return Err(Quit::malformed(format!("{name} came from node {node}: a node sends the steps of its own sessions")));
        }
        if self.requests.known(node) + self.buffered_requests + step.requests.len() > MAX_UNACKNOWLEDGED_REQUESTS {
            return Err(Quit::malformed(format!(
                "node {node} has more than {MAX_UNACKNOWLEDGED_REQUESTS} requests whose answers it has not acknowledged; say `acknowledge`"
            )));
        }
        Ok(())
    }

    /// The record holds every request, also of those who may not act.
    fn record_refused(&mut self, step: &StepMessage) {
        for asked in &step.requests {
            self.record(step, asked, Verdict::Fenced);
        }
    }

    fn record(&mut self, step: &StepMessage, asked: &Asked, verdict: Verdict) {
        let key = key(step, asked);
        self.lines.push(Line::Request { at: self.now, key, seq: step.seq, epoch: step.epoch, body: asked.body.clone(), verdict });
    }

    /// The instant ends: its steps act. Returns whether there were any.
    pub(super) fn apply_buffered(&mut self) -> bool {
        self.buffered_requests = 0;
        let mut steps = std::mem::take(&mut self.buffered);
        steps.sort_by_key(|(_, step)| (step.session, step.incarnation, step.seq));
        let any = !steps.is_empty();
        for (id, step) in steps {
            self.apply(id, &step);
        }
        self.forget_answered();
        self.judge();
        any
    }

    fn apply(&mut self, id: ConnectionId, step: &StepMessage) {
        let until = match step.over {
            None => step.quiet_until.map(|until| until.min(self.now.saturating_add(self.options.max_quiet_ms))),
            Some(_) => None,
        };
        if self.calls.held(step.session, &step.interactions, until, step.over) {
            let held = step.interactions.iter().filter(|held| self.calls.holds(held));
            let (session, incarnation, interactions) = (step.session, step.incarnation, held.map(|held| held.id.clone()).collect());
            self.lines.push(Line::Quiet { at: self.now, session, incarnation, interactions, until });
        }
        for asked in &step.requests {
            let verdict = self.ask(id, step, asked);
            self.record(step, asked, verdict);
            if verdict == Verdict::Gone {
                let body = EventBody::Failed(Failure::new(
                    ErrorCode::Gone,
                    "the interaction is over, on its default route, or no longer the session's",
                ));
                self.event(asked.body.interaction().cloned(), None, Some(key(step, asked)), body);
            }
        }
    }

    fn ask(&mut self, id: ConnectionId, step: &StepMessage, asked: &Asked) -> Verdict {
        let key = key(step, asked);
        // A cancel carries the key of what it stops; doing it twice does nothing more.
        if asked.body == RequestBody::Cancel {
            self.orders.push(Order::Cancel { key });
            return Verdict::Applied;
        }
        let state = self.requests.state(&key);
        if state != RequestState::Unknown {
            self.send(id, GatewayMessage::Duplicate { request: key, state });
            return Verdict::Duplicate;
        }
        let interaction = asked.body.interaction();
        // It is over, or on its default route, or has moved on from where the session had it.
        let is_of = |id: &InteractionId| step.interactions.iter().any(|held| held.id == *id && self.calls.holds(held));
        if interaction.is_some_and(|id| !is_of(id) || !self.calls.may_be_served(id)) {
            self.requests.open(key, None);
            return Verdict::Gone;
        }
        // Music ends by command only: a finished session's call does not wait for it.
        let awaited = interaction.filter(|_| !matches!(asked.body, RequestBody::Music { .. })).cloned();
        if let Some(interaction) = &awaited {
            self.calls.asked(interaction);
        }
        self.requests.open(key, awaited);
        let route = match asked.body {
            RequestBody::SetPriority { route, .. } => Some(RequestKey { request: route, ..key }),
            _ => None,
        };
        self.orders.push(Order::Apply { key, body: asked.body.clone(), route });
        Verdict::Applied
    }
}

fn key(step: &StepMessage, asked: &Asked) -> RequestKey {
    RequestKey { session: step.session, incarnation: step.incarnation, request: asked.request }
}

/// Timers, messages, fetches and sessions live in the host.
fn is_for_the_host(body: &RequestBody) -> bool {
    matches!(
        body,
        RequestBody::After { .. }
            | RequestBody::At { .. }
            | RequestBody::Fetch(_)
            | RequestBody::Send { .. }
            | RequestBody::StartSession(_)
    )
}
