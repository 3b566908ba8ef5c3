//! Messages for the gateway, on their way from the node to the socket.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tandem_switch_link::{Asked, FrameError, Held, HostMessage, MAX_FRAME_BYTES, StepMessage, encode_host_frame};
use tandem_words::RequestKey;
use tokio::sync::mpsc;

/// The node's end. Dropped when the connection is given up; what was sent before still goes.
pub struct Outgoing {
    sender: mpsc::UnboundedSender<Vec<HostMessage>>,
    waiting: Arc<AtomicUsize>,
}

/// The socket's end.
pub struct Unsent {
    receiver: mpsc::UnboundedReceiver<Vec<HostMessage>>,
    waiting: Arc<AtomicUsize>,
}

impl Outgoing {
    /// Both ends.
    pub fn channel() -> (Self, Unsent) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        (Outgoing { sender, waiting: Arc::clone(&waiting) }, Unsent { receiver, waiting })
    }

    /// These messages go together, in order. Nothing happens when the connection is gone: the next reconciliation finds out.
    pub fn send(&self, messages: Vec<HostMessage>) {
        self.waiting.fetch_add(messages.len(), Ordering::Relaxed);
        let _ = self.sender.send(messages);
    }
}

impl Unsent {
    /// The next messages; none: there will be no more.
    pub async fn next(&mut self) -> Option<Vec<HostMessage>> {
        self.receiver.recv().await.inspect(|messages| self.took(messages))
    }

    /// The same for a thread.
    pub fn blocking_next(&mut self) -> Option<Vec<HostMessage>> {
        self.receiver.blocking_recv().inspect(|messages| self.took(messages))
    }

    /// The same, without waiting.
    #[cfg(test)]
    pub fn try_next(&mut self) -> Option<Vec<HostMessage>> {
        self.receiver.try_recv().ok().inspect(|messages| self.took(messages))
    }

    /// Counts the messages that wait.
    pub fn waiting(&self) -> Waiting {
        Waiting(Arc::clone(&self.waiting))
    }

    fn took(&self, messages: &[HostMessage]) {
        self.waiting.fetch_sub(messages.len(), Ordering::Relaxed);
    }
}

