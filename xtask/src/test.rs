//! `cargo xtask test`.

use std::process::Command;

use crate::{
    Done,
    command::{cargo, run, run_and_keep, timed, top},
    product,
};

/// `--all` is what CI runs; today the same as none. `--long` and what follows goes to the long suites.
pub fn test(arguments: &[String]) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["--all"] => all(),
        ["--long", rest @ ..] => long(rest),
        _ => Err("test takes nothing, --all, or --long [NAME] [--rounds N] [--first K]".into()),
    }
}

fn all() -> Done {
    let tandem = timed("build", product::build)?;
    timed("scenarios", || run(Command::new(&tandem).arg("test").arg("strategies").current_dir(top())))?;
    timed("README", || run(Command::new("tests/readme/run").env("TANDEM", &tandem).current_dir(top())))?;
    let summary = |line: &str| line.starts_with("test result:");
    let ran = timed("cargo test", || run_and_keep(&mut cargo(&["test", "--release", "--workspace", "--no-fail-fast"]), summary));
    let (done, kept) = match ran {
        Ok(kept) => (Ok(()), kept),
        Err((what, kept)) => (Err(what), kept),
    };
    for line in kept {
        println!("{line}");
    }
    done
}

/// Each suite is a program of its own in `tests/long`; without a name all run.
fn long(rest: &[&str]) -> Done {
    product::build()?;
    run(cargo(&["run", "--release", "--quiet", "--package", "tandem-long", "--"]).args(rest))
}
