//! Where a run takes place: a folder with the options, the store, the record and the logs; and how its two processes are called.

use std::{
    ffi::OsString,
    fmt::Write,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use super::{Calls, DemoError, Plan, process::Process, wire::Wire};

/// The groups behind `ivr-menu`'s digits in a trace: the service types, by the digit that their callers press.
const TRACE_CHOICES: &str = "1=group:PS,2=group:PE,3=group:IN,4=group:NE,5=group:NW,6=group:TT";

/// Mean talk in a generated run, seconds: `tandem simswitch`'s own default.
const TALK_S: f64 = 180.0;

/// Agents for each one that the calls of a group keep busy. Reason: with a little too few, calls wait, and a kill meets more of them.
const STAFFING: f64 = 0.95;

/// What generated callers press: at the menu, at the survey's questions, to hear the hours again, where six digits are asked for.
const PRESSES: [&str; 5] = [
    "8000=",
    "8001=1:45,2:25,3:15,0:8,7:4,:3",
    "8002=1:10,2:10,3:20,4:30,5:20,9:4,:16",
    "8003=1:30,:70",
    "8004=271828:60,314159:30,27:5,:5",
];

/// The store's file.
const STORE: &str = "demo.db";

/// The node's id.
const NODE: tandem_words::NodeId = 101;

/// A group of a generated run, and its share of all calls to strategies that route.
const GROUPS: [(&str, f64); 4] = [("agents", 0.36), ("sales", 0.16), ("support", 0.09), ("billing", 0.06)];

/// Of an instance: `a` in 101/a.
pub type Letter = char;

/// One run's folder.
#[derive(Debug)]
pub struct Site {
    folder: PathBuf,
    /// Of a pair: where each instance listens.
    ports: Vec<Ports>,
}

/// Of one instance.
#[derive(Debug)]
struct Ports {
    letter: Letter,
    synch: SocketAddr,
    admin: SocketAddr,
    /// Where the other one finds its synch port: a wire that can be cut.
    wire: TcpListener,
}

impl Site {
    /// Makes the folder, for one instance or for a pair.
    pub fn new(folder: PathBuf, is_pair: bool) -> Result<Self, DemoError> {
        std::fs::create_dir_all(&folder).map_err(DemoError::io(&folder))?;
        let folder = folder.canonicalize().map_err(DemoError::io(&folder))?;
        let ports = if is_pair { Ports::free()? } else { Vec::new() };
        let site = Site { folder, ports };
        // A store of an earlier run would be recovered, and its calls are gone.
        for old in [STORE, "demo.db-wal", "demo.db-shm", "ready.json"] {
            let old = site.file(old);
            match std::fs::remove_file(&old) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(DemoError::Io { path: old, source: error }),
                _ => {}
            }
        }
        Ok(site)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the switch wrote down.
    pub fn record(&self) -> PathBuf {
        self.file("record.jsonl")
    }

    /// The exported journal.
    pub fn journal(&self) -> PathBuf {
        self.file("journal.jsonl")
    }

    fn options(&self) -> PathBuf {
        self.options_of('a')
    }

    /// The file of an instance. They differ in one thing: the other one's synch port is at the wire that leads there.
    fn options_of(&self, letter: Letter) -> PathBuf {
        self.file(if letter == 'a' { "tandem.toml" } else { "tandem-b.toml" })
    }

    /// The wires between the two, to be called once, by a runtime.
    pub fn wires(&self) -> Result<Vec<Wire>, DemoError> {
        let wire = |ports: &Ports| {
            let listener = ports.wire.try_clone().and_then(|listener| {
                listener.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(listener)
            });
            Ok(Wire::new(listener.map_err(DemoError::io(ports.synch.to_string()))?, ports.synch))
        };
        self.ports.iter().map(wire).collect()
    }

    /// Writes the options files: the switch, whose gateway listens there, and the strategies.
    pub fn write_options(&self, plan: &Plan, switch: SocketAddr) -> Result<(), DemoError> {
        self.letters().into_iter().try_for_each(|letter| self.write_options_of(letter, plan, switch))
    }

    fn write_options_of(&self, own: Letter, plan: &Plan, switch: SocketAddr) -> Result<(), DemoError> {
        let mut text = format!(
            "\
# Written by `tandem demo`.
cluster.name = \"demo\"
persistence.store = \"sqlite:demo.db\"
switch.main.url = \"ws://{switch}\"

[[node]]
id = {NODE}
"
        );
        if self.ports.is_empty() {
            text.push_str("a = {}\n");
        }
        for Ports { letter, synch, admin, wire } in &self.ports {
            let there = wire.local_addr().map_err(DemoError::io(synch.to_string()))?;
            let synch = if *letter == own { *synch } else { there };
            let _ = writeln!(text, "{letter} = {{ synch = \"{synch}\", admin = \"{admin}\" }}");
        }
        // As long as the caller: whoever is not answered hangs up, and no strategy sends a call to its default route.
        match &plan.calls {
            Calls::Trace { .. } => {
                let parameters = format!("wait-s = 0, person = \"group:PS\", choices = \"{TRACE_CHOICES}\"");
                routing_point(&mut text, "8001", "builtin:ivr-menu", &parameters);
            }
            Calls::Generated { .. } => {
                routing_point(&mut text, "8000", "builtin:welcome", "wait-s = 0");
                routing_point(&mut text, "8001", "builtin:ivr-menu", "wait-s = 0");
                routing_point(&mut text, "8002", "builtin:survey", "");
                routing_point(&mut text, "8003", "builtin:hours", "");
                if let Some(path) = &plan.one_more {
                    routing_point(&mut text, "8004", &absolute(path)?.display().to_string(), "");
                }
            }
        }
        let path = self.options_of(own);
        std::fs::write(&path, text).map_err(DemoError::io(path))
    }

    /// Starts `tandem simswitch`; it says in `ready.json` when it listens.
    pub fn start_switch(&self, plan: &Plan) -> Result<Process, DemoError> {
        let mut arguments: Vec<OsString> = ["simswitch", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"].map(OsString::from).into();
        let mut add = |name: &str, value: OsString| arguments.extend([OsString::from(name), value]);
        add("--config", self.options().into());
        add("--record", self.record().into());
        add("--ready-file", self.file("ready.json").into());
        add("--speed", plan.speed.to_string().into());
        add("--seed", plan.seed.to_string().into());
        match &plan.calls {
            Calls::Trace { file, from, hours } => {
                add("--trace", absolute(file)?.into());
                from.iter().for_each(|from| add("--from", from.into()));
                hours.iter().for_each(|hours| add("--hours", hours.to_string().into()));
            }
            Calls::Generated { calls_per_hour, hours } => {
                add("--calls-per-hour", calls_per_hour.to_string().into());
                add("--hours", hours.to_string().into());
                let numbers = if plan.one_more.is_some() { 5 } else { 4 };
                add("--agents", agents(*calls_per_hour, numbers).into());
                PRESSES.iter().take(numbers).for_each(|presses| add("--digits", presses.into()));
            }
        }
        Process::start("the simulated switch", &plan.program, arguments, self.file("switch.log"))
    }

    /// Starts `tandem run`.
    pub fn start_host(&self, plan: &Plan, letter: Letter) -> Result<Process, DemoError> {
        let (options, instance) = (self.options_of(letter), format!("{NODE}/{letter}"));
        let arguments = [OsString::from("run"), "--instance".into(), instance.into(), "--config".into(), options.into()];
        let (name, log) = if letter == 'a' { ("the host", "host.log") } else { ("the other host", "host-b.log") };
        Process::start(name, &plan.program, arguments, self.file(log))
    }

    /// Starts `tandem switchover`.
    pub fn start_switchover(&self, plan: &Plan) -> Result<Process, DemoError> {
        let arguments = [OsString::from("switchover"), NODE.to_string().into(), "--config".into(), self.options().into()];
        Process::start("tandem switchover", &plan.program, arguments, self.file("switchover.log"))
    }

    /// The instances of the run.
    pub fn letters(&self) -> Vec<Letter> {
        if self.ports.is_empty() { vec!['a'] } else { self.ports.iter().map(|ports| ports.letter).collect() }
    }

    /// Where an instance of a pair tells how it stands.
    pub fn admin(&self, letter: Letter) -> Option<SocketAddr> {
        self.ports.iter().find(|ports| ports.letter == letter).map(|ports| ports.admin)
    }

    /// The process that has the node's lease; none: it was given back, or nobody ever had it.
    pub fn lease_holder(&self) -> Result<Option<u32>, DemoError> {
        let path = self.file(STORE);
        let lease = tandem_store::open_reader(&path).and_then(|mut reader| reader.lease(NODE));
        let lease = lease.map_err(|error| DemoError::Io { path, source: std::io::Error::other(error) })?;
        Ok(lease.filter(|row| !row.released).map(|row| row.holder.pid))
    }

    /// Starts `tandem journal --export`.
    pub fn start_export(&self, plan: &Plan) -> Result<Process, DemoError> {
        let arguments = [OsString::from("journal"), "--export".into(), self.journal().into(), "--config".into(), self.options().into()];
        Process::start("tandem journal", &plan.program, arguments, self.file("export.log"))
    }
}

impl Ports {
    /// Of both instances, that nobody listens on. Somebody else may take one before the instance does; then it says so and the run
    /// ends.
    fn free() -> Result<Vec<Self>, DemoError> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let open = || TcpListener::bind(loopback).map_err(DemoError::io(loopback.to_string()));
        // All at once, so that none comes twice.
        let open = [('a', open()?, open()?, open()?), ('b', open()?, open()?, open()?)];
        let address = |listener: &TcpListener| listener.local_addr().map_err(DemoError::io(loopback.to_string()));
        let ports = |(letter, synch, admin, wire)| Ok(Ports { letter, synch: address(&synch)?, admin: address(&admin)?, wire });
        open.into_iter().map(ports).collect()
    }
}

fn routing_point(text: &mut String, number: &str, strategy: &str, parameters: &str) {
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n[[routing-point]]\nnumber = \"{number}\"\nswitch = \"main\"\nstrategy = {strategy:?}\ndefault-route = \"9000\"\nparameters = {{ {parameters} }}\n"
    );
}