/// How many messages wait for the socket.
pub struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// Now.
    pub fn messages(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Frames of these messages, as few as the limit of a frame allows.
///
/// A `reconcile` of a large node, and a step of many large requests, go in several parts. (The primary has answered a request that
/// no frame holds itself.) A step of a session with more interactions than a frame holds is left out and named in the log: sent,
/// it would break this connection and every next one, and with it all calls. Its own calls take the default route at their deadline.
pub fn frames(messages: &[HostMessage]) -> Result<Vec<String>, FrameError> {
    let text = encode_host_frame(messages)?;
    if text.len() <= MAX_FRAME_BYTES {
        return Ok(vec![text]);
    }
    match messages {
        [HostMessage::Reconcile { after, interactions, requests, more }] if interactions.len() + requests.len() > 1 => {
            let (held, held_later) = interactions.split_at(interactions.len() / 2);
            let (asked, asked_later) = requests.split_at(requests.len().div_ceil(2));
            let part = |interactions: &[Held], requests: &[RequestKey], more| HostMessage::Reconcile {
                after: *after,
                interactions: interactions.to_vec(),
                requests: requests.to_vec(),
                more,
            };
            in_halves(part(held, asked, true), part(held_later, asked_later, *more))
        }
        [HostMessage::Step(step)] if step.requests.len() > 1 => {
            let (first, second) = step.requests.split_at(step.requests.len() / 2);
            let part = |requests: &[Asked], over| HostMessage::Step(StepMessage { requests: requests.to_vec(), over, ..step.clone() });
            in_halves(part(first, None), part(second, step.over))
        }
        [HostMessage::Step(step)] => {
            let bytes = text.len();
            tracing::error!(session = %step.session, seq = step.seq, bytes, "this step's requests fit into no frame of the switch link");
            Ok(Vec::new())
        }
        [_] | [] => Err(FrameError::TooLarge { bytes: text.len() }),
        many => {
            let (first, second) = many.split_at(many.len() / 2);
            let mut frames = frames(first)?;
            frames.extend(self::frames(second)?);
            Ok(frames)
        }
    }
}

fn in_halves(first: HostMessage, second: HostMessage) -> Result<Vec<String>, FrameError> {
    let mut frames = frames(&[first])?;
    frames.extend(self::frames(&[second])?);
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use tandem_switch_link::{Over, decode_host_frame};
    use tandem_words::{RequestBody, SessionId};

    use super::*;

    fn step(seq: u32, bytes: usize) -> HostMessage {
        let body = RequestBody::DeleteUserData { interaction: "c1".into(), keys: vec!["x".repeat(bytes)] };
        HostMessage::Step(StepMessage {
            epoch: 1,
            session: SessionId { node: 101, epoch: 1, number: 1 },
            incarnation: 1,
            seq,
            interactions: vec![Held { id: "c1".into(), visit: Some(1) }],
            quiet_until: None,
            over: None,
            requests: vec![Asked { request: seq, body }],
        })
    }

    #[test]
    fn what_does_not_fit_into_one_frame_goes_in_several_in_order() {
        let mut messages: Vec<_> = (0..100).map(|seq| step(seq, 100_000)).collect();
        messages.push(HostMessage::Idle { seq: 1, wake_at: None });
        let frames = frames(&messages).unwrap();
        assert!(frames.len() > 1 && frames.iter().all(|frame| frame.len() <= MAX_FRAME_BYTES));
        let again: Vec<_> = frames.iter().flat_map(|frame| decode_host_frame(frame).unwrap()).collect();
        assert_eq!(again, messages);
    }

    fn read(messages: &[HostMessage]) -> Vec<HostMessage> {
        let frames = frames(messages).unwrap();
        assert!(frames.len() > 1 && frames.iter().all(|frame| frame.len() <= MAX_FRAME_BYTES));
        frames.iter().flat_map(|frame| decode_host_frame(frame).unwrap()).collect()
    }

    #[test]
    fn a_node_of_200_000_sessions_reconciles_in_parts() {
        let session = SessionId { node: 101, epoch: 1, number: 1 };
        let all: Vec<_> = (0..200_000).map(|call| Held { id: format!("1790000000000-c{call}").into(), visit: Some(1) }).collect();
        let asked: Vec<_> = (0..150_001).map(|request| RequestKey { session, incarnation: 1, request }).collect();
        let parts = read(&[HostMessage::Reconcile { after: None, interactions: all.clone(), requests: asked.clone(), more: false }]);
        let (mut interactions, mut requests, mut mores) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let HostMessage::Reconcile { interactions: held, requests: asked, more, .. } = part else { panic!("{part:?}") };
            interactions.extend(held);
            requests.extend(asked);
            mores.push(more);
        }
        assert!(interactions == all && requests == asked, "all, in order");
        assert_eq!(mores.iter().position(|more| !more), Some(mores.len() - 1), "the last part says so");
    }

    #[test]
    fn a_step_that_no_frame_holds_goes_in_parts_and_is_over_with_the_last() {
        let HostMessage::Step(first) = step(1, 0) else { panic!() };
        let body = RequestBody::DeleteUserData { interaction: "c1".into(), keys: vec!["x".repeat(1 << 20)] };
        let requests: Vec<_> = (1..=9).map(|request| Asked { request, body: body.clone() }).collect();
        let whole = StepMessage { requests: requests.clone(), over: Some(Over::Failed), ..first };
        let mut again = Vec::new();
        for part in read(&[HostMessage::Step(whole.clone())]) {
            let HostMessage::Step(part) = part else { panic!("{part:?}") };
            again.extend(part.requests.clone());
            assert_eq!(part.over, whole.over.filter(|_| again.len() == requests.len()));
            assert_eq!((part.seq, &part.interactions), (whole.seq, &whole.interactions));
        }
        assert_eq!(again, requests);
    }

    #[test]
    fn a_step_that_fits_nowhere_does_not_take_the_others_with_it() {
        let messages = [step(1, 10), step(2, MAX_FRAME_BYTES), step(3, 10)];
        let again: Vec<_> = frames(&messages).unwrap().iter().flat_map(|frame| decode_host_frame(frame).unwrap()).collect();
        assert_eq!(again, [step(1, 10), step(3, 10)]);
    }
}
