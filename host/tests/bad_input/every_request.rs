//! Each request of the contract, from a component through host, link and simulated switch to its answer.

use std::collections::BTreeSet;

use tandem::lab::tabletop::Crashes;
use tandem_gateway::{record::CallOutcome, simulated::NumberAnswers};
use tandem_journal::{Note, Outcome, Step};
use tandem_words::{EventBody, InteractionId, RequestBody, Target};

use crate::table::{Table, lay};

/// What the guest asks for in turn, and what it is answered; of the last one the table below tells.
const ASKED: [(&str, &str); 18] = [
    ("dialog.playsound", "dialog.playsound.done End"),
    ("dialog.collect", "dialog.collect.done 4_ MaxDigits"),
    ("dialog.music", "error Cancelled"),
    ("dialog.recording", "dialog.recording.done 2000 note"),
    ("user-data.attach", "done"),
    ("user-data.delete", "done"),
    ("timer.after", "timer.fired"),
    ("timer.at", "timer.fired"),
    ("timer.after", "error Cancelled"),
    ("routing.query-group", "routing.group-status agents: 2 of 2 ready"),
    ("http.fetch", "error Unsupported"),
    ("control.start-session", "session.started"),
    ("control.send", "done"),
    ("routing.create-call", "routing.call-created 5550001 to 5550200"),
    ("routing.disconnect", "done"),
    ("routing.route", "error Cancelled"),
    ("routing.set-priority", "done"),
    // The last one stands here.
    ("", ""),
];

/// The second digit, the last request with its answer, and what the caller hears in the end.
const LAST: [(&str, &str, &str, &str); 8] = [
    ("1", "routing.route", "routing.done agents by ann", "ann"),
    ("2", "routing.route", "routing.done ben by ben", "ben"),
    ("3", "routing.route", "routing.done 5550300 by 5550300", "5550300"),
    ("4", "routing.route", "routing.done 8001 by 8001", "dialog.playsound menu"),
    ("5", "routing.route", "routing.done default-route by 9000", "9000"),
    ("6", "routing.transfer", "done", "5550300"),
    ("7", "routing.transfer", "error Busy", "DefaultRoute"),
    ("8", "routing.disconnect", "done", "Silence"),
];

/// How often the host dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deaths {
    Never,
    /// Behind (0) or before (1) every commit.
    EveryStep(u64),
    /// Every so many ms, and then it is away for 300 ms.
    Every(u64),
}

fn called(digit: &str, deaths: Deaths) -> (Table, InteractionId) {
    let mut laid = lay(&["every-request", "fails"]);
    laid.options.switch.groups.insert("nobody".to_owned());
    laid.options.switch.numbers.insert("5550400".to_owned(), NumberAnswers::Busy);
    if let Deaths::EveryStep(seed) = deaths {
        laid.options.crashes = Crashes::EveryStep { seed };
    }
    let mut table = laid.start();
    let call = table.dial("8000");
    for ms in (100..40_000).step_by(100) {
        table.pass_to(ms);
        match (ms, deaths) {
            // One key of the two before the host dies, one behind it.
            (8_000, _) => table.press(&call, "4"),
            (9_000, _) => table.press(&call, digit),
            (_, Deaths::Every(every)) if ms % every == 0 => table.host_dies(300),
            _ => {}
        }
    }
    (table, call)
}

/// What was asked for, in order, with the answer.
fn asked(steps: &[&Step]) -> Vec<(&'static str, String)> {
    let requests = steps.iter().flat_map(|step| &step.requests).filter(|request| request.body != RequestBody::Cancel);
    let answered = |request: &tandem_journal::Request| {
        let answers: Vec<_> =
            steps.iter().filter(|step| step.event.request == Some(request.id)).map(|step| brief(&step.event.body)).collect();
        assert!(answers.len() <= 1, "{:?}: {answers:?}", request.body);
        (request.body.name(), answers.into_iter().next().unwrap_or_default())
    };
    requests.map(answered).collect()
}

fn brief(body: &EventBody) -> String {
    let name = body.name();
    match body {
        EventBody::PlayDone(by) => format!("{name} {by:?}"),
        EventBody::CollectDone(digits) => format!("{name} {}_ {:?}", &digits.keys[..1], digits.stopped_by),
        EventBody::RecordingDone(recording) => format!("{name} {} {}", recording.length_ms, recording.uri.rsplit('/').next().unwrap()),
        EventBody::Failed(failure) => format!("{name} {:?}", failure.code),
        EventBody::GroupStatus(status) => format!("{name} {}: {} of {} ready", status.group, status.ready, status.logged_in),
        EventBody::CallCreated(call) => format!("{name} {} to {}", call.calling, call.called),
        EventBody::RouteDone(routed) => format!("{name} {} by {}", routed.target, routed.answered_by),
        _ => name.to_owned(),
    }
}

