//! What a folder of guests holds.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::Error;

/// Crates beside the guests that are not guests.
const NOT_GUESTS: [&str; 2] = ["artifacts", "build"];

/// One guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Of the crate, and of its folder.
    pub name: String,
    /// Its scenario files, in order of their names.
    pub scenarios: Vec<PathBuf>,
}

/// Whether each guest has to bring scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenarios {
    /// One at least.
    Required,
    /// They are tested by other means.
    Optional,
}

/// The guests of a folder, in order of their names. A sub-folder that is no guest is an error.
pub fn guests(folder: &Path, scenarios: Scenarios) -> Result<Vec<Guest>, Error> {
    let mut guests = Vec::new();
    for path in sorted(folder)?.into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if NOT_GUESTS.contains(&name.as_str()) || name.starts_with('.') {
            continue;
        }
        for missing in ["Cargo.toml", "src/lib.rs"] {
            if !path.join(missing).is_file() {
                return Err(Error::NoGuest { folder: path, missing });
            }
        }
        let folder = path.join("scenarios");
        let mut found = if folder.is_dir() { sorted(&folder)? } else { Vec::new() };
        found.retain(|path| path.extension().is_some_and(|extension| extension == "scenario"));
        for path in &found {
            let text = fs::read_to_string(path).map_err(Error::io(path))?;
            if !text.lines().any(|line| line.trim_start().starts_with("expect ")) {
                return Err(Error::ExpectsNothing(path.clone()));
            }
        }
        if found.is_empty() && scenarios == Scenarios::Required {
            return Err(Error::NoScenario { name, folder });
        }
        guests.push(Guest { name, scenarios: found });
    }
    Ok(guests)
}

/// The entries of a folder, in order of their names.
pub(crate) fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>().map_err(Error::io(folder))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str], scenarios: Scenarios) -> Result<Vec<String>, String> {
        let files: Vec<_> = files.iter().map(|file| (*file, "caller dials 8000\n  expect end\n")).collect();
        check_with(&files, scenarios)
    }

    fn check_with(files: &[(&str, &str)], scenarios: Scenarios) -> Result<Vec<String>, String> {
        let top = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = top.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = guests(top.path(), scenarios).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(|guest| format!("{} {}", guest.name, guest.scenarios.len())).collect())
    }

    #[test]
    fn guests_are_found_by_name_and_other_crates_left_out() {
        let files = ["b/Cargo.toml", "b/src/lib.rs", "b/scenarios/x.scenario", "b/scenarios/notes.md", "a/Cargo.toml", "a/src/lib.rs"];
        let more = ["artifacts/Cargo.toml", "build/src/lib.rs", "README.md"];
        let all: Vec<&str> = files.into_iter().chain(more).collect();
        assert_eq!(check(&all, Scenarios::Optional).unwrap(), ["a 0", "b 1"]);
        let error = check(&all, Scenarios::Required).unwrap_err();
        assert!(error.contains("strategy a has no scenario") && error.contains("NAME.scenario"), "{error}");
    }

    #[test]
    fn a_scenario_that_expects_nothing_is_no_test() {
        for text in ["", "\n", "# expect end\n", "caller dials 8000\n"] {
            let files = [("a/Cargo.toml", ""), ("a/src/lib.rs", ""), ("a/scenarios/x.scenario", text)];
            let error = check_with(&files, Scenarios::Required).unwrap_err();
            assert!(error.contains("x.scenario expects nothing"), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_folder_without_a_guest_is_an_error() {
        let error = check(&["half/scenarios/x.scenario"], Scenarios::Required).unwrap_err();
        assert!(error.contains("half is no guest: Cargo.toml is missing"), "{error}");
        let error = check(&["half/Cargo.toml"], Scenarios::Optional).unwrap_err();
        assert!(error.contains("src/lib.rs is missing"), "{error}");
    }
}
