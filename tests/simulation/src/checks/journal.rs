//! The journal, as it became durable row by row.

use std::collections::{BTreeMap, BTreeSet};

use tandem_journal::{Batch, Claim, Ending, Lease, LostClaim, Opening, Outcome, Record, RowKind, Source, Step, Survival, decode};
use tandem_words::{EventBody, Incarnation, Position, RequestBody, RequestKey, SessionId, SwitchIncarnation, Timestamp};

use super::{Checked, holds};
use crate::strategies::remembered;

/// What one run of a session wrote.
#[derive(Debug)]
pub(super) struct Book {
    pub opening: Opening,
    pub opening_data: Vec<u8>,
    pub steps: Vec<Step>,
    /// When each step became durable, switch time.
    pub durable_at: Vec<Timestamp>,
    /// Data of the steps, and of each snapshot with the step that it stands behind.
    pub data: Vec<Vec<u8>>,
    pub snapshots: Vec<(u32, Vec<u8>)>,
    /// The host ended it.
    pub ended: bool,
    pub ending: Option<Ending>,
}

impl Book {
    /// Whether its steps are rows.
    pub(super) fn is_persisted(&self) -> bool {
        self.opening.survival == Survival::Recovered
    }

    /// How many steps it made before it was over; none: it is not over.
    pub(super) fn over_after(&self) -> Option<usize> {
        let last = self.steps.iter().position(|step| matches!(step.outcome, Outcome::Finish | Outcome::Failed(_)));
        last.map(|last| last + 1).or_else(|| self.ended.then_some(self.steps.len()))
    }