/// So many for each group that a few calls wait; one of the numbers routes nobody.
fn agents(calls_per_hour: f64, numbers: usize) -> String {
    let routed = calls_per_hour * (numbers as f64 - 1.0) / numbers as f64;
    let of = |(group, share): &(&str, f64)| {
        let busy = routed * share * TALK_S / 3_600.0;
        format!("{group}={}", (busy * STAFFING).ceil().max(1.0))
    };
    GROUPS.iter().map(of).collect::<Vec<_>>().join(",")
}

fn absolute(path: &Path) -> Result<PathBuf, DemoError> {
    path.canonicalize().map_err(DemoError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::Speed,
        lab::demo::{Blow, When},
        options::Options,
    };

    #[test]
    fn the_options_of_one_instance_and_of_a_pair_can_be_read() {
        let calls = Calls::Generated { calls_per_hour: 600.0, hours: 1.0 };
        let (program, oracle) = (PathBuf::new(), PathBuf::new());
        let pair = Some(vec![Blow::Kill]);
        let when = When::default();
        let plan = Plan { program, oracle, seed: 1, speed: Speed::Max, calls, one_more: None, kills: 1, when, pair, twin: false };
        for is_pair in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let site = Site::new(folder.path().to_owned(), is_pair).unwrap();
            site.write_options(&plan, "127.0.0.1:7400".parse().unwrap()).unwrap();
            let options = Options::load(&site.options()).unwrap().options;
            let node = &options.nodes[0];
            assert_eq!((node.a.is_some(), node.b.is_some()), (true, is_pair));
            if is_pair {
                let other = Options::load(&site.options_of('b')).unwrap().options;
                let synch = |options: &Options| {
                    let instance = |instance: &Option<crate::options::Instance>| instance.as_ref().unwrap().synch.clone().unwrap().port;
                    [instance(&options.nodes[0].a), instance(&options.nodes[0].b)]
                };
                assert!(synch(&options).iter().zip(synch(&other)).all(|(port, of_other)| *port != of_other), "each goes by a wire");
                assert!(options.fingerprint().unwrap().differing(&other.fingerprint().unwrap()).is_empty());
            }
            assert_eq!(site.letters(), if is_pair { vec!['a', 'b'] } else { vec!['a'] });
            let admins = site.letters().into_iter().filter_map(|letter| site.admin(letter));
            let admins: std::collections::BTreeSet<_> = admins.collect();
            assert_eq!(admins.len(), if is_pair { 2 } else { 0 });
            assert_eq!(site.lease_holder().ok(), None, "there is no store yet");
        }
    }
}
