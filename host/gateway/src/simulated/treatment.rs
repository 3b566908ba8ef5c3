//! What a caller hears, and how a treatment is answered when it ends.

use std::collections::VecDeque;

use tandem_words::{ErrorCode, EventBody, Failure, Recording, RequestKey, StoppedBy, Timestamp};

use super::collect::Collect;

/// A treatment that runs or waits for its turn.
#[derive(Debug, Clone)]
pub(super) struct Treatment {
    pub(super) key: RequestKey,
    /// For people.
    pub(super) what: String,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Play { length_ms: u64, interruptible: bool },
    Collect { prompts_ms: u64, flush: bool, collect: Collect },
    Record { name: String, max_length_ms: u64 },
}

/// Music: beneath the treatments, heard while none of them runs.
#[derive(Debug, Clone)]
pub(super) struct Music {
    pub(super) key: RequestKey,
}

/// The treatments of one call.
#[derive(Debug, Clone, Default)]
pub(super) struct Treatments {
    /// With the time at which it began.
    pub(super) running: Option<(Treatment, Timestamp)>,
    pub(super) waiting: VecDeque<Treatment>,
    pub(super) music: Option<Music>,
    /// Keys pressed while no collect ran.
    pub(super) type_ahead: String,
}

/// Why a treatment ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Cancelled by its session.
    Cancelled,
    /// A target answered, or the session ended or moved the call.
    Routed,
    /// The caller hung up.
    HangUp,
    /// The call went to its default route.
    Gone,
}

pub(super) fn gone() -> EventBody {
    EventBody::Failed(Failure::new(ErrorCode::Gone, "the call is over, or no longer the strategy's"))
}

pub(super) fn cancelled() -> EventBody {
    EventBody::Failed(Failure::new(ErrorCode::Cancelled, "it was cancelled before it ended"))
}

impl Cut {
    fn stopped_by(self) -> StoppedBy {
        if self == Cut::HangUp { StoppedBy::HangUp } else { StoppedBy::Cancelled }
    }

    /// The answer of a request that had begun nothing yet.
    pub(super) fn failure(self) -> EventBody {
        match self {
            Cut::Cancelled | Cut::Routed => cancelled(),
            Cut::HangUp | Cut::Gone => gone(),
        }
    }
}

impl Treatment {
    /// The answer of one that was cut short, after it had run for `ran_ms`; none: it had not begun.
    pub(super) fn cut(self, cut: Cut, ran_ms: Option<u64>) -> (RequestKey, EventBody) {
        let body = match (self.kind, ran_ms) {
            _ if cut == Cut::Gone => cut.failure(),
            (Kind::Play { .. }, _) => EventBody::PlayDone(cut.stopped_by()),
            (Kind::Collect { collect, .. }, _) => EventBody::CollectDone(collect.digits(cut.stopped_by())),
            (Kind::Record { name, .. }, Some(ran_ms)) => recorded(self.key, &name, ran_ms),
            (Kind::Record { .. }, None) => cut.failure(),
        };
        (self.key, body)
    }

    /// The answer of one that ran for `ran_ms` and ended by itself or by this.
    pub(super) fn ended(self, stopped_by: StoppedBy, ran_ms: u64) -> (RequestKey, EventBody) {
        let body = match self.kind {
            Kind::Play { .. } => EventBody::PlayDone(stopped_by),
            Kind::Collect { collect, .. } => EventBody::CollectDone(collect.digits(stopped_by)),
            Kind::Record { name, .. } => recorded(self.key, &name, ran_ms),
        };
        (self.key, body)
    }
}

impl Music {
    pub(super) fn cut(self, cut: Cut) -> (RequestKey, EventBody) {
        let body = match cut {
            Cut::Routed | Cut::HangUp => EventBody::Done,
            Cut::Cancelled | Cut::Gone => cut.failure(),
        };
        (self.key, body)
    }
}

impl Treatments {
    /// Takes all of them away, with their answers in the order in which they were asked for.
    pub(super) fn cut_all(&mut self, cut: Cut, now: Timestamp) -> Vec<(RequestKey, EventBody)> {
        let running = self.running.take().map(|(treatment, began)| treatment.cut(cut, Some(now.saturating_sub(began))));
        let waiting = self.waiting.drain(..).map(|treatment| treatment.cut(cut, None));
        let mut answers: Vec<_> = running.into_iter().chain(waiting).chain(self.music.take().map(|music| music.cut(cut))).collect();
        answers.sort_by_key(|(key, _)| *key);
        answers
    }

    /// A collect runs and some of its keys are pressed.
    pub(super) fn is_half_pressed(&self) -> bool {
        matches!(&self.running, Some((Treatment { kind: Kind::Collect { collect, .. }, .. }, _)) if !collect.keys.is_empty())
    }
}

fn recorded(key: RequestKey, name: &str, length_ms: u64) -> EventBody {
    let uri = format!("recording:{}-{}-{}/{name}", key.session, key.incarnation, key.request);
    EventBody::RecordingDone(Recording { uri, length_ms: u32::try_from(length_ms).unwrap_or(u32::MAX) })
}
