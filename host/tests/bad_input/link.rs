//! A gateway that breaks the protocol: the host says what is wrong, connects again and serves on. Its sessions never notice.

use std::io::Write;

use tandem_journal::{Outcome, Record};
use tandem_switch_link::{GatewayMessage, MAX_FRAME_BYTES, Over, Refusal};
use tandem_words::{EventBody, Prompt, RequestBody, RequestKey, StoppedBy};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    fake_gateway::{FakeGateway, Link, call, digit, event, welcome},
    program::{Running, Site},
};

/// A host that runs `echo` at 8000, and its gateway.
struct Stage {
    site: Site,
    gateway: FakeGateway,
    host: Running,
    /// Of the last event.
    position: u64,
}

impl Stage {
    fn new(guest: &str) -> Self {
        let (site, gateway) = (Site::new(), FakeGateway::new());
        let path = tandem_test_guests::guest(guest).unwrap().path;
        let text = site.options(path).replace("ws://127.0.0.1:1", &gateway.url());
        site.write("tandem.toml", text);
        let host = site.start(&["run", "--instance", "101/a"]);
        Stage { site, gateway, host, position: 0 }
    }

    /// With the call c1, which hears music.
    fn with_call(guest: &str) -> (Self, Link) {
        let mut stage = Stage::new(guest);
        let mut link = stage.gateway.serves();
        assert_eq!(link.reconcile(), (None, 0, 0));
        link.says(vec![call(1)]);
        stage.position = 1;
        link.hears_step(1);
        (stage, link)
    }

    /// The session is told of a digit and says it back, as if nothing had been.
    fn goes_on(&mut self, link: &mut Link) {
        self.position += 2;
        link.says(vec![digit(self.position - 1, "7")]);
        let step = link.hears_step(self.position - 1);
        let [asked] = &step.requests[..] else { panic!("{step:?}") };
        assert!(matches!(&asked.body, RequestBody::Play { prompts, .. } if prompts[..] == [Prompt::Digits("7".into())]), "{step:?}");
        let key = RequestKey { session: step.session, incarnation: step.incarnation, request: asked.request };
        link.says(vec![event(self.position, Some(key), EventBody::PlayDone(StoppedBy::End))]);
        assert_eq!(link.hears_until(self.position), None);
    }

    /// After each of these the host gives the connection up, says this, and goes on where it was over a new one.
    fn check(guest_faults: Vec<(&str, Fault)>) {
        let (mut stage, mut link) = Stage::with_call("echo");
        for (says, fault) in guest_faults {
            let before = stage.host.said().matches(says).count();
            fault(&mut link, stage.position);
            link.expect_close();
            stage.host.says(says, before + 1);
            link = stage.gateway.serves();
            assert_eq!(link.reconcile(), (Some(stage.position), 1, 1), "W, c1 and its music: {says}");
            stage.goes_on(&mut link);
        }
        stage.ends_well();
    }

    /// Every step once, none failed, and not a word of a panic.
    fn ends_well(self) {
        let said = self.host.stops();
        assert!(!said.contains("thread '"), "a panic: {said}");
        let journal = self.site.journal();
        let steps = journal.iter().filter_map(|record| match record {
            Record::Step(step) => Some(step),
            _ => None,
        });
        let seqs: Vec<u32> = steps.clone().map(|step| step.event.seq).collect();
        assert_eq!(seqs, (1..=u32::try_from(self.position).unwrap()).collect::<Vec<_>>());
        assert!(steps.clone().all(|step| step.outcome == Outcome::Wait));
    }
}

/// What the gateway does; the position of the last event is given.
type Fault = Box<dyn Fn(&mut Link, u64)>;

fn raw(message: Message) -> Fault {
    Box::new(move |link, _| link.says_raw(message.clone()))
}

fn text(text: &str) -> Fault {
    raw(Message::text(text.to_owned()))
}

fn says(messages: impl Fn(u64) -> Vec<GatewayMessage> + 'static) -> Fault {
    Box::new(move |link, position| link.says(messages(position)))
}

