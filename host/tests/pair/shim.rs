//! Faults at exact places of a real process. `shim.c` is loaded before the program, which knows nothing of it; a shared file tells it
//! what to do. `freeze.c` holds one thread from outside.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Where the process stops, once, as by SIGSTOP.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// The next commit is about to ask for SQLite's write lock.
    BeforeATransaction = 1,
    /// It has that lock, and its pages are written; nobody has been told.
    InACommit = 2,
    /// Half of a message to the gateway has left.
    InASend = 3,
}

/// As `shim.c` reads them: 64 bits each.
const ARMED: u64 = 0;
const STOPS: u64 = 8;
const PORT: u64 = 16;
const WALL_AHEAD_S: u64 = 24;
const BOOT_AHEAD_S: u64 = 32;
const BYTES: u64 = 40;

/// The orders for one process.
pub struct Shim {
    pub library: PathBuf,
    pub orders: PathBuf,
    file: File,
}

impl Shim {
    /// In this folder; `switch`: the address of the gateway.
    pub fn new(folder: &Path, name: &str, switch: &str) -> Self {
        let (library, orders) = (folder.join("shim.so"), folder.join(format!("{name}.orders")));
        if !library.exists() {
            compile("shim.c", &library, &["-shared", "-fPIC", "-ldl"]);
        }
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&orders).unwrap();
        file.set_len(BYTES).unwrap();
        let shim = Shim { library, orders, file };
        shim.write(PORT, switch.rsplit_once(':').unwrap().1.parse().unwrap());
        shim
    }

    pub fn arm(&self, place: Place) {
        self.write(ARMED, place as i64);
    }

    /// How often it has stopped where it was told to.
    pub fn stops(&self) -> i64 {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, STOPS).unwrap();
        i64::from_ne_bytes(bytes)
    }

    /// Its clocks are so far ahead from now on: the wall clock, and the one that counts suspends.
    pub fn turn(&self, wall_s: i64, boot_s: i64) {
        self.write(WALL_AHEAD_S, wall_s);
        self.write(BOOT_AHEAD_S, boot_s);
    }

    fn write(&self, at: u64, number: i64) {
        self.file.write_all_at(&number.to_ne_bytes(), at).unwrap();
    }
}

/// A thread that is held; it goes on when this is dropped.
pub struct Frozen(Child);

impl Frozen {
    /// The thread of this name, of at most 15 letters. None: the system lets nobody do so (told).
    pub fn thread(folder: &Path, pid: u32, name: &str) -> Option<Self> {
        let program = folder.join("freeze");
        if !program.exists() {
            compile("freeze.c", &program, &[]);
        }
        let mut child = Command::new(&program).args([&pid.to_string(), name]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said == "frozen\n" {
            return Some(Frozen(child));
        }
        assert_eq!(child.wait().unwrap().code(), Some(2), "there is no thread {name}");
        eprintln!("skipped: this system lets nobody hold the thread of another process");
        None
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn compile(source: &str, output: &Path, more: &[&str]) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pair").join(source);
    let mut compiler = Command::new("cc");
    let made = compiler.args(["-O1", "-o"]).arg(output).arg(&source).args(more).output();
    let made = made.unwrap_or_else(|error| panic!("cc: {error}; a C compiler is needed, as for SQLite"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
