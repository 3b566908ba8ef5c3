//! Compiled components on disk: compiling takes seconds, loading what is compiled less than a millisecond.
//!
//! A file is named by the component's SHA-256 and the engine's hash, ends with a seal (a SHA-256 of all before it), and is
//! written beside its place and moved there. A damaged one is compiled again.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sha2::{Digest, Sha256};
use tandem_words::VersionId;
use wasmtime::component::Component;

use crate::{
    Compiler, Engine, LoadError,
    compile::{MAGIC, SEAL_BYTES},
};

/// Of a file, read at once while its seal is checked.
const PIECE_BYTES: usize = 256 << 10;

/// Compiled components kept; beyond, those go that were loaded longest ago. Rust's have 0.4 MB, Python's 40 MB.
const MAX_FILES: usize = 200;
/// After this, what a compilation has left behind belongs to a process that was killed.
const LEFTOVER_AGE: Duration = Duration::from_secs(3_600);

/// A folder of compiled components. Several processes of one user may share it.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    compiler: Compiler,
}

impl Cache {
    /// Makes the folder if need be. It must belong to this user alone: what lies in it is run as machine code.
    pub fn open(folder: &Path, compiler: Compiler) -> Result<Self, LoadError> {
        let refused = |what: String| LoadError::CacheFolder { path: folder.to_owned(), what };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| refused(error.to_string()))?;
        let meta = fs::metadata(folder).map_err(|error| refused(error.to_string()))?;
        let user = rustix::process::geteuid().as_raw();
        if meta.uid() != user {
            return Err(refused(format!(
                "it belongs to user {}, and this process runs as {user}; give it a folder of its own",
                meta.uid()
            )));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(refused(format!("others may use it (mode {:o}); run `chmod 700` on it", meta.mode() & 0o777)));
        }
        Ok(Cache { folder: folder.to_owned(), compiler })
    }

    /// The compiled form of a component: from its file, or compiled now.
    pub(crate) fn component(&self, engine: &Engine, version: VersionId, bytes: &[u8]) -> Result<Component, LoadError> {
        let path = self.folder.join(format!("{version}-{}.cwasm", engine.hash()));
        match load(engine, &path) {
            Ok(component) => return Ok(component),
            Err(NotLoaded::Missing) => {}
            Err(NotLoaded::Unusable(what)) => {
                tracing::warn!(path = %path.display(), what, "a compiled component is not usable and is compiled again");
            }
        }
        self.compile(engine, bytes, &path)?;
        load(engine, &path).map_err(|reason| match reason {
            NotLoaded::Missing => LoadError::Compile("it is gone from its folder right after it was compiled".to_owned()),
            NotLoaded::Unusable(what) => LoadError::Compile(what),
        })
    }

    fn compile(&self, engine: &Engine, bytes: &[u8], path: &Path) -> Result<(), LoadError> {
        let failed = |error| LoadError::CacheFile { path: path.to_owned(), error };
        let work = tempfile::tempdir_in(&self.folder).map_err(failed)?;
        let (component, compiled) = (work.path().join("component.wasm"), work.path().join("compiled"));
        fs::write(&component, bytes).map_err(failed)?;
        self.compiler.compile(engine, bytes, &component, &compiled)?;
        // No sync: the seal tells of a file that a power failure has torn.
        fs::rename(&compiled, path).map_err(failed)?;
        if let Err(error) = self.sweep() {
            tracing::warn!(folder = %self.folder.display(), %error, "old compiled components cannot be removed");
        }
        Ok(())
    }

    /// Keeps the folder bounded. What is mapped stays so when its file goes.
    fn sweep(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process may sweep too, or take its working folder away.
            let Ok(meta) = entry.metadata() else { continue };
            let modified = meta.modified()?;
            if meta.is_file() {
                files.push((modified, entry.path()));
            } else if modified.elapsed().is_ok_and(|age| age > LEFTOVER_AGE) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        files.sort_unstable();
        let needless = files.len().saturating_sub(MAX_FILES);
        for (_, path) in files.into_iter().take(needless) {
            let _ = fs::remove_file(path);
        }
        Ok(())
    }
}

enum NotLoaded {
    Missing,
    Unusable(String),
}

fn load(engine: &Engine, path: &Path) -> Result<Component, NotLoaded> {
    let unusable = |error: io::Error| NotLoaded::Unusable(error.to_string());
    match seal_is_whole(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NotLoaded::Missing),
        Err(error) => return Err(unusable(error)),
        Ok(false) => return Err(NotLoaded::Unusable("its seal does not fit its contents".to_owned())),
        Ok(true) => {}
    }
    let component = map(engine.wasmtime(), path).map_err(|error| NotLoaded::Unusable(format!("{error:#}")))?;
    // Its age is that of its last use; where the time cannot be set, it is swept earlier, and compiled again.
    let _ = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    Ok(component)
}

/// Whether a file is just as [`crate::compile_to`] has written it.
fn seal_is_whole(path: &Path) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    let Some(length) = file.metadata()?.len().checked_sub(SEAL_BYTES as u64) else { return Ok(false) };
    let mut hasher = Sha256::new();
    let mut reader = BufReader::with_capacity(PIECE_BYTES, file.by_ref().take(length));
    while let piece @ [_, ..] = reader.fill_buf()? {
        hasher.update(piece);
        let read = piece.len();
        reader.consume(read);
    }
    let mut seal = Vec::with_capacity(SEAL_BYTES);
    file.take(SEAL_BYTES as u64 + 1).read_to_end(&mut seal)?;
    Ok(seal.strip_suffix(MAGIC) == Some(hasher.finalize().as_slice()))
}

/// Maps a compiled component. The only unsafe call of the workspace: docs/adr/0003-precompiled-components.md.
#[allow(unsafe_code)]
fn map(engine: &wasmtime::Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by `precompile_component`, in a folder that only this user can enter (checked in `open`);
    // its name has the hash of its component and of this engine, its seal was right a moment ago, it is replaced by rename
    // and never written in place. wasmtime itself checks version, configuration and processor. Whoever could still put
    // something else there is this user, who could replace the binary as well.
    unsafe { Component::deserialize_file(engine, path) }
}
