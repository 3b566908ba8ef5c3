//! Do the books balance?

use std::collections::{BTreeMap, BTreeSet};

use tandem_journal::{Claim, Outcome, Record, Source, Step};
use tandem_session::{Arrival, Input, SessionState, Worker, WorkerOptions, fold};
use tandem_switch_link::{HostMessage, SwitchEvent};
use tandem_words::{Custom, EventBody, InteractionId, RequestBody, RequestKey, SessionId, Visit};

use crate::{gateway::Whereabouts, host::owner, world::World};

impl World {
    /// P2: what leaves the host is in the journal.
    pub fn check_durable(&self, message: &HostMessage) {
        let HostMessage::Step(told) = message else { return };
        let steps = self.disk.steps(told.session);
        for asked in &told.requests {
            let same = |step: &Step| step.requests.iter().any(|request| request.id == asked.request && request.body == asked.body);
            assert!(steps.iter().any(same), "{}: request {} left before its commit", told.session, asked.request);
        }
        if told.over.is_some() {
            let state = fold(&self.disk.session_rows(told.session).unwrap()).unwrap().state;
            assert!(!state.is_live(), "{}: its end left before its commit", told.session);
        }
    }

    /// No position up to W is missing in the journal, unless its session is over there.
    pub fn check_w(&self) {
        let w = self.disk.w.map_or(0, |mark| mark.position);
        let books = self.books();
        for event in self.gateway.events.iter().filter(|event| event.position <= w && !self.gateway.lost.contains(&event.position)) {
            self.check_event(event, &books);
        }
    }

    pub fn check_all(&self) {
        let last = self.gateway.events.len() as u64;
        assert_eq!(self.disk.w.map_or(0, |mark| mark.position), last, "W stands still");
        self.check_w();
        self.check_claims();
        self.check_requests();
        for session in self.disk.sessions() {
            let steps = self.disk.steps(session);
            let positions: Vec<u64> = steps.iter().filter_map(position).collect();
            assert!(positions.windows(2).all(|pair| pair[0] < pair[1]), "{session}: doubled or out of order: {positions:?}");
            self.check_fold(session);
            self.check_truths(session);
            self.check_timers(session, &steps);
        }
        self.check_guests();
    }

    fn check_event(&self, event: &SwitchEvent, books: &Books) {
        let session = match event.answers {
            Some(key) => key.session,
            None => match books.owners.get(&event.position) {
                Some(session) => *session,
                // Its visit was never told.
                None => return assert!(!self.gateway.lost.is_empty(), "{event:?} is nobody's"),
            },
        };
        let steps = &books.steps[&session];
        if steps.iter().any(|step| position(step) == Some(event.position)) {
            return;
        }
        assert!(event.answers.is_none(), "{session}: the answer at {} is lost: {event:?}", event.position);
        let end = steps.iter().position(|step| matches!(step.outcome, Outcome::Finish | Outcome::Failed(_)));
        let end = match end {
            Some(end) => end + 1,
            None => {
                let ended = self.disk.records(session).iter().any(|record| matches!(record, Record::Ended(_)));
                assert!(ended, "{session}: event {} is lost: {event:?}", event.position);
                steps.len()
            }
        };
        let heard = steps[..end].iter().filter_map(position).max().unwrap_or(0);
        assert!(event.position > heard, "{session}: event {} was passed over: {event:?}", event.position);
    }

    /// P1, and no visit without its session.
    fn check_claims(&self) {
        let mut claims = BTreeSet::new();
        for session in self.disk.sessions() {
            let Some(Record::Opened(opening)) = self.disk.records(session).into_iter().next() else { panic!() };
            assert!(claims.insert(opening.claim.clone()), "{:?} has two sessions", opening.claim);
        }
        for event in self.gateway.events.iter().filter(|event| !self.gateway.lost.contains(&event.position)) {
            if let (EventBody::InteractionAdded(added), Some(visit)) = (&event.body, event.visit) {
                let claim = Claim::Visit { interaction: added.id.to_string(), switch: "main".into(), incarnation: 1, visit };
                assert!(claims.contains(&Some(claim.clone())), "{claim:?} has no session");
            }
        }
    }

    /// P3: every request of the journal was applied, once (the gateway sees to that); messages and sessions likewise.
    fn check_requests(&self) {
        let mut heard: BTreeMap<RequestKey, u32> = BTreeMap::new();
        let mut started: BTreeSet<RequestKey> = BTreeSet::new();
        let books = self.books();
        for step in books.steps.values().flatten() {
            if let Source::Message(key) = step.source {
                *heard.entry(key).or_default() += 1;
            }
        }
        for session in self.disk.sessions() {
            if let Some(Record::Opened(opening)) = self.disk.records(session).first()
                && let Some(Claim::Request(key)) = opening.claim
            {
                started.insert(key);
            }
        }
        for (session, steps) in &books.steps {
            for request in steps.iter().flat_map(|step| &step.requests).filter(|request| request.body != RequestBody::Cancel) {
                let key = RequestKey { session: *session, incarnation: 1, request: request.id };
                let mut answers = steps.iter().filter(|step| step.event.request == Some(request.id));
                let answer = answers.next().map(|step| &step.event.body);
                assert!(answers.next().is_none(), "{key} is answered twice");
                match &request.body {
                    _ if request.refused.is_some() => assert!(!self.gateway.requests.contains_key(&key), "{key} was refused"),
                    RequestBody::Send { .. } => match answer {
                        Some(EventBody::Done) => assert_eq!(heard.get(&key), Some(&1), "{key}"),
                        Some(EventBody::Failed(_)) => assert_eq!(heard.get(&key), None, "{key}"),
                        other => panic!("{key}: {other:?}"),
                    },
                    RequestBody::StartSession(_) => {
                        assert!(matches!(answer, Some(EventBody::SessionStarted(_))) && started.contains(&key), "{key}")
                    }
                    RequestBody::After { .. } => {}
                    body => {
                        assert!(self.gateway.requests.contains_key(&key), "{key} never left: {body:?}");
                        assert!(answer.is_some(), "{key} is not answered: {body:?}");
                    }
                }
            }
        }
    }

