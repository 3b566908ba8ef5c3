//! What the services are told.

use std::time::Duration;

use tandem_node::synch::{KeepLimits, greeting::Greeter};
use tandem_words::{InstanceName, StoreId};

use super::Error;
use crate::options::{self, Tls, values::Address};

/// How often each side says that it lives, and how many of those may be missed: 3 s.
pub const HEARTBEAT: Duration = Duration::from_millis(250);
pub(super) const MISSED_HEARTBEATS: u32 = 12;

/// So many make the other side one that is not to be relied on: a backup is not ready. Reason: one may be late on a busy machine.
pub(super) const QUIET_HEARTBEATS: u32 = 3;

/// For TLS, `hello` and its answer together. Reason: who has not said who they are must not hold a place for long.
pub(super) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(3);

/// The synch link of one instance.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who this instance is.
    pub own: Greeter,
    /// Where it listens while it is primary.
    pub listen: Address,
    /// Where the other one does.
    pub connect: Address,
    /// For both directions; none: on loopback.
    pub tls: Option<Tls>,
    /// What is kept of a session.
    pub keep: KeepLimits,
    /// [`HEARTBEAT`], but for tests.
    pub heartbeat: Duration,
}

impl Options {
    /// The synch link that `tandem.toml` describes; none: there is no other instance, or the pair has no synch ports, which is told
    /// in the log.
    ///
    /// # Errors
    /// It would leave the machine unprotected.
    pub fn of(file: &options::Options, instance: InstanceName, store: StoreId) -> Result<Option<Self>, Error> {
        let own = Greeter {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: file.cluster.name.clone(),
            instance,
            store,
            options: file.fingerprint()?,
        };
        let (Some(here), Some(there)) = (file.instance(instance), file.instance(own.other())) else { return Ok(None) };
        let (Some(listen), Some(connect)) = (&here.synch, &there.synch) else {
            tracing::warn!(
                "the pair {instance} and {} has no synch ports: sessions that are not persisted are lost with their instance; \
                 write synch = \"127.0.0.1:PORT\" for both in [[node]]",
                own.other()
            );
            return Ok(None);
        };
        let exposed = [listen, connect].into_iter().find(|address| !address.is_loopback());
        let tls = match (exposed, &file.tls) {
            (Some(address), None) => return Err(Error::Unprotected(address.clone())),
            (Some(_), Some(tls)) => Some(tls.clone()),
            (None, _) => None,
        };
        let (listen, connect) = (listen.clone(), connect.clone());
        Ok(Some(Options { own, listen, connect, tls, keep: KeepLimits::default(), heartbeat: HEARTBEAT }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(instances: &str, more: &str) -> options::Options {
        let text = format!(
            "cluster.name = \"cc1\"\npersistence.store = \"sqlite:x.db\"\nswitch.main.url = \"ws://127.0.0.1:7400\"\n{more}\n[[node]]\nid = 101\n{instances}"
        );
        options::Options::parse(&text, "tandem.toml").unwrap_or_else(|wrong| panic!("{wrong:?}")).options
    }

    fn of(file: &options::Options) -> Result<Option<Options>, Error> {
        Options::of(file, InstanceName { node: 101, letter: 'b' }, 77)
    }

    const PAIR: &str = "a = { synch = \"127.0.0.1:7101\" }\nb = { synch = \"127.0.0.1:7102\" }";

    #[test]
    fn a_pair_with_synch_ports_has_a_synch_link_and_others_have_none() {
        let pair = of(&file(PAIR, "")).unwrap().unwrap();
        assert_eq!((pair.listen.port, pair.connect.port, pair.own.other().letter), (7_102, 7_101, 'a'));
        assert_eq!(pair.tls, None, "loopback");
        assert!(of(&file("b = { synch = \"127.0.0.1:7102\" }", "")).unwrap().is_none());
        assert!(of(&file("a = {}\nb = { synch = \"127.0.0.1:7102\" }", "")).unwrap().is_none());
    }

    #[test]
    fn between_machines_there_is_tls() {
        let tls = "[tls]\ncertificate = \"b.pem\"\nkey = \"b.key\"\nclient-ca = \"ca.pem\"";
        // No store of this release is reached from two machines, so no file says this yet.
        let apart = |mut file: options::Options| {
            file.nodes[0].a.as_mut().unwrap().synch = Some("10.0.0.1:7101".parse().unwrap());
            file
        };
        let pair = of(&apart(file(PAIR, tls))).unwrap().unwrap();
        assert_eq!(pair.tls.unwrap().key, std::path::Path::new("b.key"));
        assert!(matches!(of(&apart(file(PAIR, ""))), Err(Error::Unprotected(_))));
    }
}
