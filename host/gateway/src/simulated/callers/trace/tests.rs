use std::collections::BTreeMap;

use super::*;

const HEADER: &str = "arrival,line,call_id,customer_id,priority,service_type,vru_seconds,queue_seconds,outcome,service_seconds,agent";

fn options() -> TraceOptions {
    TraceOptions { seed: 7, dials: "8000".into(), from_ms: None, hours: None }
}

fn read_with(rows: &[&str], options: &TraceOptions) -> Result<Trace, TraceError> {
    Trace::read(format!("{HEADER}\n{}\n", rows.join("\n")).as_bytes(), options)
}

fn read(rows: &[&str]) -> Trace {
    read_with(rows, &options()).unwrap()
}

/// Keys of the first collect; `-`: none.
fn pressed(caller: &CallerPlan) -> &str {
    caller.digits.at_collect(1).map_or("-", |answer| &answer.keys)
}

#[test]
fn each_outcome_becomes_a_plan() {
    let trace = read(&[
        "1999-01-05T08:00:01,AA0101,1,4711,2,PS,9,30,AGENT,120,agent-01",
        "1999-01-05T08:00:02,AA0102,2,,0,NE,5,45,HANG,0,",
        "1999-01-05T08:00:03,AA0103,3,,1,NW,12,0,HANG,0,",
        "1999-01-05T08:00:04,AA0104,4,,0,IN,9,263,HANG,99,",
        "1999-01-05T08:00:05,AA0105,5,,0,TT,9,263,PHANTOM,99,",
    ]);
    let plans = trace.callers.iter().map(|caller| {
        let CallerPlan { number, patience_ms, service_ms, hangs_up_at_ms, priority, credit_ms, .. } = caller;
        (*number, pressed(caller), *patience_ms, *service_ms, *hangs_up_at_ms, *priority, *credit_ms)
    });
    let plans: Vec<_> = plans.collect();
    // Drawn: only one caller hung up in the queue (after 45 s); service times of a type without any come from all.
    assert_eq!(plans[0], (1, "1", 45_000, 120_000, None, 2, 90_000));
    assert!([120_000, 99_000].contains(&plans[1].3));
    assert_eq!(plans[1], (2, "4", 45_000, plans[1].3, None, 0, 0));
    assert_eq!(plans[2], (3, "-", 45_000, plans[2].3, Some(12_000), 1, 0));
    assert_eq!(plans[3], (4, "3", 263_000 + DEFAULT_PATIENCE_MS, 99_000, None, 0, 0));
    assert_eq!((plans.len(), trace.phantoms), (4, 1));
    assert_eq!((trace.bad.count, trace.mended.count), (0, 0));
    let first = &trace.callers[0];
    assert_eq!(first.arrive_at_ms, instant("1999-01-05T08:00:01").unwrap());
    assert_eq!((&*first.calling, &*first.dials, &*first.service_type), ("4711", "8000", "PS"));
    assert_eq!(trace.callers[1].calling, "anonymous");
}

