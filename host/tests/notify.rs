//! `tandem run` under a service manager that is played by the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    net::TcpListener,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Past this the test hangs.
const HUNG: Duration = Duration::from_secs(60);

fn tandem(arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
    command.args(arguments).arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Addresses that are free now. All at once, so that none comes twice.
fn free<const N: usize>() -> [String; N] {
    let open = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    open.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Ends with the test, however that ends.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_backup_that_stands_is_ready_and_gives_signs_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tandem.toml");
    let [gateway, a, b] = free();
    // Nobody plays the gateway.
    let text = format!(
        "cluster.name = \"pair\"\npersistence.store = \"sqlite:pair.db\"\nswitch.main.url = \"ws://{gateway}\"\nsessions.processing-threads = 1\n\
         [[node]]\nid = 101\na = {{ admin = \"{a}\" }}\nb = {{ admin = \"{b}\" }}\n[[routing-point]]\nnumber = \"8000\"\nswitch = \"main\"\n\
         strategy = \"builtin:welcome\"\ndefault-route = \"9000\"\n"
    );
    std::fs::write(&config, text).unwrap();

    let mut first = Ends(tandem(&["run", "--instance", "101/a"], &config).spawn().unwrap());
    let began = Instant::now();
    let leads = || {
        let said = tandem(&["status"], &config).stdout(Stdio::piped()).output().unwrap();
        assert_eq!(said.status.code(), Some(1), "it serves nobody without a gateway");
        String::from_utf8(said.stdout).unwrap().contains("101/a  primary")
    };
    while !leads() {
        assert!(first.0.try_wait().unwrap().is_none(), "101/a does not run");
        assert!(began.elapsed() < HUNG, "101/a does not lead");
        std::thread::sleep(Duration::from_millis(20));
    }

    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(HUNG)).unwrap();
    let hears = || {
        let mut message = [0; 4_096];
        let length = manager.recv(&mut message).expect("the service manager hears nothing");
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let mut second = tandem(&["run", "--instance", "101/b"], &config);
    let _second = Ends(second.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000").spawn().unwrap());
    let message = hears();
    assert!(message.starts_with("READY=1\nSTATUS=101/b backup, epoch ") && message.ends_with("\nWATCHDOG=1"), "{message}");
    // Its standing may change, and it is ready once.
    for _ in 0..5 {
        let message = hears();
        assert!(message.ends_with("WATCHDOG=1") && !message.contains("READY"), "{message}");
    }
}
