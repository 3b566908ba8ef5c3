//! Compiled components on disk.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tandem_strategy::{Cache, Compiler, Engine, EngineLimits, LoadError, Strategy, compile_to};
use tempfile::TempDir;

use crate::bed::wasm;

/// The cache makes its folder itself, with the right mode.
fn inner(folder: &TempDir) -> PathBuf {
    folder.path().join("compiled")
}

fn compiled(folder: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(inner(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn shell(script: &str) -> Compiler {
    let args = ["-c", script, "sh"].map(str::to_owned);
    Compiler::Subprocess { exe: "/bin/sh".into(), args: args.into() }
}

fn load(folder: &TempDir, compiler: Compiler) -> Result<Strategy, LoadError> {
    let engine = Engine::new(EngineLimits::default()).unwrap();
    Strategy::load(&engine, wasm("fails"), Some(&Cache::open(&inner(folder), compiler)?))
}

#[test]
fn a_component_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    let strategy = load(&folder, Compiler::InProcess).unwrap();
    let files = compiled(&folder);
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.file_name().unwrap().to_str().unwrap().starts_with(&strategy.version().to_string()));
    // Nobody compiles any more: this compiler always fails.
    assert_eq!(load(&folder, shell("exit 1")).unwrap().manifest(), strategy.manifest());
}

#[test]
fn a_damaged_file_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    load(&folder, Compiler::InProcess).unwrap();
    let file = compiled(&folder).remove(0);
    let whole = fs::read(&file).unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[middle] ^= 1;
    let mut longer = whole.clone();
    longer.push(0);
    for damaged in [&flipped[..], &whole[..middle], &whole[..10], &longer[..], b""] {
        fs::write(&file, damaged).unwrap();
        let error = load(&folder, shell("exit 1")).err().unwrap();
        assert!(matches!(error, LoadError::Compile(_)), "{} bytes: {error}", damaged.len());
        load(&folder, Compiler::InProcess).unwrap();
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn a_process_of_its_own_compiles() {
    let folder = tempfile::tempdir().unwrap();
    let this = env::current_exe().unwrap();
    // This test binary again: `compiles_for_another_process` below.
    let script = format!("IN=\"$1\" OUT=\"$2\" exec {} --exact --ignored cache::compiles_for_another_process", this.display());
    assert_eq!(load(&folder, shell(&script)).unwrap().manifest().name, "fails");
    assert_eq!(compiled(&folder).len(), 1, "nothing is left behind");
}

#[test]
#[ignore = "a_process_of_its_own_compiles starts it"]
fn compiles_for_another_process() {
    let path = |name| PathBuf::from(env::var_os(name).unwrap());
    compile_to(&path("IN"), &path("OUT")).unwrap();
}

#[test]
fn a_compiler_that_fails_or_hangs_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(&folder, shell("echo out of paper >&2; exit 3")).err().unwrap().to_string();
    assert!(error.contains("out of paper") && error.contains('3'), "{error}");
    let error = load(&folder, Compiler::Subprocess { exe: "/nowhere/tandem".into(), args: Vec::new() }).err().unwrap();
    assert!(error.to_string().contains("/nowhere/tandem"), "{error}");
    let engine = Engine::new(EngineLimits { compile_ms: 50, ..EngineLimits::default() }).unwrap();
    let cache = Cache::open(&inner(&folder), shell("exec sleep 600")).unwrap();
    let error = Strategy::load(&engine, wasm("fails"), Some(&cache)).err().unwrap();
    assert!(error.to_string().contains("EngineLimits::compile_ms"), "{error}");
    assert!(compiled(&folder).is_empty(), "nothing is left behind");
}

#[test]
fn a_folder_that_others_may_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o750)).unwrap();
    let error = Cache::open(folder.path(), Compiler::InProcess).unwrap_err();
    assert!(error.to_string().contains("chmod 700"), "{error}");
    let made = folder.path().join("new/deeper");
    Cache::open(&made, Compiler::InProcess).unwrap();
    assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_folder_keeps_what_was_used_last() {
    let folder = tempfile::tempdir().unwrap();
    let strategy = load(&folder, Compiler::InProcess).unwrap();
    let ours = compiled(&folder).remove(0);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let age = |path: &Path| fs::File::open(path).unwrap().set_modified(long_ago).unwrap();
    age(&ours);
    for number in 0..250 {
        let path = inner(&folder).join(format!("{number}.cwasm"));
        fs::write(&path, "old").unwrap();
        age(&path);
    }
    let (leftover, working) = (inner(&folder).join(".tmpold"), inner(&folder).join(".tmpnew"));
    fs::create_dir(&leftover).unwrap();
    fs::create_dir(&working).unwrap();
    age(&leftover);
    // It is used again; then another one is compiled.
    assert_eq!(load(&folder, shell("exit 1")).unwrap().version(), strategy.version());
    let (engine, cache) = (Engine::new(EngineLimits::default()).unwrap(), Cache::open(&inner(&folder), Compiler::InProcess).unwrap());
    Strategy::load(&engine, wasm("timers"), Some(&cache)).unwrap();
    assert!(ours.exists() && working.exists() && !leftover.exists());
    assert_eq!(compiled(&folder).len(), 200 + 1);
}
