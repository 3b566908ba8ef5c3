//! Timers fire once and not early (that is looked at when they become durable), none is forgotten, and they merge with the
//! switch's events by time, also in a backlog.

use tandem_journal::{Outcome, Source, Step};
use tandem_words::{EventBody, RequestBody, Timestamp};

use super::{
    Checked, holds,
    journal::{Book, Journal, due},
};

/// A timer that has not fired so long after it was due is forgotten. Longer than a backlog can be.
const FORGOTTEN_AFTER_MS: u64 = 40_000;

pub(super) fn check(journal: &Journal) -> Checked {
    journal.books.values().try_for_each(check_book)
}

fn check_book(book: &Book) -> Checked {
    let session = book.opening.session;
    for (index, step) in book.steps.iter().enumerate() {
        let behind = book.steps.get(index + 1..).unwrap_or_default();
        if step.event.body == EventBody::TimerFired
            && let Some(due) = step.event.request.and_then(|request| due(book, request))
        {
            let late = behind.iter().find(|later| switch_at(later).is_some_and(|at| at < due));
            holds("timers", late.is_none(), || {
                format!("{session}: the timer due at {due} came before the event of {:?}", late.and_then(switch_at))
            })?;
        }
        for timer in step.requests.iter().filter(|request| request.refused.is_none()) {
            let RequestBody::After { delay_ms } = timer.body else { continue };
            let due = step.event.at + u64::from(delay_ms);
            let until = behind.iter().position(|later| later.event.request == Some(timer.id) || cancels(later, timer.id));
            let mut unfired = behind.iter().take(until.unwrap_or(behind.len())).filter(|later| later.outcome != Outcome::Late);
            let missed = unfired.find(|later| {
                // Armed by an epoch before, it stands in time with everything that this epoch hears.
                let merged = later.epoch > step.epoch && switch_at(later).is_some_and(|at| at > due);
                merged || later.event.at > due + FORGOTTEN_AFTER_MS
            });
            holds("timers", missed.is_none(), || {
                let (seq, at) = missed.map_or((0, 0), |missed| (missed.event.seq, missed.event.at));
                format!("{session}: timer {} was due at {due} and had not fired at step {seq} of {at}", timer.id)
            })?;
        }
    }
    Ok(())
}

fn cancels(step: &Step, timer: u32) -> bool {
    step.requests.iter().any(|request| request.id == timer && request.body == RequestBody::Cancel)
}

fn switch_at(step: &Step) -> Option<Timestamp> {
    matches!(step.source, Source::Switch { .. }).then_some(step.event.switch_at).flatten()
}
