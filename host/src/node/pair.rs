//! What an instance knows of the other one of its node.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tandem_words::InstanceName;

use super::SynchOptions;

/// The other instance of a pair.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Its name.
    pub other: InstanceName,
    /// What the synch link tells of it.
    pub peer: Peer,
    /// The synch link; none: it has no ports.
    pub synch: Option<SynchOptions>,
}

/// How the other instance stands, as the synch link last told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStanding {
    /// `101/b`.
    pub instance: String,
    /// Whether it may take over without losing anything: its state is full, its components are compiled.
    pub ready: bool,
    /// Why it is not ready, for people.
    pub why_not: Option<String>,
    /// Whether it reaches the switch.
    pub reaches_switch: bool,
}

/// Written by the synch link, read by the node's thread and by status. None: no connection, nothing is known.
#[derive(Debug, Clone, Default)]
pub struct Peer(Arc<Mutex<Option<PeerStanding>>>);

impl Peer {
    /// As last told.
    pub fn standing(&self) -> Option<PeerStanding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// News of it; none: the connection is gone.
    pub fn tell(&self, standing: Option<PeerStanding>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = standing;
    }
}

impl Pair {
    /// Why the role should not be handed over now; none: nothing speaks against it. `problem`: what the synch link says of it.
    pub fn objection(&self, problem: Option<String>) -> Option<String> {
        let force = "or hand over with --force, and sessions without persistence may be lost";
        match self.peer.standing() {
            None => {
                let problem = problem.map(|problem| format!(" ({problem})")).unwrap_or_default();
                Some(format!("{} is not connected{problem}, so whether it is ready is not known; start it, {force}", self.other))
            }
            Some(peer) if !peer.ready => {
                let why = peer.why_not.unwrap_or_else(|| "it does not say why".to_owned());
                Some(format!("{} is not ready: {why}; wait, {force}", self.other))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ready_instance_is_handed_the_role_without_force() {
        let pair = Pair { other: InstanceName { node: 101, letter: 'b' }, peer: Peer::default(), synch: None };
        assert!(pair.objection(None).unwrap().contains("101/b is not connected, so"));
        assert!(pair.objection(Some("its port is taken".to_owned())).unwrap().contains("101/b is not connected (its port is taken), so"));
        let standing = PeerStanding {
            instance: "101/b".to_owned(),
            ready: false,
            why_not: Some("2 components are being compiled".to_owned()),
            reaches_switch: true,
        };
        pair.peer.tell(Some(standing.clone()));
        assert!(pair.objection(None).unwrap().contains("not ready: 2 components"));
        pair.peer.tell(Some(PeerStanding { ready: true, ..standing }));
        assert_eq!(pair.objection(None), None);
    }
}
