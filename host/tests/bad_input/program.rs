//! The program in a folder of its own, called as a person calls it.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tandem_journal::{Record, decode};
use tempfile::TempDir;

/// Nothing here takes long: past this it hangs.
pub const HUNG: Duration = Duration::from_secs(20);

/// Waits until this is something.
pub fn wait_for<T>(what: impl Fn() -> String, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < HUNG, "hung: {}", what());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A folder with a `tandem.toml`.
pub struct Site(TempDir);

/// How a command ended, and what it said on stdout and stderr together.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub said: String,
}

impl Ended {
    /// It ended with this code, for these reasons, and without a panic. A message may be broken into lines anywhere.
    pub fn check(&self, code: i32, says: &[&str]) {
        let Ended { code: found, said } = self;
        assert_eq!(*found, Some(code), "{said}");
        assert!(!said.contains("thread '"), "a panic: {said}");
        let flat = flat(said);
        for word in says {
            assert!(flat.contains(&word.replace(' ', "")), "{word:?} is not in\n{said}");
        }
    }
}

/// Without what a frame around a message adds.
fn flat(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_whitespace() && !"│╭╰─▶×·".contains(*letter)).collect()
}

impl Site {
    pub fn new() -> Self {
        Site(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// A `tandem.toml` with this strategy at 8000 and a switch that is not there, until it says otherwise.
    pub fn options(&self, strategy: &str) -> String {
        let text = format!(
            "cluster.name = \"cc1\"
persistence.store = \"sqlite:cc1.db\"
switch.main.url = \"ws://127.0.0.1:1\"
[[node]]
id = 101
a = {{}}
[[routing-point]]
number = \"8000\"
switch = \"main\"
strategy = \"{strategy}\"
default-route = \"9000\"
"
        );
        self.write("tandem.toml", &text);
        text
    }

    /// The same with some text replaced.
    pub fn changed_options(&self, from: &str, to: &str) {
        let text = self.options("builtin:welcome");
        assert!(text.contains(from));
        self.write("tandem.toml", text.replacen(from, to, 1));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn tandem(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).ends()
    }

    /// Runs the instance 101/a to its end.
    pub fn run(&self) -> Ended {
        self.tandem(&["run", "--instance", "101/a"])
    }

    /// Starts a command.
    pub fn start(&self, arguments: &[&str]) -> Running {
        let number = fs::read_dir(self.0.path()).unwrap().count();
        let log = self.path(&format!("said-{number}.log"));
        let file = File::create(&log).unwrap();
        let child = self.command(arguments).stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Running { child, log }
    }

    /// Every record of the journal, in the order of their commits.
    pub fn journal(&self) -> Vec<Record> {
        let mut records = Vec::new();
        let mut reader = tandem_store::open_reader(&self.path("cc1.db")).unwrap();
        let mut keep = |data: &[u8]| {
            records.push(decode(data).unwrap());
            std::ops::ControlFlow::Continue(())
        };
        reader.export(&mut keep).unwrap();
        records
    }
}

/// A command under way; killed when dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has said this so many times.
    pub fn says(&mut self, what: &str, times: usize) {
        let (child, log): (_, &Path) = (&mut self.child, &self.log);
        let said = || fs::read_to_string(log).unwrap();
        wait_for(
            || format!("{what:?} was not said {times} times in\n{}", said()),
            || {
                let enough = said().matches(what).count() >= times;
                assert!(enough || child.try_wait().unwrap().is_none(), "ended without {what:?}:\n{}", said());
                enough.then_some(())
            },
        );
    }

    /// Waits for its end.
    pub fn ends(mut self) -> Ended {
        let (child, log): (_, &Path) = (&mut self.child, &self.log);
        let status = wait_for(|| fs::read_to_string(log).unwrap(), || child.try_wait().unwrap());
        Ended { code: status.code(), said: self.said() }
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Asks it to end; it must end well.
    pub fn stops(self) -> String {
        self.signal(Signal::TERM);
        let ended = self.ends();
        ended.check(0, &["ended: every commit is through"]);
        ended.said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
