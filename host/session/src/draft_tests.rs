use tandem_words::{Deletion, EndCause, Fetch, Property, Route, Target};

use super::*;
use crate::testing::{play, step, with_call};

fn draft() -> Draft {
    Draft::new(Box::new(with_call()), StepLimits::default())
}

/// Of a step of which the journal has these.
fn replay(limits: StepLimits, local_times: Vec<LocalTimeAnswer>, requests: Vec<Request>) -> Draft {
    let state = with_call();
    let step = Step { local_times, requests, ..step(&state, tandem_words::EventBody::TimerFired, 1_100, &[]) };
    Draft::replay(Box::new(state), limits, &step)
}

fn refused(draft: Draft) -> Vec<Option<ErrorCode>> {
    draft.finish().requests.into_iter().map(|request| request.refused.map(|failure| failure.code)).collect()
}

fn route(call: &str) -> RequestBody {
    RequestBody::Route(Route {
        interaction: call.into(),
        targets: vec![Target::Group("sales".to_owned())],
        priority: 0,
        credit_ms: 0,
        timeout_ms: 0,
        ring_timeout_ms: 0,
        unchecked: false,
    })
}

#[test]
fn requests_are_numbered_on_from_the_last_step() {
    let mut state = with_call();
    state.apply(&step(&state, tandem_words::EventBody::TimerFired, 1_100, &[play("c1"), play("c1")]));
    let mut draft = Draft::new(Box::new(state), StepLimits::default());
    assert_eq!((draft.request(play("c1")), draft.request(play("c1"))), (Ok(3), Ok(4)));
}

#[test]
fn requests_on_foreign_and_ended_interactions_are_refused_by_an_event() {
    let mut state = with_call();
    for (id, end) in [("gone", true), ("lost", false)] {
        state.apply(&step(&state, tandem_words::EventBody::CallCreated(crate::testing::interaction(id)), 1_100, &[]));
        let body = match end {
            true => tandem_words::EventBody::InteractionDeleted(Deletion { interaction: id.into(), cause: EndCause::Failed }),
            false => tandem_words::EventBody::InteractionDefaultRouted(id.into()),
        };
        state.apply(&step(&state, body, 1_200, &[]));
    }
    let mut draft = Draft::new(Box::new(state), StepLimits::default());
    for call in ["c1", "gone", "lost", "another"] {
        assert_eq!(draft.holds(&call.into()), call == "c1");
        draft.request(play(call)).unwrap();
    }
    assert_eq!(refused(draft), [None, Some(ErrorCode::Gone), Some(ErrorCode::Gone), Some(ErrorCode::Denied)]);
}

#[test]
fn what_this_release_does_not_serve_is_refused_by_an_event() {
    let mut draft = draft();
    let fetch = Fetch { method: "GET".to_owned(), url: "https://a".to_owned(), headers: Vec::new(), body: Vec::new(), timeout_ms: 0 };
    draft.request(RequestBody::Fetch(fetch)).unwrap();
    assert_eq!(refused(draft), [Some(ErrorCode::Unsupported)]);
}

#[test]
fn a_priority_is_of_an_open_route_of_the_session() {
    let mut draft = draft();
    let priority = |route| RequestBody::SetPriority { route, priority: 5 };
    draft.request(priority(1)).unwrap();
    assert_eq!(draft.request(route("c1")), Ok(2));
    draft.request(priority(2)).unwrap();
    assert_eq!(draft.request(route("another")), Ok(4));
    draft.request(priority(4)).unwrap();
    assert_eq!(refused(draft), [Some(ErrorCode::Gone), None, None, Some(ErrorCode::Denied), Some(ErrorCode::Gone)]);
}

