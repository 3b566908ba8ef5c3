//! Who may be the backup: the answer to `hello`, and what to think of that answer.

use tandem_synch_link::{Fingerprint, Held, Hello, PrimaryMessage, Refusal, VERSIONS, version_for};
use tandem_words::{Epoch, InstanceName, StoreId};

/// Names of differing options that a refusal shows. Reason: a line that a person reads; the first few tell which file is wrong.
const SHOWN: usize = 8;

/// Bytes of a name, and of the other side's words. Reason: they stand in a line of the log.
const MAX_NAME: usize = 256;
const MAX_WORDS: usize = 2_000;

/// What an instance says of itself.
#[derive(Debug, Clone)]
pub struct Greeter {
    /// Its release, for people.
    pub release: String,
    /// The cluster's name.
    pub cluster: String,
    /// The instance.
    pub instance: InstanceName,
    /// The cluster store it uses.
    pub store: StoreId,
    /// The options that must be equal.
    pub options: Fingerprint,
}

/// Why a backup does not go on with what it was answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// The primary refused.
    #[error("the primary refused this backup: {message}")]
    Refused {
        /// For programs.
        reason: Refusal,
        /// The primary's words.
        message: String,
    },
    /// It speaks what nobody offered.
    #[error(
        "the primary (release {release}) speaks version {version} of the synch link, and this release {VERSIONS:?}; a pair may run two neighbouring releases"
    )]
    Version {
        /// What it chose.
        version: u32,
        /// Its release.
        release: String,
    },
    /// Somebody else listens there.
    #[error("{found} answers where {expected} should; correct the synch addresses in [[node]]")]
    Stranger {
        /// The other instance of this pair.
        expected: String,
        /// Who said welcome.
        found: String,
    },
    /// No answer to `hello`.
    #[error("the primary did not answer `hello`, against the protocol (docs/synch-link.md)")]
    NoAnswer,
}

impl Greeter {
    /// The other instance of the pair.
    #[must_use]
    pub fn other(&self) -> InstanceName {
        InstanceName { letter: if self.instance.letter == 'a' { 'b' } else { 'a' }, ..self.instance }
    }

    /// A backup's first message.
    #[must_use]
    pub fn hello(&self, have: Option<Held>) -> Hello {
        Hello {
            versions: VERSIONS.to_vec(),
            release: self.release.clone(),
            cluster: self.cluster.clone(),
            node: self.instance.node,
            instance: self.instance.to_string(),
            store: self.store,
            options: self.options.clone(),
            have,
        }
    }

    /// The primary's answer. `busy`: another backup is connected.
    ///
    /// # Errors
    /// Why it is refused, for programs and for people.
    pub fn answer(&self, hello: &Hello, epoch: Epoch, busy: bool) -> Result<PrimaryMessage, (Refusal, String)> {
        let own = &self.instance;
        let unusable = |name: &String| name.len() > MAX_NAME || name.chars().any(char::is_control);
        if [&hello.release, &hello.cluster, &hello.instance].into_iter().any(unusable) {
            return Err((Refusal::Malformed, format!("`hello` has names that are no names, or longer than {MAX_NAME} bytes")));
        }
        let Some(version) = version_for(&hello.versions) else {
            let why = format!(
                "{own} (release {}) speaks {VERSIONS:?} of the synch link, and {} (release {}) {:?}; a pair may run two neighbouring releases",
                self.release, hello.instance, hello.release, hello.versions
            );
            return Err((Refusal::Version, why));
        };
        if hello.cluster != self.cluster {
            let why = format!("{own} is of cluster {:?}, and {} of cluster {:?}", self.cluster, hello.instance, hello.cluster);
            return Err((Refusal::Identity, why));
        }
        if hello.instance == own.to_string() {
            let why = format!("an instance named {own} runs here already; start the other one as {}", self.other());
            return Err((Refusal::Identity, why));
        }
        if hello.instance != self.other().to_string() || hello.node != own.node {
            let why = format!("{} is not the other instance of this pair; that is {}", hello.instance, self.other());
            return Err((Refusal::Identity, why));
        }
        if hello.store != self.store {
            let why = format!("{own} and {} use different stores; `persistence.store` must lead both to the same one", hello.instance);
            return Err((Refusal::Store, why));
        }
        let differing = self.options.differing(&hello.options);
        if !differing.is_empty() {
            let more = differing.len().saturating_sub(SHOWN);
            let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names: Vec<_> = differing.into_iter().take(SHOWN).collect();
            let why = format!(
                "options that must be equal in the pair differ: {}{and_more}; give {own} and {} the same tandem.toml and start them again",
                names.join(", "),
                hello.instance
            );
            return Err((Refusal::Options, why));
        }
        if busy {
            return Err((Refusal::Busy, format!("an instance named {} is connected already", hello.instance)));
        }
        Ok(PrimaryMessage::Welcome { version, release: self.release.clone(), instance: own.to_string(), epoch })
    }

