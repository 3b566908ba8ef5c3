//! What a `sensitive` collect brought is masked wherever people look (`wit/strategy.wit`): a key is shown as `*`.
//!
//! Keys that were pressed ahead of the collect are events of their own and stay as they are, and so does what the strategy itself writes
//! elsewhere.

use std::collections::BTreeSet;

use tandem_journal::{Record, Step};
use tandem_words::{EventBody, Incarnation, RequestBody, RequestId, SessionId};

/// Goes along with the records, in their order.
#[derive(Debug, Default)]
pub struct Mask {
    /// Sensitive collects that are not answered yet.
    open: BTreeSet<(SessionId, Incarnation, RequestId)>,
}

impl Mask {
    /// The record as people may see it. A snapshot's bytes say nothing to them, may be large, and hold what was collected.
    pub fn cover(&mut self, mut record: Record) -> Record {
        match &mut record {
            Record::Snapshot(snapshot) => (snapshot.host, snapshot.guest) = (Vec::new(), Vec::new()),
            Record::Step(step) => self.step(step),
            Record::Opened(_) | Record::Ended(_) => {}
        }
        record
    }

    fn step(&mut self, step: &mut Step) {
        let key = |request| (step.session, step.incarnation, request);
        let answers = step.event.request.is_some_and(|request| self.open.remove(&key(request)));
        let is_sensitive = |body: &RequestBody| matches!(body, RequestBody::Collect { options, .. } if options.sensitive);
        let asked = step.requests.iter().filter(|request| is_sensitive(&request.body)).map(|request| key(request.id));
        self.open.extend(asked);
        if let EventBody::CollectDone(digits) = &mut step.event.body
            && answers
        {
            digits.keys = "*".repeat(digits.keys.chars().count());
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_journal::{Outcome, Request, Source};
    use tandem_words::{CollectOptions, Digits, Event, StoppedBy, VersionId};

    use super::*;

    fn step(seq: u32, request: Option<RequestId>, body: EventBody, asks: Option<(RequestId, bool)>) -> Record {
        let collect = |sensitive| RequestBody::Collect {
            call: "c1".into(),
            options: CollectOptions {
                prompts: Vec::new(),
                min_digits: 1,
                max_digits: 4,
                terminators: String::new(),
                first_digit_timeout_ms: 0,
                inter_digit_timeout_ms: 0,
                flush: false,
                sensitive,
            },
        };
        Record::Step(Step {
            session: SessionId { node: 101, epoch: 1, number: 1 },
            incarnation: 1,
            epoch: 1,
            version: VersionId([1; 32]),
            source: Source::Host,
            event: Event { seq, at: 0, switch_at: None, seed: 0, request, body },
            outcome: Outcome::Wait,
            requests: asks.into_iter().map(|(id, sensitive)| Request { id, body: collect(sensitive), refused: None }).collect(),
            local_times: Vec::new(),
            notes: Vec::new(),
            last: false,
        })
    }

    #[test]
    fn only_what_a_sensitive_collect_brought_is_covered() {
        let done = |keys: &str| EventBody::CollectDone(Digits { keys: keys.to_owned(), stopped_by: StoppedBy::MaxDigits });
        let mut mask = Mask::default();
        let mut keys = |record| match mask.cover(record) {
            Record::Step(Step { event: Event { body: EventBody::CollectDone(digits), .. }, .. }) => digits.keys,
            _ => String::new(),
        };
        assert_eq!(keys(step(1, None, EventBody::Done, Some((1, true)))), "");
        assert_eq!(keys(step(2, Some(1), done("2718"), Some((2, false)))), "****");
        assert_eq!(keys(step(3, Some(2), done("3"), Some((3, true)))), "3");
        assert_eq!(keys(step(4, Some(3), done(""), None)), "");
    }
}
