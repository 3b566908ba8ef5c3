//! What one call of a guest costs, without commit: two figures of `tandem bench`. Written for the guest `tests/guests/bench`,
//! which parses the JSON of every `custom` event and answers it with one `attach`.

use std::{sync::Arc, time::Instant};

use tandem_journal::{Opening, Outcome, Source, Step, Survival};
use tandem_session::{Draft, Effort, GuestFailure, Guests, Place, SessionState, StepLimits};
use tandem_words::{Context, Custom, Event, EventBody, Interaction, Origin, SessionId, VersionId};

use crate::{Catalogue, CatalogueFull, Cells, Engine, LoadError, Strategy};

/// Sessions in the cell: as many as a full one has, so that no cache holds them all.
const SESSIONS: u64 = 1_000;
/// Switch time of everything here.
const AT: u64 = 1_783_074_600_000;

/// The benchmark could not run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum BenchError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueFull),
    #[error(transparent)]
    Guest(#[from] GuestFailure),
}

/// Microseconds of one `on-event` with `payload_bytes` of JSON, from event to draft, over the 1,000 sessions of a cell: the
/// best of `rounds`, for other work on the machine only adds.
pub fn on_event_us(engine: &Engine, component: &[u8], payload_bytes: usize, rounds: u32) -> Result<f64, BenchError> {
    let (mut cells, version) = cells(engine, component)?;
    for number in 1..=SESSIONS {
        cells.start(&version, &context(number), Place::Shared, Effort::First)?;
    }
    let mut state = Box::new(state_with_a_call(version));
    let mut best = f64::INFINITY;
    let arrival = event(1, EventBody::InteractionAdded(call()));
    let event = event(2, EventBody::Custom(Custom { name: "bench".to_owned(), json: json(payload_bytes) }));
    for round in 0..=rounds {
        // The first round is not measured: the calls arrive.
        let event = if round == 0 { &arrival } else { &event };
        let begin = Instant::now();
        for number in 1..=SESSIONS {
            let draft = Draft::new(state, StepLimits::default());
            let (draft, next) = cells.on_event(id(number), event, draft, Effort::First);
            next?;
            state = draft.finish().state;
        }
        if round > 0 {
            best = best.min(us_each(begin));
        }
    }
    Ok(best)
}

/// Microseconds of one `start` in a cell, the best of `rounds` of 1,000.
pub fn session_start_us(engine: &Engine, component: &[u8], rounds: u32) -> Result<f64, BenchError> {
    let (mut cells, version) = cells(engine, component)?;
    let contexts: Vec<_> = (1..=SESSIONS).map(context).collect();
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let begin = Instant::now();
        for context in &contexts {
            cells.start(&version, context, Place::Shared, Effort::First)?;
        }
        best = best.min(us_each(begin));
        for context in &contexts {
            cells.remove(context.session_id);
        }
    }
    Ok(best)
}

fn us_each(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e6 / SESSIONS as f64
}

fn cells(engine: &Engine, component: &[u8]) -> Result<(Cells, VersionId), BenchError> {
    let strategy = Strategy::load(engine, component, None)?;
    let (version, catalogue) = (strategy.version(), Catalogue::new());
    catalogue.add(strategy)?;
    Ok((Cells::new(engine.clone(), Arc::new(catalogue), Box::new(|| ())), version))
}

fn id(number: u64) -> SessionId {
    SessionId { node: 101, epoch: 1, number }
}

fn context(number: u64) -> Context {
    Context { session_id: id(number), incarnation: 1, origin: Origin::Interaction, started_at: AT, parameters: Vec::new() }
}

fn event(seq: u32, body: EventBody) -> Event {
    Event { seq, at: AT, switch_at: Some(AT), seed: u64::from(seq), request: None, body }
}

/// An object of a few members, about this long.
fn json(bytes: usize) -> String {
    let member = |number: usize| format!("\"member{number:04}\":\"{number:020}\"");
    let members: Vec<_> = (0..(bytes / 36).max(1)).map(member).collect();
    format!("{{{}}}", members.join(","))
}

fn call() -> Interaction {
    Interaction::arriving("c1", "0301234567", "8000", AT)
}

/// A session that holds the call.
fn state_with_a_call(version: VersionId) -> SessionState {
    let opening = Opening {
        session: id(1),
        incarnation: 1,
        epoch: 1,
        claim: None,
        origin: Origin::Interaction,
        strategy: "bench".to_owned(),
        version,
        parameters: Vec::new(),
        switch: "main".into(),
        started_at: AT,
        survival: Survival::Recovered,
    };
    let mut state = SessionState::opened(opening);
    state.apply(&Step {
        session: id(1),
        incarnation: 1,
        epoch: 1,
        version,
        source: Source::Host,
        event: event(1, EventBody::InteractionAdded(call())),
        outcome: Outcome::Wait,
        requests: Vec::new(),
        local_times: Vec::new(),
        notes: Vec::new(),
        last: false,
    });
    state
}