#[test]
fn what_is_not_recorded_is_drawn_from_the_same_service_type() {
    let mut rows = Vec::new();
    for n in 0..50 {
        rows.push(format!("1999-01-05T08:00:00,AA0101,1,,0,PS,9,{},AGENT,{},a", n % 7, 100 + n));
        rows.push(format!("1999-01-05T08:00:00,AA0101,1,,0,PS,9,{},HANG,0,", 1 + n % 10));
        rows.push("1999-01-05T08:00:00,AA0101,1,,0,NE,9,500,HANG,0,".to_owned());
    }
    let trace = read(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let mut drawn = std::collections::BTreeSet::new();
    for served in trace.callers.iter().step_by(3).zip(0_u64..) {
        let (patience_s, waited_s) = (served.0.patience_ms / 1_000, served.1 % 7);
        assert!((waited_s + 1..=10).contains(&patience_s), "longer than the wait, and of this type: {patience_s}");
        drawn.insert(patience_s);
    }
    assert!(drawn.len() > 5, "not always the same: {drawn:?}");
    assert!(trace.callers.iter().skip(1).step_by(3).all(|left| (100_000..150_000).contains(&left.service_ms)));
}

#[test]
fn a_caller_depends_on_the_seed_and_the_number_alone() {
    let row = |second: u32| format!("1999-01-05T08:00:{second:02},AA0101,1,,0,PS,9,{},HANG,0,", second + 1);
    let served = "1999-01-05T08:00:30,AA0101,1,,0,PS,9,0,AGENT,100,a".to_owned();
    let rows: Vec<_> = (0..30).map(row).chain([served]).collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    assert_eq!(read(&rows), read(&rows));
    let other = read_with(&rows, &TraceOptions { seed: 8, ..options() }).unwrap();
    assert_ne!(read(&rows).callers[30], other.callers[30]);
    assert_eq!(read(&rows).callers[3].patience_ms, other.callers[3].patience_ms, "recorded");
}

#[test]
fn bad_rows_are_counted_and_named_and_the_rest_is_taken() {
    let long = format!("1999-01-05T08:00:00,AA0101,1,,0,PS,{},0,HANG,0,", "9".repeat(500));
    let good = "1999-01-05T08:00:00,AA0101,1,,0,PS,9,30,AGENT,120,agent-01";
    let trace = read(&[
        good,
        "yesterday,AA0101,1,,0,PS,9,30,AGENT,120,agent-01",
        "1999-01-05T08:00:00,AA0101,1,,3,PS,9,30,AGENT,120,agent-01",
        "1999-01-05T08:00:00,AA0101,1,,0,XX,9,30,AGENT,120,agent-01",
        "1999-01-05T08:00:00,AA0101,1,,0,PS,9,-30,AGENT,120,agent-01",
        "1999-01-05T08:00:00,AA0101,1,,0,PS,9,30,LOST,120,agent-01",
        "1999-01-05T08:00:00,AA0101,1,,0,PS",
        &long,
        "1999-01-05T08:00:00,AA0101,1,,0,PS,-139,30,AGENT,120,agent-01",
        "1999-01-05T08:00:00,AA0101,1,,0,AA,11,0,HANG,0,",
    ]);
    let expected = [
        (3, "arrival: `yesterday` is not a date: write 1999-01-05, or 1999-01-05T08:00:00"),
        (4, "priority \"3\" is none of 0, 1, 2"),
        (5, "service_type \"XX\" is none of PS, PE, IN, NE, NW, TT"),
        (6, "queue_seconds \"-30\" is not a whole number from 0 to 86400"),
        (7, "outcome \"LOST\" is none of AGENT, HANG, PHANTOM"),
        (8, "the row ends before its column outcome"),
    ];
    assert_eq!(trace.bad.count, 7);
    for (named, (line, reason)) in trace.bad.named.iter().zip(expected) {
        assert_eq!((named.0, &*named.1), (line, reason));
    }
    assert!(trace.bad.named[6].1.len() < 150, "a broken field is cut: {:?}", trace.bad.named[6]);
    assert_eq!(trace.mended.named, [(10, "vru_seconds is -139, taken for 0".to_owned())]);
    let taken: Vec<_> = trace.callers.iter().map(|caller| (pressed(caller), &*caller.service_type)).collect();
    assert_eq!(taken, [("1", "PS"), ("1", "PS"), ("-", "AA")], "who hung up in the menu had chosen nothing");
}

#[test]
fn a_flood_of_bad_rows_is_counted_but_not_kept() {
    let rows = vec!["bad"; MAX_NAMED_ROWS + 50];
    let good = "1999-01-05T08:00:00,AA0101,1,,0,PS,9,30,AGENT,120,agent-01";
    let trace = read(&[&rows[..], &[good]].concat());
    assert_eq!((trace.bad.count as usize, trace.bad.named.len()), (rows.len(), MAX_NAMED_ROWS));
}

#[test]
fn not_utf8_is_a_bad_row() {
    let mut csv = format!("{HEADER}\n1999-01-05T08:00:00,AA0101,1,,0,PS,9,30,AGENT,120,agent-01\n").into_bytes();
    csv.extend(b"1999-01-05T08:00:00,AA0101,1,,0,P\xFF,9,30,AGENT,120,agent-01\n");
    let trace = Trace::read(&csv[..], &options()).unwrap();
    assert_eq!(trace.bad.named, [(3, "service_type is not UTF-8 text".to_owned())]);
    assert_eq!(trace.callers.len(), 1);
}

#[test]
fn a_date_and_hours_select_and_number_anew() {
    let rows = [
        "1999-01-04T23:59:59,AA0101,1,1,0,PS,9,30,AGENT,120,agent-01",
        "1999-01-05T00:00:00,AA0101,1,2,0,PS,9,30,AGENT,120,agent-01",
        "1999-01-05T01:00:00,AA0101,1,,0,XX,9,30,AGENT,120,agent-01",
        "1999-01-05T01:59:59,AA0101,1,3,0,PS,-1,30,AGENT,120,agent-01",
        "1999-01-05T02:00:00,AA0101,1,4,0,XX,9,30,PHANTOM,120,agent-01",
        "1999-01-05T02:00:00,AA0101,1,5,0,XX,9,30,AGENT,120,agent-01",
    ];
    let options = TraceOptions { from_ms: Some(instant("1999-01-05").unwrap()), hours: Some(2), ..options() };
    let trace = read_with(&rows, &options).unwrap();
    let callers: Vec<_> = trace.callers.iter().map(|caller| (caller.number, &*caller.calling)).collect();
    assert_eq!(callers, [(1, "2"), (2, "3")]);
    assert_eq!((trace.phantoms, trace.bad.count, trace.mended.count), (0, 1, 1), "of the selection only");
    assert_eq!(trace.bad.named[0].0, 4, "the file's line");
    let begin = trace.hours.first().unwrap().from_ms;
    assert_eq!(begin, options.from_ms.unwrap(), "who answered at 00:00:38 a call of the day before is on duty");

    let none = read_with(&rows, &TraceOptions { from_ms: Some(instant("2001-01-01").unwrap()), ..options }).unwrap_err();
    let text = none.to_string();
    assert!(text.contains("1999-01-04T23:59:59") && text.contains("1999-01-05T01:59:59"), "{text}");
}

#[test]
fn rows_out_of_order_are_sorted() {
    let trace = read(&[
        "1999-01-05T09:00:00,AA0101,1,late,0,PS,9,30,AGENT,120,agent-01",
        "1999-01-05T08:00:00,AA0101,1,early,0,PS,9,30,AGENT,120,agent-01",
    ]);
    let callers: Vec<_> = trace.callers.iter().map(|caller| (caller.number, &*caller.calling)).collect();
    assert_eq!(callers, [(1, "early"), (2, "late")]);
}

#[test]
fn whoever_serves_in_an_hour_is_on_duty_for_it() {
    let trace = read(&[
        "1999-01-05T08:10:00,AA0101,1,,0,PS,10,20,AGENT,60,ann",
        "1999-01-05T08:20:00,AA0101,1,,0,NE,10,20,AGENT,60,ann",
        "1999-01-05T08:58:00,AA0101,1,,0,PS,0,60,AGENT,61,bob",
        "1999-01-05T09:30:00,AA0101,1,,0,PS,0,0,AGENT,60,",
        "1999-01-05T11:30:00,AA0101,1,,0,IN,0,0,AGENT,0,bob",
    ]);
    let hour = |time| instant(&format!("1999-01-05T{time}:00:00")).unwrap();
    let on_duty = |agents: &[(&str, &[&str])]| -> BTreeMap<String, _> {
        agents.iter().map(|(name, of)| ((*name).into(), of.iter().map(|of| (*of).into()).collect())).collect()
    };
    let expected = [
        (hour("08"), on_duty(&[("ann", &["NE", "PS"]), ("bob", &["PS"])])),
        (hour("09"), on_duty(&[("bob", &["PS"])])), // until 09:00:00
        (hour("11"), on_duty(&[("bob", &["IN"])])),
    ];
    assert_eq!(trace.hours, expected.map(|(from_ms, agents)| HourOnDuty { from_ms, agents }));
    let agents = trace.agents();
    assert_eq!(agents[0].times, [(hour("08"), hour("09"))]);
    assert_eq!(agents[1].times, [(hour("08"), hour("10")), (hour("11"), hour("12"))]);
    assert!(agents[1].service_types.iter().eq(["IN", "PS"]));
}

#[test]
fn a_trace_that_cannot_be_used_says_why() {
    let error = |csv: &[u8]| Trace::read(csv, &options()).unwrap_err().to_string();
    assert!(error(b"").contains("no column `arrival`"));
    assert!(error(b"\x1f\x8b\x08\x00garbage").contains("no column `arrival`"));
    assert!(error(HEADER.replace(",agent", "").as_bytes()).contains("no column `agent`"));
    assert!(error(HEADER.as_bytes()).contains("0 usable rows"));
}

#[test]
fn a_reader_that_fails_is_named_with_the_last_line() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the file ends early"))
        }
    }
    let start = format!("{HEADER}\n1999-01-05T08:00:00,AA0101,1,,0,PS,9,30,AGENT,120,agent-01\n");
    let error = Trace::read(start.as_bytes().chain(Broken), &options()).unwrap_err().to_string();
    assert!(error.contains("after line 2") && error.contains("ends early"), "{error}");
}

