//! Tells the service manager how the instance stands: systemd's `Type=notify`, as sd_notify(3) describes it. Where nobody asked
//! for it by `NOTIFY_SOCKET`, nothing is told.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::node::{Running, Status};

/// How often it looks until `READY=1` is told. Reason: whoever started the instance waits for it.
const UNTIL_READY: Duration = Duration::from_millis(50);

/// How often it looks then, at least. Reason: a person reads it.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Signs of life in each time that the manager's watchdog waits. Reason: some may be late or lost.
const SIGNS_A_WATCHDOG: u32 = 4;

/// The service manager.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// How long it waits for a sign of life before it kills; none: for ever.
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one that started this process; none: it wants to hear nothing, or cannot be told.
    pub fn from_environment() -> Option<Self> {
        let name = env::var_os("NOTIFY_SOCKET")?;
        let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| meant).map(Duration::from_micros);
        let manager = Manager::at(&name, watchdog);
        manager.inspect_err(|error| tracing::warn!("NOTIFY_SOCKET is {name:?}, where nothing can be told: {error}")).ok()
    }

    fn at(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Manager { socket, address, watchdog })
    }

    /// Tells it from now on, in a thread of its own, until the result is dropped. A thread of the instance that hangs does not
    /// answer, and so gives no sign of life.
    pub fn follow(self, running: Running) -> io::Result<Following> {
        let (ended, over) = bounded::<()>(0);
        let afterwards = self.watchdog.map_or(AFTERWARDS, |watchdog| AFTERWARDS.min(watchdog / SIGNS_A_WATCHDOG));
        let following = move || {
            let (mut told, mut warned) = (Told::default(), false);
            loop {
                let news = told.news(running.standing().as_ref(), running.is_stopping(), self.watchdog.is_some());
                if let Some((message, then)) = news {
                    match self.tell(&message) {
                        Ok(()) => told = then,
                        Err(error) if !std::mem::replace(&mut warned, true) => {
                            tracing::warn!("the service manager cannot be told ({error}); trying again");
                        }
                        Err(_) => {}
                    }
                }
                let pause = if told.ready { afterwards } else { UNTIL_READY };
                if over.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        let _: JoinHandle<()> = std::thread::Builder::new().name("notify".to_owned()).spawn(following)?;
        Ok(Following { _ended: ended })
    }

    fn tell(&self, message: &str) -> io::Result<()> {
        self.socket.send_to_addr(message.as_bytes(), &self.address).map(drop)
    }
}

/// See [`Manager::follow`].
#[derive(Debug)]
pub struct Following {
    _ended: Sender<()>,
}

/// What the manager has been told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Told {
    ready: bool,
    stopping: bool,
    status: String,
}

impl Told {
    /// What it is to be told now, and what it knows then; none: nothing. `standing`: none while the instance does not answer,
    /// because it is starting, changes its role, or hangs. `watched`: it waits for signs of life.
    fn news(&self, standing: Option<&Status>, stopping: bool, watched: bool) -> Option<(String, Told)> {
        let mut then = self.clone();
        if let Some(standing) = standing {
            then.ready |= standing.role == "backup" || standing.serves();
            let words = format!("{} {}, epoch {}, {}", standing.instance, standing.role, standing.epoch, standing.standing());
            then.status = words.replace(char::is_control, " ");
        }
        then.stopping |= stopping;
        let mut lines = Vec::new();
        lines.extend((then.ready && !self.ready).then(|| "READY=1".to_owned()));
        lines.extend((then.stopping && !self.stopping).then(|| "STOPPING=1".to_owned()));
        lines.extend((then.status != self.status).then(|| format!("STATUS={}", then.status)));
        lines.extend((watched && standing.is_some()).then(|| "WATCHDOG=1".to_owned()));
        (!lines.is_empty()).then(|| (lines.join("\n"), then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(role: &str, phase: &str) -> Status {
        Status {
            instance: "101/a".to_owned(),
            role: role.to_owned(),
            epoch: 4,
            phase: phase.to_owned(),
            held_up: None,
            stopping: false,
            reaches_switch: true,
            holder: None,
            peer: None,
            synch: None,
            switch_time: 0,
            live_sessions: None,
            sessions_in_memory: None,
            recovered: 0,
            lacking: 0,
            restarted: 0,
            replays_differed: 0,
            steps: 0,
            store: None,
        }
    }

    #[test]
    fn ready_is_a_primary_that_serves_and_a_backup_that_stands() {
        let (message, told) = Told::default().news(Some(&status("primary", "reconciling")), false, false).unwrap();
        assert_eq!(message, "STATUS=101/a primary, epoch 4, reconciling");
        let (message, told) = told.news(Some(&status("primary", "serving")), false, false).unwrap();
        assert_eq!(message, "READY=1\nSTATUS=101/a primary, epoch 4, serving");
        assert_eq!(told.news(Some(&status("primary", "serving")), false, false), None, "no news");
        let (message, _) = told.news(Some(&status("backup", "watching")), false, false).unwrap();
        assert_eq!(message, "STATUS=101/a backup, epoch 4, watching", "once is enough");
        let (message, _) = Told::default().news(Some(&status("backup", "watching")), false, false).unwrap();
        assert!(message.starts_with("READY=1\n"), "{message}");
    }

    #[test]
    fn only_one_that_answers_gives_a_sign_of_life() {
        let (_, told) = Told::default().news(Some(&status("backup", "watching")), false, true).unwrap();
        assert_eq!(told.news(Some(&status("backup", "watching")), false, true), Some(("WATCHDOG=1".to_owned(), told.clone())));
        assert_eq!(told.news(None, false, true), None);
        let (message, stopping) = told.news(None, true, true).unwrap();
        assert_eq!(message, "STOPPING=1");
        assert_eq!(stopping.news(None, true, true), None);
    }

    #[test]
    fn what_holds_it_up_is_one_line() {
        let held_up = Status { held_up: Some("no room\nREADY=1".to_owned()), ..status("primary", "serving") };
        let (message, told) = Told::default().news(Some(&held_up), false, false).unwrap();
        assert_eq!(message, "STATUS=101/a primary, epoch 4, serving, but commits are held up: no room READY=1");
        assert!(!told.ready);
    }

    #[test]
    fn it_is_told_at_a_path_and_under_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let abstract_name = format!("tandem-test-{}", std::process::id());
        let hearing = [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&abstract_name).unwrap()).unwrap(),
                format!("@{abstract_name}").into(),
            ),
        ];
        for (socket, name) in hearing {
            socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            Manager::at(&name, None).unwrap().tell("READY=1").unwrap();
            let mut heard = [0; 64];
            let length = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1");
        }
        let nobody = Manager::at(folder.path().join("nobody").as_os_str(), None).unwrap();
        assert!(nobody.tell("READY=1").is_err());
    }

    #[test]
    fn an_instance_that_is_told_to_end_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let running = Running::default();
        running.stop();
        let _following = Manager::at(path.as_os_str(), Some(Duration::from_secs(4))).unwrap().follow(running).unwrap();
        let mut heard = [0; 64];
        let length = socket.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"STOPPING=1");
    }
}