#[test]
fn each_request_is_answered_as_the_contract_says_whenever_the_host_dies() {
    for deaths in [Deaths::Never, Deaths::EveryStep(0), Deaths::EveryStep(1), Deaths::Every(500), Deaths::Every(700)] {
        // The ways to an end differ in their last step only: one route and one transfer will do where hosts die.
        for (digit, request, answer, hears) in LAST.into_iter().filter(|(digit, ..)| deaths == Deaths::Never || ["1", "6"].contains(digit))
        {
            let (table, call) = called(digit, deaths);
            let what = format!("{digit}, {deaths:?}");
            assert_eq!(table.top.tally().deaths > 10, deaths != Deaths::Never, "{what}");
            // The routing point 8001 brings a second one.
            let session = table.sessions(&call)[0];
            let steps = table.steps(session);
            let mut expected = ASKED.map(|(name, answer)| (name, answer.to_owned()));
            expected[17] = (request, answer.to_owned());
            assert_eq!(asked(&steps), expected, "{what}");
            assert_eq!(steps.iter().filter(|step| step.outcome == Outcome::Finish).count(), 1, "{what}");
            assert!(table.heard(&call).iter().any(|(_, heard)| heard == hears), "{what}: {:?}", table.heard(&call));

            // Reads see what their own step does.
            let notes = steps.iter().flat_map(|step| &step.notes).filter_map(|note| match note {
                Note::Milestone(name) => Some(name.as_str()),
                Note::Log(..) => None,
            });
            assert_eq!(notes.collect::<Vec<_>>(), ["colour Some(\"blue\")", "colour None, size Some(\"1\")"], "{what}");
            // The partner heard, and answered.
            let message = |step: &&Step, wanted: &str| matches!(&step.event.body, EventBody::Message(message) if message.name == wanted);
            assert_eq!(table.steps(table.started_by(session)).iter().filter(|step| message(step, "hello")).count(), 1, "{what}");
            assert_eq!(steps.iter().filter(|step| message(step, "hello-back")).count(), 1, "{what}");
            // The switch did each of them once.
            let applied: Vec<_> = table.applied(&call).into_iter().map(RequestBody::name).collect();
            let of_call = [
                "dialog.playsound",
                "dialog.collect",
                "dialog.music",
                "dialog.recording",
                "user-data.attach",
                "user-data.delete",
                "routing.route",
            ];
            let expected = [&of_call[..], &[request]].concat();
            assert_eq!(applied[..expected.len()], expected, "{what}");
            // A strategy of another number greets the caller who was sent there.
            assert_eq!(applied.len() > expected.len(), digit == "4", "{what}");
        }
    }
}

#[test]
fn a_call_ends_by_whatever_took_it_away() {
    let outcomes = [
        ("1", CallOutcome::Routed),
        ("5", CallOutcome::Routed),
        ("7", CallOutcome::DefaultRouted),
        ("6", CallOutcome::Routed),
        ("8", CallOutcome::SelfServed),
    ];
    for (digit, outcome) in outcomes {
        let (mut table, call) = called(digit, Deaths::Never);
        if outcome == CallOutcome::Routed {
            table.hang_up(&call);
        }
        table.pass_to(120_000);
        assert_eq!(table.end(&call).map(|(_, outcome)| outcome), Some(outcome), "{digit}");
    }
}

#[test]
fn every_request_of_the_contract_is_asked_for() {
    let document = include_str!("../../../docs/wit.md");
    let table = document.split("## Requests").nth(1).unwrap().split("These are no requests").next().unwrap();
    let names = table.lines().filter_map(|line| line.split('|').nth(2)?.trim().strip_prefix('`')?.strip_suffix('`'));
    let (table, call) = called("6", Deaths::Never);
    let asked: BTreeSet<_> =
        table.steps(table.session(&call)).iter().flat_map(|step| &step.requests).map(|request| request.body.name()).collect();
    assert_eq!(asked, names.collect());
    let is_transfer = |body: &&RequestBody| matches!(body, RequestBody::Transfer { to: Target::Number(number), .. } if number == "5550300");
    assert_eq!(table.applied(&call).into_iter().filter(is_transfer).count(), 1);
}
