//! What a guest may use, and what comes of it when it wants more.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tandem_journal::StepFailureKind::{Limit, Memory, Time, Trap};
use tandem_session::Guests;
use tandem_strategy::EngineLimits;
use tandem_words::EventBody;

use crate::{
    bed::{bed, bed_of, digit, id, patient, wasm},
    handmade::Guest,
};

#[test]
fn an_endless_loop_ends_by_its_cpu_time_and_the_worker_ticks_meanwhile() {
    let mut bed = bed("loops");
    bed.with_call(1);
    bed.with_call(2);
    let begin = Instant::now();
    let failure = bed.step(1, digit("9")).unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (Time, true));
    assert!(failure.message.contains("limits.step-cpu"), "{failure}");
    assert!(begin.elapsed() < Duration::from_secs(30), "hung");
    assert!(bed.ticks.load(Ordering::Relaxed) >= 5);
    assert_eq!(bed.cells.take_dead(), [id(1), id(2)]);
}

#[test]
fn an_endless_loop_ends_by_wall_time_where_cpu_time_allows_more() {
    let mut bed = bed_of(wasm("loops"), EngineLimits { step_cpu_ms: 60_000, step_wall_ms: 50, ..EngineLimits::default() });
    bed.with_call(1);
    let begin = Instant::now();
    assert_eq!(bed.step(1, digit("9")).unwrap_err().kind, Time);
    assert!(begin.elapsed() < Duration::from_secs(30), "hung");
}

#[test]
fn a_replay_may_take_ten_times_as_long() {
    let mut bed = bed_of(wasm("loops"), EngineLimits { step_cpu_ms: 20, ..patient() });
    bed.with_call(1);
    let (_, result) = bed.replayed(1, digit("9"), &[]);
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, Time);
    assert!(failure.message.contains("(200 allowed, limits.step-cpu)"), "{failure}");
}

#[test]
fn a_guest_that_wants_too_much_memory_is_told_apart_from_one_that_traps() {
    let mut bed = bed_of(wasm("eats-memory"), EngineLimits { cell_memory_bytes: 16 << 20, step_cpu_ms: 10_000, ..patient() });
    bed.with_call(1);
    let failure = bed.step(1, digit("9")).unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (Memory, true));
    assert!(failure.message.contains("16777216 (limits.cell-memory)"), "{failure}");
}

#[test]
fn a_million_requests_end_at_the_limit() {
    let mut bed = bed("makes-requests");
    bed.with_call(1);
    let (written, result) = bed.written(1, digit("9"));
    let failure = result.unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (Limit, true));
    assert!(failure.message.contains("limits.requests-per-step"), "{failure}");
    assert_eq!(written.requests.len(), 256);
}

#[test]
fn a_recursion_without_end_is_a_trap() {
    let guest = Guest { data: "(func $deep (call $deep) (call $deep))", on_event: "(call $deep)", ..Guest::default() };
    let mut bed = bed_of(&guest.component(), patient());
    bed.start(1).unwrap();
    let failure = bed.step(1, EventBody::TimerFired).unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (Trap, true));
    assert!(failure.message.contains("call stack exhausted"), "{failure}");
}

#[test]
fn a_list_that_names_one_text_a_thousand_times_is_not_copied() {
    // 1,000 properties of 16 bytes each from address 8192 on; every key is the same 30,000 zeroes.
    let guest = Guest {
        imports: r#"(import "tandem:strategy/user-data@0.1.0" "attach" (func $attach (param i32 i32 i32 i32) (result i32)))"#,
        data: "(global $at (mut i32) (i32.const 8192))",
        on_event: "
            (loop $next
                (i32.store (global.get $at) (i32.const 30000))
                (i32.store offset=4 (global.get $at) (i32.const 30000))
                (global.set $at (i32.add (global.get $at) (i32.const 16)))
                (br_if $next (i32.lt_u (global.get $at) (i32.const 24192))))
            (drop (call $attach (i32.const 0) (i32.const 1) (i32.const 8192) (i32.const 1000)))",
        ..Guest::default()
    };
    let mut bed = bed_of(&guest.component(), patient());
    bed.start(1).unwrap();
    let failure = bed.step(1, EventBody::TimerFired).unwrap_err();
    assert_eq!((failure.kind, failure.instance_died), (Limit, true), "{failure}");
    assert!(failure.message.contains("handed over more"), "{failure}");
}

#[test]
fn the_bench_guest_gives_its_figures() {
    let bed = bed("bench");
    for us in [
        tandem_strategy::bench::on_event_us(&bed.engine, wasm("bench"), 300, 2).unwrap(),
        tandem_strategy::bench::session_start_us(&bed.engine, wasm("bench"), 2).unwrap(),
    ] {
        assert!(us.is_finite() && us > 0.0, "{us}");
    }
    assert_eq!(bed.engine.instances(), 0);
}
