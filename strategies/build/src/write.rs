//! The Rust that a crate includes to embed its guests.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, Guest, Place, Scenarios, compile, folder::sorted, guests};

/// Compiles the strategies and writes `strategies.rs`: a list of `Strategy`.
pub fn strategies(place: &Place) -> Result<(), Error> {
    let guests = guests(&place.folder, Scenarios::Required)?;
    compile(place, &guests)?;
    let mut source = String::from("pub const ALL: &[Strategy] = &[\n");
    for Guest { name, scenarios } in &guests {
        let wasm = place.out.join(name).with_extension("wasm");
        let mut list = String::new();
        for path in scenarios {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            line(&mut list, format_args!("({file:?}, include_str!({path:?}))"));
        }
        line(&mut source, format_args!("Strategy {{ name: {name:?}, wasm: include_bytes!({wasm:?}), scenarios: &[\n{list}] }}"));
    }
    save(place, "strategies.rs", &(source + "];\n"))
}

/// Compiles the guests and writes `guests.rs`: a list of `Guest`.
pub fn test_guests(place: &Place) -> Result<(), Error> {
    let guests = guests(&place.folder, Scenarios::Optional)?;
    compile(place, &guests)?;
    let mut source = String::from("pub const ALL: &[Guest] = &[\n");
    for Guest { name, .. } in &guests {
        let wasm = place.out.join(name).with_extension("wasm");
        line(&mut source, format_args!("Guest {{ name: {name:?}, wasm: include_bytes!({wasm:?}), path: {wasm:?} }}"));
    }
    save(place, "guests.rs", &(source + "];\n"))
}

/// Writes `sdk_rust.rs`: the files of the Rust SDK, the contract among them.
pub fn sdk_files(place: &Place) -> Result<(), Error> {
    let top = place.root.join("guest-sdk/rust");
    let mut source = String::from("pub const SDK_RUST: &[(&str, &[u8])] = &[\n");
    for path in files(&top)? {
        let name = path.strip_prefix(&top).unwrap_or(&path);
        line(&mut source, format_args!("({name:?}, include_bytes!({path:?}))"));
    }
    save(place, "sdk_rust.rs", &(source + "];\n"))
}

/// All files below a folder, links followed; without what a build leaves behind.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in sorted(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "target" || name == "Cargo.lock" || name.starts_with('.') {
            continue;
        }
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

/// One element of a list. Writing to a string cannot fail.
fn line(source: &mut String, element: std::fmt::Arguments<'_>) {
    let _ = writeln!(source, "    {element},");
}

fn save(place: &Place, name: &str, source: &str) -> Result<(), Error> {
    let path = place.out.join(name);
    fs::write(&path, source).map_err(Error::io(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_taken_whole_with_links_followed() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        for file in ["guest-sdk/rust/src/lib.rs", "guest-sdk/rust/target/x", "guest-sdk/rust/Cargo.lock", "wit/strategy.wit"] {
            fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            fs::write(path(file), "").unwrap();
        }
        std::os::unix::fs::symlink("../../wit", path("guest-sdk/rust/wit")).unwrap();
        let place = Place { root: path(""), folder: path("strategies"), target: path("t"), out: path("") };
        sdk_files(&place).unwrap();
        let source = fs::read_to_string(path("sdk_rust.rs")).unwrap();
        let names: Vec<&str> = source.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next()).collect();
        assert_eq!(names, ["src/lib.rs", "wit/strategy.wit"]);
    }
}
