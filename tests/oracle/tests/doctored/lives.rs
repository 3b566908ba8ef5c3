//! A gateway that dies beside a switch that lives on, and sessions that are not persisted: each rule, broken once.

use serde_json::{Value, json};
use tandem_oracle::{Kind, Options};

use super::doctor::find;
use super::run::{Run, play, play_done};
use super::world::world;
use super::{compared, expect, judged};

fn gap(since: u64) -> Value {
    json!({"gap": {"interaction": null, "since": since}})
}

fn unknown() -> Value {
    json!({"error": {"code": "outcome-unknown", "message": ""}})
}

fn hung_up(call: &str) -> Value {
    json!({"interaction.deleted": {"interaction": call, "cause": "caller-hung-up"}})
}

/// The gateway dies at 295 s, while c20 hears an announcement, and begins again at 297 s; c21 calls meanwhile.
fn gateway_dies() -> Run {
    let mut run = world(true);
    run.record.pop();
    run.pass_to(290_000);
    run.arrive(20, "8000");
    run.open("c20", 1);
    run.step("c20", json!("wait"), &[(1, play("c20", "welcome")), (2, play("c20", "more"))]);
    run.hears_treatment("c20", 1, "dialog.playsound welcome");
    run.pass_to(295_000);
    run.unled();
    run.pass_to(296_000);
    run.missed("c20", Some(1), play_done());
    run.missed("c20", None, json!({"interaction.digit": {"interaction": "c20", "key": "5"}}));
    run.line(json!({"type": "arrived", "at": 296_000, "interaction": "c21", "caller": 21, "routing_point": "8000"}));
    let added = json!({"interaction.added": {"id": "c21", "routing_point": "8000"}});
    run.line(json!({"type": "missed", "at": 296_000, "interaction": "c21", "answers": null, "body": added}));
    run.pass_to(297_000);
    run.begin_again();
    run.news("c20", None, gap(290_000));
    run.news("c20", Some(1), unknown());
    run.added("c21", 1, "8000");
    run.open("c21", 1);
    run.step("c21", json!("wait"), &[]);
    run.pass_to(300_000);
    run.event("c20", None, Some(2), play_done());
    run.step("c20", json!("wait"), &[]);
    for call in ["c20", "c21"] {
        run.left(call, "abandoned", "caller-hung-up");
        run.step(call, json!("finish"), &[]);
    }
    run.end(310_000);
    run
}