#[test]
fn what_is_no_frame_is_named_and_the_sessions_go_on_over_a_new_connection() {
    Stage::check(vec![
        ("a frame on the switch link cannot be read: EOF", text("{")),
        ("unknown variant `fly`", text(r#"{"seq":4,"messages":[{"type":"fly"}]}"#)),
        ("a message that is not text", raw(Message::binary(vec![0; 10]))),
        ("invalid type: floating point `1.5`", text(r#"{"seq":4,"messages":[{"type":"clock","now":1.5}]}"#)),
    ]);
}

#[test]
fn what_is_too_large_or_too_deep_is_named_and_the_sessions_go_on() {
    Stage::check(vec![
        ("4194304", raw(Message::text(" ".repeat(MAX_FRAME_BYTES + 1)))),
        ("4194304", raw(Message::text(" ".repeat(3 * MAX_FRAME_BYTES)))),
        ("recursion limit exceeded", text(&format!(r#"{{"seq":4,"messages":[{{"type":"clock","x":{}"#, "[".repeat(100_000)))),
        ("number out of range", text(r#"{"seq":99999999999999999999999999e999,"messages":[]}"#)),
    ]);
}

#[test]
fn frames_twice_or_out_of_order_are_named_and_nothing_of_them_is_taken() {
    Stage::check(vec![
        ("frame 4 came where frame 5 should", Box::new(|link, at| link.says_as(link.frames, vec![digit(at + 1, "1")]))),
        ("frame 7 came where frame 6 should", Box::new(|link, at| link.says_as(link.frames + 2, vec![digit(at + 1, "1")]))),
    ]);
}

#[test]
fn events_twice_or_out_of_order_are_named_and_not_taken() {
    Stage::check(vec![
        ("sent event 1 where event 2 should come", says(|_| vec![call(1)])),
        ("sent event 5 where event 4 should come", says(|at| vec![digit(at + 2, "1")])),
        ("sent event 9007199254740992 where event 6", says(|_| vec![digit(1 << 53, "1")])),
    ]);
}

#[test]
fn messages_that_have_no_place_are_named() {
    Stage::check(vec![
        ("sent `welcome` in phase Serving", says(|_| vec![welcome("main")])),
        ("sent `leading` in phase Serving", says(|_| vec![GatewayMessage::Leading { epoch: 1, now: 0 }])),
        (
            "refused this instance: go away",
            says(|_| vec![GatewayMessage::Refused { reason: Refusal::Malformed, message: "go away".into() }]),
        ),
    ]);
}

#[test]
fn numbers_that_no_switch_reaches_are_named_and_stand_in_nobodys_way() {
    Stage::check(vec![
        ("`clock` with the number 18446744073709551615", says(|_| vec![GatewayMessage::Clock { now: u64::MAX }])),
        ("`event` with the number 9007199254740993", says(|_| vec![digit((1 << 53) + 1, "1")])),
    ]);
    let mut stage = Stage::new("echo");
    let mut link = stage.gateway.leads();
    link.hears();
    let (interactions, requests) = (Vec::new(), Vec::new());
    link.says(vec![GatewayMessage::Reconciled { now: 0, kept_from: u64::MAX, interactions, requests, more: false }]);
    link.expect_close();
    stage.host.says("`reconciled` with the number 18446744073709551615", 1);
    let mut link = stage.gateway.serves();
    assert_eq!(link.reconcile(), (None, 0, 0));
    link.says(vec![call(1)]);
    link.hears_step(1);
    stage.position = 1;
    stage.ends_well();
}

#[test]
fn what_came_before_the_fault_in_its_frame_counts_once() {
    let (mut stage, mut link) = Stage::with_call("echo");
    link.says(vec![digit(2, "4"), digit(2, "4")]);
    link.expect_close();
    stage.host.says("sent event 2 where event 3 should come", 1);
    stage.position = 2;
    let mut link = stage.gateway.serves();
    assert_eq!(link.reconcile(), (Some(2), 1, 2), "music and the digit said back");
    // The gateway has seen what was asked for; it is not asked again.
    link.says(vec![digit(3, "5")]);
    stage.position = 3;
    assert_eq!(link.hears_until(3), None, "the digit before is still being said");
    stage.ends_well();
}

#[test]
fn a_gateway_that_begins_wrongly_is_told_apart_and_the_next_try_serves() {
    let mut stage = Stage::new("echo");
    let mut expect = |says: &str, fault: &dyn Fn(&FakeGateway)| {
        fault(&stage.gateway);
        stage.host.says(says, 1);
    };
    expect("speaks for switch \"other\", but tandem.toml calls it \"main\"", &|gateway| {
        let mut link = gateway.accepts();
        link.says(vec![welcome("other")]);
        link.expect_close();
    });
    expect("refused this instance: the token is wrong", &|gateway| {
        let mut link = gateway.accepts();
        link.says(vec![GatewayMessage::Refused { reason: Refusal::Token, message: "the token is wrong".into() }]);
        link.expect_close();
    });
    expect("sent `event` in phase", &|gateway| {
        let mut link = gateway.leads();
        link.says(vec![call(1)]);
        link.expect_close();
    });
    expect("speaks version 9 of the protocol", &|gateway| {
        let mut link = gateway.accepts();
        link.says(vec![GatewayMessage::Welcome { protocol: 9, switch: "main".into(), incarnation: 7, now: 0 }]);
        link.expect_close();
    });
    let mut link = stage.gateway.serves();
    link.says(vec![call(1)]);
    link.hears_step(1);
    stage.position = 1;
    stage.goes_on(&mut link);
    stage.ends_well();
}

#[test]
fn what_is_no_websocket_is_told_and_tried_again() {
    let mut stage = Stage::new("echo");
    stage.gateway.accepts_bytes().write_all(b"220 mail.example.org ESMTP\r\n").unwrap();
    stage.host.says("the connection to the gateway failed", 1);
    drop(stage.gateway.accepts_bytes());
    let mut link = stage.gateway.serves();
    link.says(vec![call(1)]);
    link.hears_step(1);
    stage.position = 1;
    stage.ends_well();
}

#[test]
fn a_gateway_that_is_wrong_every_time_is_not_hammered() {
    let mut stage = Stage::new("echo");
    let mut began = None;
    for _ in 0..5 {
        let mut link = stage.gateway.accepts();
        began.get_or_insert_with(std::time::Instant::now);
        link.says(vec![welcome("other")]);
        link.expect_close();
    }
    // 50, 100, 200 and 400 ms lie between them.
    let lasted = began.unwrap().elapsed();
    assert!(lasted.as_millis() >= 700, "{lasted:?}");
    let said = stage.host.said();
    assert!(!said.contains("the gateway closed"), "it was this side: {said}");
    stage.host.says("speaks for switch", 5);
}

#[test]
fn answers_to_nobody_and_calls_of_nobody_are_passed_over() {
    let (mut stage, mut link) = Stage::with_call("echo");
    let key = |session: &str, request| RequestKey { session: session.parse().unwrap(), incarnation: 1, request };
    // Of another node, of a session that never was, of a request that was never made.
    for (at, key) in [key("999-1-1", 1), key("101-1-99", 1), key("101-1-1", 77)].into_iter().enumerate() {
        let position = at as u64 + 2;
        link.says(vec![event(position, Some(key), EventBody::PlayDone(StoppedBy::End))]);
        assert_eq!(link.hears_until(position), None);
    }
    stage.position = 4;
    stage.goes_on(&mut link);
    stage.host.stops();
    let steps = stage.site.journal().iter().filter(|record| matches!(record, Record::Step(_))).count();
    assert_eq!(steps, 3, "the call, the digit, its end");
}

#[test]
fn a_failed_session_is_shown_by_log_and_journal_with_its_reason() {
    let (stage, mut link) = Stage::with_call("traps-in-event");
    link.says(vec![digit(2, "9")]);
    let step = link.hears_step(2);
    assert_eq!(step.over, Some(Over::Failed));
    assert_eq!(step.requests, []);
    let said = stage.host.stops();
    for word in ["strategy", "traps-in-event", "101-1-1", "the step failed", "Trap", "digit 9 was pressed", "default route"] {
        assert!(said.contains(word), "{word:?} is not in the log\n{said}");
    }
    stage.site.tandem(&["journal", "c1"]).check(0, &["interaction.added", "dialog.playsound", "FAILED (Trap)", "digit 9 was pressed"]);
    stage.site.tandem(&["sessions", "--all"]).check(0, &["101-1-1", "traps-in-event"]);
}
