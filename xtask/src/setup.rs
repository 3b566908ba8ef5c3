//! `cargo xtask setup`: a standard library for `wasm32-unknown-unknown`, of the very rustc that is used.
//!
//! Installed: nothing to do. Else rustup adds it, unless `RUSTUP_AUTO_INSTALL=0`: the owner of the machine wants no toolchain
//! downloads. Else it is built from the distribution's source package of the same version.

mod apt;
mod distribution;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Done,
    command::{output, run, top},
};

/// The target of Rust strategies: no WASI, so nothing but the contract can be imported.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A Rust toolchain.
pub struct Toolchain {
    /// Where it is installed.
    pub sysroot: PathBuf,
    /// Its compiler.
    pub rustc: PathBuf,
    /// Its version, `1.95.0`.
    pub version: String,
}

impl Toolchain {
    /// The one in use, or the one in `sysroot`.
    fn find(sysroot: Option<&Path>) -> Result<Self, String> {
        let rustc = sysroot.map_or_else(|| PathBuf::from("rustc"), |sysroot| sysroot.join("bin/rustc"));
        let ask = |what: &[&str]| output(clean(&rustc).args(what));
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?.trim());
        let verbose = ask(&["-vV"])?;
        let version = verbose.lines().find_map(|line| line.strip_prefix("release: ")).ok_or("rustc -vV names no release")?.to_owned();
        Ok(Toolchain { sysroot, rustc, version })
    }

    /// Whether it can compile for the target: the library is there, and of this compiler.
    pub fn is_ready(&self) -> bool {
        let mut command = clean(&self.rustc);
        command.args(["--target", TARGET, "--crate-type", "lib", "--emit", "metadata", "-o", "-", "-"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// A program without what `cargo run` tells its own rustc, so that another toolchain finds its own libraries.
fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("LD_LIBRARY_PATH").current_dir(top());
    command
}

/// `arguments`: none, or `--sysroot FOLDER` for another toolchain than the one in use.
pub fn setup(arguments: &[String]) -> Done {
    let toolchain = match arguments {
        [] => Toolchain::find(None)?,
        [option, folder] if option == "--sysroot" => Toolchain::find(Some(Path::new(folder)))?,
        _ => return Err("setup takes no arguments, or --sysroot FOLDER".into()),
    };
    if toolchain.is_ready() {
        return Ok(());
    }
    eprintln!("setup: rustc {} has no standard library for {TARGET} yet", toolchain.version);
    let other_toolchain = !arguments.is_empty();
    let may_download = std::env::var("RUSTUP_AUTO_INSTALL").as_deref() != Ok("0");
    if other_toolchain {
        eprintln!("setup: rustup is not asked for a toolchain that was named by its folder");
    } else if !may_download {
        eprintln!("setup: RUSTUP_AUTO_INSTALL=0, so rustup is not asked");
    } else if let Err(what) = run(Command::new("rustup").args(["target", "add", TARGET]).current_dir(top())) {
        eprintln!("setup: {what}");
    }
    if !toolchain.is_ready() {
        distribution::install(&toolchain)?;
    }
    if toolchain.is_ready() {
        eprintln!("setup: {TARGET} is ready");
        return Ok(());
    }
    Err(format!("{TARGET} was installed in {}, and rustc still cannot use it; remove it there and try again", toolchain.sysroot.display()))
}

/// What to do when nothing else works.
pub fn by_hand() -> String {
    format!("install it by hand: rustup target add {TARGET}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_without_the_library_is_not_ready() {
        let toolchain = Toolchain::find(None).unwrap();
        assert!(toolchain.version.starts_with("1."));
        let empty = Toolchain { rustc: "false".into(), ..toolchain };
        assert!(!empty.is_ready());
    }
}
