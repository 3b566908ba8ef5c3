//! Where a build script runs: workspace, target folder, output folder.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::Error;

/// The folders of one run.
#[derive(Debug, Clone)]
pub struct Place {
    /// Top of the workspace.
    pub root: PathBuf,
    /// The folder of guests: the one that holds the build script's crate.
    pub folder: PathBuf,
    /// Where the nested build puts its files, in a folder for each standard library.
    pub target: PathBuf,
    /// Where the build script puts its own.
    pub out: PathBuf,
}

impl Place {
    /// As cargo tells a build script.
    pub fn from_env() -> Result<Self, Error> {
        let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(Error::NoBuildScript("CARGO_MANIFEST_DIR"))?);
        let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(Error::NoBuildScript("OUT_DIR"))?);
        Place::new(&manifest, out)
    }

    pub(crate) fn new(manifest: &Path, out: PathBuf) -> Result<Self, Error> {
        let root = manifest.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
        let root = root.ok_or_else(|| Error::NoWorkspace(manifest.to_owned()))?.to_owned();
        let folder = manifest.parent().unwrap_or(manifest).to_owned();
        // Cargo marks its target folder with this file. Elsewhere the output folder itself will do, only colder.
        let target = out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).unwrap_or(&out).join("guests");
        Ok(Place { root, folder, target, out })
    }

    /// Tells cargo what the guests are made of, so that the build script runs again exactly when one of them changes.
    pub fn watch(&self) {
        let parts = ["guest-sdk/rust", "wit", "Cargo.toml", "Cargo.lock", ".cargo/config.toml"];
        for path in parts.map(|part| self.root.join(part)).iter().chain([&self.folder]) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn workspace_and_target_are_found_upwards() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        fs::create_dir_all(path("w/strategies/artifacts")).unwrap();
        fs::create_dir_all(path("t/release/build/x/out")).unwrap();
        let place = || Place::new(&path("w/strategies/artifacts"), path("t/release/build/x/out"));
        assert!(matches!(place(), Err(Error::NoWorkspace(_))));
        fs::write(path("w/Cargo.lock"), "").unwrap();
        assert_eq!(place().unwrap().target, path("t/release/build/x/out/guests"));
        fs::write(path("t/CACHEDIR.TAG"), "").unwrap();
        let place = place().unwrap();
        assert_eq!((place.root, place.folder, place.target), (path("w"), path("w/strategies"), path("t/guests")));
    }
}