    /// The state is a fold of the rows, with or without snapshots, and what the worker has.
    fn check_fold(&self, session: SessionId) {
        let whole = fold(&self.disk.whole(session)).unwrap().state;
        let folded = fold(&self.disk.session_rows(session).unwrap()).unwrap().state;
        assert_eq!(folded, whole, "{session}: its snapshot differs from its steps");
        if let Some(live) = self.host.workers[owner(session)].state(session) {
            assert_eq!(*live, *whole, "{session}: the worker differs from the journal");
        }
    }

    /// No session believes that it has a call that is gone, whatever was lost.
    fn check_truths(&self, session: SessionId) {
        let state = fold(&self.disk.session_rows(session).unwrap()).unwrap().state;
        for call in state.live_interactions().filter(|_| state.is_live()) {
            let truth = &self.gateway.calls[&call.id];
            let of_visit = matches!(&state.opening().claim, Some(Claim::Visit { visit, .. }) if *visit == truth.visit);
            // A later visit that nobody was told of is known to nobody.
            assert!(
                truth.at == Whereabouts::Here && (of_visit || !self.gateway.lost.is_empty()),
                "{session} still has {}: {truth:?}",
                call.id
            );
        }
    }

    fn check_timers(&self, session: SessionId, steps: &[Step]) {
        let over = |step: &Step| matches!(step.outcome, Outcome::Finish | Outcome::Failed(_));
        let ended = steps.iter().any(over) || self.disk.live_sessions().iter().all(|live| *live != session);
        for step in steps {
            for request in &step.requests {
                let RequestBody::After { delay_ms } = request.body else { continue };
                match steps.iter().find(|later| later.event.request == Some(request.id)) {
                    None => assert!(ended, "{session}: timer {} was forgotten", request.id),
                    Some(answer) if answer.event.body == EventBody::TimerFired => {
                        assert!(answer.event.at >= step.event.at + u64::from(delay_ms), "{session}: timer {} was early", request.id);
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// P10: a guest brought back from the rows remembers what the living one does.
    fn check_guests(&self) {
        for session in self.host.sessions(&self.disk) {
            let Some(living) = self.host.guests[owner(session)].memory(session) else { continue };
            for rows in [self.disk.session_rows(session).unwrap(), self.disk.whole(session)] {
                let guests = self.guests.afresh();
                let mut worker = Worker::new(guests.clone(), WorkerOptions::default(), self.epoch + 1);
                let folded = fold(&rows).unwrap();
                worker.recover(folded);
                let news = EventBody::Custom(Custom { name: "look".to_owned(), json: String::new() });
                worker.handle(Input::Arrive(session, Arrival::News(news)));
                worker.handle(Input::Loaded(session, Some(Box::new(rows))));
                assert!(worker.state(session).is_some_and(SessionState::is_live), "{session}: its replay failed");
                assert_eq!(guests.memory(session).unwrap(), living, "{session}");
            }
        }
    }

    fn books(&self) -> Books {
        let mut owners = BTreeMap::new();
        let mut holders: BTreeMap<InteractionId, SessionId> = BTreeMap::new();
        let claimed: BTreeMap<(String, Visit), SessionId> = self
            .disk
            .sessions()
            .into_iter()
            .filter_map(|session| {
                let Some(Record::Opened(opening)) = self.disk.records(session).into_iter().next() else { panic!() };
                match opening.claim {
                    Some(Claim::Visit { interaction, visit, .. }) => Some(((interaction, visit), session)),
                    _ => None,
                }
            })
            .collect();
        for event in &self.gateway.events {
            if let (EventBody::InteractionAdded(added), Some(visit)) = (&event.body, event.visit) {
                match claimed.get(&(added.id.to_string(), visit)) {
                    Some(session) => holders.insert(added.id.clone(), *session),
                    None => holders.remove(&added.id),
                };
            }
            if let Some(holder) = event.interaction.as_ref().and_then(|id| holders.get(id)) {
                owners.insert(event.position, *holder);
            }
        }
        let steps = self.disk.sessions().into_iter().map(|session| (session, self.disk.steps(session))).collect();
        Books { owners, steps }
    }
}

/// Whose each event is by the claims, and what each session did.
struct Books {
    owners: BTreeMap<u64, SessionId>,
    steps: BTreeMap<SessionId, Vec<Step>>,
}

fn position(step: &Step) -> Option<u64> {
    match step.source {
        Source::Switch { position, .. } => Some(position),
        _ => None,
    }
}