fn check(what: &str, begin: fn() -> Run, doctor: impl FnOnce(&mut Run), expected: &[(Kind, u64)]) {
    let mut run = begin();
    doctor(&mut run);
    let report = judged(&run, &Options::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
    expect(&report, what, expected);
}

#[test]
fn what_happens_without_a_gateway_is_told_as_a_gap_and_as_unknown_outcomes() {
    let report = judged(&gateway_dies(), &Options::default()).unwrap();
    expect(&report, "undoctored", &[]);
    assert_eq!((report.facts.gateway_restarts, report.facts.events_missed), (1, 3));
    let seq = |run: &Run, body: &str| {
        let told =
            find(&run.journal, body, |record| record["step"]["event"]["body"].get(body).is_some() && record["step"]["source"] == "host");
        run.journal[told]["step"]["event"]["seq"].as_u64().unwrap()
    };
    check(
        "no gap",
        gateway_dies,
        |run| {
            let seq = seq(run, "gap");
            run.drop_step("c20", seq);
        },
        &[(Kind::LostEvents, 1), (Kind::UntoldGaps, 1)],
    );
    check(
        "a gap that begins too late",
        gateway_dies,
        |run| {
            let seq = seq(run, "gap");
            *run.of_step("c20", seq, "/event/body") = gap(296_001);
        },
        &[(Kind::LostEvents, 1)],
    );
    check(
        "a request waits for ever",
        gateway_dies,
        |run| {
            let seq = seq(run, "error");
            run.drop_step("c20", seq);
            // It lives: one that is over waits for nothing.
            let ends = run.record.iter().rposition(|line| line["interaction"] == "c20" && line["body"] == hung_up("c20")).unwrap();
            run.record[ends]["body"] = json!({"interaction.digit": {"interaction": "c20", "key": "1"}});
            *run.of_step("c20", 4, "/event/body") = json!({"interaction.digit": {"interaction": "c20", "key": "1"}});
            *run.of_step("c20", 4, "/outcome") = json!("wait");
        },
        &[(Kind::LostEvents, 1)],
    );
    check(
        "a visit that is told again has a session already",
        gateway_dies,
        |run| {
            let opened = find(&run.journal, "c21", |record| record["opened"]["claim"]["visit"]["interaction"] == "c21");
            let mut other = run.journal[opened].clone();
            other["opened"]["session"] = json!("101-2-99");
            other["opened"]["claim"]["visit"]["incarnation"] = json!(1);
            run.journal.push(other);
        },
        &[(Kind::DoubledSessions, 1)],
    );
    check(
        "a request is sent again to a gateway that cannot know it",
        gateway_dies,
        |run| {
            let index = run.request_of("c20", 2);
            let mut again = run.record[index].clone();
            again["at"] = json!(300_000);
            run.record.insert(run.record.len() - 1, again);
        },
        &[(Kind::DoubledRequests, 1)],
    );
}

#[test]
fn a_request_that_was_lost_with_the_gateway_is_answered_as_unknown_and_not_missed() {
    let lose = |run: &mut Run| {
        let index = run.request_of("c20", 1);
        run.record.remove(index);
        run.record.retain(|line| line["heard"]["treatment"]["request"] != run.journal.last().map_or(json!(null), |_| json!(0)));
        let heard = find(&run.record, "c20", |line| line["interaction"] == "c20" && line["heard"].get("treatment").is_some());
        run.record.remove(heard);
        let missed = find(&run.record, "missed", |line| line["type"] == "missed" && !line["answers"].is_null());
        run.record.remove(missed);
    };
    check("told", gateway_dies, lose, &[]);
}

/// Caller 30's session is not persisted, and starts again when its primary dies at 320 s.
fn not_persisted() -> Run {
    let mut run = world(true);
    run.record.pop();
    run.pass_to(310_000);
    run.arrive(30, "8000");
    run.open("c30", 1);
    run.journal.last_mut().unwrap()["opened"]["survival"] = json!("restarted");
    run.receive("c30", 1, 1, &play("c30", "hours"), "applied");
    run.hears_treatment("c30", 1, "dialog.playsound hours");
    run.pass_to(320_000);
    run.unled();
    run.pass_to(320_500);
    run.led();
    let mut again = run.journal.last().unwrap().clone();
    (again["opened"]["incarnation"], again["opened"]["epoch"]) = (json!(2), json!(3));
    run.journal.push(again);
    let key = |run: &Run, request: u64| json!({"session": run.key("c30", 1)["session"], "incarnation": 2, "request": request});
    let request = |run: &mut Run, request: u64| {
        let line = json!({"type": "request", "at": 320_500, "key": key(run, request), "seq": request, "epoch": 3,
            "body": play("c30", "hours"), "verdict": "applied"});
        run.line(line);
    };
    run.event("c30", None, Some(1), play_done());
    request(&mut run, 1);
    let heard = json!({"treatment": {"request": key(&run, 1), "what": "dialog.playsound hours"}});
    run.hears("c30", &heard);
    run.pass_to(330_000);
    let answered = key(&run, 1);
    run.event("c30", None, None, play_done());
    run.record.last_mut().unwrap()["answers"] = answered;
    run.left("c30", "abandoned", "caller-hung-up");
    let session = run.key("c30", 1)["session"].clone();
    run.journal.push(json!({"ended": {"session": session, "incarnation": 2, "seq": 7, "epoch": 3, "at": 330_000, "by": "finished"}}));
    run.end(340_000);
    run
}

#[test]
fn sessions_without_steps_are_judged_by_what_there_is() {
    let report = judged(&not_persisted(), &Options::default()).unwrap();
    expect(&report, "undoctored", &[]);
    assert_eq!((report.facts.not_persisted, report.facts.restarted, report.facts.events_unwritten), (1, 1, 4));
    let restart = |run: &Run| find(&run.journal, "restart", |record| record["opened"]["incarnation"] == 2);
    let request = |run: &Run| {
        let is = |line: &Value| line["type"] == "request" && line["key"]["incarnation"] == 2;
        find(&run.record, "request", is)
    };
    check(
        "a step",
        not_persisted,
        |run| {
            let session = run.key("c30", 1)["session"].clone();
            run.journal.insert(
                restart(run),
                json!({"step": {"session": session, "incarnation": 1, "epoch": 2, "source": "host", "outcome": "wait",
            "requests": [], "event": {"seq": 1, "at": 310_000, "switch_at": null, "request": null, "body": "session.recovered"}}}),
            );
        },
        &[(Kind::BrokenSequences, 1)],
    );
    check(
        "it starts again in the same epoch",
        not_persisted,
        |run| {
            let restart = restart(run);
            run.journal[restart]["opened"]["epoch"] = json!(2);
        },
        &[(Kind::BrokenSequences, 1)],
    );
    check(
        "it starts again when it is over",
        not_persisted,
        |run| {
            let session = run.key("c30", 1)["session"].clone();
            let ended = json!({"ended": {"session": session, "incarnation": 1, "seq": 2, "epoch": 2, "at": 315_000, "by": "finished"}});
            run.journal.insert(restart(run), ended);
        },
        &[(Kind::BrokenSequences, 1)],
    );
    check(
        "an incarnation is left out",
        not_persisted,
        |run| {
            let restart = restart(run);
            run.journal[restart]["opened"]["incarnation"] = json!(3);
        },
        &[(Kind::BrokenSequences, 2), (Kind::UnjournaledRequests, 1)],
    );
    check(
        "a request of an incarnation that was never opened",
        not_persisted,
        |run| {
            let request = request(run);
            run.record[request]["verdict"] = json!("fenced");
            let mut strange = run.record[request].clone();
            strange["key"]["incarnation"] = json!(9);
            run.record[request]["verdict"] = json!("applied");
            run.record.insert(request, strange);
        },
        &[(Kind::UnjournaledRequests, 1)],
    );
    check(
        "a request is applied twice",
        not_persisted,
        |run| {
            let request = request(run);
            run.record.insert(request, run.record[request].clone());
        },
        &[(Kind::DoubledRequests, 1)],
    );
    check(
        "a number is another request's",
        not_persisted,
        |run| {
            let request = request(run);
            let mut other = run.record[request].clone();
            (other["body"], other["verdict"]) = (play("c30", "other"), json!("duplicate"));
            run.record.insert(request + 1, other);
        },
        &[(Kind::UnjournaledRequests, 1)],
    );
    check(
        "the incarnation before acts",
        not_persisted,
        |run| {
            let first = run.request_of("c30", 1);
            let mut late = run.record[first].clone();
            (late["at"], late["key"]["request"]) = (json!(320_500), json!(2));
            run.record.insert(request(run) + 1, late);
        },
        &[(Kind::StaleEpochs, 1)],
    );
    check(
        "its call takes the default route, and nothing says why",
        not_persisted,
        |run| {
            let left = run.line_of("left", "c30");
            run.record[left]["outcome"] = json!("default-routed");
            run.record.insert(left - 1, json!({"type": "hears", "at": 325_000, "interaction": "c30", "heard": "default-route"}));
        },
        &[(Kind::UnexplainedDefaultRoutes, 1)],
    );
}

#[test]
fn a_call_whose_session_started_again_may_hear_it_twice() {
    let mut twin = world(false);
    twin.record.pop();
    twin.pass_to(310_000);
    twin.arrive(30, "8000");
    twin.open("c30", 1);
    twin.journal.last_mut().unwrap()["opened"]["survival"] = json!("restarted");
    twin.receive("c30", 1, 1, &play("c30", "hours"), "applied");
    twin.hears_treatment("c30", 1, "dialog.playsound hours");
    twin.pass_to(330_000);
    twin.event("c30", None, Some(1), play_done());
    twin.left("c30", "abandoned", "caller-hung-up");
    twin.end(340_000);
    let report = compared(&not_persisted(), &twin, &Options::default()).unwrap();
    expect(&report, "restarted", &[]);
    let found = report.facts.compared.unwrap();
    assert_eq!((found.differing_restarted, found.differing_fault_crossed, found.differing_behind), (1, 1, 1));
}
