//! From SQLite's errors to the store's.

use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::StoreError;

/// An error inside the room, before it is known to which file it happened.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(rusqlite::Error),
    Store(StoreError),
    /// The file contradicts itself.
    Damaged(String),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Store(error)
    }
}

impl Failure {
    /// As the store says it.
    pub(super) fn at(self, path: &Path) -> StoreError {
        match self {
            Failure::Store(error) => error,
            Failure::Damaged(what) => StoreError::Damaged { path: path.to_owned(), what },
            Failure::Sql(error) => classify(&error, path),
        }
    }
}

fn classify(error: &rusqlite::Error, path: &Path) -> StoreError {
    let (path, cause) = (path.to_owned(), error.to_string());
    let Some(sqlite) = error.sqlite_error() else {
        // SQLite was content, but a value was not what the schema says.
        return StoreError::Damaged { path, what: cause };
    };
    match sqlite.code {
        ErrorCode::DiskFull => StoreError::Full { path, cause },
        // The index of the write-ahead log could not grow: the disk is full too, and the index is made anew when needed.
        ErrorCode::SystemIoFailure if sqlite.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full { path, cause },
        // A protocol failure is a race for that index that SQLite gave up on.
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => StoreError::Busy { path },
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => StoreError::Denied { path, cause },
        ErrorCode::NotADatabase => StoreError::NotAStore { path, what: "not a SQLite database".to_owned() },
        ErrorCode::DatabaseCorrupt => StoreError::Damaged { path, what: cause },
        _ => StoreError::Fatal { path, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Disposition;

    #[test]
    fn only_full_and_busy_are_repeated() {
        for (code, disposition) in [
            (ffi::SQLITE_FULL, Disposition::Repeat),
            (ffi::SQLITE_IOERR_SHMSIZE, Disposition::Repeat),
            (ffi::SQLITE_BUSY, Disposition::Repeat),
            (ffi::SQLITE_BUSY_SNAPSHOT, Disposition::Repeat),
            (ffi::SQLITE_IOERR_WRITE, Disposition::EndProcess),
            (ffi::SQLITE_IOERR_FSYNC, Disposition::EndProcess),
            (ffi::SQLITE_CORRUPT, Disposition::EndProcess),
            (ffi::SQLITE_READONLY, Disposition::EndProcess),
            (ffi::SQLITE_NOMEM, Disposition::EndProcess),
            (ffi::SQLITE_CONSTRAINT, Disposition::EndProcess),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = Failure::from(error).at(Path::new("/data/cc1.db"));
            assert_eq!(error.disposition(), disposition, "{code}: {error}");
            assert!(error.to_string().contains("/data/cc1.db"), "{error}");
        }
    }
}
