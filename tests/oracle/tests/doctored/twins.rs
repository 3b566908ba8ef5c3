//! The comparison with a run without faults, several incarnations of a switch, and the program itself.

use serde_json::json;
use tandem_oracle::{Kind, Options};

use super::run::Run;
use super::world::world;
use super::{compared, expect, judged};

fn check(what: &str, doctor: impl FnOnce(&mut Run, &mut Run), expected: &[(Kind, u64)]) -> (u64, u64) {
    let (mut run, mut twin) = (world(true), world(false));
    doctor(&mut run, &mut twin);
    let report = compared(&run, &twin, &Options::default()).unwrap();
    expect(&report, what, expected);
    let found = report.facts.compared.unwrap();
    assert_eq!((found.compared, found.fault_crossed), (12, 3), "callers 5, 6 and 10 waited while nobody led");
    (found.differing_fault_crossed, found.differing_behind)
}

fn treatments(run: &mut Run, call: &str, what: &str) {
    let index = run.treatment_of(call);
    run.record[index]["heard"]["treatment"]["what"] = json!(what);
}

#[test]
fn what_a_fault_explains_is_counted_apart() {
    // Caller 5 was given up; caller 7 hung up in the queue behind callers 6 and 10.
    assert_eq!(check("undoctored", |_, _| {}, &[]), (1, 1));
    assert_eq!(check("a late one heard something else", |run, _| treatments(run, "c6", "other"), &[]), (2, 1));
}

#[test]
fn any_other_difference_is_found() {
    let one = [(Kind::UnexplainedDifferences, 1)];
    check("before the fault", |run, _| treatments(run, "c3", "other"), &one);
    check("long after it", |run, _| treatments(run, "c11", "other"), &one);
    check(
        "another outcome",
        |run, _| {
            let index = run.line_of("left", "c3");
            run.record[index]["outcome"] = json!("routed");
        },
        &one,
    );
    check(
        "a caller hears it twice as often",
        |run, _| {
            let index = run.treatment_of("c3");
            run.record.insert(index + 1, run.record[index].clone());
        },
        &[(Kind::UnexplainedDifferences, 1), (Kind::DoubledRequests, 1)],
    );
    // A queue of their own is not behind anybody.
    let moved = |run: &mut Run| {
        for line in run.record.iter_mut().chain(&mut run.journal) {
            let text = line.to_string();
            if text.contains("\"c7\"") && text.contains("routing.") {
                *line = serde_json::from_str(&text.replace("sales", "support").replace("bob", "eve")).unwrap();
            }
        }
    };
    check(
        "behind nobody",
        |run, twin| {
            moved(run);
            moved(twin);
        },
        &one,
    );
}

#[test]
fn the_run_without_faults_is_judged_too() {
    check("a step is missing there", |_, twin| drop(twin.drop_step("c3", 3)), &[(Kind::TwinFindings, 1)]);
}

#[test]
fn runs_that_cannot_be_compared_are_refused() {
    let error = |run: &Run, twin: &Run| compared(run, twin, &Options::default()).unwrap_err().to_string();
    assert!(error(&world(false), &world(true)).contains("no primary led from 46000 to 53000"));
    let mut other = world(false);
    other.record[0]["seed"] = json!(8);
    assert!(error(&world(true), &other).contains("seed 7 and the twin record of seed 8"));
}

/// A world whose gateway begins anew at 300 s, when caller 20 has just heard the announcement; what it told is lost.
fn anew(since: u64, gap: bool) -> Run {
    let mut run = world(true);
    run.record.pop();
    run.pass_to(290_000);
    run.arrive(20, "8000");
    run.open("c20", 1);
    run.step("c20", json!("wait"), &[]);
    run.pass_to(295_000);
    run.event("c20", None, None, json!({"interaction.digit": {"interaction": "c20", "key": "5"}}));
    run.line(json!({"type": "begin", "switch": "sim", "incarnation": 2, "seed": 7, "at": 300_000, "control_deadline_ms": 4000}));
    run.pass_to(300_000);
    run.led();
    let (session, seq) = (run.key("c20", 1)["session"].clone(), [2, 3]);
    let step = |seq: u64, source, body, outcome: &str, switch_at| {
        json!({"step": {"session": session, "incarnation": 1, "epoch": 3, "source": source, "outcome": outcome, "requests": [],
            "event": {"seq": seq, "at": 300_000, "switch_at": switch_at, "request": null, "body": body}}})
    };
    if gap {
        run.journal.push(step(seq[0], json!("host"), json!({"gap": {"interaction": null, "since": since}}), "wait", json!(null)));
    }
    let over = json!({"interaction.deleted": {"interaction": "c20", "cause": "caller-hung-up"}});
    run.line(json!({"type": "event", "position": 1, "at": 300_000, "interaction": "c20", "visit": null, "answers": null, "body": over}));
    let source = json!({"switch": {"incarnation": 2, "position": 1}});
    run.journal.push(step(seq[usize::from(gap)], source, over, "finish", json!(300_000)));
    run.line(json!({"type": "left", "at": 300_000, "interaction": "c20", "outcome": "abandoned"}));
    run.end(300_000);
    run
}

