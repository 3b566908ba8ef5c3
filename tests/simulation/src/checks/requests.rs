//! P3: each request is applied at most once, only as it stands in the journal, and every durable one is answered; messages
//! are heard once and in order, sessions started once.

use std::collections::{BTreeMap, BTreeSet};

use tandem_gateway::record::{Line, Verdict};
use tandem_journal::{Claim, Source};
use tandem_words::{EventBody, RequestBody, RequestKey, SessionId};

use super::{
    Checked, holds,
    journal::{Book, Journal},
    switch::Switch,
};

pub(super) fn check(journal: &Journal, switch: &Switch) -> Checked {
    check_record(journal, switch)?;
    let mut heard: BTreeMap<RequestKey, u32> = BTreeMap::new();
    for ((session, _), book) in &journal.books {
        check_heard(*session, book, &mut heard)?;
    }
    for ((session, incarnation), book) in &journal.books {
        // A run whose replay differed waits for nothing any more.
        if journal.session(*session).is_some_and(|newest| newest.opening.incarnation > *incarnation) {
            continue;
        }
        for step in &book.steps {
            for request in step.requests.iter().filter(|request| request.body != RequestBody::Cancel) {
                let key = RequestKey { session: *session, incarnation: *incarnation, request: request.id };
                check_answer(journal, book, key, &request.body, request.refused.is_some(), &heard)?;
            }
        }
    }
    Ok(())
}

fn check_record(journal: &Journal, switch: &Switch) -> Checked {
    let mut applied = BTreeSet::new();
    let mut last: BTreeMap<(SessionId, u32), u32> = BTreeMap::new();
    for line in switch.lives.iter().flat_map(|life| &life.lines) {
        let Line::Request { key, seq, body, verdict, .. } = line else { continue };
        let book = journal.books.get(&(key.session, key.incarnation));
        let step = book.and_then(|book| book.steps.get(*seq as usize - 1));
        let written = step.is_some_and(|step| {
            *body == RequestBody::Cancel || step.requests.iter().any(|request| request.id == key.request && request.body == *body)
        });
        let stands = written || book.is_some_and(|book| !book.is_persisted());
        holds("P3", stands, || format!("request {key} came to the switch otherwise than step {seq} has it: {body:?}"))?;
        holds("P3", *verdict != Verdict::Duplicate, || format!("request {key} was sent again although the gateway had seen it"))?;
        if *verdict == Verdict::Applied && *body != RequestBody::Cancel {
            holds("P3", applied.insert(*key), || format!("request {key} was applied twice: {body:?}"))?;
            let before = last.insert((key.session, key.incarnation), key.request).unwrap_or(0);
            holds("P3", before < key.request, || format!("request {key} was applied behind request {before}"))?;
        }
    }
    Ok(())
}

/// Messages of one sender come in order, and once to each run; the runs that heard one are counted.
fn check_heard(session: SessionId, book: &Book, heard: &mut BTreeMap<RequestKey, u32>) -> Checked {
    let mut last: BTreeMap<(SessionId, u32), u32> = BTreeMap::new();
    let mut once = BTreeSet::new();
    for step in &book.steps {
        let Source::Message(key) = step.source else { continue };
        *heard.entry(key).or_default() += 1;
        holds("messages", once.insert(key), || format!("message {key} was heard twice"))?;
        let before = last.insert((key.session, key.incarnation), key.request).unwrap_or(0);
        holds("messages", before < key.request, || format!("{session} heard message {key} behind message {before}"))?;
    }
    let mut answered = BTreeSet::new();
    let answers = book.steps.iter().filter_map(|step| step.event.request);
    answers
        .into_iter()
        .try_for_each(|request| holds("P3", answered.insert(request), || format!("request {request} of {session} was answered twice")))
}

fn check_answer(
    journal: &Journal,
    book: &Book,
    key: RequestKey,
    body: &RequestBody,
    refused: bool,
    heard: &BTreeMap<RequestKey, u32>,
) -> Checked {
    let answer = book.answer(key.request).map(|step| &step.event.body);
    let over = book.over_after().is_some();
    match body {
        // The host's own; a session that is over does not wait for them.
        _ if refused => holds("P3", answer.is_some() || over, || format!("{key} was refused, and its session never heard so")),
        RequestBody::After { .. } | RequestBody::At { .. } | RequestBody::Fetch(_) => Ok(()),
        RequestBody::Send { session, .. } => {
            let receiver = session.parse().ok().and_then(|receiver| journal.session(receiver));
            // What they heard stands nowhere; a run that starts again may hear a message once more.
            if receiver.is_some_and(|receiver| !receiver.is_persisted()) {
                return holds("messages", answer.is_some(), || format!("message {key} was never answered"));
            }
            let times = heard.get(&key).copied().unwrap_or(0);
            // A run that starts again knows nothing of what the one before had heard.
            let runs = receiver.map_or(1, |receiver| receiver.opening.incarnation);
            let wanted = match answer {
                Some(EventBody::Done) => 1..=runs,
                Some(EventBody::Failed(_)) => 0..=runs - 1,
                _ => return holds("messages", false, || format!("message {key} was never answered: {answer:?}")),
            };
            holds("messages", wanted.contains(&times), || format!("message {key} was heard {times} times, and its answer was {answer:?}"))
        }
        RequestBody::StartSession(_) => {
            let started = journal.claims.get(&Claim::Request(key));
            let told = match answer {
                Some(EventBody::SessionStarted(id)) => started.is_some_and(|session| session.to_string() == *id),
                Some(EventBody::Failed(_)) => started.is_none(),
                _ => false,
            };
            holds("P3", told, || format!("{key} started {started:?}, and its answer was {answer:?}"))
        }
        _ => holds("P3", answer.is_some(), || format!("request {key} is durable and was never answered: {body:?}")),
    }
}
