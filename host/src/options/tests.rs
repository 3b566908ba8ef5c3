//! Mistakes that people make, and what they are told.

use std::time::Duration;

use tandem_session::WorkerOptions;
use tandem_strategy::EngineLimits;

use super::{Limits, Options, OptionsError, Problem, Sessions, values::StoreUrl};

/// A file that needs nothing.
pub(super) const GOOD: &str = r#"
[cluster]
name = "cc1"
[persistence]
store = "sqlite:cc1.db"
[[node]]
id = 101
a = { admin = "127.0.0.1:9101" }
[switch.main]
url = "ws://127.0.0.1:7400"
[[routing-point]]
number = "8000"
switch = "main"
strategy = "builtin:welcome"
default-route = "9000"
"#;

fn problems(text: &str) -> Vec<Problem> {
    match Options::parse(text, "tandem.toml") {
        Err(OptionsError::Wrong { problems, .. }) => problems,
        Err(other) => panic!("{other}"),
        Ok(loaded) => loaded.warnings,
    }
}

/// Message and help of the only problem.
fn only(text: &str) -> String {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:?}");
    format!("{} | {}", problems[0], problems[0].advice().unwrap_or_default())
}

#[test]
fn a_good_file_has_nothing_to_say() {
    let loaded = Options::parse(GOOD, "folder/tandem.toml").unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(*loaded.options.persistence.store(), StoreUrl::Sqlite("folder/cc1.db".into()), "paths start at the file's folder");
    assert_eq!(loaded.options.lease.renewal(), Duration::from_millis(500));
}

