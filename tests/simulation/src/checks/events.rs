//! P1 and P4: whose each event of the switch is, and that it reached its session once, in order, or a gap was told.

use std::collections::BTreeMap;

use tandem_gateway::record::{Line, Verdict};
use tandem_journal::{Claim, Source};
use tandem_switch_link::SwitchEvent;
use tandem_words::{ErrorCode, EventBody, InteractionId, SessionId, SwitchIncarnation, Visit};

use super::{
    Checked, holds,
    journal::{Book, Journal},
    switch::{Life, Switch},
};

pub(super) fn check(journal: &Journal, switch: &Switch) -> Checked {
    let owners = owners(journal, switch);
    for (index, (life, owners)) in switch.lives.iter().zip(owners).enumerate() {
        // Where it keeps few, some may be lost within its life, too.
        let keeps_all = life.events.len() <= switch.retain;
        check_life(journal, (life, owners), index + 1 == switch.lives.len(), keeps_all)?;
    }
    check_told_again(journal, switch)?;
    for ((session, _), book) in &journal.books {
        check_order(*session, book, switch)?;
    }
    Ok(())
}

/// In order, none twice, and as the switch told it.
fn check_order(session: SessionId, book: &Book, switch: &Switch) -> Checked {
    let mut last = (0, 0);
    for step in &book.steps {
        let Source::Switch { incarnation, position } = step.source else { continue };
        holds("P4", (incarnation, position) > last, || format!("{session} heard event {incarnation}/{position} behind {last:?}"))?;
        last = (incarnation, position);
        let life = switch.lives.iter().find(|life| life.incarnation == incarnation);
        let told = life.and_then(|life| life.events.get(usize::try_from(position).ok()?.checked_sub(1)?));
        // What answers an earlier run is news to this one.
        let answers = |told: &SwitchEvent| told.answers.filter(|key| key.incarnation == book.opening.incarnation).map(|key| key.request);
        let same = told.is_some_and(|told| told.body == step.event.body && answers(told) == step.event.request);
        holds("P4", same, || format!("{session} heard as event {incarnation}/{position} what the switch never told: {:?}", step.event))?;
    }
    Ok(())
}

/// An event, and whose it is.
pub(super) type Owned<'a> = (&'a SwitchEvent, Option<SessionId>);

/// Whose each event of each life is, and what the gateway missed: a claim says whose a visit is, and a call's events are those of its
/// last visit.
pub(super) fn owners<'a>(journal: &Journal, switch: &'a Switch) -> Vec<Vec<Owned<'a>>> {
    let mut holders: BTreeMap<&InteractionId, SessionId> = BTreeMap::new();
    let mut owner = |event: &'a SwitchEvent, life: &Life| match (&event.body, event.visit, event.answers) {
        (EventBody::InteractionAdded(added), visit, _) => {
            let claim = |visit| (added.id.to_string(), "main".into(), life.incarnation, visit);
            let claim =
                visit.map(claim).map(|(interaction, switch, incarnation, visit)| Claim::Visit { interaction, switch, incarnation, visit });
            let owner = claim.and_then(|claim| journal.claims.get(&claim).copied());
            match owner {
                Some(owner) => _ = holders.insert(&added.id, owner),
                None => _ = holders.remove(&added.id),
            }
            owner
        }
        (_, _, Some(key)) => Some(key.session),
        (EventBody::InteractionDeleted(deletion), ..) => holders.remove(&deletion.interaction),
        _ => event.interaction.as_ref().and_then(|interaction| holders.get(interaction)).copied(),
    };
    let of_life = |life: &'a Life| life.events.iter().chain(&life.missed).map(|event| (event, owner(event, life))).collect();
    switch.lives.iter().map(of_life).collect()
}

