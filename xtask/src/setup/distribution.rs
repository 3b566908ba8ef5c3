//! The standard library, built from the distribution's source package of the same rustc.
//!
//! A library of another version does not fit, so the package must be of the very same one. apt works in folders of its own: the
//! machine's lists and configuration stay as they are. The result goes into the toolchain, where plain `cargo` finds it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{TARGET, Toolchain, apt, by_hand, clean};
use crate::{
    Done,
    command::{output, run, top},
};

/// Suites that may carry a rustc as new as this, small indexes first.
const SUITES: &[&str] = &["trixie-backports", "forky-backports", "stable", "testing", "unstable"];

/// Builds the library and puts it into the toolchain.
pub fn install(toolchain: &Toolchain) -> Done {
    let rustlib = toolchain.sysroot.join("lib/rustlib");
    let staging = rustlib.join(format!(".{TARGET}.new"));
    let cannot_write = |cause| format!("cannot write to {}: {cause}; run setup once as its owner, or {}", rustlib.display(), by_hand());
    let _ = fs::remove_dir_all(&staging);
    fs::create_dir_all(staging.join("lib")).map_err(cannot_write)?;

    let work = top().join("target/wasm-std").join(&toolchain.version);
    let built = sources(&work, &toolchain.version).and_then(|library| build(toolchain, &library, &work)).and_then(|rlibs| {
        for rlib in rlibs {
            let name = rlib.file_name().ok_or("a library without a name")?;
            fs::copy(&rlib, staging.join("lib").join(name)).map_err(cannot_write)?;
        }
        let place = rustlib.join(TARGET);
        let _ = fs::remove_dir_all(&place);
        fs::rename(&staging, &place).map_err(cannot_write)
    });
    let _ = fs::remove_dir_all(&staging);
    // A failed build leaves its folder, so that one can look.
    if built.is_ok() {
        let _ = fs::remove_dir_all(&work);
    }
    built
}

/// The library's sources in `work`.
fn sources(work: &Path, version: &str) -> Result<PathBuf, String> {
    let unpacked = work.join("source/library");
    if unpacked.join("Cargo.toml").is_file() {
        return Ok(unpacked);
    }
    let mirror = apt::mirror(&source_files())
        .ok_or_else(|| format!("this machine has no apt sources to take Rust's source package from; {}", by_hand()))?;
    let folder = |name: &str| {
        let path = work.join(name);
        fs::create_dir_all(&path).map(|()| path).map_err(|cause| format!("cannot make {}/{name}: {cause}", work.display()))
    };
    folder("lists/partial")?;
    folder("cache/archives/partial")?;
    let source = folder("source")?;
    let list = work.join("sources.list");
    let mut seen = Vec::new();
    for suite in SUITES {
        fs::write(&list, mirror.line(suite)).map_err(|cause| format!("cannot write {}: {cause}", list.display()))?;
        if run(&mut apt(work, "apt-get", &["-qq", "update"])).is_err() {
            continue;
        }
        let madison = output(&mut apt(work, "apt-cache", &["madison", "rust-src"]))?;
        let Some(package) = apt::version_of(&madison, version) else {
            seen.push(suite.to_string());
            continue;
        };
        eprintln!("setup: taking rust-src {package} from {suite}");
        run(&mut apt(work, "apt-get", &["-qq", "download", &format!("rust-src={package}")]))?;
        let mut unpack = Command::new("sh");
        unpack.current_dir(work).args([
            "-ec",
            "dpkg-deb --fsys-tarfile rust-src_*.deb | tar -x -C source --strip-components=4 --wildcards './usr/src/rustc-*/library/*'",
        ]);
        run(&mut unpack)?;
        return if unpacked.join("Cargo.toml").is_file() {
            Ok(unpacked)
        } else {
            Err(format!("rust-src {package} is laid out in another way than expected: no library/Cargo.toml in {}", source.display()))
        };
    }
    Err(format!("no suite of this machine's mirror has rust-src {version} (looked into {}); {}", seen.join(", "), by_hand()))
}

fn source_files() -> Vec<(String, String)> {
    let more = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = std::iter::once(PathBuf::from("/etc/apt/sources.list")).chain(more).collect();
    paths.sort();
    let known = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "list" || extension == "sources");
    let read = |path: &PathBuf| Some((path.display().to_string(), fs::read_to_string(path).ok()?));
    paths.iter().filter(|path| known(path)).filter_map(read).collect()
}

/// An apt program that works in `work` only.
fn apt(work: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    let folder = work.display();
    for option in [
        format!("Dir::Etc::sourcelist={folder}/sources.list"),
        "Dir::Etc::sourceparts=/dev/null".into(),
        format!("Dir::State::Lists={folder}/lists"),
        format!("Dir::Cache={folder}/cache"),
        "APT::Sandbox::User=root".into(),
    ] {
        command.args(["-o", &option]);
    }
    command.args(arguments).current_dir(work);
    command
}

/// Compiles it; the libraries that make up `std`.
fn build(toolchain: &Toolchain, library: &Path, work: &Path) -> Result<Vec<PathBuf>, String> {
    eprintln!("setup: building the standard library for {TARGET} (about a minute)");
    let target = work.join("target");
    let remap = format!("--remap-path-prefix={}=/rustc/library", library.display());
    let mut cargo = clean(Path::new("cargo"));
    cargo
        .args(["build", "--release", "--locked", "--package", "std", "--features", "panic-unwind,backtrace", "--target", TARGET])
        .current_dir(library)
        // The flags with which Rust's own build makes std; the first lets a stable compiler build it.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .env("RUSTFLAGS", format!("-Zforce-unstable-if-unmarked -Cembed-bitcode=yes {remap}"))
        .env("RUSTC", &toolchain.rustc)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    run(&mut cargo)?;
    let built = target.join(TARGET).join("release/deps");
    let files = fs::read_dir(&built).map_err(|cause| format!("cannot read {}: {cause}", built.display()))?;
    let rlib = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rlib");
    Ok(files.filter_map(Result::ok).map(|entry| entry.path()).filter(rlib).collect())
}