#[test]
fn what_a_switch_lost_must_be_told_as_a_gap() {
    let judged = |run| judged(&run, &Options::default()).unwrap();
    let report = judged(anew(290_000, true));
    expect(&report, "told", &[]);
    assert_eq!((report.facts.events_in_gaps, report.facts.faults), (1, 2));
    expect(&judged(anew(295_001, true)), "a gap that begins too late", &[(Kind::LostEvents, 1)]);
    expect(&judged(anew(290_000, false)), "not told", &[(Kind::LostEvents, 1), (Kind::UntoldGaps, 1)]);
}

#[test]
fn a_gap_is_no_excuse_for_what_the_switch_still_had() {
    let mut run = world(true);
    *run.of_step("c3", 4, "/source") = json!("host");
    *run.of_step("c3", 4, "/event/body") = json!({"gap": {"interaction": null, "since": 0}});
    *run.of_step("c3", 4, "/event/request") = json!(null);
    expect(&judged(&run, &Options::default()).unwrap(), "kept", &[(Kind::LostEvents, 1)]);
    let report = judged(&run, &Options { retain: 1, ..Options::default() }).unwrap();
    assert_eq!((report.count(Kind::LostEvents), report.facts.events_in_gaps), (0, 1), "pushed out by the next event");
}

#[test]
fn a_session_that_was_started_again_hears_its_call_again() {
    let again = |first: serde_json::Value| {
        let mut run = world(true);
        let steps: Vec<_> = (1..=5).map(|seq| run.journal[super::doctor::step(&run.journal, "c3", seq)].clone()).collect();
        *run.of_step("c3", 5, "/outcome") = json!("wait");
        let mut opened = run.journal
            [super::doctor::find(&run.journal, "c3", |record| record["opened"]["claim"]["visit"]["interaction"] == "c3")]
        .clone();
        opened["opened"]["incarnation"] = json!(2);
        opened["opened"]["epoch"] = json!(2);
        run.journal.push(opened);
        let mut restarted = steps[0].clone();
        restarted["step"]["source"] = json!("host");
        restarted["step"]["event"]["body"] = first;
        let more = std::iter::once(restarted).chain(steps).zip(1..).map(|(mut step, seq)| {
            (step["step"]["incarnation"], step["step"]["epoch"], step["step"]["event"]["seq"]) = (json!(2), json!(2), json!(seq));
            step["step"]["requests"] = json!([]);
            step
        });
        run.journal.extend(more);
        judged(&run, &Options::default()).unwrap()
    };
    let cause = json!({"session.restarted": {"interaction": "c3", "cause": "replay-diverged", "partial": false}});
    expect(&again(cause), "restarted", &[]);
    expect(&again(json!("session.recovered")), "recovered", &[(Kind::DoubledEvents, 5)]);
}

#[test]
fn the_program_says_it_in_text_json_and_exit_code() {
    let folder = std::env::temp_dir().join(format!("tandem-oracle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let mut bad = world(true);
    bad.drop_step("c3", 3);
    for (run, record, journal) in [(world(true), "r", "j"), (bad, "bad-r", "bad-j"), (world(false), "twin-r", "twin-j")] {
        let (r, j) = run.files();
        std::fs::write(path(record), r).unwrap();
        std::fs::write(path(journal), j).unwrap();
    }
    let oracle = |arguments: &[String]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tandem-oracle")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let twin = ["--twin".into(), path("twin-r"), "--twin-journal".into(), path("twin-j")];
    let (code, text, _) = oracle(&[&[path("r"), path("j"), "--json".into(), path("json")], &twin[..]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("12 calls = 4 routed + 2 self-served + 2 abandoned + 4 default-routed\n"), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path("json")).unwrap()).unwrap();
    assert_eq!(
        (&json["clean"], &json["lost_events"], &json["differing_behind"], &json["twin"]["clean"]),
        (&json!(true), &json!(0), &json!(1), &json!(true))
    );

    let (code, text, _) = oracle(&[path("bad-r"), path("bad-j"), "--json".into(), path("json")]);
    assert_eq!(code, Some(1));
    assert!(text.contains("lost_events (1)") && text.contains("call c3"), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(path("json")).unwrap()).unwrap();
    assert_eq!((&json["lost_events"], &json["findings"]["lost_events"][0]["call"]), (&json!(1), &json!("c3")));

    let (code, _, error) = oracle(&[path("r"), path("missing")]);
    assert_eq!(code, Some(2));
    assert!(error.contains("missing: cannot be opened"), "{error}");
    std::fs::remove_dir_all(folder).unwrap();
}
