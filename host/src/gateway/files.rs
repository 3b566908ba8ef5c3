//! The files: token, state, record.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tandem_gateway::{core::Keepsake, record::Line};

use super::Error;

/// Reason: a secret that can be guessed is none.
const SHORTEST_TOKEN: usize = 16;

/// Reads the secret.
pub(super) fn read_token(path: &Path) -> Result<String, Error> {
    let error = |why: String| Error::Token { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(|source| error(source.to_string()))?;
    let token = text.trim();
    if token.len() < SHORTEST_TOKEN || token.contains('\n') {
        return Err(error("it does not hold one line of enough characters".to_owned()));
    }
    Ok(token.to_owned())
}

/// The keepsake's file.
#[derive(Debug)]
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn new(path: PathBuf) -> Self {
        StateFile(path)
    }

    fn error(&self, why: impl ToString) -> Error {
        Error::State { path: self.0.clone(), why: why.to_string() }
    }

    /// What the last life left; a file that is not there was never written.
    pub(super) fn read(&self) -> Result<Keepsake, Error> {
        match std::fs::read(&self.0) {
            Ok(json) => serde_json::from_slice(&json).map_err(|source| self.error(source)),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Keepsake::default()),
            Err(source) => Err(self.error(source)),
        }
    }

    /// Durable when it returns: a crash leaves the old file or the new one.
    pub(super) fn write(&self, keepsake: &Keepsake) -> Result<(), Error> {
        let write = || -> io::Result<()> {
            let beside = self.0.with_extension("new");
            let mut file = File::create(&beside)?;
            serde_json::to_writer_pretty(&mut file, keepsake)?;
            file.sync_all()?;
            std::fs::rename(&beside, &self.0)?;
            let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        };
        write().map_err(|source| self.error(source))
    }
}

/// The record's file, written in the background of the run: flushed every second and at the end.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl RecordFile {
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        match File::create(&path) {
            Ok(file) => Ok(RecordFile { file: BufWriter::new(file), path }),
            Err(source) => Err(Error::Record { path, source }),
        }
    }

    pub(super) fn write(&mut self, lines: &[Line]) -> Result<(), Error> {
        lines.iter().try_for_each(|line| self.write_line(line)).map_err(|source| self.error(source))
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.file.flush().map_err(|source| self.error(source))
    }

    fn write_line(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n")
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Record { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_back_and_a_broken_one_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.json");
        let file = StateFile::new(path.clone());
        assert_eq!(file.read().unwrap(), Keepsake::default());
        let keepsake = Keepsake { incarnation: 7, ..Keepsake::default() };
        file.write(&keepsake).unwrap();
        assert_eq!(file.read().unwrap(), keepsake);
        for broken in ["{", r#"{"incarnation":1,"nodes":{},"more":1}"#] {
            std::fs::write(&path, broken).unwrap();
            assert!(file.read().unwrap_err().to_string().contains("gateway.json"), "{broken}");
        }
        assert!(StateFile::new(folder.path().join("none/x")).write(&keepsake).is_err());
    }

    #[test]
    fn a_token_is_one_line_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        assert!(read_token(&path).is_err());
        for (text, good) in [("0123456789abcdef\n", true), ("short\n", false), ("", false), ("0123456789abcdef\nmore\n", false)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read_token(&path).is_ok(), good, "{text:?}");
        }
    }
}
