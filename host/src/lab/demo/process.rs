//! A child process: its log, its death.

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::DemoError;
use crate::node::HUNG;

/// How often a child is looked after while its end is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Of a log, in an error.
const TAIL_LINES: usize = 20;

/// A child; dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program. What it says goes to the end of the log.
    pub fn start(
        name: &'static str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        log: PathBuf,
    ) -> Result<Self, DemoError> {
        let append = || OpenOptions::new().create(true).append(true).open(&log);
        let (out, err) = (append().map_err(DemoError::io(&log))?, append().map_err(DemoError::io(&log))?);
        // A group of its own: ctrl-c is for us, and we see to the children.
        let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(out).stderr(err).process_group(0).spawn();
        Ok(Process { name, child: child.map_err(|source| DemoError::Start { name, source })?, log })
    }

    /// How it ended; none: it lives.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Whether it stood still, and was ended for that: by SIGKILL, or by itself.
    pub fn stood_still(&mut self) -> Result<bool, DemoError> {
        let ended = self.ended().map_err(DemoError::io(&self.log))?;
        Ok(ended.is_some_and(|status| status.signal() == Some(Signal::KILL.as_raw()) || status.code() == Some(HUNG)))
    }

    /// It is an error that it ended.
    pub fn must_live(&mut self) -> Result<(), DemoError> {
        match self.ended().map_err(DemoError::io(&self.log))? {
            Some(status) => Err(self.ended_by_itself(status)),
            None => Ok(()),
        }
    }

    /// `kill -9`. It may take a moment to be gone.
    pub fn kill(&mut self) -> Result<(), DemoError> {
        self.child.kill().map_err(DemoError::io(&self.log))
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// It does nothing any more, and does not know it.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    fn signal(&self, signal: Signal) {
        // One that is gone already has nothing to be told.
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, signal);
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Waits for its end.
    pub async fn wait(&mut self, within: Duration) -> Result<ExitStatus, DemoError> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended().map_err(DemoError::io(&self.log))? {
                return Ok(status);
            }
            if began.elapsed() > within {
                return Err(self.hung("its end", within));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for its end, which must be a good one.
    pub async fn succeed(mut self, within: Duration) -> Result<(), DemoError> {
        let status = self.wait(within).await?;
        if status.success() { Ok(()) } else { Err(self.ended_by_itself(status)) }
    }

    /// The error that it ended.
    pub fn ended_by_itself(&self, status: ExitStatus) -> DemoError {
        DemoError::Ended { name: self.name, status, log: self.log.clone(), tail: self.tail() }
    }

    /// The error that it hangs.
    pub fn hung(&self, what: &'static str, within: Duration) -> DemoError {
        DemoError::Hung { name: self.name, what, seconds: within.as_secs(), log: self.log.clone(), tail: self.tail() }
    }

    fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(TAIL_LINES));
        last.map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // With whatever it has started itself: a host compiles in a process of its own. Nobody could do more than try.
        if let (Ok(None), Some(group)) = (self.child.try_wait(), self.pid()) {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Process {
        Process::start("the shell", Path::new("/bin/sh"), ["-c", script], folder.join("log")).unwrap()
    }

    #[tokio::test]
    async fn a_child_that_ends_badly_is_named_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let error = shell("echo first; echo last >&2; exit 7", folder.path()).succeed(Duration::from_secs(30)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("the shell") && text.contains("7") && text.contains("  | last"), "{text}");
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_is_said_to_hang() {
        let folder = tempfile::tempdir().unwrap();
        let error = shell("exec sleep 1000", folder.path()).succeed(Duration::from_millis(50)).await.unwrap_err();
        assert!(error.to_string().contains("the shell hangs: its end"), "{error}");
    }

    #[tokio::test]
    async fn a_dropped_child_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let child = shell("exec sleep 1000", folder.path());
        let process = PathBuf::from(format!("/proc/{}", child.child.id()));
        assert!(process.exists());
        drop(child);
        assert!(!process.exists());
    }

    #[tokio::test]
    async fn what_a_dropped_child_has_started_dies_too() {
        let folder = tempfile::tempdir().unwrap();
        let child = shell("sleep 1000 & echo $!; wait", folder.path());
        let said = || std::fs::read_to_string(folder.path().join("log")).unwrap();
        while !said().ends_with('\n') {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let command = PathBuf::from(format!("/proc/{}/cmdline", said().trim()));
        // In the midst of `exec` it has none.
        while std::fs::read(&command).unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(child);
        // Dead at once, gone when the system has found the time.
        while std::fs::read(&command).is_ok_and(|line| !line.is_empty()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_child_that_is_stopped_does_nothing_and_can_be_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell("while :; do echo on; sleep 0.01; done", folder.path());
        let said = || std::fs::metadata(folder.path().join("log")).unwrap().len();
        while said() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.stop();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        while !state().contains(") T ") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.must_live().unwrap();
        assert!(!child.stood_still().unwrap());
        child.kill().unwrap();
        child.wait(Duration::from_secs(30)).await.unwrap();
        assert!(child.stood_still().unwrap());
    }

    #[tokio::test]
    async fn a_child_ends_when_it_is_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = shell("exec sleep 1000", folder.path());
        child.must_live().unwrap();
        child.terminate();
        assert!(!child.wait(Duration::from_secs(30)).await.unwrap().success());
        assert!(child.must_live().is_err());
    }
}
