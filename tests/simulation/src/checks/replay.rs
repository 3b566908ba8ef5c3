//! P10: every session's journal, replayed by a fresh guest, gives the same requests; and from its last snapshot the same
//! memory as from its beginning.

use tandem_journal::SessionRows;
use tandem_session::{Arrival, Input, Worker, WorkerOptions, fold};
use tandem_words::{Custom, EventBody};

use super::{
    Checked, Finding, holds,
    journal::{Book, Journal},
};
use crate::{plan::Plan, strategies::Guests};

pub(super) fn check(journal: &Journal, plan: &Plan, options: WorkerOptions) -> Checked {
    for book in journal.books.values() {
        // The step that ended it ran on the same guest as the others; behind it there is no guest to look at.
        let upto = book.over_after().map_or(book.steps.len(), |over| if book.ended { over } else { over - 1 });
        if upto == 0 {
            continue;
        }
        let whole = replayed(book, None, upto, plan, options)?;
        let kept = book.snapshots.iter().rfind(|(seq, _)| *seq as usize <= upto);
        if kept.is_some() {
            let from_snapshot = replayed(book, kept, upto, plan, options)?;
            holds("P10", whole == from_snapshot, || format!("{}: its snapshot differs from its steps", book.opening.session))?;
        }
    }
    Ok(())
}

fn replayed(
    book: &Book,
    kept: Option<&(u32, Vec<u8>)>,
    upto: usize,
    plan: &Plan,
    options: WorkerOptions,
) -> Result<Option<String>, Finding> {
    let session = book.opening.session;
    let from = kept.map_or(0, |(seq, _)| *seq as usize);
    let tail = book.data.get(from..upto).unwrap_or_default().to_vec();
    let rows = SessionRows { opening: book.opening_data.clone(), snapshot: kept.map(|(_, data)| data.clone()), tail };
    let mut guests = Guests::faithful(plan);
    let mut worker = Worker::new(guests.clone(), options, u64::MAX);
    let folded = fold(&rows).map_err(|what| Finding { checker: "P10", what: format!("{session} cannot be folded: {what}") })?;
    worker.handle(Input::Recover(folded));
    // Something for it, so that it is brought back; it is not looked at.
    let news = EventBody::Custom(Custom { name: "look".to_owned(), json: String::new() });
    worker.handle(Input::Arrive(session, Arrival::News(news)));
    // A second run waits for what the first has heard, which does not matter here.
    worker.handle(Input::LoadedAll(session, Vec::new()));
    worker.handle(Input::Loaded(session, Some(Box::new(rows))));
    let lives = worker.state(session).is_some_and(tandem_session::SessionState::is_live);
    holds("P10", lives, || format!("{session}: the replay of its {upto} steps went otherwise"))?;
    Ok(guests.remembers(session))
}
