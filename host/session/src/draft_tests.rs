use tandem_words::{Deletion, EndCause, Fetch, Property, Route, Target};

use super::*;
use crate::testing::{play, step, with_call};

fn draft() -> Draft {
    Draft::new(Box::new(with_call()), StepLimits::default())
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
    let mut draft = Draft::replay(Box::new(with_call()), limits, &[]);
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
    let mut again = Draft::replay(Box::new(with_call()), StepLimits::default(), &kept);
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
    assert_eq!(ask(&mut Draft::replay(Box::new(with_call()), StepLimits::default(), &kept)), told);
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
