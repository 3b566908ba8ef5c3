//! The pair's folder: its options, its store, its processes and their logs.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::Value;

use super::super::steps::KillOnDrop;

/// How long an instance may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Of a log, in an error.
const TAIL_BYTES: usize = 2_000;

/// See the module.
pub struct Site {
    folder: PathBuf,
    hosts: Vec<(char, SocketAddr, Option<KillOnDrop>)>,
}

impl Site {
    /// Writes the options: `8000` is persisted, `8001` starts again.
    pub fn new(folder: &Path, switch: SocketAddr) -> miette::Result<Self> {
        let folder = folder.canonicalize().into_diagnostic()?;
        // All at once, so that none comes twice.
        let free = [(); 4].map(|()| TcpListener::bind(("127.0.0.1", 0)));
        let mut addresses = Vec::new();
        for listener in free {
            addresses.push(listener.and_then(|listener| listener.local_addr()).into_diagnostic()?);
        }
        let [synch_a, admin_a, synch_b, admin_b] = addresses[..] else { return Err(miette!("no four ports are free")) };
        fs::write(folder.join("persisted.wasm"), tandem_strategies::BENCH_GUEST).into_diagnostic()?;
        fs::write(folder.join("restarted.wasm"), tandem_strategies::RESTARTED_GUEST).into_diagnostic()?;
        let mut text = format!(
            "cluster.name = \"bench\"\npersistence.store = \"sqlite:pair.db\"\nswitch.bench.url = \"ws://{switch}\"\n\
             [[node]]\nid = 101\na = {{ synch = \"{synch_a}\", admin = \"{admin_a}\" }}\nb = {{ synch = \"{synch_b}\", admin = \"{admin_b}\" }}\n"
        );
        for (number, guest) in [("8000", "persisted.wasm"), ("8001", "restarted.wasm")] {
            text += &format!(
                "[[routing-point]]\nnumber = \"{number}\"\nswitch = \"bench\"\nstrategy = {:?}\ndefault-route = \"9000\"\n",
                folder.join(guest).display().to_string()
            );
        }
        fs::write(folder.join("tandem.toml"), text).into_diagnostic()?;
        Ok(Site { folder, hosts: vec![('a', admin_a, None), ('b', admin_b, None)] })
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.folder.join("pair.db")
    }

    fn log(&self, letter: char) -> PathBuf {
        self.folder.join(format!("{letter}.log"))
    }

    /// Starts an instance.
    pub fn start(&mut self, letter: char) -> miette::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(self.log(letter)).into_diagnostic()?;
        let exe = std::env::current_exe().into_diagnostic()?;
        let mut command = Command::new(exe);
        command.args(["run", "--instance", &format!("101/{letter}"), "--config"]).arg(self.folder.join("tandem.toml"));
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().into_diagnostic()?).stderr(log).spawn().into_diagnostic()?;
        if let Some((_, _, host)) = self.hosts.iter_mut().find(|(of, ..)| *of == letter) {
            *host = Some(KillOnDrop(child));
        }
        Ok(())
    }

    fn host(&self, letter: char) -> miette::Result<(SocketAddr, &KillOnDrop)> {
        let host = self.hosts.iter().find(|(of, ..)| *of == letter).and_then(|(_, admin, host)| Some((*admin, host.as_ref()?)));
        host.ok_or_else(|| miette!("the bench's instance {letter} does not run"))
    }

    /// `kill -9`; it may take a moment to be gone.
    pub fn kill(&mut self, letter: char) -> miette::Result<()> {
        let host = self.hosts.iter_mut().find(|(of, ..)| *of == letter).and_then(|(_, _, host)| host.as_mut());
        host.map_or(Ok(()), |host| host.0.kill()).into_diagnostic()
    }

    /// Whether its backup could take over without losing anything.
    pub fn is_covered(&self, letter: char) -> bool {
        let status = self.ask(letter, "GET", "/status").ok().and_then(|answer| serde_json::from_str::<Value>(&answer).ok());
        status.is_some_and(|status| status.pointer("/peer/ready") == Some(&Value::Bool(true)))
    }

    /// Asks for a planned switchover.
    pub fn hand_over(&self, letter: char) -> miette::Result<()> {
        let answer = self.ask(letter, "POST", "/switchover")?;
        if answer.trim() == "101/b" { Ok(()) } else { Err(miette!("the bench's switchover was refused: {answer}")) }
    }

    fn ask(&self, letter: char, method: &str, path: &str) -> miette::Result<String> {
        let (address, _) = self.host(letter)?;
        let mut answer = String::new();
        let asked = TcpStream::connect(address).and_then(|mut stream| {
            stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
            write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
            stream.read_to_string(&mut answer)
        });
        asked.into_diagnostic().wrap_err_with(|| format!("the bench's instance {letter} does not answer"))?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).ok_or_else(|| miette!("it answered {answer:?}"))
    }

    /// CPU time of an instance so far, to a tick of 10 ms.
    pub fn cpu(&self, letter: char) -> miette::Result<Duration> {
        let (_, host) = self.host(letter)?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", host.0.id())).into_diagnostic()?;
        // Behind the command, which may hold blanks, user and system time are the 12th and 13th fields.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(10 * ticks))
    }

    /// The ends of the logs.
    pub fn logs(&self) -> String {
        let tail = |letter| {
            let log = fs::read_to_string(self.log(letter)).unwrap_or_default();
            let from = (log.len().saturating_sub(TAIL_BYTES)..log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or(log.len());
            format!("{letter}: {}\n", log.get(from..).unwrap_or_default())
        };
        tail('a') + &tail('b')
    }
}
