//! A pair and a switch, as processes of their own.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::shim::Shim;
use crate::wire::Wire;

/// Past this the test hangs.
const HUNG: Duration = Duration::from_secs(90);

pub struct Site {
    folder: tempfile::TempDir,
    switch: Child,
    control: String,
    gateway: String,
    admin: [String; 2],
    pub synch: [String; 2],
    hosts: [Option<Child>; 2],
    /// What each finds the other's synch port by.
    wires: [Wire; 2],
    shims: [Option<Shim>; 2],
    mounted: Option<PathBuf>,
}

fn tandem(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Until it gives something.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < HUNG, "it hangs: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

const BUILT_IN: [(&str, &str, &str); 3] =
    [("8000", "builtin:welcome", "wait-s = 0"), ("8001", "builtin:ivr-menu", "wait-s = 0"), ("8002", "builtin:survey", "")];

fn index(letter: char) -> usize {
    usize::from(letter == 'b')
}

/// Addresses that are free now. All at once, so that none comes twice.
fn free<const N: usize>() -> [String; N] {
    let open = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    open.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Body of the answer; none: nobody answers.
fn ask(address: &str, method: &str, path: &str) -> Option<String> {
    Some(ask_all(address, method, path)?.split_once("\r\n\r\n")?.1.to_owned())
}

fn ask_all(address: &str, method: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

impl Site {
    /// The switch runs, at twenty times the speed; the hosts do not. `lease`: lines for `[lease]`.
    pub fn new(lease: &str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), lease, "pair.db", &BUILT_IN)
    }

    /// With the store on a disk of this size, mounted for this test and its children only: see `full_disk.rs`.
    pub fn on_a_disk_of(size: &str, lease: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        std::fs::create_dir(&disk).unwrap();
        let option = format!("size={size}");
        assert!(Command::new("mount").args(["-t", "tmpfs", "-o", &option, "none"]).arg(&disk).status().unwrap().success());
        let mut site = Self::within(folder, lease, "disk/pair.db", &BUILT_IN);
        site.mounted = Some(disk);
        site
    }

    /// With a strategy that is not persisted, and nothing else.
    pub fn not_persisted() -> Self {
        let points = [("8003", tandem_test_guests::guest("listener").unwrap().path, "")];
        Self::within(tempfile::tempdir().unwrap(), "timeout = \"3s\"", "pair.db", &points)
    }

    /// With a component in a file, which may be replaced: the strategy `welcome`.
    pub fn with_component(lease: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("strategy.wasm"), tandem_strategies::strategy("welcome").unwrap().wasm).unwrap();
        Self::within(folder, lease, "pair.db", &[("8000", "strategy.wasm", "wait-s = 0")])
    }

    /// Routing points: number, strategy, parameters.
    fn within(folder: tempfile::TempDir, lease: &str, store: &str, points: &[(&str, &str, &str)]) -> Self {
        let [switch, admin_a, admin_b, synch_a, synch_b] = free();
        let (admin, synch) = ([admin_a, admin_b], [synch_a, synch_b]);
        let near = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [near_a, near_b] = near.each_ref().map(|listener| listener.local_addr().unwrap().to_string());
        let config = folder.path().join("tandem.toml");
        let mut text = format!(
            "cluster.name = \"pair\"\npersistence.store = \"sqlite:{store}\"\nswitch.main.url = \"ws://{switch}\"\nsessions.processing-threads = 2\n\
             [lease]\n{lease}\n[[node]]\nid = 101\na = {{ admin = \"{}\", synch = \"{}\" }}\nb = {{ admin = \"{}\", synch = \"{}\" }}\n",
            admin[0], synch[0], admin[1], near_b
        );
        for (number, strategy, parameters) in points {
            text += &format!(
                "[[routing-point]]\nnumber = \"{number}\"\nswitch = \"main\"\nstrategy = \"{strategy}\"\ndefault-route = \"9000\"\n\
                 parameters = {{ {parameters} }}\n"
            );
        }
        std::fs::write(&config, &text).unwrap();
        // Each has its own port there, and the other's at the wire that leads to it.
        let of_b = text.replace(&synch[0], &near_a).replace(&near_b, &synch[1]);
        std::fs::write(folder.path().join("tandem-b.toml"), of_b).unwrap();
        let mut far = synch.clone().into_iter();
        let wires = near.map(|near| Wire::new(near, far.next().unwrap()));
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let ready = file("ready.json");
        let places = ["simswitch", "--listen", &switch, "--control", "127.0.0.1:0", "--config", config.to_str().unwrap()];
        let files = ["--record", &file("record.jsonl"), "--ready-file", &ready, "--speed", "20x", "--seed", "7", "--hours", "2"];
        let calls = ["--calls-per-hour", "1200", "--agents", "agents=24,sales=12,support=8,billing=6"];
        let digits = ["8001=1:45,2:25,3:15,0:8,7:4,:3", "8003=5:1"]
            .into_iter()
            .filter(|digits| points.iter().any(|(number, ..)| digits.starts_with(number)));
        let digits: Vec<_> = digits.flat_map(|digits| ["--digits", digits]).collect();
        let log = std::fs::File::create(folder.path().join("switch.log")).unwrap();
        let mut command = tandem(&[&places[..], &files[..], &calls[..], &digits[..]].concat());
        let mut switch = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let said = until("the switch's beginning", || {
            assert!(switch.try_wait().unwrap().is_none(), "{}", std::fs::read_to_string(folder.path().join("switch.log")).unwrap());
            std::fs::read(&ready).ok()
        });
        let control = serde_json::from_slice::<Value>(&said).unwrap()["control_on"].as_str().unwrap().to_owned();
        let (hosts, shims) = ([None, None], [None, None]);
        Site { folder, switch, control, gateway: places[2].to_owned(), admin, synch, hosts, wires, shims, mounted: None }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> String {
        self.file("tandem.toml").to_str().unwrap().to_owned()
    }

    /// Runs a command to its end.
    pub fn tandem(&self, arguments: &[&str]) -> (bool, String) {
        let Output { status, stdout, stderr } = tandem(&[arguments, &["--config", &self.config()]].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        // Errors are wrapped to the width of a terminal.
        (status.success(), said.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" "))
    }

    pub fn starts(&mut self, letter: char) {
        let config = self.file(if letter == 'a' { "tandem.toml" } else { "tandem-b.toml" });
        self.starts_as(&[], letter, config.to_str().unwrap());
    }

    /// Started by another program that does something first (its arguments end where the program's begin), with this file of options.
    pub fn starts_as(&mut self, by: &[&str], letter: char, config: &str) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.file(&format!("{letter}.log"))).unwrap();
        let name = format!("101/{letter}");
        let (program, before) = by.split_first().map_or((env!("CARGO_BIN_EXE_tandem"), [].as_slice()), |(program, more)| (*program, more));
        let mut command = Command::new(program);
        command.args(before).args((!by.is_empty()).then_some(env!("CARGO_BIN_EXE_tandem")));
        command.args(["run", "--instance", &name, "--config", config]).stdin(Stdio::null());
        if let Some(shim) = &self.shims[index(letter)] {
            command.env("LD_PRELOAD", &shim.library).env("TANDEM_TEST_SHIM", &shim.orders);
        }
        self.hosts[index(letter)] = Some(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    }

    /// From its next start on the instance can be told where to stop.
    pub fn shim(&mut self, letter: char) {
        self.shims[index(letter)] = Some(Shim::new(self.folder.path(), &letter.to_string(), &self.gateway));
    }

    pub fn orders(&self, letter: char) -> &Shim {
        self.shims[index(letter)].as_ref().unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process is the caller's from now on, and another one may be started.
    pub fn leaves(&mut self, letter: char) -> Child {
        self.hosts[index(letter)].take().unwrap()
    }

    /// Its admin port.
    pub fn status_address(&self, letter: char) -> String {
        self.admin[index(letter)].clone()
    }

    /// What monitoring is told; the whole answer.
    pub fn metrics(&self, letter: char) -> String {
        ask_all(&self.admin[index(letter)], "GET", "/metrics").unwrap_or_default()
    }

    /// Whether it has not ended.
    pub fn lives(&mut self, letter: char) -> bool {
        self.hosts[index(letter)].as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// What the instance has logged.
    pub fn log(&self, letter: char) -> String {
        std::fs::read_to_string(self.file(&format!("{letter}.log"))).unwrap_or_default()
    }

    /// `kill -SIGNAL`.
    pub fn signals(&self, letter: char, signal: &str) {
        let pid = self.pid(letter).to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    pub fn pid(&self, letter: char) -> u32 {
        self.hosts[index(letter)].as_ref().unwrap().id()
    }

    pub fn ends(&mut self, letter: char) -> ExitStatus {
        let mut child = self.hosts[index(letter)].take().unwrap();
        until(&format!("{letter}'s end"), || child.try_wait().unwrap())
    }

    pub fn status(&self, letter: char) -> Option<Value> {
        serde_json::from_str(&ask(&self.admin[index(letter)], "GET", "/status")?).ok()
    }

    /// Whether `/readyz` says so.
    pub fn is_ready(&self, letter: char) -> bool {
        ask_all(&self.admin[index(letter)], "GET", "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// Waits until it is primary and serves.
    pub fn serves(&self, letter: char) -> Value {
        self.stands(letter, |status| status["role"] == "primary" && status["phase"] == "serving")
    }

    /// Waits until it is backup, reaches the switch, and knows who is primary.
    pub fn watches(&self, letter: char) -> Value {
        self.stands(letter, |status| status["role"] == "backup" && status["reaches_switch"] == true && status["holder"].is_string())
    }

    /// Waits until the primary's backup could take over without losing anything.
    pub fn has_a_backup(&self, letter: char) -> Value {
        self.stands(letter, |status| status["peer"]["ready"] == true)
    }

    /// The connection between the two breaks, and none comes about.
    pub fn cuts_the_link(&self) {
        self.wires.iter().for_each(Wire::cut);
    }

    pub fn mends_the_link(&self) {
        self.wires.iter().for_each(Wire::mend);
    }

    /// The gateway dies with all it knew, and begins again after 200 ms.
    pub fn kills_the_gateway(&self) {
        ask(&self.control, "POST", "/kill-gateway/200").unwrap();
    }

    /// Waits until it has started so many sessions again.
    pub fn has_restarted(&self, letter: char, sessions: u64) {
        self.stands(letter, |status| status["restarted"].as_u64() >= Some(sessions));
    }

    /// What the switch has written down so far.
    pub fn record(&self) -> String {
        std::fs::read_to_string(self.file("record.jsonl")).unwrap_or_default()
    }

    pub fn stands(&self, letter: char, good: impl Fn(&Value) -> bool) -> Value {
        let look = || self.status(letter).filter(&good);
        let began = Instant::now();
        while began.elapsed() < HUNG {
            if let Some(status) = look() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{letter} stands at {:?}\n{}\n{}", self.status(letter), self.log('a'), self.log('b'));
    }

    /// a is primary, b its backup, and calls are under way.
    pub fn runs(&mut self) {
        self.starts('a');
        self.serves('a');
        self.starts('b');
        self.watches('b');
        self.calls_live(10);
    }

    pub fn calls_live(&self, calls: u64) {
        until("calls", || self.switch_status().filter(|status| status["live_calls"].as_u64() >= Some(calls)));
    }

    pub fn switch_status(&self) -> Option<Value> {
        serde_json::from_str(&ask(&self.control, "GET", "/status")?).ok()
    }

    /// No more calls come; those that live end.
    pub fn calls_end(&mut self) {
        ask(&self.control, "POST", "/stop-arrivals").unwrap();
        let began = Instant::now();
        let ended = loop {
            if let Some(ended) = self.switch.try_wait().unwrap() {
                break ended;
            }
            let stand = || (self.switch_status(), self.status('a'), self.status('b'), self.log('a'), self.log('b'));
            assert!(began.elapsed() < HUNG, "the run does not end: {:#?}", stand());
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(ended.success(), "{}", std::fs::read_to_string(self.file("switch.log")).unwrap());
        for letter in ['a', 'b'] {
            if self.hosts[index(letter)].is_some() {
                self.signals(letter, "TERM");
                let ended = self.ends(letter);
                assert!(ended.success(), "{letter}: {ended}\n{}", self.log(letter));
            }
        }
    }

    /// No more calls come; those that live end. Then everything that the switch wrote down must agree with the journal.
    pub fn ends_well(self) -> Value {
        let report = self.judged();
        assert_eq!(report["clean"], true, "{report:#}");
        report
    }

    /// As [`Site::ends_well`], but nothing of what was found is held against anybody.
    pub fn judged(mut self) -> Value {
        self.calls_end();
        let (journal, report) = (self.file("journal.jsonl"), self.file("oracle.json"));
        let (exported, said) = self.tandem(&["journal", "--export", journal.to_str().unwrap()]);
        assert!(exported, "{said}");
        let oracle = Path::new(env!("CARGO_BIN_EXE_tandem")).with_file_name("tandem-oracle");
        let judged = Command::new(&oracle).args([&self.file("record.jsonl"), &journal, Path::new("--json"), &report]).output();
        let judged =
            judged.unwrap_or_else(|error| panic!("{}: {error}; build it: cargo build --release -p tandem-oracle", oracle.display()));
        if !judged.status.success() {
            // Shown with whatever the test then says.
            println!("{}\n{}\n{}", String::from_utf8_lossy(&judged.stdout), self.log('a'), self.log('b'));
        }
        serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for child in self.hosts.iter_mut().flatten().chain([&mut self.switch]) {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(disk) = &self.mounted {
            let _ = Command::new("umount").arg("-l").arg(disk).status();
        }
    }
}
