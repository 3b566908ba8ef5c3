//! P1 and P4: whose each event of the switch is, and that it reached its session once, in order, or a gap was told.

use std::collections::BTreeMap;

use tandem_journal::{Claim, Source};
use tandem_switch_link::SwitchEvent;
use tandem_words::{EventBody, InteractionId, SessionId};

use super::{
    Checked, holds,
    journal::{Book, Journal},
    switch::{Life, Switch},
};

pub(super) fn check(journal: &Journal, switch: &Switch) -> Checked {
    for (index, life) in switch.lives.iter().enumerate() {
        // Where it keeps few, some may be lost within its life, too.
        let keeps_all = life.events.len() <= switch.retain;
        check_life(journal, life, index + 1 == switch.lives.len(), keeps_all)?;
    }
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
        let same = told.is_some_and(|told| told.body == step.event.body && told.answers.map(|key| key.request) == step.event.request);
        holds("P4", same, || format!("{session} heard as event {incarnation}/{position} what the switch never told: {:?}", step.event))?;
    }
    Ok(())
}

/// Whose each event of a life is: a claim says whose a visit is, and a call's events are those of its last visit.
pub(super) fn owners<'a>(journal: &Journal, life: &'a Life) -> Vec<(&'a SwitchEvent, Option<SessionId>)> {
    let mut holders: BTreeMap<&InteractionId, SessionId> = BTreeMap::new();
    let mut owner = |event: &'a SwitchEvent| match (&event.body, event.visit, event.answers) {
        (EventBody::InteractionAdded(added), Some(visit), _) => {
            let claim = Claim::Visit { interaction: added.id.to_string(), switch: "main".into(), incarnation: life.incarnation, visit };
            let owner = journal.claims.get(&claim).copied();
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
    life.events.iter().map(|event| (event, owner(event))).collect()
}

fn check_life(journal: &Journal, life: &Life, is_last: bool, keeps_all: bool) -> Checked {
    let w = journal.w(life.incarnation);
    for (event, owner) in owners(journal, life) {
        let told = keeps_all && (is_last || event.position <= w);
        if let (EventBody::InteractionAdded(added), Some(visit)) = (&event.body, event.visit) {
            holds("P1", owner.is_some() || !told, || format!("visit {visit} of {} has no session", added.id))?;
        }
        // What the others heard, their strategies' ears tell.
        let book = owner.and_then(|owner| journal.session(owner)).filter(|book| book.is_persisted());
        if let Some(book) = book {
            check_event(book, event, life, told)?;
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