#[test]
fn limits_are_named_where_they_are_broken() {
    let limits = StepLimits { requests_per_step: 2, payload_bytes: 20, ..StepLimits::default() };
    let mut draft = Draft::new(Box::new(with_call()), limits);
    let long = RequestBody::Music { call: "c1".into(), name: "x".repeat(19) };
    assert!(draft.request(long).unwrap_err().to_string().contains("limits.payload"));
    draft.request(play("c1")).unwrap();
    draft.cancel(1).unwrap();
    for error in [draft.request(play("c1")).unwrap_err(), draft.cancel(1).unwrap_err()] {
        assert_eq!((error.option, error.limit), ("limits.requests-per-step", 2));
    }
}

#[test]
fn a_replay_has_ten_times_the_limits() {
    let limits = StepLimits { requests_per_step: 2, payload_bytes: 3, ..StepLimits::default() };
    let mut draft = replay(limits, Vec::new(), Vec::new());
    assert_eq!((0..20).filter(|_| draft.request(play("c1")).is_ok()).count(), 20);
    assert!(draft.request(play("c1")).is_err());
}

#[test]
fn user_data_sees_what_the_step_itself_attaches() {
    let mut draft = draft();
    let attach = |call: &str, value: &str| RequestBody::Attach { interaction: call.into(), data: vec![Property::new("tier", value)] };
    let tier = |draft: &Draft| draft.user_data("c1", "tier");
    assert_eq!(tier(&draft).as_deref(), Some("gold"));
    draft.request(attach("c1", "silver")).unwrap();
    draft.request(attach("another", "lead")).unwrap();
    assert_eq!(tier(&draft).as_deref(), Some("silver"));
    assert_eq!(draft.user_data("another", "tier"), None, "a refused attach is none");
    draft.request(RequestBody::DeleteUserData { interaction: "c1".into(), keys: vec!["tier".to_owned()] }).unwrap();
    assert_eq!(tier(&draft), None);
}

#[test]
fn a_cancel_is_of_an_open_request_and_made_once() {
    let mut state = with_call();
    state.apply(&step(&state, tandem_words::EventBody::TimerFired, 1_100, &[play("c1"), play("c1")]));
    let mut answered = step(&state, tandem_words::EventBody::Done, 1_200, &[]);
    answered.event.request = Some(1);
    state.apply(&answered);
    let mut draft = Draft::new(Box::new(state), StepLimits::default());
    let own = draft.request(play("c1")).unwrap();
    for request in [1, 2, 2, own, own, 99] {
        draft.cancel(request).unwrap();
    }
    let written = draft.finish().requests;
    let cancels: Vec<_> = written.iter().filter(|request| request.body == RequestBody::Cancel).map(|request| request.id).collect();
    assert_eq!(cancels, [2, own]);
}

fn noon(at: Timestamp, _: &str) -> Result<LocalTime, String> {
    let hour = u8::try_from(at % 24).unwrap();
    Ok(LocalTime { year: 2026, month: 1, day: 1, hour, minute: 0, second: 0, weekday: 4, utc_offset_minutes: 0 })
}

#[test]
fn local_times_are_kept_and_given_again_at_replay() {
    let mut first = draft();
    let told = first.local(12, "Europe/Berlin", noon);
    let kept = first.finish().local_times;
    let mut again = replay(StepLimits::default(), kept.clone(), Vec::new());
    assert_eq!(again.local(12, "Europe/Berlin", |_, _| Err("the rules have changed".to_owned())), told);
    assert_eq!(again.finish().local_times, kept);
}

#[test]
fn local_times_are_bounded_and_refused_alike_at_replay() {
    let limits = StepLimits { local_times_per_step: 2, ..StepLimits::default() };
    let ask = |draft: &mut Draft| (0..4).map(|at| draft.local(at, "UTC", noon)).collect::<Vec<_>>();
    let mut first = Draft::new(Box::new(with_call()), limits);
    assert!(first.local(1, &"x".repeat(65), noon).is_err());
    let told = ask(&mut first);
    assert_eq!(told.iter().filter(|answer| answer.is_ok()).count(), 2);
    let kept = first.finish().local_times;
    assert_eq!(ask(&mut replay(StepLimits::default(), kept, Vec::new())), told);
}

