//! What `cargo metadata` says of all crates.

use serde::Deserialize;

use crate::command::{cargo, output};

/// All crates of the build, the dependencies' dependencies included.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
}

/// One crate.
#[derive(Debug, Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// None: of this workspace.
    pub source: Option<String>,
    pub license: Option<String>,
    /// Absolute path of its `Cargo.toml`.
    #[serde(default)]
    pub manifest_path: String,
    pub dependencies: Vec<Dependency>,
}

/// What a crate asks for.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub name: String,
    /// What the crate calls it, where that differs.
    #[serde(default)]
    pub rename: Option<String>,
    /// None: a normal one; else `dev` or `build`.
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks cargo.
    pub fn read() -> Result<Self, String> {
        let text = output(&mut cargo(&["metadata", "--format-version", "1"]))?;
        serde_json::from_str(&text).map_err(|cause| format!("cargo metadata cannot be read: {cause}"))
    }

    /// The crates of this workspace.
    pub fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }
}