    /// The step that answers a request.
    pub(super) fn answer(&self, request: u32) -> Option<&Step> {
        self.steps.iter().find(|step| step.event.request == Some(request))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Journal {
    last: Option<Lease>,
    durable: BTreeSet<RequestKey>,
    w: BTreeMap<SwitchIncarnation, Position>,
    pub books: BTreeMap<(SessionId, Incarnation), Book>,
    /// Whose each claim is.
    pub claims: BTreeMap<Claim, SessionId>,
}

impl Journal {
    /// Whether its step is durable; of a run whose steps are no rows, whether its opening is.
    pub(super) fn is_durable(&self, key: &RequestKey) -> bool {
        let unwritten = self.books.get(&(key.session, key.incarnation)).is_some_and(|book| !book.is_persisted());
        unwritten || self.durable.contains(key)
    }

    /// W of this incarnation of the switch.
    pub(super) fn w(&self, incarnation: SwitchIncarnation) -> Position {
        self.w.get(&incarnation).copied().unwrap_or(0)
    }

    /// The newest run of a session.
    pub(super) fn session(&self, session: SessionId) -> Option<&Book> {
        self.books.range((session, 0)..=(session, Incarnation::MAX)).next_back().map(|(_, book)| book)
    }

    /// Whether a run that is `partial` does not hear this again, which the run before it has heard.
    pub(super) fn is_over_cap(&self, book: &Book, source: &Source) -> bool {
        let heard = |book: &Book| book.steps.iter().any(|step| step.source == *source);
        !heard(book) && self.before_partial(book).is_some_and(heard)
    }

    /// Whether a run that is `partial` need not hear of a gap, of which the run before it has.
    pub(super) fn is_gap_over_cap(&self, book: &Book) -> bool {
        let gap = |step: &Step| matches!(step.event.body, EventBody::Gap(_));
        self.before_partial(book).is_some_and(|before| before.steps.iter().any(gap))
    }

    /// The run before one that is `partial`.
    fn before_partial(&self, book: &Book) -> Option<&Book> {
        let Some(EventBody::SessionRestarted(restart)) = book.steps.first().map(|step| &step.event.body) else { return None };
        let before = self.books.get(&(book.opening.session, book.opening.incarnation.saturating_sub(1)));
        before.filter(|_| restart.partial)
    }

    /// What each run of a session wrote, one record after the other; of a snapshot, what the strategy remembers.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.books.iter().flat_map(|((session, incarnation), book)| {
            let of = format!("{session} ({incarnation})");
            let opened = std::iter::once(format!("{of} {:?}", book.opening));
            let steps = book.steps.iter().map(|step| format!("{of} {step:?}"));
            let snapshots = book.snapshots.iter().map(|(seq, data)| match decode(data) {
                Ok(Record::Snapshot(snapshot)) => {
                    format!("{of} remembers behind step {seq} {:?} {:?}", remembered(&snapshot.guest), snapshot.host)
                }
                other => format!("{of} has no snapshot but {other:?}"),
            });
            let ended = book.ending.iter().map(|ending| format!("{of} {ending:?}"));
            opened.chain(steps).chain(snapshots).chain(ended).collect::<Vec<_>>()
        })
    }

    /// A batch became durable. One that was repeated stands already.
    pub(super) fn committed(&mut self, batch: &Batch, lost: &[LostClaim], switch_now: Timestamp) -> Checked {
        if self.last == Some(batch.lease) {
            return Ok(());
        }
        self.last = Some(batch.lease);
        for mark in &batch.watermarks {
            let w = self.w.entry(mark.incarnation).or_default();
            *w = (*w).max(mark.position);
        }
        for row in batch.rows.iter().filter(|row| lost.iter().all(|lost| lost.session != row.session)) {
            let record = decode(&row.data).map_err(|error| super::Finding { checker: "journal", what: error.to_string() })?;
            let opens = matches!(row.kind, RowKind::Opened(_));
            holds("journal", opens == matches!(record, Record::Opened(_)), || format!("{}: a row and its record differ", row.session))?;
            self.record(record, row.data.clone(), row.incarnation, switch_now)?;
        }
        Ok(())
    }

    fn record(&mut self, record: Record, data: Vec<u8>, incarnation: Incarnation, switch_now: Timestamp) -> Checked {
        let session = record.session();
        if let Record::Opened(opening) = record {
            let before = self.session(session).map_or(0, |book| book.opening.incarnation);
            holds("journal", opening.incarnation == before + 1, || {
                format!("{session} is opened as run {}, and run {before} stands", opening.incarnation)
            })?;
            if let Some(claim) = &opening.claim {
                let owner = *self.claims.entry(claim.clone()).or_insert(session);
                holds("P1", owner == session, || format!("{claim:?} has two sessions, {owner} and {session}"))?;
            }
            let (steps, durable_at, snapshots) = Default::default();
            let book = Book { opening, opening_data: data, steps, durable_at, data: Vec::new(), snapshots, ended: false, ending: None };
            self.books.insert((session, incarnation), book);
            return Ok(());
        }
        if let Record::Step(step) = &record {
            self.check_step(step, switch_now)?;
        }
        let Some(book) = self.books.get_mut(&(session, incarnation)) else {
            return holds("journal", false, || format!("{session} has a row in run {incarnation}, which was never opened"));
        };
        let made = book.steps.len() as u32;
        match record {
            Record::Step(step) => {
                let seq = step.event.seq;
                holds("journal", seq == made + 1 && !book.ended, || format!("{session}: step {seq} came behind step {made}"))?;
                let keys = step.requests.iter().map(|request| RequestKey { session, incarnation, request: request.id });
                self.durable.extend(keys);
                book.steps.push(step);
                book.durable_at.push(switch_now);
                book.data.push(data);
            }
            Record::Snapshot(snapshot) => {
                let seq = snapshot.seq;
                holds("journal", seq == made, || format!("{session}: a snapshot of step {seq} stands behind step {made}"))?;
                book.snapshots.push((seq, data));
            }
            Record::Ended(ending) => (book.ended, book.ending) = (true, Some(ending)),
            Record::Opened(_) => {}
        }
        Ok(())
    }

    /// What a step says must have happened when it becomes durable.
    fn check_step(&self, step: &Step, switch_now: Timestamp) -> Checked {
        let session = step.session;
        if let Source::Message(key) = step.source {
            holds("messages", self.is_durable(&key), || format!("{session} heard message {key}, which was not durable"))?;
        }
        if let (EventBody::TimerFired, Some(request)) = (&step.event.body, step.event.request) {
            let due = self.books.get(&(session, step.incarnation)).and_then(|book| due(book, request));
            holds("timers", due.is_some_and(|due| due <= switch_now && due <= step.event.at), || {
                format!("{session}: timer {request}, due {due:?}, fired at {switch_now} (session time {})", step.event.at)
            })?;
        }
        Ok(())
    }
}

/// When a timer is due.
pub(super) fn due(book: &Book, timer: u32) -> Option<Timestamp> {
    book.steps.iter().find_map(|step| {
        let asked = step.requests.iter().find(|request| request.id == timer && request.body != RequestBody::Cancel)?;
        match asked.body {
            RequestBody::After { delay_ms } => Some(step.event.at + u64::from(delay_ms)),
            RequestBody::At { time } => Some(time),
            _ => None,
        }
    })
}
