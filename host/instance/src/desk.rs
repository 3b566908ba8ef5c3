//! The desk: what a primary decides, what its workers finish and what is durable meet here, and are handed to whoever has to
//! do it. The same desk stands between the threads of the product, in the single thread of the lab, and in the simulation.

use std::sync::Arc;

use tandem_journal::Claim;
use tandem_node::{Directive, Primary, Restarting};
use tandem_session::{Arrival, Durable, HostRequest, Input, Release};
use tandem_switch_link::{HostMessage, Mark};
use tandem_synch_link::Change;
use tandem_words::{EventBody, RequestKey, SessionId};

/// Who does what the desk says.
pub trait Floor {
    /// Over the switch link.
    fn send(&mut self, message: HostMessage);
    /// For the worker that owns the session.
    fn worker(&mut self, session: SessionId, input: Input);
    /// For every worker.
    fn workers(&mut self, input: impl Fn() -> Input);
    /// For the commit queue: an event that no session takes.
    fn ignored(&mut self, mark: Mark);
    /// For the commit queue: the switch's events follow behind this mark.
    fn follow(&mut self, after: Mark);
    /// For the commit queue: those of a newer life of the switch do, and W stays in the old one until it is followed.
    fn prepare(&mut self, after: Mark);
    /// Let every commit come through, then call [`Primary::took_stock`].
    fn take_stock(&mut self);
    /// For whoever holds the synch link: the backup must know these changes, of sessions that are not persisted. The mark counts for
    /// W when it does ([`tandem_session::CommitQueue::ignored`]), or at once while no backup is connected, which the commit queue is
    /// to be told first ([`tandem_session::CommitQueue::set_solo`]). In order.
    fn kept(&mut self, changes: Vec<Change>, mark: Option<Mark>);
    /// The switch has lost events; for whoever holds the synch link, before W goes over them ([`Primary::backup_is_behind`]).
    fn missed(&mut self);
    /// For the log: worth a warning.
    fn warn(&mut self, what: String);
}

/// Does what the primary wants done, in order.
pub fn carry_out(directives: Vec<Directive>, floor: &mut impl Floor) {
    for directive in directives {
        match directive {
            Directive::Send(message) => floor.send(message),
            Directive::TakeStock => floor.take_stock(),
            Directive::Follow(mark) => floor.follow(mark),
            Directive::Prepare(mark) => floor.prepare(mark),
            Directive::Reconciled { unknown, fresh, remembers } => {
                let unknown = Arc::new(unknown);
                floor.workers(|| Input::Reconciled { unknown: Arc::clone(&unknown), fresh, remembers });
            }
            Directive::Advance(now) => floor.workers(|| Input::Advance(now)),
            Directive::Open { opening, event } => {
                let first = event.map(|(incarnation, event)| Arrival::Switch { incarnation, event });
                floor.worker(opening.session, Input::Open(opening, first));
            }
            Directive::Deliver(session, incarnation, event) => {
                floor.worker(session, Input::Arrive(session, Arrival::Switch { incarnation, event }));
            }
            Directive::News(session, body) => floor.worker(session, Input::Arrive(session, Arrival::News(body))),
            Directive::NewsForAll(body) => {
                if matches!(body, EventBody::Gap(_)) {
                    floor.missed();
                }
                floor.workers(|| Input::News(body.clone()));
            }
            Directive::Answer(key, body) => answer(key, body, floor),
            Directive::Message { to, from, strategy, message } => {
                floor.worker(to, Input::Arrive(to, Arrival::Message { from, strategy, message }));
            }
            Directive::Restart(Restarting { session, restart, events }, at) => {
                floor.worker(session, Input::Restart { session, at, restart, events });
            }
            Directive::Discard(session, interactions) => floor.worker(session, Input::Discard(session, interactions)),
            Directive::Ignore(mark) => floor.ignored(mark),
            Directive::Warn(what) => floor.warn(what),
        }
    }
}

/// The host's answer to a request goes to the session that asked.
pub fn answer(key: RequestKey, body: EventBody, floor: &mut impl Floor) {
    floor.worker(key.session, Input::Arrive(key.session, Arrival::Answer { key, body }));
}

/// A batch is durable: what leaves the host now, in the order of the batch.
pub fn durable(primary: &mut Primary, items: Vec<Durable>, w: Option<Mark>, floor: &mut impl Floor) {
    for item in items {
        match item {
            Durable::Released(release) => {
                floor.worker(release.session, Input::Committed(vec![(release.session, release.records)]));
                released(primary, *release, floor);
            }
            Durable::Lost(lost) => {
                floor.worker(lost.session, Input::LostClaim(lost.session));
                primary.over(lost.session);
                floor.warn(format!("session {} came too late and never was: session {} has {:?}", lost.session, lost.owner, lost.claim));
                if let Claim::Request(key) = lost.claim {
                    answer(key, EventBody::SessionStarted(lost.owner.to_string()), floor);
                }
            }
        }
    }
    let acknowledgement = w.and_then(|mark| primary.durable(mark));
    carry_out(acknowledgement.into_iter().collect(), floor);
}

/// What leaves the host with one durable step.
pub fn released(primary: &mut Primary, release: Release, floor: &mut impl Floor) {
    let session = release.session;
    if let Some(step) = release.step {
        carry_out(primary.tell(step), floor);
    }
    for (key, request) in release.requests {
        let directive = match request {
            HostRequest::Send { to, strategy, message } => primary.send(key, &to, strategy, message),
            HostRequest::Start(start) => primary.start(key, &start, release.at),
        };
        carry_out(vec![directive], floor);
    }
    for (request, body) in release.answers {
        answer(RequestKey { session, incarnation: release.incarnation, request }, body, floor);
    }
    for (from, body) in release.replies {
        answer(from, body, floor);
    }
    if let Some(starter) = release.started_for {
        answer(starter, EventBody::SessionStarted(session.to_string()), floor);
    }
    if release.over {
        primary.over(session);
    }
    if !release.changes.is_empty() || release.mark.is_some() {
        floor.kept(release.changes, release.mark);
    }
}
