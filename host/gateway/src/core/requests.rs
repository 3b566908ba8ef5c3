//! Which requests were seen: each is applied once (P3).

use std::collections::{BTreeMap, VecDeque};

use tandem_switch_link::RequestState;
use tandem_words::{InteractionId, NodeId, Position, RequestKey};

/// The requests of all nodes.
#[derive(Debug, Default)]
pub(super) struct Requests {
    nodes: BTreeMap<NodeId, NodeRequests>,
}

/// By the node that created the session: it (or who adopts it) is the one that sends them again.
#[derive(Debug, Default)]
struct NodeRequests {
    states: BTreeMap<RequestKey, State>,
    /// In order of positions.
    answered: VecDeque<(Position, RequestKey)>,
}

#[derive(Debug)]
enum State {
    /// On this interaction, where its end is something that a finished session waits for.
    Open(Option<InteractionId>),
    Answered,
}

impl Requests {
    /// How many of the node are known.
    pub(super) fn known(&self, node: NodeId) -> usize {
        self.nodes.get(&node).map_or(0, |node| node.states.len())
    }

    pub(super) fn state(&self, key: &RequestKey) -> RequestState {
        match self.nodes.get(&key.session.node).and_then(|node| node.states.get(key)) {
            None => RequestState::Unknown,
            Some(State::Open(_)) => RequestState::Open,
            Some(State::Answered) => RequestState::Answered,
        }
    }

    /// A new request; `awaited`: the interaction on which it is under way, if a finished session waits for its end.
    pub(super) fn open(&mut self, key: RequestKey, awaited: Option<InteractionId>) {
        self.nodes.entry(key.session.node).or_default().states.insert(key, State::Open(awaited));
    }

    /// Its answer has a position. Returns what `open` was given.
    pub(super) fn answer(&mut self, key: RequestKey, position: Position) -> Option<InteractionId> {
        let node = self.nodes.entry(key.session.node).or_default();
        match node.states.insert(key, State::Answered) {
            // A second answer changes nothing; the host's journal drops it.
            Some(State::Answered) => None,
            Some(State::Open(awaited)) => {
                node.answered.push_back((position, key));
                awaited
            }
            None => {
                node.answered.push_back((position, key));
                None
            }
        }
    }

    /// The node's W. A request whose answer lies at or before it can be forgotten: the step that took the answer is
    /// durable, so the session no longer waits for that request, and whoever recovers it sends again only what is not answered.
    pub(super) fn forget_up_to(&mut self, node: NodeId, position: Position) {
        let Some(node) = self.nodes.get_mut(&node) else { return };
        while let Some((_, key)) = node.answered.pop_front_if(|(answered, _)| *answered <= position) {
            node.states.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_words::SessionId;

    use super::*;

    #[test]
    fn a_request_is_forgotten_once_its_answer_is_committed_and_not_before() {
        let key = |request| RequestKey { session: SessionId { node: 101, epoch: 1, number: 1 }, incarnation: 1, request };
        let mut requests = Requests::default();
        requests.open(key(1), Some("c1".into()));
        requests.open(key(2), None);
        assert_eq!(requests.answer(key(1), 7).as_deref(), Some("c1"));
        assert_eq!(requests.answer(key(1), 8), None, "a second answer");
        requests.forget_up_to(101, 6);
        requests.forget_up_to(102, 9);
        assert_eq!(requests.state(&key(1)), RequestState::Answered);
        requests.forget_up_to(101, 7);
        assert_eq!(requests.state(&key(1)), RequestState::Unknown);
        assert_eq!(requests.state(&key(2)), RequestState::Open);
        assert_eq!(requests.known(101), 1);
    }
}
