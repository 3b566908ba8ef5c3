//! The demo as a person runs it: real processes, real kills. Needs the oracle beside the program: `cargo build --release -p tandem-oracle`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

fn tandem(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A demo in this folder, and what it wrote; it must have been good.
fn demo(folder: &Path, arguments: &[&str]) -> Value {
    demo_and_words(folder, arguments).0
}

/// The same, with what it said on stderr.
fn demo_and_words(folder: &Path, arguments: &[&str]) -> (Value, String) {
    let json = folder.join("demo.json");
    let place = ["demo", "--keep", folder.to_str().unwrap(), "--json", json.to_str().unwrap()];
    let Output { status, stdout, stderr } = tandem(&[&place, arguments].concat()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{stdout}\n{stderr}");
    (serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap(), stderr.into_owned())
}

fn count(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("no {name} in {report}"))
}

fn assert_nothing_is_wrong(report: &Value, kills: u64) {
    for name in ["lost_events", "untold_gaps", "doubled_events", "doubled_requests", "silent_calls", "unexplained_default_routes"] {
        assert_eq!(count(report, name), 0, "{name}");
    }
    let outcomes = ["routed", "self_served", "abandoned", "default_routed"].map(|name| count(report, name));
    assert_eq!(count(report, "calls"), outcomes.iter().sum::<u64>());
    assert_eq!(count(report, "blows"), kills);
    for name in ["sessions", "steps", "deduplicated", "kills", "switchovers", "recovered", "restarted"] {
        count(report, name);
    }
    assert!(report["steps_per_s"].as_f64().unwrap() > 0.0);
    assert!(["p50", "p99", "max"].iter().all(|name| report["recovery_ms"][name].as_f64().unwrap() > 0.0));
    assert!(["p50", "p99", "max"].iter().all(|name| report["takeover_ms"][name].is_f64()));
}

#[test]
fn a_pair_whose_primary_is_struck_loses_nothing_and_changes_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let blows = ["--blows", "kill,switchover", "--kills", "4"];
    let report = demo(folder.path(), &[&["--calls-per-hour", "600", "--hours", "0.1", "--twin"], &blows[..]].concat());
    assert_nothing_is_wrong(&report, 4);
    assert_eq!((count(&report, "unexplained_differences"), count(&report, "default_routed")), (0, 0));
    assert!(count(&report, "switchovers") >= 4 && count(&report, "recovered") > 0, "{report}");
    assert!(report["takeover_ms"]["p50"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_cut_link_and_a_gateway_that_dies_lose_nothing_that_anybody_could_tell() {
    let folder = tempfile::tempdir().unwrap();
    let report = demo(folder.path(), &["--calls-per-hour", "1200", "--hours", "0.2", "--blows", "kill,cut,gateway", "--kills", "12"]);
    assert_nothing_is_wrong(&report, 12);
    assert_eq!(count(&report, "gateway_restarts"), 3);
    assert!(report["gateway_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert!(count(&report, "not_persisted") > 0 && count(&report, "restarted") > 0, "{report}");
    let cuts = report["kill_moments"].as_array().unwrap().iter().filter(|moment| moment["blow"] == "cut").count();
    assert_eq!(cuts, 3);
}

#[test]
fn a_host_that_is_killed_loses_nothing_and_changes_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let report = demo(folder.path(), &["--alone", "--calls-per-hour", "600", "--hours", "0.1", "--kills", "2", "--twin"]);
    assert_nothing_is_wrong(&report, 2);
    assert_eq!(count(&report, "unexplained_differences"), 0);
    assert!(count(&report, "routed") > 0 && count(&report, "self_served") > 0, "{report}");
}

#[test]
fn a_day_of_a_trace_is_played_and_its_bad_rows_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("calls.csv");
    let mut rows =
        "arrival,line,call_id,customer_id,priority,service_type,vru_seconds,queue_seconds,service_seconds,outcome,agent\n".to_owned();
    for call in 0..40 {
        let (minute, second) = (call / 2, call % 2 * 30);
        let service_type = ["PS", "PE", "IN", "NE", "NW", "TT"][call % 6];
        rows += &format!(
            "1999-01-05T08:{minute:02}:{second:02},AA0101,{call},,{},{service_type},8,{},60,AGENT,A{}\n",
            call % 3,
            call % 20,
            call % 4
        );
    }
    rows += "yesterday,AA0101,41,,0,PS,8,0,60,AGENT,A1\n";
    std::fs::write(&trace, rows).unwrap();
    let arguments = ["--trace", trace.to_str().unwrap(), "--from", "1999-01-05", "--hours", "24", "--kills", "3"];
    let (report, said) = demo_and_words(folder.path(), &arguments);
    assert_nothing_is_wrong(&report, 3);
    assert_eq!(count(&report, "calls"), 40);
    assert!(said.contains("1 rows make no sense") && said.contains("line 42: arrival") && said.contains("yesterday"), "{said}");
}

/// `cargo xtask test --long` runs these.
mod long {
    use super::*;

    /// A run's folder. What took minutes, and was found wrong, is not thrown away.
    struct Evidence(tempfile::TempDir);

    impl Evidence {
        fn new() -> Self {
            Evidence(tempfile::tempdir().unwrap())
        }
    }

    impl Drop for Evidence {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0.disable_cleanup(true);
                eprintln!("record, journal and logs are kept in {}", self.0.path().display());
            }
        }
    }

    fn setting(name: &str, default: u64) -> u64 {
        std::env::var(name).map_or(default, |value| value.parse().unwrap())
    }

    /// At random moments with 50 calls live, a treatment running, a collect half pressed. `--rounds`: kills; `--first`: the seed.
    #[test]
    #[ignore = "takes minutes"]
    fn two_hundred_kills_in_a_row_change_no_call() {
        let folder = Evidence::new();
        let account = tandem_test_guests::guest("account").unwrap();
        let kills = setting("TANDEM_ROUNDS", 200);
        let (kills_text, seed) = (kills.to_string(), setting("TANDEM_FIRST", 1).to_string());
        let load = ["--alone", "--calls-per-hour", "3000", "--one-more", account.path, "--kills", &kills_text, "--seed", &seed, "--twin"];
        let moments = ["--at-least-live", "50", "--with-treatment", "--with-half-collect"];
        let report = demo(folder.0.path(), &[&load[..], &moments[..]].concat());
        assert_nothing_is_wrong(&report, kills);
        assert_eq!(count(&report, "unexplained_differences"), 0);
        for kill in report["kill_moments"].as_array().unwrap() {
            assert!(kill["live_calls"].as_u64().unwrap() >= 50 && kill["collects_half_pressed"].as_u64().unwrap() >= 1, "{kill}");
        }
        let number = |name: &str| report[name].to_string();
        println!(
            "{kills} kills, seed {seed}: {} calls, {} steps; recovery {}; waited across a fault {}, behind one {}",
            number("calls"),
            number("steps"),
            number("recovery_ms"),
            number("differing_fault_crossed"),
            number("differing_behind")
        );
    }

    /// Kills, hangs, planned switchovers and primaries cut off from the switch, one in eight followed by a kill of the instance that has just taken over, at random moments
    /// with 20 calls live, a treatment running, a collect half pressed; no call of a persisted session differs from the run without blows, so
    /// each announcement is heard once. `--rounds`: blows, so at least as many switchovers; `--first`: the seed.
    #[test]
    #[ignore = "takes minutes"]
    fn five_hundred_switchovers() {
        let folder = Evidence::new();
        let account = tandem_test_guests::guest("account").unwrap();
        let blows = setting("TANDEM_ROUNDS", 500);
        let (blows_text, seed) = (blows.to_string(), setting("TANDEM_FIRST", 1).to_string());
        let load = ["--calls-per-hour", "3000", "--one-more", account.path, "--kills", &blows_text, "--seed", &seed, "--twin"];
        let moments = ["--at-least-live", "20", "--with-treatment", "--with-half-collect", "--blows", "kill,hang,switchover,sever"];
        let report = demo(folder.0.path(), &[&load[..], &moments[..]].concat());
        assert_nothing_is_wrong(&report, blows);
        let why = ["default_routed_by_strategy", "failed_sessions", "longest_fault_ms"].map(|name| (name, count(&report, name)));
        assert_eq!((count(&report, "unexplained_differences"), count(&report, "default_routed")), (0, 0), "{why:?}");
        assert!(count(&report, "switchovers") >= blows);
        for kill in report["kill_moments"].as_array().unwrap() {
            let at_least = |name: &str, least: u64| kill[name].as_u64().unwrap() >= least;
            assert!(at_least("live_calls", 20) && at_least("treatments_running", 1) && at_least("collects_half_pressed", 1), "{kill}");
        }
        let number = |name: &str| report[name].to_string();
        println!(
            "{} switchovers, seed {seed}: {} calls, {} steps, {} recovered, {} restarted; kill -9 {}, hang {}, planned {}, cut off {}; waited across a fault {}, behind one {}",
            number("switchovers"),
            number("calls"),
            number("steps"),
            number("recovered"),
            number("restarted"),
            number("takeover_ms_killed"),
            number("takeover_ms_hung"),
            number("takeover_ms_planned"),
            number("takeover_ms_severed"),
            number("differing_fault_crossed"),
            number("differing_behind")
        );
    }
}

/// Processes whose command line names this folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let name = folder.to_str().unwrap().as_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(name.len()).any(|part| part == name)).map(|line| String::from_utf8_lossy(&line).into_owned()).collect()
}

#[test]
fn no_child_survives_a_demo_that_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = tandem(&["demo", "--speed", "1x", "--keep", folder.path().to_str().unwrap()]).spawn().unwrap();
    let began = Instant::now();
    while processes_of(folder.path()).len() < 4 {
        assert!(began.elapsed() < Duration::from_secs(60), "demo, switch and both instances: {:?}", processes_of(folder.path()));
        std::thread::sleep(Duration::from_millis(10));
    }
    let interrupted = Command::new("kill").args(["-INT", &demo.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(demo.wait().unwrap().code(), Some(3), "no result");
    // Dead at once, gone when the system has found the time.
    let began = Instant::now();
    while !processes_of(folder.path()).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", processes_of(folder.path()));
        std::thread::sleep(Duration::from_millis(10));
    }
}
