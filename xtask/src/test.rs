//! `cargo xtask test`.

use std::process::Command;

use crate::{
    Done,
    command::{cargo, run, run_and_keep, timed, top},
    product,
    sim::sim,
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

/// Long suites stand in a module of this name; other ignored tests are parts of tests.
const LONG: &str = "long::";

/// The simulation's long suite, by its name: many seeds, and the whole search for every planted bug.
const SIMULATION: &str = "simulation";

/// The long suites: one of them by its name, or all. They read `--rounds` and `--first` from `TANDEM_ROUNDS` and `TANDEM_FIRST`.
fn long(rest: &[&str]) -> Done {
    let (name, settings) = split(rest)?;
    if name.is_none_or(|name| name == SIMULATION) {
        sim(&["--seeds".into(), "20000".into()])?;
        sim(&["--mutants".into()])?;
    }
    if name == Some(SIMULATION) {
        return Ok(());
    }
    product::build()?;
    let mut command = cargo(&["test", "--release", "--workspace", "--", "--ignored", "--nocapture", "--test-threads", "1"]);
    run(command.arg(name.unwrap_or(LONG)).envs(settings))
}

type Split<'a> = (Option<&'a str>, Vec<(&'static str, &'a str)>);

/// The name, and the variables that the options set.
fn split<'a>(rest: &[&'a str]) -> Result<Split<'a>, String> {
    let (mut name, mut settings) = (None, Vec::new());
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        let variable = match *word {
            "--rounds" => "TANDEM_ROUNDS",
            "--first" => "TANDEM_FIRST",
            word if !word.starts_with('-') && name.is_none() => {
                name = Some(word);
                continue;
            }
            word => return Err(format!("test --long does not know {word}: [NAME] [--rounds N] [--first K]")),
        };
        let value = words.next().filter(|value| value.parse::<u64>().is_ok());
        settings.push((variable, *value.ok_or_else(|| format!("{word} needs a number"))?));
    }
    Ok((name, settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_suite_is_named_and_set() {
        assert_eq!(split(&[]), Ok((None, vec![])));
        let set = vec![("TANDEM_ROUNDS", "200"), ("TANDEM_FIRST", "7")];
        assert_eq!(split(&["kills", "--rounds", "200", "--first", "7"]), Ok((Some("kills"), set)));
        for wrong in [&["--rounds"][..], &["--rounds", "many"], &["--seeds", "1"], &["a", "b"]] {
            assert!(split(wrong).is_err(), "{wrong:?}");
        }
    }
}
