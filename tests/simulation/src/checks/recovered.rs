//! P7: a session that asks for it hears `session.recovered` in each epoch that brought it back, once, before anything else.

use tandem_journal::Outcome;
use tandem_words::EventBody;

use super::{Checked, holds, journal::Journal};
use crate::strategies::asks_for_recovered;

pub(super) fn check(journal: &Journal) -> Checked {
    for book in journal.books.values() {
        let (session, asks) = (book.opening.session, asks_for_recovered(book.opening.version));
        let mut epoch = book.opening.epoch;
        for (index, step) in book.steps.iter().enumerate() {
            let is_recovered = step.event.body == EventBody::SessionRecovered;
            // A session that had made no step yet is not recovered but made.
            let comes_back = step.epoch > epoch && index > 0 && step.outcome != Outcome::Late;
            epoch = epoch.max(step.epoch);
            holds("P7", is_recovered == (comes_back && asks), || {
                let name = step.event.body.name();
                format!("{session}: step {} in epoch {} is {name}, and it asks for session.recovered: {asks}", step.event.seq, step.epoch)
            })?;
        }
    }
    Ok(())
}