#[test]
fn the_sample_in_the_documents_is_right() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/tandem.toml");
    let loaded = Options::parse(&std::fs::read_to_string(sample).unwrap(), "tandem.toml").unwrap_or_else(|wrong| panic!("{wrong:?}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn a_mistake_names_the_thing_and_what_to_do() {
    for (add, say) in [
        ("[limits]\nstep-cpy = \"1s\"", "did you mean `step-cpu`?"),
        ("[limit]\nstep-cpu = \"1s\"", "did you mean `limits`?"),
        ("[limits]\nlinger-timeout = \"1s\"", "is an option elsewhere: `sessions.linger-timeout`"),
        ("[lease]\nxyz = 1", "known here: timeout, renewal, fencing"),
        ("[limits]\nstep-cpu = \"11s\"", "`limits.step-cpu` must be from 10ms to 10s"),
        ("[limits]\nstep-cpu = 100", "with its unit"),
        ("[limits]\nstep-cpu = \"fast\"", "\"fast\" is not a duration"),
        ("[limits]\nstate = \"1GiB\"", "must be from 1KiB to 16MiB"),
        ("[limits]\nrequests-per-step = 0", "must be a whole number from 1 to 10000"),
        ("[limits]\nrequests-per-step = \"4\"", "must be a whole number"),
        ("[sessions]\nprocessing-threads = -1", "must be a whole number from 1 to 64"),
        ("[limits]\nstep-wall = \"50ms\"", "less than limits.step-cpu"),
        ("[orchestration]\nsessionid-with-nodeid = false", "can only be true"),
        ("[orchestration]\nbackup-synch-max-age = 9", "must be from 10s to 86400s"),
        ("[orchestration]\ncall-watching-timeout = 300001", "must be from 1ms to 300s"),
        ("[orchestration]\ncall-watching-timeout = 500", "below 1000 ms is for tests"),
        ("[orchestration]\nnew-session-on-reroute = false", "has no effect in this release"),
        ("[lease]\nfencing = \"epoch\"", "lease.fencing = \"epoch\" is for tests"),
        ("[log]\nformat = \"xml\"", "must be \"text\" or \"json\""),
        ("[lease]\nrenewal = \"600ms\"", "more than a quarter of lease.timeout"),
        ("[lease]\ntimeout = \"900ms\"", "must be from 1s to 60s"),
        ("[scxml]\nsession-processing-threads = 2\n[sessions]\nprocessing-threads = 2", "given twice"),
        ("[retention]\nmax-bytes = 1", "comes with a later release"),
        ("[switch.other]\nurl = \"ws://127.0.0.1:1\"", "one switch only in this release, and there are main, other"),
        ("[[node]]\nid = 102\na = {}", "this release runs one node"),
        ("[[node]]\nid = 101\na = {}", "node id 101 is given twice"),
        ("[[routing-point]]\nnumber = \"1\"\nswitch = \"mian\"\nstrategy = \"x\"\ndefault-route = \"9\"", "there is no switch \"mian\""),
        ("[[routing-point]]\nnumber = \"8000\"\nswitch = \"main\"\nstrategy = \"x\"\ndefault-route = \"9\"", "8000 is given twice"),
        ("[[routing-point]]\nnumber = \"1\"\nswitch = \"main\"\nstrategy = \"x\"\ndefault-route = \"1\"", "is 1 itself"),
        ("[[routing-point]]\nnumber = \"1\"\nswitch = \"main\"\nstrategy = \"x\"", "`default-route` is missing in [[routing-point]]"),
        ("[log]\nlevel = \"info\"\nlevel = \"warn\"", "given twice"),
    ] {
        let told = only(&format!("{GOOD}{add}\n"));
        assert!(told.contains(say), "{add}\nsaid: {told}\nand not: {say}");
    }
}

#[test]
fn a_changed_line_is_told_with_its_number() {
    for (from, to, line, say) in [
        ("ws://127.0.0.1:7400", "ws://10.0.0.7:7400", 10, "leaves this machine unprotected"),
        ("ws://127.0.0.1:7400", "wss://10.0.0.7:7400", 10, "there is no token"),
        ("127.0.0.1:9101", "0.0.0.0:9101", 8, "can be reached from other machines"),
        ("sqlite:cc1.db", "none", 5, "no session survives"),
        ("sqlite:cc1.db", "cassandra://a/b", 5, "later release"),
        ("default-route = \"9000\"", "default-route = \"9000\"\ncontrol-deadline = \"5s\"", 16, "must be from 100ms to 4900ms"),
        ("default-route = \"9000\"", "default-route = \"9000\"\nparameters = { a = [1] }", 16, "single values"),
        ("default-route = \"9000\"", "default-route = \"9000\"\nanswer-deadline = \"5s\"", 11, "not more than the ranks"),
        ("[switch.main]", "[[switch.main]]", 9, "section"),
        ("id = 101", "id = 101\npreferred = \"c\"", 8, "must be \"a\" or \"b\""),
        ("builtin:welcome", "builtin:wellcome", 14, "no built-in strategy \"wellcome\""),
        ("name = \"cc1\"", "name = cc1", 3, ""),
        ("[cluster]", "lease = 4\n[cluster]", 2, "`lease` is a section"),
        ("name = \"cc1\"", "name = \"\"", 3, "not empty"),
    ] {
        assert!(GOOD.contains(from));
        let problems = problems(&GOOD.replace(from, to));
        assert_eq!(problems[0].line(), Some(line), "{to}: {problems:?}");
        assert!(problems[0].to_string().contains(say), "{to}: {}", problems[0]);
    }
}

#[test]
fn the_synch_port_of_a_pair_is_looked_at() {
    let tls = "[tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\nclient-ca = \"ca.pem\"\n";
    let none = |text: String| text.replace("sqlite:cc1.db", "none");
    let pair = |a: &str, b: &str| GOOD.replace("a = { admin = \"127.0.0.1:9101\" }", &format!("a = {{ {a} }}\nb = {{ {b} }}"));
    let loopback = pair("synch = \"127.0.0.1:7101\"", "synch = \"127.0.0.1:7102\"");
    let apart = pair("synch = \"10.0.0.1:7101\"", "synch = \"10.0.0.2:7102\"");
    let told = |text: &str| {
        let told = problems(text).iter().map(|problem| format!("{problem} | {}", problem.advice().unwrap_or_default())).collect::<Vec<_>>();
        told.join("\n")
    };
    assert!(!told(&loopback).contains("synch"), "{}", told(&loopback));
    assert!(told(&pair("", "")).contains("101/a and 101/b have no synch port"));
    assert!(told(&pair("synch = \"127.0.0.1:7101\"", "")).contains("101/b has no synch port"));
    assert!(told(&apart).contains("10.0.0.1:7101 is on another machine than a SQLite file can be shared with"), "{}", told(&apart));
    assert!(told(&none(apart.clone())).contains("there is no [tls]"));
    assert!(!told(&none(apart + tls)).contains("synch"));
    assert!(told(&format!("{GOOD}[tls]\ncertificate = \"a.pem\"\n")).contains("`key` is missing in [tls]"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let problems = problems("[cluster]\nnam = 1\n[limits]\nstate = 5\n");
    let lines: Vec<_> = problems.iter().map(Problem::line).collect();
    assert_eq!(problems.len(), 4, "nam, state, name missing, no persistence: {problems:?}");
    assert_eq!(lines, [None, Some(1), Some(2), Some(4)], "in the order of the file");
}

#[test]
fn an_empty_file_says_what_is_missing() {
    let told = format!("{:?}", problems("").iter().map(Problem::to_string).collect::<Vec<_>>());
    assert!(told.contains("[cluster]") && told.contains("[persistence]"), "{told}");
}

#[test]
fn classic_names_still_count() {
    let text = GOOD.replace("store = \"sqlite:cc1.db\"", "cassandra-nodes = \"unknown\"")
        + "[scxml]\nsession-processing-threads = 3\n[orchestration]\ncall-watching-timeout = 2000\nbackup-synch-max-buffer = 200\nbackup-synch-max-age = 60\nsession-restart-timeout = 20\n";
    let loaded = Options::parse(&text, "tandem.toml").unwrap();
    let options = loaded.options;
    assert_eq!(*options.persistence.store(), StoreUrl::None);
    assert_eq!(options.sessions.processing_threads(), 3);
    assert_eq!(options.orchestration.call_watching_timeout, Duration::from_secs(2));
    assert_eq!(options.orchestration.backup_synch_max_buffer, 200_000);
    assert_eq!(options.orchestration.backup_synch_max_age, Duration::from_secs(60));
    assert_eq!(options.orchestration.session_restart_timeout, Duration::from_millis(20));
    assert_eq!(loaded.warnings.len(), 1, "no store: {:?}", loaded.warnings);
}

#[test]
fn parameters_are_given_as_text() {
    let text = format!("{GOOD}parameters = {{ language = \"en\", retries = 3, music = true, share = 0.5 }}\n");
    let options = Options::parse(&text, "tandem.toml").unwrap().options;
    let shown: Vec<_> = options.routing_points[0].parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(shown, ["language=en", "music=true", "retries=3", "share=0.5"]);
}

#[test]
fn missing_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tandem.toml");
    let missing = Options::load(&path).unwrap_err();
    assert!(matches!(missing, OptionsError::Missing { .. }));
    assert!(matches!(Options::load(folder.path()).unwrap_err(), OptionsError::Unreadable { .. }));

    std::fs::write(&path, GOOD.replace("builtin:welcome", "gone.wasm").replace("sqlite:cc1.db", "sqlite:none/cc1.db")).unwrap();
    let Err(OptionsError::Wrong { problems, .. }) = Options::load(&path) else { panic!("must be refused") };
    let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
    assert!(told.iter().any(|told| told.contains("gone.wasm")) && told.iter().any(|told| told.contains("no folder")), "{told:?}");
}

#[test]
fn a_mistake_is_shown_with_its_line() {
    let wrong = Options::parse(&GOOD.replace("number =", "nunber ="), "tandem.toml").unwrap_err();
    let mut shown = String::new();
    miette::NarratableReportHandler::new().render_report(&mut shown, &wrong).unwrap();
    assert!(shown.contains("tandem.toml") && shown.contains("line 12") && shown.contains("did you mean `number`?"), "{shown}");
}

#[test]
fn defaults_are_those_of_the_rooms_that_use_them() {
    let (limits, sessions) = (Limits::default(), Sessions::default());
    let (worker, engine) = (WorkerOptions::default(), EngineLimits::default());
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
    for (name, here, there) in [
        ("requests-per-step", limits.requests_per_step as u64, worker.step.requests_per_step as u64),
        ("payload", limits.payload, worker.step.payload_bytes as u64),
        ("user-data", limits.user_data, worker.step.user_data_bytes as u64),
        ("state", limits.state, worker.state_bytes as u64),
        ("max-journal-steps", limits.max_journal_steps.into(), worker.max_journal_steps.into()),
        ("snapshot-every", sessions.snapshot_every.into(), worker.snapshot_every.into()),
        ("passivate-after", ms(sessions.passivate_after), worker.passivate_after_ms),
        ("linger-timeout", ms(sessions.linger_timeout), worker.linger_timeout_ms),
        ("step-cpu", ms(limits.step_cpu), engine.step_cpu_ms.into()),
        ("step-wall", ms(limits.step_wall), engine.step_wall_ms.into()),
        ("cell-memory", limits.cell_memory, engine.cell_memory_bytes as u64),
    ] {
        assert_eq!(here, there, "{name}");
    }
}
