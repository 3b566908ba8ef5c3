//! `tandem simswitch` as a process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

fn tandem(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn it_says_where_it_listens_and_ends_with_a_summary_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (config, ready, record) = (file("tandem.toml"), file("ready.json"), file("record.jsonl"));
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/tandem.toml");
    std::fs::copy(example, &config).unwrap();
    let places = ["--listen", "127.0.0.1:0", "--ready-file", &ready, "--record", &record, "--config", &config];
    let switch = tandem(&[&["simswitch"], &places[..], &["--agents", "sales=2"]].concat()).spawn().unwrap();
    let began = Instant::now();
    while !std::path::Path::new(&ready).exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    let told: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    assert!(told["callers"].as_u64().unwrap() > 100 && told["listens_on"].as_str().unwrap().starts_with("127.0.0.1:"), "{told}");

    // The port is taken: another one says so.
    let second = tandem(&["simswitch", "--listen", told["listens_on"].as_str().unwrap(), "--config", &config]).output().unwrap();
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(3));
    assert!(error.contains("cannot listen on") && error.contains("choose another address"), "{error}");

    let asked = Command::new("kill").args(["-TERM", &switch.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let output = switch.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("2 agents, routing points 8000, 8001, 8002") && said.contains("stopped before its end"), "{said}");
    assert!(std::fs::read_to_string(record).unwrap().starts_with(r#"{"type":"begin""#));
}
