//! Every rule, broken once.

use serde_json::{Value, json};
use tandem_oracle::{Kind, Options};

use super::doctor::find;
use super::run::{Run, after, play};
use super::world::world;
use super::{expect, judged};

/// Doctors the world with faults; these counts rise, and no others.
fn check(what: &str, doctor: impl FnOnce(&mut Run), expected: &[(Kind, u64)]) {
    let mut run = world(true);
    doctor(&mut run);
    let report = judged(&run, &Options::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
    expect(&report, what, expected);
    assert!(expected.iter().all(|(kind, _)| !report.findings(*kind).is_empty()), "{what}");
}

#[test]
fn both_worlds_are_clean_and_counted() {
    for faults in [true, false] {
        let report = judged(&world(faults), &Options::default()).unwrap();
        expect(&report, "undoctored", &[]);
        let facts = &report.facts;
        assert_eq!((facts.calls, facts.self_served, facts.sessions, facts.failed_sessions), (12, 2, 11, 1));
        assert_eq!((facts.routed, facts.abandoned, facts.default_routed), if faults { (4, 2, 4) } else { (6, 1, 3) });
        assert_eq!((facts.default_routed_by_strategy, facts.default_routed_undeployed), (2, 1));
        let counted = (facts.deduplicated, facts.faults, facts.longest_fault_ms);
        assert_eq!(counted, if faults { (1, 1, 7_000) } else { (0, 0, 0) });
        assert_eq!(facts.late_events, 2);
    }
}

#[test]
fn events() {
    check("an event is in no step", |run| drop(run.drop_step("c3", 3)), &[(Kind::LostEvents, 1)]);
    check(
        "the same, and the hole is left",
        |run| {
            let index = super::doctor::step(&run.journal, "c3", 3);
            run.journal.remove(index);
        },
        &[(Kind::LostEvents, 1), (Kind::BrokenSequences, 1)],
    );
    check("the last event of a session that is then not over", |run| drop(run.drop_step("c3", 5)), &[(Kind::LostEvents, 1)]);
    check("an event is in two steps", |run| run.double_step("c3", 3), &[(Kind::DoubledEvents, 1)]);
    check("two events change places", |run| run.swap_events("c3", 3), &[(Kind::ReorderedEvents, 1)]);
    check(
        "an event reads otherwise",
        |run| *run.of_step("c3", 2, "/event/body") = json!({"dialog.playsound.done": "digit"}),
        &[(Kind::AlteredEvents, 1)],
    );
    check("an event answers another request", |run| *run.of_step("c3", 3, "/event/request") = json!(9), &[(Kind::AlteredEvents, 1)]);
    check("an event has another time", |run| *run.of_step("c3", 3, "/event/switch_at") = json!(29_999), &[(Kind::AlteredEvents, 1)]);
    check(
        "an event that nobody told",
        |run| *run.of_step("c4", 2, "/source") = json!({"switch": {"incarnation": 1, "position": 999}}),
        &[
            (Kind::UnrecordedEvents, 1),
            // What comes behind it has lower positions.
            (Kind::ReorderedEvents, 3),
        ],
    );
    check(
        "what a collect brought may be masked, how it ended may not",
        |run| {
            *run.of_step("c2", 2, "/event/body/dialog.collect.done/stopped_by") = json!("end");
        },
        &[(Kind::AlteredEvents, 1)],
    );
    let digit_at = |at: u64| {
        move |run: &mut Run| {
            let digit = find(&run.record, "digit", |line| line["body"].get("interaction.digit").is_some());
            run.record[digit]["at"] = json!(at);
        }
    };
    check("an event is not taken although it came before the timer that ended its session", digit_at(150_999), &[(Kind::LostEvents, 1)]);
    check("an event comes with the timer that ended its session", digit_at(151_000), &[]);
    check(
        "another session has it",
        |run| {
            let mut moved = run.drop_step("c3", 3);
            let index = super::doctor::step(&run.journal, "c4", 4);
            let seq = run.journal[index]["step"]["event"]["seq"].as_u64().unwrap();
            moved["step"]["session"] = run.journal[index]["step"]["session"].clone();
            moved["step"]["event"]["seq"] = json!(seq);
            moved["step"]["event"]["at"] = json!(34_000);
            run.journal[index] = moved;
        },
        &[(Kind::LostEvents, 2), (Kind::ReorderedEvents, 1)],
    );
}

#[test]
fn events_without_a_session() {
    let drop_session = |run: &mut Run, call: &str| {
        let session = run.key(call, 1)["session"].clone();
        run.journal.retain(|record| record.pointer("/opened/session").or_else(|| record.pointer("/step/session")) != Some(&session));
    };
    // Added and default-routed; it asked for nothing.
    check(
        "a default-routed call's session is missing",
        |run| drop_session(run, "c9"),
        &[(Kind::LostEvents, 3), (Kind::UnexplainedDefaultRoutes, 1)],
    );
    // Added and deleted; the answers are those of requests that nobody asked for.
    check(
        "an abandoned call's session is missing",
        |run| drop_session(run, "c3"),
        &[(Kind::LostEvents, 2), (Kind::UnjournaledRequests, 3)],
    );
    check(
        "a call at a number without a strategy that was served all the same",
        |run| {
            let index = run.line_of("left", "c8");
            run.record[index]["outcome"] = json!("routed");
        },
        &[(Kind::LostEvents, 3)],
    );
}

#[test]
fn sessions() {
    check(
        "a visit is claimed twice",
        |run| {
            let mut again = run.journal[0].clone();
            again["opened"]["session"] = json!("101-1-99");
            run.journal.insert(1, again);
        },
        &[(Kind::DoubledSessions, 1)],
    );
    check("a session is opened twice", |run| run.journal.insert(1, run.journal[0].clone()), &[(Kind::DoubledSessions, 1)]);
    check(
        "an older epoch commits",
        |run| {
            let last = run.journal.len() - 1;
            run.journal[last]["step"]["epoch"] = json!(1);
        },
        &[(Kind::StaleEpochs, 1)],
    );
    check("session time goes back", |run| *run.of_step("c3", 4, "/event/at") = json!(29_999), &[(Kind::BrokenSequences, 1)]);
    check("a step behind the end", |run| *run.of_step("c2", 3, "/outcome") = json!("wait"), &[(Kind::BrokenSequences, 1)]);
    check("a late answer before the end", |run| *run.of_step("c3", 4, "/outcome") = json!("late"), &[(Kind::BrokenSequences, 1)]);
    check(
        "a second end",
        |run| {
            let ended = json!({"ended": {"session": run.key("c3", 1)["session"], "incarnation": 1, "seq": 5, "epoch": 2, "at": 99_000, "by": "linger"}});
            run.journal.push(ended);
        },
        &[(Kind::BrokenSequences, 1)],
    );
    check(
        "a request's number comes twice",
        |run| {
            *run.of_step("c3", 3, "/requests") = json!([{"id": 1, "body": play("c3", "welcome"), "refused": null}]);
        },
        &[
            (Kind::BrokenSequences, 1),
            // It was received as of another step.
            (Kind::UnjournaledRequests, 1),
        ],
    );
}

#[test]
fn requests() {
    let repeat = |run: &mut Run, index: usize| run.record.insert(index + 1, run.record[index].clone());
    check("a request is applied twice", |run| repeat(run, run.request_of("c3", 3)), &[(Kind::DoubledRequests, 1)]);
    check("a treatment is heard twice", |run| repeat(run, run.treatment_of("c3")), &[(Kind::DoubledRequests, 1)]);
    check(
        "applied and heard twice",
        |run| {
            repeat(run, run.treatment_of("c3"));
            repeat(run, run.request_of("c3", 1));
        },
        &[(Kind::DoubledRequests, 1)],
    );
    check("a request was never received", |run| drop(run.record.remove(run.request_of("c3", 3))), &[(Kind::LostRequests, 1)]);
    check(
        "a treatment is heard that nobody applied",
        |run| {
            let index = run.request_of("c3", 1);
            run.record[index]["verdict"] = json!("gone");
        },
        &[(Kind::UnjournaledRequests, 1)],
    );
    check("a request is not in the journal", |run| *run.of_step("c3", 1, "/requests") = json!([]), &[(Kind::UnjournaledRequests, 1)]);
    check(
        "a request is another one in the journal",
        |run| *run.of_step("c3", 1, "/requests/0/body") = play("c3", "goodbye"),
        &[(Kind::UnjournaledRequests, 1)],
    );
    check(
        "a request that the host refused",
        |run| {
            *run.of_step("c3", 1, "/requests/0/refused") = json!({"code": "denied", "message": ""});
        },
        &[(Kind::UnjournaledRequests, 1)],
    );
    check(
        "a refused request is in the journal as well",
        |run| {
            let index = run.request_of("c3", 1);
            let mut fenced = run.record[index].clone();
            (fenced["verdict"], fenced["key"]["request"]) = (json!("fenced"), json!(77));
            run.record.insert(index, fenced);
        },
        &[(Kind::UnjournaledRequests, 1)],
    );
    check(
        "a cancel that nobody asked for; those who did may repeat it",
        |run| {
            let index = run.request_of("c3", 2);
            let mut cancel = run.record[index].clone();
            cancel["body"] = json!("control.cancel");
            run.record.insert(index + 1, cancel.clone());
            cancel["key"]["request"] = json!(3);
            run.record.extend([]);
            run.record.insert(index + 2, cancel.clone());
            run.record.insert(index + 3, cancel);
            let asked = run.of_step("c3", 2, "/requests").as_array_mut().unwrap();
            asked.push(json!({"id": 3, "body": "control.cancel", "refused": null}));
        },
        &[(Kind::UnjournaledRequests, 1)],
    );
}

#[test]
fn a_request_may_be_missing_where_nobody_could_send_it() {
    // Committed in the moment in which the host died; when the next one led, the call was on its default route.
    let asks = |run: &mut Run, at: u64| {
        let index = run.line_of("hears", "c5");
        assert!(run.record[index]["at"].as_u64().unwrap() < at);
        let step = run.of_step("c5", 1, "/requests").as_array_mut().unwrap();
        step.push(json!({"id": 5, "body": play("c5", "more"), "refused": null}));
        *run.of_step("c5", 1, "/event/at") = json!(at);
    };
    check("sent too late", |run| asks(run, 46_000), &[]);
    check("there was time", |run| asks(run, 45_999), &[(Kind::LostRequests, 1)]);
}

#[test]
fn the_end_of_a_run_may_have_a_grace() {
    let mut run = world(true);
    let index = run.request_of("c11", 3);
    run.record.remove(index);
    let lost = |grace_ms| judged(&run, &Options { grace_ms, ..Options::default() }).unwrap().count(Kind::LostRequests);
    assert_eq!((lost(0), lost(8_999), lost(9_001)), (1, 1, 0));
}

#[test]
fn timers_and_silence() {
    let forget = |run: &mut Run, timer_ms: u64| {
        let asked = run.of_step("c3", 2, "/requests").as_array_mut().unwrap();
        asked.push(json!({"id": 4, "body": after(timer_ms), "refused": null}));
    };
    check("a timer does not fire", |run| forget(run, 24_999), &[(Kind::ForgottenTimers, 1)]);
    check("a timer fires that nobody set", |run| *run.of_step("c4", 1, "/requests") = json!([]), &[(Kind::BrokenSequences, 1)]);
    check("a timer fires before its time", |run| *run.of_step("c4", 1, "/requests/0/body") = after(20_001), &[(Kind::BrokenSequences, 1)]);
    check("a timer is due with the session's end", |run| forget(run, 25_000), &[]);
    check(
        "a session is quiet for longer than it meant",
        |run| {
            let quiet = find(&run.record, "quiet", |line| line["type"] == "quiet");
            run.record[quiet]["until"] = json!(31_999);
        },
        &[(Kind::SilentCalls, 1)],
    );
    check(
        "a session never said that it means to be quiet",
        |run| run.record.retain(|line| line["type"] != "quiet"),
        &[(Kind::SilentCalls, 1)],
    );
    check(
        "a silence while nobody lives is too long",
        |run| {
            for index in 0..run.record.len() {
                if run.record[index]["heard"] == "silence" && run.record[index]["interaction"] == "c5" {
                    run.record[index]["at"] = json!(45_999);
                }
            }
        },
        &[(Kind::SilentCalls, 1)],
    );
}

#[test]
fn default_routes() {
    check(
        "the host came back sooner than the control deadline",
        |run| {
            for (kind, at) in [("unled", 49_500), ("led", 53_000)] {
                let index = find(&run.record, kind, |line| line["type"] == kind && line["at"] != 0);
                run.record[index]["at"] = json!(at);
            }
        },
        &[(Kind::UnexplainedDefaultRoutes, 1)],
    );
    check(
        "a strategy did not fail",
        |run| *run.of_step("c9", 1, "/outcome") = json!("wait"),
        &[(Kind::UnexplainedDefaultRoutes, 1), (Kind::LostEvents, 2)],
    );
    check(
        "a call came out so long after the host was back",
        |run| {
            let index = run.line_of("left", "c7");
            run.record[index]["outcome"] = json!("default-routed");
        },
        &[],
    );
    check(
        "a call came out so and its session lived",
        |run| {
            let index = run.line_of("left", "c1");
            run.record[index]["outcome"] = json!("default-routed");
            let left = run.record.remove(index);
            let first = run.line_of("hears", "c1");
            run.record.insert(
                first + 2,
                Value::Object(left.as_object().unwrap().clone().into_iter().chain([("at".to_owned(), json!(2_000))]).collect()),
            );
        },
        &[(Kind::UnexplainedDefaultRoutes, 1)],
    );
}

#[test]
fn calls() {
    let without = |kind: &'static str| move |run: &mut Run| drop(run.record.remove(run.line_of(kind, "c1")));
    check("a call never left", without("left"), &[(Kind::UnbalancedCalls, 1)]);
    // The record's end counts it as well.
    check("a call never came", without("arrived"), &[(Kind::UnbalancedCalls, 2)]);
    check(
        "a call left twice",
        |run| {
            let left = run.line_of("left", "c1");
            run.record.insert(left, run.record[left].clone());
        },
        &[(Kind::UnbalancedCalls, 1)],
    );
    check("a call is not counted", |run| run.record.last_mut().unwrap()["calls"] = json!(9), &[(Kind::UnbalancedCalls, 1)]);
    check("the record has no end", |run| drop(run.record.pop()), &[(Kind::IncompleteRecord, 1)]);
}

#[test]
fn nothing_is_refused_where_nothing_died() {
    let mut run = world(false);
    let index = run.request_of("c3", 3);
    let mut again = run.record[index].clone();
    again["verdict"] = json!("duplicate");
    run.record.insert(index + 1, again);
    expect(&judged(&run, &Options::default()).unwrap(), "a duplicate", &[(Kind::RefusedWithoutFault, 1)]);
}

#[test]
fn what_cannot_be_judged_is_named() {
    let error = |doctor: &dyn Fn(&mut Run)| {
        let mut run = world(true);
        doctor(&mut run);
        judged(&run, &Options::default()).unwrap_err().to_string()
    };
    let check = |doctor: &dyn Fn(&mut Run), expected: &str| {
        let error = error(doctor);
        assert!(error.contains(expected), "{error}");
    };
    check(&|run| run.record[3] = json!({"type": "hears", "at": 1}), "record, line 4: missing field `interaction`");
    check(&|run| run.record[1]["type"] = json!("leading"), "record, line 2: unknown variant `leading`, expected one of `begin`, `led`");
    check(&|run| drop(run.record.remove(0)), "record, line 1: the record's first line must be `begin`");
    check(&|run| run.record.clear(), "the record is empty");
    check(&|run| run.journal[1]["step"]["session"] = json!("101"), "journal, line 2: \"101\" is no session id; expected NODE-EPOCH-NUMBER");
    check(&|run| drop(run.record.remove(run.line_of("event", "c1"))), "positions have no holes");
}
