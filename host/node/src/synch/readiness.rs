//! Whether the backup could take over, and why not (design, section 7).

use std::collections::BTreeSet;

use tandem_synch_link::Standing;
use tandem_words::VersionId;

use super::Source;

/// Why a planned switchover would harm. People read it in log, status and API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Nobody there.
    #[error("no backup is connected to the synch port")]
    Absent,
    /// It lacks events.
    #[error("the backup has not received the full state yet")]
    NotFull,
    /// It has not said how it stands.
    #[error("the backup has not said yet how it stands")]
    Unheard,
    /// A call of such a version would wait for the compiler.
    #[error("the backup has not compiled {missing} of the versions that live; the first is {first}")]
    NotCompiled {
        /// How many.
        missing: usize,
        /// One of them.
        first: VersionId,
    },
    /// It would lead, and hear nothing.
    #[error("the backup does not reach the switch's gateway")]
    Blind,
    /// What it says itself.
    #[error("the backup says that it is not ready: {0}")]
    ItsOwn(String),
}

/// Why the backup is not ready; none: it is. `standing`: its last word on this connection; `live`: the versions of the primary's
/// sessions and deployments.
#[must_use]
pub fn not_ready(source: &Source, standing: Option<&Standing>, live: &BTreeSet<VersionId>) -> Option<NotReady> {
    if !source.is_connected() {
        return Some(NotReady::Absent);
    }
    if !source.is_level() {
        return Some(NotReady::NotFull);
    }
    let Some(standing) = standing else { return Some(NotReady::Unheard) };
    let compiled: BTreeSet<_> = standing.compiled.iter().collect();
    let mut missing = live.iter().filter(|version| !compiled.contains(version));
    if let Some(first) = missing.next() {
        return Some(NotReady::NotCompiled { missing: 1 + missing.count(), first: *first });
    }
    if !standing.reaches_switch {
        return Some(NotReady::Blind);
    }
    let why = || standing.why_not.clone().unwrap_or_else(|| "it does not say why".to_owned());
    (!standing.ready).then(|| NotReady::ItsOwn(why()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synch::{BufferLimits, KeepLimits};

    #[test]
    fn a_backup_is_ready_when_it_lacks_nothing() {
        let mut source = Source::new(3, BufferLimits::default(), KeepLimits::default(), Default::default());
        let live: BTreeSet<_> = [VersionId([1; 32]), VersionId([2; 32]), VersionId([3; 32])].into();
        let good = Standing { ready: true, why_not: None, compiled: live.iter().copied().collect(), reaches_switch: true };
        assert_eq!(not_ready(&source, Some(&good), &live), Some(NotReady::Absent));
        source.connected(0, None, &mut Vec::new());
        assert_eq!(not_ready(&source, Some(&good), &live), Some(NotReady::NotFull));
        source.acknowledged(0, &mut Vec::new());
        assert_eq!(not_ready(&source, Some(&good), &live), None);
        assert_eq!(not_ready(&source, None, &live), Some(NotReady::Unheard));
        let one = Standing { compiled: vec![VersionId([2; 32])], ..good.clone() };
        assert_eq!(not_ready(&source, Some(&one), &live), Some(NotReady::NotCompiled { missing: 2, first: VersionId([1; 32]) }));
        let blind = Standing { reaches_switch: false, ..good.clone() };
        assert_eq!(not_ready(&source, Some(&blind), &live), Some(NotReady::Blind));
        let busy = Standing { ready: false, why_not: Some("the disk is full".to_owned()), ..good };
        assert!(not_ready(&source, Some(&busy), &live).unwrap().to_string().contains("the disk is full"));
    }
}
