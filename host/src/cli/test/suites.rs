//! What there is to test: strategies and their scenario files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use miette::{IntoDiagnostic, WrapErr, bail, miette};
use serde::Deserialize;

/// Where `tandem build` puts components, in a folder of cargo's.
const BUILT: &str = "wasm32-unknown-unknown/release";

/// A strategy with its scenarios.
#[derive(Debug)]
pub(super) struct Suite {
    /// The project's name.
    pub(super) name: String,
    /// Where the component came from, for people.
    pub(super) from: String,
    /// The component.
    pub(super) component: Vec<u8>,
    /// Path (as shown) and text.
    pub(super) scenarios: Vec<(String, String)>,
}

/// The built-in strategies.
pub(super) fn built_in() -> Vec<Suite> {
    let suite = |strategy: &tandem_strategies::Strategy| Suite {
        name: strategy.name.to_owned(),
        from: "built in".to_owned(),
        component: strategy.wasm.to_vec(),
        scenarios: strategy.scenarios.iter().map(|(file, text)| (format!("{}/{file}", strategy.name), (*text).to_owned())).collect(),
    };
    tandem_strategies::ALL.iter().map(suite).collect()
}

/// What these paths name; none: the project of this folder.
pub(super) fn find(paths: &[PathBuf], component: Option<&Path>) -> miette::Result<Vec<Suite>> {
    let here = [PathBuf::from(".")];
    let mut found: BTreeMap<PathBuf, (bool, Vec<PathBuf>)> = BTreeMap::new();
    for path in if paths.is_empty() { &here } else { paths } {
        for (project, one_of_several, files) in at(path)? {
            let entry = found.entry(project).or_insert((one_of_several, Vec::new()));
            entry.1.extend(files);
        }
    }
    let suite = |(project, (one_of_several, files)): (PathBuf, (bool, Vec<PathBuf>))| {
        let (name, from, component) = match component {
            Some(path) => (stem(path), path.display().to_string(), read(path)?),
            None => component_of(&project, one_of_several)?,
        };
        let scenario = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).into_diagnostic();
            let shown = path.strip_prefix(".").unwrap_or(&path).display().to_string();
            Ok((shown, text.wrap_err_with(|| format!("the scenario {} cannot be read", path.display()))?))
        };
        let scenarios = files.into_iter().map(scenario).collect::<miette::Result<Vec<_>>>()?;
        Ok(Suite { name, from, component, scenarios })
    };
    found.into_iter().map(suite).collect()
}

type Found = (PathBuf, bool, Vec<PathBuf>);

/// Projects at a path: folder, whether it is one of several, scenario files.
fn at(path: &Path) -> miette::Result<Vec<Found>> {
    if path.is_file() {
        return Ok(vec![(project_of(path), false, vec![path.to_owned()])]);
    }
    if !path.is_dir() {
        bail!(help = "name a project's folder, a folder of projects, or scenario files", "there is no {}", path.display());
    }
    let own = scenarios(&path.join("scenarios"))?;
    if !own.is_empty() {
        return Ok(vec![(path.to_owned(), false, own)]);
    }
    let here = scenarios(path)?;
    if !here.is_empty() {
        return Ok(vec![(project_of(path), false, here)]);
    }
    let mut several = Vec::new();
    for folder in entries(path)?.into_iter().filter(|entry| entry.is_dir()) {
        let files = scenarios(&folder.join("scenarios"))?;
        if !files.is_empty() {
            several.push((folder, true, files));
        }
    }
    if several.is_empty() {
        bail!(
            help = "write one: scenarios/NAME.scenario in the strategy's project (docs/scenarios.md of Tandem explains how; `tandem new` makes \
                    a project that has some)",
            "there is no scenario in {}",
            path.display()
        );
    }
    Ok(several)
}

fn entries(folder: &Path) -> miette::Result<Vec<PathBuf>> {
    let read =
        std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>());
    let mut entries = read.into_diagnostic().wrap_err_with(|| format!("the folder {} cannot be read", folder.display()))?;
    entries.sort();
    Ok(entries)
}

/// The scenario files of a folder, in order of their names; none where there is no such folder.
fn scenarios(folder: &Path) -> miette::Result<Vec<PathBuf>> {
    let mut files = if folder.is_dir() { entries(folder)? } else { Vec::new() };
    files.retain(|path| path.is_file() && path.extension().is_some_and(|extension| extension == "scenario"));
    Ok(files)
}

/// The project that a file or folder lies in: the first folder above it with a Cargo.toml, else its own.
fn project_of(path: &Path) -> PathBuf {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut folders = whole.ancestors().skip(usize::from(path.is_file()));
    let project = folders.clone().find(|folder| folder.join("Cargo.toml").is_file());
    project.or_else(|| folders.next()).map_or_else(|| path.to_owned(), Path::to_owned)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> miette::Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|cause| miette!(help = "`tandem build` makes a component and prints its path", "cannot read {}: {cause}", path.display()))
}

