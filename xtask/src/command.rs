//! Other programs, shown before they run.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use crate::Done;

/// The repository's top folder.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The cargo that runs this.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(top());
    command
}

/// Runs it to its end, output as it comes; an error names the command.
pub fn run(command: &mut Command) -> Done {
    let shown = show(command);
    eprintln!("$ {shown}");
    let status = command.status().map_err(|cause| format!("cannot start {shown}: {cause}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

/// As [`run`], and gives back the lines of stdout that `keep` wants.
pub fn run_and_keep(command: &mut Command, keep: impl Fn(&str) -> bool) -> Result<Vec<String>, (String, Vec<String>)> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let mut kept = Vec::new();
    let mut child = match command.stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(cause) => return Err((format!("cannot start {shown}: {cause}"), kept)),
    };
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            if keep(&line) {
                kept.push(line);
            }
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(kept),
        Ok(status) => Err((format!("{shown}: {status}"), kept)),
        Err(cause) => Err((format!("{shown}: {cause}"), kept)),
    }
}

/// Its stdout; stderr goes through.
pub fn output(command: &mut Command) -> Result<String, String> {
    let shown = show(command);
    let output = command.stderr(Stdio::inherit()).output().map_err(|cause| format!("cannot start {shown}: {cause}"))?;
    if !output.status.success() {
        return Err(format!("{shown}: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{shown} printed something that is not text"))
}

/// Does a part of a chore and says how long it took.
pub fn timed<T>(part: &str, work: impl FnOnce() -> T) -> T {
    eprintln!("== {part}");
    let begun = Instant::now();
    let result = work();
    eprintln!("== {part}: {:.1} s", begun.elapsed().as_secs_f64());
    result
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_named() {
        assert!(run(&mut Command::new("true")).is_ok());
        assert!(run(Command::new("false").arg("x")).unwrap_err().starts_with("false x: "));
        assert!(run(&mut Command::new("/nowhere/program")).unwrap_err().contains("cannot start /nowhere/program"));
    }

    #[test]
    fn wanted_lines_are_kept_also_of_a_failure() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two; exit 3"]);
        let (what, kept) = run_and_keep(&mut command, |line| line.starts_with('t')).unwrap_err();
        assert!(what.contains('3'));
        assert_eq!(kept, ["two"]);
    }
}