    /// What the primary answered: its epoch.
    ///
    /// # Errors
    /// Why this backup cannot go on.
    pub fn welcomed(&self, answer: PrimaryMessage) -> Result<Epoch, Unwelcome> {
        match answer {
            PrimaryMessage::Welcome { version, release, .. } if !VERSIONS.contains(&version) => {
                Err(Unwelcome::Version { version, release })
            }
            PrimaryMessage::Welcome { instance, .. } if instance != self.other().to_string() => {
                Err(Unwelcome::Stranger { expected: self.other().to_string(), found: instance })
            }
            PrimaryMessage::Welcome { epoch, .. } => Ok(epoch),
            PrimaryMessage::Refused { reason, message } => {
                let message = message.chars().filter(|char| !char.is_control()).take(MAX_WORDS).collect();
                Err(Unwelcome::Refused { reason, message })
            }
            _ => Err(Unwelcome::NoAnswer),
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_synch_link::OptionHash;

    use super::*;

    fn greeter(letter: char) -> Greeter {
        let option = |name: &str| OptionHash { name: name.to_owned(), hash: 1 };
        Greeter {
            release: "0.1.0".to_owned(),
            cluster: "cc1".to_owned(),
            instance: InstanceName { node: 101, letter },
            store: 77,
            options: Fingerprint { options: vec![option("lease.timeout"), option("limits.state")] },
        }
    }

    #[test]
    fn the_other_instance_of_the_pair_is_welcome() {
        let (a, b) = (greeter('a'), greeter('b'));
        let welcome = a.answer(&b.hello(None), 3, false).unwrap();
        assert_eq!(b.welcomed(welcome), Ok(3));
        let welcome = b.answer(&a.hello(Some(Held { epoch: 2, seq: 1 })), 4, false).unwrap();
        assert_eq!(a.welcomed(welcome), Ok(4));
    }

    #[test]
    fn everybody_else_is_refused_by_name() {
        let a = greeter('a');
        let hello = greeter('b').hello(None);
        let options = Fingerprint { options: vec![OptionHash { name: "lease.timeout".to_owned(), hash: 2 }] };
        for (hello, reason, say) in [
            (Hello { versions: vec![2, 3], release: "9.0".to_owned(), ..hello.clone() }, Refusal::Version, "release 9.0) [2, 3]"),
            (Hello { cluster: "cc2".to_owned(), ..hello.clone() }, Refusal::Identity, "of cluster \"cc2\""),
            (Hello { instance: "101/a".to_owned(), ..hello.clone() }, Refusal::Identity, "start the other one as 101/b"),
            (Hello { instance: "101/c".to_owned(), ..hello.clone() }, Refusal::Identity, "101/c is not the other instance"),
            (Hello { instance: "102/b".to_owned(), node: 102, ..hello.clone() }, Refusal::Identity, "that is 101/b"),
            (Hello { instance: "b\n".to_owned(), ..hello.clone() }, Refusal::Malformed, "no names"),
            (Hello { cluster: "c".repeat(300), ..hello.clone() }, Refusal::Malformed, "no names"),
            (Hello { store: 78, ..hello.clone() }, Refusal::Store, "different stores"),
            (Hello { options, ..hello.clone() }, Refusal::Options, "differ: lease.timeout; give 101/a and 101/b the same"),
        ] {
            let (found, why) = a.answer(&hello, 3, false).unwrap_err();
            assert!(found == reason && why.contains(say), "{why}");
        }
        assert_eq!(a.answer(&hello, 3, true).unwrap_err().0, Refusal::Busy);
    }

    #[test]
    fn a_backup_looks_at_who_answers() {
        let b = greeter('b');
        let welcome =
            |version, instance: &str| PrimaryMessage::Welcome { version, release: String::new(), instance: instance.to_owned(), epoch: 3 };
        assert!(matches!(b.welcomed(welcome(9, "101/a")), Err(Unwelcome::Version { version: 9, .. })));
        assert!(matches!(b.welcomed(welcome(1, "102/a")), Err(Unwelcome::Stranger { .. })));
        assert_eq!(b.welcomed(PrimaryMessage::Heartbeat), Err(Unwelcome::NoAnswer));
    }
}