#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// Name, where from, bytes.
fn component_of(project: &Path, one_of_several: bool) -> miette::Result<(String, String, Vec<u8>)> {
    let manifest = project.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).map_err(|cause| {
        miette!(
            help = "go to the strategy's project, or name the component: tandem test --component FILE.wasm PATH",
            "{} cannot be read, so it is not known which component to test: {cause}",
            manifest.display()
        )
    })?;
    let manifest: Manifest =
        toml::from_str(&text).into_diagnostic().wrap_err_with(|| format!("{} names no package", manifest.display()))?;
    let name = manifest.package.name;
    let built = built(project, &name);
    let built_in = tandem_strategies::strategy(&name).map(|strategy| (name.clone(), "built in".to_owned(), strategy.wasm.to_vec()));
    match (built, built_in) {
        (built, Some(built_in)) if one_of_several || built.is_none() => Ok(built_in),
        (Some(path), _) => {
            warn_if_older(project, &path);
            Ok((name, path.display().to_string(), read(&path)?))
        }
        _ => bail!(
            help = "run `tandem build` there first, or name a component: tandem test --component FILE.wasm PATH",
            "strategy {name} in {} is not built",
            project.display()
        ),
    }
}

/// The component that `tandem build` made.
fn built(project: &Path, name: &str) -> Option<PathBuf> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let whole = project.canonicalize().ok()?;
    let set = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let targets = set.into_iter().chain(whole.ancestors().map(|folder| folder.join("target")));
    targets.map(|target| target.join(BUILT).join(&file)).find(|path| path.is_file())
}

/// Says so where the sources are newer than what is tested.
fn warn_if_older(project: &Path, component: &Path) {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let sources = entries(&project.join("src")).unwrap_or_default();
    if let (Some(built), Some(newest)) = (changed(component), sources.iter().filter_map(|path| changed(path)).max())
        && newest > built
    {
        eprintln!("{}: its sources are newer than the component that is tested; run `tandem build`", project.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folder: &Path, name: &str, files: &[&str]) {
        std::fs::create_dir_all(folder.join("scenarios")).unwrap();
        std::fs::write(folder.join("Cargo.toml"), format!("[package]\nname = \"{name}\"\n")).unwrap();
        for file in files {
            std::fs::write(folder.join("scenarios").join(file), "caller dials 8000\n").unwrap();
        }
    }

    fn found(paths: &[PathBuf], component: Option<&Path>) -> Vec<String> {
        let suites = find(paths, component).unwrap();
        let built_in = |suite: &Suite| if suite.from == "built in" { "built in" } else { "built" };
        suites.iter().map(|suite| format!("{} {} {}", suite.name, built_in(suite), suite.scenarios.len())).collect()
    }

    #[test]
    fn strategies_are_found_by_project_folder_and_file() {
        let top = tempfile::tempdir().unwrap();
        project(&top.path().join("welcome"), "welcome", &["a.scenario", "b.scenario", "notes.md"]);
        project(&top.path().join("survey"), "survey", &["a.scenario"]);
        let welcome = top.path().join("welcome");
        assert_eq!(found(&[top.path().into()], None), ["survey built in 1", "welcome built in 2"]);
        assert_eq!(found(std::slice::from_ref(&welcome), None), ["welcome built in 2"]);
        assert_eq!(found(&[welcome.join("scenarios")], None), ["welcome built in 2"]);
        assert_eq!(found(&[welcome.join("scenarios/b.scenario")], None), ["welcome built in 1"]);

        let built = welcome.join("target").join(BUILT);
        std::fs::create_dir_all(&built).unwrap();
        std::fs::write(built.join("welcome.wasm"), "").unwrap();
        assert_eq!(found(std::slice::from_ref(&welcome), None), ["welcome built 2"], "an author's own comes first");
        assert_eq!(found(&[top.path().into()], None), ["survey built in 1", "welcome built in 2"], "in a folder of several it does not");
        assert_eq!(found(&[welcome.join("scenarios")], Some(&built.join("welcome.wasm"))), ["welcome built 2"]);
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let top = tempfile::tempdir().unwrap();
        project(&top.path().join("mine"), "mine", &["a.scenario"]);
        let told = |path: &str| {
            let report = find(&[top.path().join(path)], None).unwrap_err();
            format!("{report}; {}", report.help().map(|help| help.to_string()).unwrap_or_default())
        };
        for (path, words) in [
            ("mine", ["not built", "tandem build"]),
            ("nowhere", ["there is no", "name a project"]),
            ("mine/target", ["there is no", "name"]),
        ] {
            let told = told(path);
            assert!(words.iter().all(|word| told.contains(word)), "{told}");
        }
        std::fs::create_dir(top.path().join("empty")).unwrap();
        assert!(told("empty").contains("no scenario"), "{}", told("empty"));
    }
}
