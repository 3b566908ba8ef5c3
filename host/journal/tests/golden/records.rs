//! A record of each kind.

use tandem_journal::{
    Claim, EndedBy, Ending, LocalTime, LocalTimeAnswer, LogLevel, Note, Opening, Outcome, Record, Request, Snapshot, Source, Step,
    StepFailure, StepFailureKind, Survival,
};
use tandem_words::{ErrorCode, Event, EventBody, Failure, Origin, Property, RequestBody, RequestKey, SessionId, VersionId};

pub const SESSION: SessionId = SessionId { node: 101, epoch: 3, number: 42 };

pub fn step(event: EventBody, outcome: Outcome) -> Step {
    Step {
        session: SESSION,
        incarnation: 2,
        epoch: 4,
        version: VersionId([7; 32]),
        source: Source::Switch { incarnation: 5, position: 1_000_000 },
        event: Event {
            seq: 9,
            at: 1_767_225_600_000,
            switch_at: Some(1_767_225_599_999),
            seed: (1 << 53) - 1,
            request: Some(3),
            body: event,
        },
        outcome,
        requests: Vec::new(),
        local_times: Vec::new(),
        notes: Vec::new(),
        last: false,
    }
}

fn opened(claim: Option<Claim>, origin: Origin, survival: Survival) -> Record {
    Record::Opened(Opening {
        session: SESSION,
        incarnation: 2,
        epoch: 4,
        claim,
        origin,
        strategy: "welcome".to_owned(),
        version: VersionId([7; 32]),
        parameters: vec![Property::new("language", "en")],
        switch: "main".into(),
        started_at: 1_767_225_600_000,
        survival,
    })
}

fn outcomes() -> Vec<(String, Outcome)> {
    let failed = |kind: StepFailureKind| {
        let name = match kind {
            StepFailureKind::Error => "error",
            StepFailureKind::Trap => "trap",
            StepFailureKind::Time => "time",
            StepFailureKind::Memory => "memory",
            StepFailureKind::Limit => "limit",
            StepFailureKind::Unavailable => "unavailable",
            StepFailureKind::ReplayDiverged => "replay-diverged",
            StepFailureKind::Terminated => "terminated",
        };
        (format!("step-failed-{name}"), Outcome::Failed(StepFailure { kind, message: "because".to_owned() }))
    };
    let kinds = [
        StepFailureKind::Error,
        StepFailureKind::Trap,
        StepFailureKind::Time,
        StepFailureKind::Memory,
        StepFailureKind::Limit,
        StepFailureKind::Unavailable,
        StepFailureKind::ReplayDiverged,
        StepFailureKind::Terminated,
    ];
    let plain = [Outcome::Wait, Outcome::Checkpoint, Outcome::Finish, Outcome::Late];
    let name = |outcome: &Outcome| match outcome {
        Outcome::Wait => "step-wait",
        Outcome::Checkpoint => "step-checkpoint",
        Outcome::Finish => "step-finish",
        Outcome::Late => "step-late",
        Outcome::Failed(_) => "named above",
    };
    plain.into_iter().map(|outcome| (name(&outcome).to_owned(), outcome)).chain(kinds.map(failed)).collect()
}

pub fn by_visit() -> Claim {
    Claim::Visit { interaction: "c1".to_owned(), switch: "main".into(), incarnation: 1_767_225_600_000, visit: 3 }
}

pub fn all() -> Vec<(String, Record)> {
    let key = RequestKey { session: SESSION, incarnation: 1, request: 8 };
    let mut all = vec![
        ("opened-by-visit".to_owned(), opened(Some(by_visit()), Origin::Interaction, Survival::Recovered)),
        ("opened-by-session".to_owned(), opened(Some(Claim::Request(key)), Origin::Session, Survival::Restarted)),
        ("opened-by-operator".to_owned(), opened(None, Origin::Api, Survival::Left)),
    ];
    for (name, outcome) in outcomes() {
        let last = outcome == Outcome::Late;
        all.push((name, Record::Step(Step { last, ..step(EventBody::TimerFired, outcome) })));
    }
    let at = 1_767_225_600_000;
    let noon = LocalTime { year: 2026, month: 1, day: 1, hour: 12, minute: 0, second: 0, weekday: 4, utc_offset_minutes: -90 };
    let zone = |answer| LocalTimeAnswer { at, zone: "Europe/Berlin".to_owned(), answer };
    let everything = Step {
        source: Source::Message(key),
        requests: vec![
            Request { id: 4, body: RequestBody::After { delay_ms: 500 }, refused: None },
            Request { id: 4, body: RequestBody::Cancel, refused: None },
            Request {
                id: 5,
                body: RequestBody::QueryGroup { group: "x".to_owned() },
                refused: Some(Failure::new(ErrorCode::Denied, "no")),
            },
        ],
        local_times: vec![zone(Ok(noon)), zone(Err("no such zone".to_owned()))],
        notes: vec![
            Note::Log(LogLevel::Debug, "d".to_owned()),
            Note::Log(LogLevel::Info, "i".to_owned()),
            Note::Log(LogLevel::Warn, "w".to_owned()),
            Note::Log(LogLevel::Error, "e".to_owned()),
            Note::Milestone("authenticated".to_owned()),
        ],
        ..step(EventBody::Done, Outcome::Wait)
    };
    let by_host = Step { source: Source::Host, ..step(EventBody::Done, Outcome::Wait) };
    all.push(("step-with-everything".to_owned(), Record::Step(everything)));
    all.push(("step-by-host".to_owned(), Record::Step(by_host)));
    let snapshot = Snapshot { session: SESSION, incarnation: 2, seq: 9, host: vec![1, 2, 3], guest: vec![0xff; 40], state_version: 6 };
    all.push(("snapshot".to_owned(), Record::Snapshot(snapshot)));
    let ending = |by| Record::Ended(Ending { session: SESSION, incarnation: 2, seq: 9, epoch: 4, at, by });
    let name = |by: &EndedBy| match by {
        EndedBy::Linger => "ended-linger",
        EndedBy::Finished => "ended-finished",
        EndedBy::Failed(_) => "ended-failed",
        EndedBy::NotRestarted => "ended-not-restarted",
    };
    let failure = StepFailure { kind: StepFailureKind::Trap, message: "unreachable".to_owned() };
    for by in [EndedBy::Linger, EndedBy::Finished, EndedBy::Failed(failure), EndedBy::NotRestarted] {
        all.push((name(&by).to_owned(), ending(by)));
    }
    all
}
