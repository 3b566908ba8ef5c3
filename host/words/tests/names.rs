//! The names in which events and requests are written down are those that the contract's documents promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde::de::DeserializeOwned;
use tandem_words::{
    CollectOptions, CreateCall, Custom, Deletion, Digit, Digits, Direction, EndCause, ErrorCode, EventBody, Failure, Fetch, Gap,
    GroupStatus, Interaction, Isolation, Media, Message, OnSwap, Origin, Party, PartyState, Prompt, Recording, RequestBody, Response,
    Restart, RestartCause, Route, Routed, StartSession, StoppedBy, Target, UserDataChange,
};

const DOCUMENT: &str = include_str!("../../../docs/wit.md");
const CONTRACT: &str = include_str!("../../../wit/strategy.wit");

/// The first two columns of the table under a heading, row by row: a case or function, and its dotted name.
fn rows(heading: &str) -> Vec<(String, String)> {
    let section = DOCUMENT.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with("| ---")).skip(1).take_while(|line| line.starts_with('|'));
    let cell = |text: Option<&str>| text.unwrap().trim().trim_matches('`').to_owned();
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1);
        (cell(cells.next()), cell(cells.next()))
    };
    table.map(row).collect()
}

/// The cases of an `enum` or `variant` of the contract, without what they carry.
fn cases(kind: &str) -> Vec<String> {
    let plain: String = CONTRACT.lines().map(|line| line.split("//").next().unwrap()).collect();
    let body = ["enum", "variant"].iter().find_map(|what| plain.split(&format!(" {what} {kind} {{")).nth(1)).unwrap();
    let cases = body.split('}').next().unwrap().split(',');
    cases.map(|case| case.split('(').next().unwrap().trim().to_owned()).filter(|case| !case.is_empty()).collect()
}

