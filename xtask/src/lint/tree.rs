//! The repository's files, as they would be committed.

use std::{collections::BTreeMap, fs, process::Command};

use crate::command::{output, top};

/// Path (from the top) and text of each text file.
#[derive(Debug, Default)]
pub struct Tree {
    pub files: BTreeMap<String, String>,
}

impl Tree {
    /// All files that git knows or would add.
    pub fn read() -> Result<Self, String> {
        let listed = output(Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(top()))?;
        let text = |path: &str| fs::read(top().join(path)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let files = listed.lines().filter_map(|path| Some((path.to_owned(), text(path)?)));
        Ok(Tree { files: files.collect() })
    }

    /// Files below a folder with an ending.
    pub fn below<'a>(&'a self, folder: &'a str, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let files = self.files.iter().filter(move |(path, _)| path.starts_with(folder) && path.ends_with(ending));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// A file's text, or a finding that it is missing.
    pub fn text(&self, path: &str) -> Result<&str, String> {
        self.files.get(path).map(String::as_str).ok_or_else(|| format!("{path} is missing"))
    }
}

#[cfg(test)]
pub fn tree(files: &[(&str, &str)]) -> Tree {
    Tree { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
}
