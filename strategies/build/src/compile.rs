//! The nested build.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, Guest, Place, folder::sorted};

const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "guest";

/// Compiles the guests and copies each as `NAME.wasm` into the output folder.
pub fn compile(place: &Place, guests: &[Guest]) -> Result<(), Error> {
    let libraries = wasm_std(place)?;
    println!("cargo::rerun-if-changed={}", libraries.display());
    let target = target(place, &libraries)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = clean(&cargo, place);
    build.args(["build", "--locked", "--profile", PROFILE, "--target", TARGET, "--target-dir"]).arg(&target);
    for guest in guests {
        build.args(["--package", &guest.name]);
    }
    // Its messages go to our own error stream, which cargo shows when we fail.
    let status = build.status().map_err(Error::io(&cargo))?;
    if !status.success() {
        return Err(Error::Compile(place.folder.clone()));
    }
    for Guest { name, .. } in guests {
        let built = target.join(TARGET).join(PROFILE).join(name.replace('-', "_")).with_extension("wasm");
        fs::copy(&built, place.out.join(name).with_extension("wasm")).map_err(Error::io(&built))?;
    }
    Ok(())
}

fn wasm_std(place: &Place) -> Result<PathBuf, Error> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = clean(&rustc, place).args(["--print", "target-libdir", "--target", TARGET]).output().map_err(Error::io(&rustc))?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// Where guests are built against the standard library that is installed: a folder for each one that ever was. Cargo does not see
/// that another took its place, and its compiler would refuse what was built against the one before ("found possibly newer version
/// of crate `std`").
fn target(place: &Place, libraries: &Path) -> Result<PathBuf, Error> {
    let found = if libraries.is_dir() { sorted(libraries)?.into_iter().find(|path| is_std(path)) } else { None };
    let library = found.ok_or_else(|| Error::NoWasmStd(libraries.to_owned()))?;
    let mut hasher = DefaultHasher::new();
    (library.file_name(), fs::read(&library).map_err(Error::io(&library))?).hash(&mut hasher);
    Ok(place.target.join(format!("std-{:016x}", hasher.finish())))
}

fn is_std(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libstd-"))
}

/// A program in the workspace's folder, without what the outer build put into the environment.
fn clean(program: &std::ffi::OsStr, place: &Place) -> Command {
    let mut command = Command::new(program);
    command.current_dir(&place.root);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_outer) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether a variable speaks of the outer build: its crate, profile, flags, wrappers (clippy's above all) and folders.
fn is_outer(name: &str) -> bool {
    const PREFIXES: [&str; 9] = [
        "CARGO_BUILD_",
        "CARGO_CFG_",
        "CARGO_ENCODED_",
        "CARGO_FEATURE_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PROFILE_",
        "DEP_",
        "RUSTC_",
    ];
    const NAMES: [&str; 12] = [
        "CARGO_INCREMENTAL",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_DIR",
        "DEBUG",
        "HOST",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "TARGET",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_of_another_standard_library_are_built_elsewhere() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        let place = Place { root: path(""), folder: path("g"), target: path("t"), out: path("o") };
        let target = || target(&place, &path("lib"));
        assert!(matches!(target(), Err(Error::NoWasmStd(_))));
        fs::create_dir(path("lib")).unwrap();
        assert!(matches!(target(), Err(Error::NoWasmStd(_))));
        fs::write(path("lib/libstd-1.rlib"), "one").unwrap();
        let one = target().unwrap();
        assert!(one.starts_with(path("t")));
        fs::write(path("lib/libcore-1.rlib"), "whatever").unwrap();
        assert_eq!(target().unwrap(), one);
        fs::write(path("lib/libstd-1.rlib"), "built again").unwrap();
        let again = target().unwrap();
        fs::rename(path("lib/libstd-1.rlib"), path("lib/libstd-2.rlib")).unwrap();
        let other = target().unwrap();
        assert!(one != again && again != other && other != one);
    }

    #[test]
    fn the_outer_build_is_forgotten_and_the_machine_is_not() {
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR", "CARGO_CFG_UNIX", "TARGET"] {
            assert!(is_outer(name), "{name}");
        }
        for name in ["PATH", "CARGO_HOME", "RUSTUP_TOOLCHAIN", "CARGO_MAKEFLAGS", "CARGO_NET_OFFLINE", "RUSTC"] {
            assert!(!is_outer(name), "{name}");
        }
    }
}
