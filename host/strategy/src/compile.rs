//! Compiling, in this process or in one of its own.
//!
//! Compiling takes memory (400 MB for Python's components) and trusts a large compiler with bytes from outside. In a
//! process of its own neither can hurt the sessions of this one.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use crate::{Engine, EngineLimits, LoadError, engine};

/// Stands at the end of a compiled component, behind the SHA-256 of all before it: the beginning must be wasmtime's.
pub(crate) const MAGIC: &[u8; 8] = b"TANDEMc1";
/// Bytes of hash and magic.
pub(crate) const SEAL_BYTES: usize = 32 + MAGIC.len();

/// Between two looks at the compiling process.
const POLL: Duration = Duration::from_millis(5);
/// Of what a failed one had to say.
const ERROR_BYTES: u64 = 2_000;

/// Who compiles.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// This process: tests, the lab.
    InProcess,
    /// `exe args… IN OUT`, which must call [`compile_to`]: the binary starts itself with a hidden subcommand.
    Subprocess {
        /// Usually `std::env::current_exe()`.
        exe: PathBuf,
        /// The hidden subcommand.
        args: Vec<String>,
    },
}

/// What the hidden subcommand does: compiles the component at `component` into a file at `compiled`.
///
/// The configuration is a constant of the release, so this process needs no options; a result that does not fit is noticed
/// when it is loaded.
pub fn compile_to(component: &Path, compiled: &Path) -> Result<(), LoadError> {
    let bytes = fs::read(component).map_err(|error| LoadError::CacheFile { path: component.to_owned(), error })?;
    let engine = wasmtime::Engine::new(&engine::config()).map_err(|error| LoadError::Engine(format!("{error:#}")))?;
    write_compiled(&engine, &bytes, compiled)
}

impl Compiler {
    /// Compiles `bytes`, which lie in the file `component` too, into the file `compiled`.
    pub(crate) fn compile(&self, engine: &Engine, bytes: &[u8], component: &Path, compiled: &Path) -> Result<(), LoadError> {
        match self {
            Compiler::InProcess => write_compiled(engine.wasmtime(), bytes, compiled),
            Compiler::Subprocess { exe, args } => {
                let mut command = Command::new(exe);
                command.args(args).arg(component).arg(compiled).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
                let failed = |error: io::Error| LoadError::Compile(format!("{} does not start: {error}", exe.display()));
                let (status, said) = run(command, engine.limits()).map_err(failed)?;
                match status {
                    None => Err(LoadError::Compile(format!(
                        "it took longer than {} ms (EngineLimits::compile_ms, fixed in this release); is the machine busy?",
                        engine.limits().compile_ms
                    ))),
                    Some(status) if status.success() => Ok(()),
                    Some(status) => Err(LoadError::Compile(format!("{status}: {}", said.trim()))),
                }
            }
        }
    }
}

/// Runs a command; no status: it took too long and was killed.
fn run(mut command: Command, limits: &EngineLimits) -> io::Result<(Option<ExitStatus>, String)> {
    let mut child = command.spawn()?;
    let said = child.stderr.take();
    let reader = thread::Builder::new().name("tandem-compile".to_owned()).spawn(move || {
        let mut text = Vec::new();
        if let Some(mut said) = said {
            let _ = said.by_ref().take(ERROR_BYTES).read_to_end(&mut text);
            // The rest must be read too, or the process would wait for us.
            let _ = io::copy(&mut said, &mut io::sink());
        }
        String::from_utf8_lossy(&text).into_owned()
    })?;
    let status = wait(&mut child, Duration::from_millis(limits.compile_ms.into()));
    if !matches!(status, Ok(Some(_))) {
        let _ = child.kill();
        let _ = child.wait();
    }
    let said = reader.join().unwrap_or_default();
    Ok((status?, said))
}

fn wait(child: &mut Child, at_most: Duration) -> io::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        match child.try_wait()? {
            None if begin.elapsed() < at_most => thread::sleep(POLL),
            status => return Ok(status),
        }
    }
}

fn write_compiled(engine: &wasmtime::Engine, bytes: &[u8], compiled: &Path) -> Result<(), LoadError> {
    let code = engine.precompile_component(bytes).map_err(|error| LoadError::Damaged(format!("{error:#}")))?;
    let write = || {
        let mut file = File::create(compiled)?;
        file.write_all(&code)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(MAGIC)
    };
    write().map_err(|error| LoadError::CacheFile { path: compiled.to_owned(), error })
}
