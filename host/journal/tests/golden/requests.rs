//! A step with each request.

use tandem_journal::{Outcome, Record, Request, Step};
use tandem_words::{CollectOptions, CreateCall, EventBody, Fetch, Prompt, Property, RequestBody, Route, Speech, StartSession, Target};

use super::records::step;

fn every_prompt() -> Vec<Prompt> {
    vec![
        Prompt::Sound("welcome".to_owned()),
        Prompt::Text(Speech { text: "hello".to_owned(), language: "en".to_owned() }),
        Prompt::Digits("123".to_owned()),
        Prompt::Number(-7),
        Prompt::Tone("busy".to_owned()),
    ]
}

fn every_target() -> Vec<Target> {
    vec![
        Target::Number("100".to_owned()),
        Target::Agent("a1".to_owned()),
        Target::Group("sales".to_owned()),
        Target::RoutingPoint("8000".to_owned()),
        Target::DefaultRoute,
    ]
}

fn samples() -> Vec<RequestBody> {
    let call = || "c1".into();
    let route = Route {
        interaction: call(),
        targets: every_target(),
        priority: -1,
        credit_ms: 2,
        timeout_ms: 3,
        ring_timeout_ms: 4,
        unchecked: true,
    };
    let options = CollectOptions {
        prompts: every_prompt(),
        min_digits: 1,
        max_digits: 4,
        terminators: "#".to_owned(),
        first_digit_timeout_ms: 5_000,
        inter_digit_timeout_ms: 2_000,
        flush: true,
        sensitive: true,
    };
    let fetch = Fetch {
        method: "GET".to_owned(),
        url: "https://example.com".to_owned(),
        headers: vec![Property::new("a", "b")],
        body: vec![1, 2],
        timeout_ms: 9,
    };
    let list = vec![
        RequestBody::Play { call: call(), prompts: every_prompt(), interruptible: true },
        RequestBody::Collect { call: call(), options },
        RequestBody::Music { call: call(), name: "jazz".to_owned() },
        RequestBody::StartRecording { call: call(), name: "r".to_owned(), max_length_ms: 60_000 },
        RequestBody::Route(route),
        RequestBody::SetPriority { route: 3, priority: 9 },
        RequestBody::QueryGroup { group: "sales".to_owned() },
        RequestBody::Transfer { call: call(), to: Target::Number("100".to_owned()) },
        RequestBody::Disconnect { interaction: call() },
        RequestBody::CreateCall(CreateCall { to: "1".to_owned(), calling: "2".to_owned(), ring_timeout_ms: 3 }),
        RequestBody::Attach { interaction: call(), data: vec![Property::new("a", "b")] },
        RequestBody::DeleteUserData { interaction: call(), keys: vec!["a".to_owned()] },
        RequestBody::After { delay_ms: 1 },
        RequestBody::At { time: 1_767_225_600_000 },
        RequestBody::Fetch(fetch),
        RequestBody::Cancel,
        RequestBody::Send { session: "101-3-1".to_owned(), name: "n".to_owned(), json: "{}".to_owned() },
        RequestBody::StartSession(StartSession { strategy: "s".to_owned(), parameters: vec![Property::new("a", "b")] }),
    ];
    // A new case is missed here by the compiler, not by a user: add its sample above and its line to the file.
    for body in &list {
        match body {
            RequestBody::Play { .. }
            | RequestBody::Collect { .. }
            | RequestBody::Music { .. }
            | RequestBody::StartRecording { .. }
            | RequestBody::Route(_)
            | RequestBody::SetPriority { .. }
            | RequestBody::QueryGroup { .. }
            | RequestBody::Transfer { .. }
            | RequestBody::Disconnect { .. }
            | RequestBody::CreateCall(_)
            | RequestBody::Attach { .. }
            | RequestBody::DeleteUserData { .. }
            | RequestBody::After { .. }
            | RequestBody::At { .. }
            | RequestBody::Fetch(_)
            | RequestBody::Cancel
            | RequestBody::Send { .. }
            | RequestBody::StartSession(_) => {}
        }
    }
    list
}

pub fn all() -> Vec<(String, Record)> {
    let record = |body: RequestBody| {
        let name = body.name().to_owned();
        let requests = vec![Request { id: 4, body, refused: None }];
        (name, Record::Step(Step { requests, ..step(EventBody::TimerFired, Outcome::Wait) }))
    };
    samples().into_iter().map(record).collect()
}