#[test]
fn notes_are_bounded_in_number_and_size() {
    let limits = StepLimits { notes_per_step: 2, note_bytes: 10, ..StepLimits::default() };
    let mut draft = Draft::new(Box::new(with_call()), limits);
    draft.log(LogLevel::Info, "ä".repeat(20));
    draft.milestone("m".repeat(20));
    (0..3).for_each(|_| draft.log(LogLevel::Info, "more".to_owned()));
    let notes = draft.finish().notes;
    let cut = |text: &str| format!("{text}…");
    assert_eq!(notes[..2], [Note::Log(LogLevel::Info, cut("äää")), Note::Milestone(cut("mmmmmmm"))]);
    assert!(matches!(&notes[2..], [Note::Log(LogLevel::Warn, text)] if text.starts_with("3 more")));
}

#[test]
fn open_requests_are_bounded_and_the_surplus_is_refused_by_an_event() {
    let limits = StepLimits { open_requests: 3, ..StepLimits::default() };
    let mut state = with_call();
    state.apply(&step(&state, tandem_words::EventBody::TimerFired, 1_100, &[play("c1"), RequestBody::After { delay_ms: 1 }]));
    let mut draft = Draft::new(Box::new(state), limits);
    draft.request(play("c1")).unwrap();
    draft.request(RequestBody::After { delay_ms: 1 }).unwrap();
    assert_eq!(refused(draft), [None, Some(ErrorCode::OverLimit)]);
}

fn attach(call: &str, key: &str, value: &str) -> RequestBody {
    RequestBody::Attach { interaction: call.into(), data: vec![Property::new(key, value)] }
}

#[test]
fn user_data_of_an_interaction_is_bounded_and_the_surplus_is_refused_by_an_event() {
    // `tier` with `gold` is there: 8 bytes.
    let limits = StepLimits { user_data_bytes: 20, ..StepLimits::default() };
    let mut state = with_call();
    state.apply(&step(&state, tandem_words::EventBody::CallCreated(crate::testing::interaction("c2")), 1_050, &[]));
    state.apply(&step(&state, tandem_words::EventBody::TimerFired, 1_100, &[attach("c1", "note", "four")]));
    let mut draft = Draft::new(Box::new(state), limits);
    for body in [
        attach("c1", "more", "x"),
        attach("c1", "note", "not four"),
        attach("c1", "note", "four4444"),
        attach("c1", "tier", ""),
        attach("c2", "note", "four"),
    ] {
        draft.request(body).unwrap();
    }
    assert_eq!(draft.user_data("c1", "more"), None, "a refused attach is none");
    let over = Some(ErrorCode::OverLimit);
    let told = draft.finish().requests;
    let codes: Vec<_> = told.iter().map(|request| request.refused.as_ref().map(|failure| failure.code)).collect();
    assert_eq!(codes, [over, None, None, None, None]);
    let message = &told[0].refused.as_ref().unwrap().message;
    assert!(message.contains("21 bytes") && message.contains("limits.user-data"), "{message}");
}

#[test]
fn what_was_refused_is_refused_again_at_replay_and_nothing_else() {
    let limits = StepLimits { user_data_bytes: 10, ..StepLimits::default() };
    let mut first = Draft::new(Box::new(with_call()), limits);
    first.request(attach("c1", "a", "1")).unwrap();
    first.request(attach("c1", "b", "22")).unwrap();
    let read = |draft: &Draft| [draft.user_data("c1", "a"), draft.user_data("c1", "b")];
    let (told, requests) = (read(&first), first.finish().requests);
    assert_eq!(told, [Some("1".to_owned()), None]);
    for user_data_bytes in [0, 1_000] {
        let mut again = replay(StepLimits { user_data_bytes, ..StepLimits::default() }, Vec::new(), requests.clone());
        for body in [attach("c1", "a", "1"), attach("c1", "b", "22")] {
            again.request(body).unwrap();
        }
        assert_eq!(read(&again), told, "{user_data_bytes}");
        assert_eq!(again.finish().requests, requests, "{user_data_bytes}");
    }
}
