//! The virtual WASI, and what imports do where they are not allowed.

use tandem_journal::{LogLevel, Note, StepFailureKind};
use tandem_session::Guests;
use tandem_words::{EventBody, RequestBody};

use crate::{
    bed::{AT, Bed, bed_of, id, patient},
    handmade::Guest,
};

const AFTER: &str = r#"(import "tandem:strategy/timers@0.1.0" "after" (func $after (param i32) (result i32)))"#;

fn times(bed: &mut Bed, number: u64) -> Vec<u64> {
    let (_, requests) = bed.step(number, EventBody::TimerFired).unwrap();
    let time = |request: RequestBody| match request {
        RequestBody::At { time } => time,
        other => panic!("{other:?}"),
    };
    requests.into_iter().map(time).collect()
}

/// Asks for timers at whatever clocks and random numbers say.
const TELLS: Guest = Guest {
    imports: r#"
        (import "tandem:strategy/timers@0.1.0" "at" (func $at (param i64) (result i32)))
        (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall (param i32)))
        (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $monotonic (result i64)))
        (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))"#,
    on_event: "
        (call $wall (i32.const 512))
        (drop (call $at (i64.load (i32.const 512))))
        (drop (call $at (i64.extend_i32_u (i32.load (i32.const 520)))))
        (drop (call $at (call $monotonic)))
        (drop (call $at (call $random)))
        (drop (call $at (call $random)))",
    data: "",
    describe: "",
    start: "",
    snapshot: "",
    dtor: "",
};

#[test]
fn clocks_and_random_numbers_of_wasi_follow_the_event() {
    let mut bed = bed_of(&TELLS.component(), patient());
    let report = bed.catalogue.get(&bed.version).unwrap().report().clone();
    assert!(report.wasi.iter().any(|name| name.starts_with("wasi:random/random@")), "{report:?}");
    bed.start(1).unwrap();
    bed.start(2).unwrap();
    let [seconds, nanoseconds, monotonic, random, other] = times(&mut bed, 1)[..] else { panic!() };
    assert_eq!((seconds, nanoseconds), (AT / 1_000, AT % 1_000 * 1_000_000));
    assert_eq!(monotonic, AT * 1_000_000 + 1_000_000_000);
    assert_ne!(random, other);
    // The same step of a neighbour, and of a session in another instance, sees the same; the next step does not.
    assert_eq!(times(&mut bed, 2)[3..], [random, other]);
    assert_ne!(times(&mut bed, 2)[3..], [random, other]);
    let mut bed = bed_of(&TELLS.component(), patient());
    bed.start(1).unwrap();
    assert_eq!(times(&mut bed, 1)[3..], [random, other]);
}

#[test]
fn a_guest_that_sleeps_does_not_keep_its_worker() {
    let sleeper = Guest {
        imports: r#"
            (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $sleep (param i64) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
            (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))
            (global $pollable (mut i32) (i32.const 0))"#,
        // An hour.
        on_event: "
            (global.set $pollable (call $sleep (i64.const 3600000000000)))
            (call $block (global.get $pollable))
            (call $drop (global.get $pollable))",
        ..Guest::default()
    };
    let mut bed = bed_of(&sleeper.component(), patient());
    bed.start(1).unwrap();
    let begin = std::time::Instant::now();
    bed.step(1, EventBody::TimerFired).unwrap();
    assert!(begin.elapsed() < std::time::Duration::from_secs(60), "hung");
}

#[test]
fn what_a_guest_writes_goes_into_the_log_of_its_step() {
    let writer = Guest {
        imports: r#"
            (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
            (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $stderr (result i32)))
            (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))"#,
        data: r#"(data (i32.const 1024) "one\0atwo\0a") (data (i32.const 1040) "oh no\0a")"#,
        on_event: "
            (call $write (call $stdout) (i32.const 1024) (i32.const 8) (i32.const 512))
            (call $write (call $stderr) (i32.const 1040) (i32.const 6) (i32.const 512))",
        ..Guest::default()
    };
    let mut bed = bed_of(&writer.component(), patient());
    bed.start(1).unwrap();
    let (written, next) = bed.written(1, EventBody::TimerFired);
    next.unwrap();
    let log = |level, text: &str| Note::Log(level, text.to_owned());
    assert_eq!(written.notes, [log(LogLevel::Info, "one"), log(LogLevel::Info, "two"), log(LogLevel::Warn, "oh no")]);
}

#[test]
fn requests_belong_in_on_event() {
    let after = "(drop (call $after (i32.const 1)))";
    let guest = || Guest { imports: AFTER, ..Guest::default() };
    let refused = |failure: tandem_session::GuestFailure, call: &str| {
        assert_eq!((failure.kind, failure.instance_died), (StepFailureKind::Trap, true));
        assert!(failure.message.contains(&format!("called timer.after in {call}")), "{failure}");
    };
    let mut bed = bed_of(&Guest { on_event: after, ..guest() }.component(), patient());
    bed.start(1).unwrap();
    assert_eq!(bed.step(1, EventBody::TimerFired).unwrap().1, [RequestBody::After { delay_ms: 1 }]);

    let mut bed = bed_of(&Guest { start: after, ..guest() }.component(), patient());
    refused(bed.start(1).unwrap_err(), "start");

    let mut bed = bed_of(&Guest { snapshot: after, ..guest() }.component(), patient());
    bed.start(1).unwrap();
    bed.start(2).unwrap();
    refused(bed.cells.snapshot(id(1)).unwrap_err(), "snapshot");
    assert_eq!(bed.cells.take_dead(), [id(1), id(2)]);

    // Dropping has nobody to answer to, but the neighbours are told.
    let mut bed = bed_of(&Guest { dtor: after, ..guest() }.component(), patient());
    bed.start(1).unwrap();
    bed.start(2).unwrap();
    bed.cells.remove(id(1));
    assert_eq!(bed.cells.take_dead(), [id(2)]);
}

#[test]
fn a_log_line_is_allowed_everywhere_and_the_last_error_explains_a_trap() {
    let log = "(call $log (i32.const 3) (i32.const 1024) (i32.const 7))";
    let guest = Guest {
        imports: r#"(import "tandem:strategy/control@0.1.0" "log" (func $log (param i32 i32 i32)))"#,
        data: r#"(data (i32.const 1024) "all bad")"#,
        describe: log,
        start: log,
        snapshot: log,
        on_event: "(call $log (i32.const 3) (i32.const 1024) (i32.const 7)) unreachable",
        dtor: log,
    };
    let mut bed = bed_of(&guest.component(), patient());
    bed.start(1).unwrap();
    assert_eq!(bed.cells.snapshot(id(1)), Ok(None));
    let (written, result) = bed.written(1, EventBody::TimerFired);
    let failure = result.unwrap_err();
    assert!(failure.message.contains("its last words: all bad"), "{failure}");
    assert_eq!(written.notes.len(), 1);
}