/// The names under which an enum is written down. Serde lists them for who gives another one.
fn written<T: DeserializeOwned>() -> Vec<String> {
    let error = serde_json::from_str::<T>("\"no such name\"").err().unwrap().to_string();
    let expected = error.split("expected ").nth(1).unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The variant's name in the source, as the contract would write it.
fn kebab(debug: &str) -> String {
    let name = debug.split(|c: char| !c.is_alphanumeric()).next().unwrap();
    let letter =
        |(at, c): (usize, char)| if c.is_uppercase() && at > 0 { format!("-{}", c.to_lowercase()) } else { c.to_lowercase().to_string() };
    name.chars().enumerate().map(letter).collect()
}

fn call() -> Interaction {
    Interaction::arriving("c1", "5550100", "8000", 1)
}

fn events() -> Vec<EventBody> {
    let (text, c1) = (String::new, || "c1".into());
    vec![
        EventBody::InteractionAdded(call()),
        EventBody::InteractionDeleted(Deletion { interaction: c1(), cause: EndCause::Moved }),
        EventBody::InteractionNotControlled(c1()),
        EventBody::PartyChanged(Party { interaction: c1(), id: text(), address: text(), state: PartyState::Held }),
        EventBody::UserDataChanged(UserDataChange { interaction: c1(), changed: Vec::new(), deleted: Vec::new() }),
        EventBody::Digit(Digit { interaction: c1(), key: text() }),
        EventBody::PlayDone(StoppedBy::End),
        EventBody::CollectDone(Digits { keys: text(), stopped_by: StoppedBy::End }),
        EventBody::RecordingDone(Recording { uri: text(), length_ms: 1 }),
        EventBody::RouteDone(Routed { interaction: c1(), target: text(), answered_by: text(), waited_ms: 1 }),
        EventBody::GroupStatus(GroupStatus {
            group: text(),
            logged_in: 1,
            ready: 1,
            waiting: 1,
            longest_wait_ms: 1,
            expected_wait_ms: None,
        }),
        EventBody::CallCreated(call()),
        EventBody::TimerFired,
        EventBody::FetchDone(Response { status: 200, headers: Vec::new(), body: Vec::new() }),
        EventBody::SessionStarted(text()),
        EventBody::Message(Message { sender: text(), name: text(), json: text() }),
        EventBody::Done,
        EventBody::Failed(Failure::new(ErrorCode::Other, "")),
        EventBody::SessionRestarted(Restart { interaction: None, cause: RestartCause::Swapped, partial: false }),
        EventBody::SessionRecovered,
        EventBody::Gap(Gap { interaction: None, since: 1 }),
        EventBody::InteractionDefaultRouted(c1()),
        EventBody::Custom(Custom { name: text(), json: text() }),
    ]
}

fn requests() -> Vec<RequestBody> {
    let (text, c1, list) = (String::new, || "c1".into(), Vec::new);
    let options = CollectOptions {
        prompts: Vec::new(),
        min_digits: 1,
        max_digits: 1,
        terminators: text(),
        first_digit_timeout_ms: 1,
        inter_digit_timeout_ms: 1,
        flush: false,
        sensitive: false,
    };
    let (priority, credit_ms, timeout_ms, ring_timeout_ms, unchecked) = (1, 1, 1, 1, false);
    vec![
        RequestBody::Play { call: c1(), prompts: Vec::new(), interruptible: false },
        RequestBody::Collect { call: c1(), options },
        RequestBody::Music { call: c1(), name: text() },
        RequestBody::StartRecording { call: c1(), name: text(), max_length_ms: 1 },
        RequestBody::Route(Route { interaction: c1(), targets: Vec::new(), priority, credit_ms, timeout_ms, ring_timeout_ms, unchecked }),
        RequestBody::SetPriority { route: 1, priority },
        RequestBody::QueryGroup { group: text() },
        RequestBody::Transfer { call: c1(), to: Target::DefaultRoute },
        RequestBody::Disconnect { interaction: c1() },
        RequestBody::CreateCall(CreateCall { to: text(), calling: text(), ring_timeout_ms }),
        RequestBody::Attach { interaction: c1(), data: list() },
        RequestBody::DeleteUserData { interaction: c1(), keys: Vec::new() },
        RequestBody::After { delay_ms: 1 },
        RequestBody::At { time: 1 },
        RequestBody::Fetch(Fetch { method: text(), url: text(), headers: list(), body: Vec::new(), timeout_ms }),
        RequestBody::Cancel,
        RequestBody::Send { session: text(), name: text(), json: text() },
        RequestBody::StartSession(StartSession { strategy: text(), parameters: list() }),
    ]
}

#[test]
fn events_have_the_names_of_the_document() {
    let named: Vec<_> = events().iter().map(|body| (kebab(&format!("{body:?}")), body.name().to_owned())).collect();
    assert_eq!(named, rows("Events"));
    let names: Vec<_> = named.into_iter().map(|(_, name)| name).collect();
    assert_eq!(written::<EventBody>(), names);
}

#[test]
fn requests_have_the_names_of_the_document() {
    // In the contract its interface says of what.
    let function = |body: &RequestBody| kebab(&format!("{body:?}")).replace("delete-user-data", "delete");
    let named: Vec<_> = requests().iter().map(|body| (function(body), body.name().to_owned())).collect();
    assert_eq!(named, rows("Requests"));
    let names: Vec<_> = named.into_iter().map(|(_, name)| name).collect();
    assert_eq!(written::<RequestBody>(), names);
}

#[test]
fn the_cases_of_enums_and_variants_are_written_as_in_the_contract() {
    for (kind, names) in [
        ("media", written::<Media>()),
        ("direction", written::<Direction>()),
        ("origin", written::<Origin>()),
        ("error-code", written::<ErrorCode>()),
        ("party-state", written::<PartyState>()),
        ("end-cause", written::<EndCause>()),
        ("stopped-by", written::<StoppedBy>()),
        ("restart-cause", written::<RestartCause>()),
        ("prompt", written::<Prompt>()),
        ("target", written::<Target>()),
        ("isolation", written::<Isolation>()),
        ("on-swap", written::<OnSwap>()),
    ] {
        assert_eq!(names, cases(kind), "{kind}");
        assert!(names.len() > 1, "{kind}");
    }
}