/// P1: of a visit that a new life told again, nobody had anything any more.
fn check_told_again(journal: &Journal, switch: &Switch) -> Checked {
    let mut told: BTreeMap<(&str, Visit), (SwitchIncarnation, SessionId)> = BTreeMap::new();
    // By incarnation, since a claim is ordered by its call first.
    let mut claims: Vec<_> = journal.claims.iter().collect();
    claims.sort_by_key(|(claim, _)| match claim {
        Claim::Visit { incarnation, .. } => *incarnation,
        Claim::Request(_) => 0,
    });
    for (claim, session) in claims {
        let Claim::Visit { interaction, incarnation, visit, .. } = claim else { continue };
        let Some((_, before)) = told.insert((interaction.as_str(), *visit), (*incarnation, *session)) else { continue };
        let again = switch.lives.iter().filter(|life| life.incarnation >= *incarnation).flat_map(|life| &life.lines);
        let is_told = |line: &&Line| matches!(line, Line::Event(event) if event.visit == Some(*visit) && event.interaction.as_deref() == Some(interaction));
        let acted = again.skip_while(|line| !is_told(line)).find(|line| {
            let Line::Request { key, body, verdict: Verdict::Applied, .. } = line else { return false };
            key.session == before && body.interaction().is_some_and(|call| **call == **interaction)
        });
        holds("P1", acted.is_none(), || {
            format!("visit {visit} of {interaction} was told again to {session}, and {before} goes on: {acted:?}")
        })?;
    }
    Ok(())
}

fn check_life(journal: &Journal, (life, owners): (&Life, Vec<Owned<'_>>), is_last: bool, keeps_all: bool) -> Checked {
    let w = journal.w(life.incarnation);
    for (event, owner) in owners {
        let told = keeps_all && (is_last || event.position <= w);
        if let (EventBody::InteractionAdded(added), Some(visit)) = (&event.body, event.visit) {
            holds("P1", owner.is_some() || !told, || format!("visit {visit} of {} has no session", added.id))?;
        }
        // What the others heard, their strategies' ears tell.
        let book = owner.and_then(|owner| journal.session(owner)).filter(|book| book.is_persisted());
        if let Some(book) = book {
            let source = Source::Switch { incarnation: life.incarnation, position: event.position };
            if !journal.is_over_cap(book, &source) && (told || !journal.is_gap_over_cap(book)) {
                check_event(book, event, life, told)?;
            }
        }
    }
    Ok(())
}

fn check_event(book: &Book, event: &SwitchEvent, life: &Life, told: bool) -> Checked {
    let (session, position, incarnation) = (book.opening.session, event.position, life.incarnation);
    let source = Source::Switch { incarnation, position };
    if book.steps.iter().any(|step| step.source == source) {
        return Ok(());
    }
    if let Some(key) = event.answers {
        let answered = key.incarnation != book.opening.incarnation || book.answer(key.request).is_some();
        let unknown = |step: &tandem_journal::Step| matches!(&step.event.body, EventBody::Failed(failure) if failure.code == ErrorCode::OutcomeUnknown);
        let given_up = told && key.incarnation == book.opening.incarnation && book.answer(key.request).is_some_and(unknown);
        holds("P3", !given_up, || {
            format!("{session} was told that nobody knows what became of {key}; the switch says so at {incarnation}/{position}")
        })?;
        // Lost: then it has another answer, that its outcome is unknown.
        return holds("P4", answered, || format!("{session} never heard the answer to {key} at {incarnation}/{position}"));
    }
    // A session that is over hears no more; one that is not has heard everything before.
    let later = |step: &tandem_journal::Step| match step.source {
        Source::Switch { incarnation: of, position: at } => (of, at) > (incarnation, position),
        _ => false,
    };
    let before_over = book.steps.get(..book.over_after().unwrap_or(book.steps.len())).unwrap_or_default();
    if told {
        let over = book.over_after().is_some() && !before_over.iter().any(later);
        return holds("P4", over, || format!("{session} never heard event {incarnation}/{position}: {:?}", event.body));
    }
    // Lost: a gap says so before anything that came later.
    let earlier = |step: &tandem_journal::Step| match step.source {
        Source::Switch { incarnation: of, position: at } => (of, at) < (incarnation, position),
        _ => false,
    };
    let last_heard = before_over.iter().rposition(earlier);
    let mut behind = before_over.iter().skip(last_heard.map_or(0, |last| last + 1));
    let gap = |step: &tandem_journal::Step| matches!(step.event.body, EventBody::Gap(_));
    let next = behind.clone().position(later);
    let gap_at = behind.position(gap);
    holds("P4", next.is_none_or(|next| gap_at.is_some_and(|gap| gap < next)), || {
        format!("{session} was not told of the gap in which event {incarnation}/{position} was lost")
    })
}
