//! Planted bugs: each must be found by a checker, or the checkers are worth nothing.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use tandem_words::Bug;

use crate::{options::Options, play};

/// Seeds that are tried from the one that last found a bug.
const KNOWN_SEEDS: u64 = 200;

/// Bugs that this simulation cannot have, or meets too seldom to look for, and why.
const NOT_HERE: &[(Bug, &str)] = &[
    (Bug::WatchingTooShort, "a pair watches no call by a timer (docs/adr/0005-the-pair.md)"),
    (Bug::EarlierStepReadAhead, "met once in thousands of seeds since guests follow; host/session/tests/worker/ahead.rs has it"),
    (Bug::LateRowsTaken, "met once in thousands of seeds since guests follow; host/session/src/loads.rs has it"),
];

/// Plants a bug by its name, or none.
pub fn plant(name: Option<&str>) -> Result<(), String> {
    let bug = match name {
        None => None,
        Some(name) => {
            let bug = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
            Some(bug.ok_or_else(|| format!("there is no bug {name}; there are {:?}", Bug::ALL))?)
        }
    };
    set(bug)
}

#[cfg(feature = "planted-bugs")]
fn set(bug: Option<Bug>) -> Result<(), String> {
    tandem_words::plant(bug);
    Ok(())
}

#[cfg(not(feature = "planted-bugs"))]
fn set(bug: Option<Bug>) -> Result<(), String> {
    match bug {
        None => Ok(()),
        Some(bug) => Err(format!("{bug:?} cannot be planted: build with --features planted-bugs, as cargo xtask sim does")),
    }
}

/// Whether each was found. Each is looked for on one thread.
pub fn run(options: &Options) -> bool {
    let known = if options.known { read() } else { BTreeMap::new() };
    // What panics in mutated code is said below.
    std::panic::set_hook(Box::new(|_| {}));
    let bugs = Mutex::new(Bug::ALL.into_iter());
    let (found, missed) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..crate::jobs() {
            scope.spawn(|| {
                while let Some(bug) = next(&bugs) {
                    let name = format!("{bug:?}");
                    match NOT_HERE.iter().find(|(not_here, _)| *not_here == bug) {
                        Some((_, why)) => println!("{name:32} not here: {why}"),
                        None => match look_for(bug, known.get(&name).copied(), options) {
                            Some(seed) => _ = held(&found).insert(name, seed),
                            None => held(&missed).push(name),
                        },
                    }
                }
            });
        }
    });
    let (found, missed) = (held(&found), held(&missed));
    if !options.known {
        write(&found);
    }
    println!("{} planted bugs found, {} missed {missed:?}", found.len(), missed.len());
    missed.is_empty()
}

fn held<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next(bugs: &Mutex<impl Iterator<Item = Bug>>) -> Option<Bug> {
    held(bugs).next()
}

/// The seed that found it.
fn look_for(bug: Bug, known: Option<u64>, options: &Options) -> Option<u64> {
    let first = known.unwrap_or(options.first_seed);
    let count = if options.known { KNOWN_SEEDS } else { options.seeds };
    match search(bug, first, count) {
        Ok((seed, what)) => {
            println!("{:32} seed {seed:5}: {what}", format!("{bug:?}"));
            Some(seed)
        }
        Err(why) => {
            println!("{:32} NOT FOUND from seed {first} in {count}: {why}", format!("{bug:?}"));
            None
        }
    }
}

fn search(bug: Bug, first: u64, count: u64) -> Result<(u64, String), String> {
    set(Some(bug))?;
    let mut panics = 0_u64;
    for seed in first..first.saturating_add(count) {
        match play(seed, false) {
            Ok(outcome) => {
                if let Some(finding) = outcome.finding {
                    let what: String = finding.what.chars().take(160).collect();
                    return Ok((seed, format!("{}: {what}", finding.checker)));
                }
            }
            Err(_) => panics += 1,
        }
    }
    Err(format!("{panics} panics"))
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("found.txt")
}

/// The seed that last found each, by its name.
fn read() -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path()).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.filter_map(|(name, seed)| Some((name.to_owned(), seed.parse().ok()?))).collect()
}

fn write(found: &BTreeMap<String, u64>) {
    let known = read().into_iter().chain(found.clone()).collect::<BTreeMap<_, _>>();
    let text: String = known.iter().map(|(name, seed)| format!("{name} {seed}\n")).collect();
    if let Err(cause) = fs::write(path(), text) {
        eprintln!("sim: {} cannot be written: {cause}", path().display());
    }
}