/// A month of a real bank, which stays out of the repository.
const BANK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/bank-calls-1999-01.csv.gz");

#[test]
#[allow(clippy::disallowed_methods, reason = "test input from outside of the repository")]
fn a_real_month_is_read_whole() {
    let Ok(file) = std::fs::read(BANK) else {
        eprintln!("skipped: {BANK} is not there (the bank's call trace is test input outside the repository)");
        return;
    };
    let read = |options: &TraceOptions| Trace::read(flate2::read::GzDecoder::new(&file[..]), options).unwrap();
    let month = read(&options());
    assert_eq!(month.callers.len(), 31_359);
    assert_eq!((month.phantoms, month.bad.count), (240, 0));
    assert!(month.mended.named.iter().all(|(_, reason)| reason.starts_with("vru_seconds is -")));

    let from_ms = Some(instant("1999-01-05").unwrap());
    let day = read(&TraceOptions { from_ms, hours: Some(24), ..options() });
    assert_eq!((day.callers.len(), day.phantoms), (1_620, 9));
    assert_eq!(day.hours.first().unwrap().from_ms, instant("1999-01-05T06:00:00").unwrap());
    // 21 names but the empty one; not all work at once.
    assert_eq!(day.agents().len(), 20);
    assert!(day.hours.iter().all(|hour| hour.agents.len() <= 15));
}
