//! Host, disk and gateway, and what may happen to them.

use proptest::sample::Index;
use tandem_native_guests::NativeGuests;
use tandem_node::Phase;
use tandem_words::{Digit, EndCause, EventBody, InteractionId};

use crate::{
    disk::Disk,
    gateway::{Gateway, Whereabouts},
    host::{Host, WORKERS},
    strategy,
};

#[derive(Debug, Clone)]
pub enum Op {
    Call,
    Press(Index, char),
    HangUp(Index),
    Move(Index),
    DefaultRoute(Index),
    /// The switch answers a request.
    Answer(Index),
    /// Switch time passes.
    Pass(u64),
    /// So many events reach the host, and what it has sent reaches the gateway.
    Deliver(usize),
    /// A worker handles so many inputs.
    Work(Index, usize),
    /// A batch of so many rows.
    Commit(usize),
    Load(Index),
    /// The gateway keeps its events no longer.
    Drop,
    /// The connection breaks; so many messages of the host still arrive.
    Cut(usize),
    Connect,
    /// The process dies; so many of its messages still arrive.
    Kill(usize),
    /// Everything under way comes through.
    Quiet,
}

pub struct World {
    pub host: Host,
    pub disk: Disk,
    pub gateway: Gateway,
    pub guests: NativeGuests,
    pub epoch: u64,
}

impl World {
    pub fn new() -> World {
        let guests = strategy::guests();
        let disk = Disk::default();
        let host = Host::start(1, &disk, &guests);
        let mut world = World { host, disk, gateway: Gateway { now: 1_000, ..Gateway::default() }, guests, epoch: 1 };
        world.host.connect();
        world
    }

    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Call => self.gateway.arrive(),
            Op::Press(call, key) => {
                if let Some(id) = self.pick(call) {
                    let digit = Digit { interaction: id.clone(), key: key.to_string() };
                    self.gateway.event(Some(id), None, None, EventBody::Digit(digit));
                }
            }
            Op::HangUp(call) => {
                if let Some(id) = self.pick(call) {
                    self.gateway.leave(&id, EndCause::CallerHungUp);
                    self.gateway.calls.get_mut(&id).unwrap().at = Whereabouts::Gone;
                }
            }
            Op::Move(call) => {
                if let Some(id) = self.pick(call) {
                    self.gateway.leave(&id, EndCause::Moved);
                    self.gateway.visit(&id);
                }
            }
            Op::DefaultRoute(call) => {
                if let Some(id) = self.pick(call) {
                    self.gateway.answer_all_of(&id);
                    self.gateway.event(Some(id.clone()), None, None, EventBody::InteractionDefaultRouted(id.clone()));
                    self.gateway.calls.get_mut(&id).unwrap().at = Whereabouts::DefaultRouted;
                }
            }
            Op::Answer(request) => {
                let open = self.gateway.open_requests();
                if !open.is_empty() {
                    self.gateway.answer(*request.get(&open));
                }
            }
            Op::Pass(time) => self.gateway.now += time,
            Op::Deliver(events) => self.deliver(*events),
            Op::Work(worker, inputs) => (0..*inputs).for_each(|_| _ = self.host.work(worker.index(WORKERS))),
            Op::Commit(rows) => self.commit(*rows),
            Op::Load(load) => {
                if !self.host.loads.is_empty() {
                    self.host.load(load.index(self.host.loads.len()), &self.disk);
                }
            }
            Op::Drop => self.gateway.dropped = self.gateway.events.len(),
            Op::Cut(messages) => self.cut(*messages),
            Op::Connect => self.connect(),
            Op::Kill(messages) => self.kill(*messages),
            Op::Quiet => self.quiet(),
        }
    }

    /// A call that lives at its routing point.
    fn pick(&self, call: &Index) -> Option<InteractionId> {
        let here: Vec<&InteractionId> =
            self.gateway.calls.iter().filter(|(_, call)| call.at == Whereabouts::Here).map(|(id, _)| id).collect();
        (!here.is_empty()).then(|| (*call.get(&here)).clone())
    }

    fn commit(&mut self, rows: usize) {
        if !self.host.queue.is_empty() {
            self.host.commit(rows, &mut self.disk);
            self.check_w();
        }
    }

    fn receive(&mut self, messages: usize) {
        let count = messages.min(self.host.outgoing.len());
        let received: Vec<_> = self.host.outgoing.drain(..count).collect();
        for message in received {
            self.check_durable(&message);
            self.gateway.received(message, self.epoch);
        }
    }

    fn deliver(&mut self, events: usize) {
        if self.host.is_quiet() {
            self.host.quiet(&mut self.disk);
        }
        self.receive(usize::MAX);
        let messages = self.gateway.tell(events);
        if !messages.is_empty() {
            self.host.frame(messages);
        }
    }

    fn cut(&mut self, messages: usize) {
        self.receive(messages);
        self.gateway.cut();
        self.host.cut();
    }

    fn connect(&mut self) {
        if self.host.primary.phase() == Phase::Away {
            self.host.connect();
        }
    }

    fn kill(&mut self, messages: usize) {
        self.cut(messages);
        self.epoch += 1;
        self.disk.taken_over();
        self.host = Host::start(self.epoch, &self.disk, &self.guests);
        self.host.connect();
    }

    pub fn quiet(&mut self) {
        while !self.host.is_quiet() {
            (0..WORKERS).for_each(|worker| while self.host.work(worker) {});
            if !self.host.loads.is_empty() {
                self.host.load(0, &self.disk);
            }
            self.commit(usize::MAX);
        }
    }

    /// Everything comes through and every request is answered, until nothing is left to happen.
    pub fn heal(&mut self) {
        self.connect();
        for _ in 0..10_000 {
            self.quiet();
            let before = (self.gateway.events.len(), self.gateway.steps.len(), self.host.primary.phase());
            self.deliver(usize::MAX);
            self.quiet();
            self.deliver(usize::MAX);
            self.quiet();
            self.host.quiet(&mut self.disk);
            if !self.host.outgoing.is_empty() {
                continue;
            }
            let open = self.gateway.open_requests();
            if let Some(request) = open.first() {
                self.gateway.answer(*request);
            } else if before == (self.gateway.events.len(), self.gateway.steps.len(), Phase::Serving) {
                match self.gateway.wake_at {
                    Some(at) => self.gateway.now = self.gateway.now.max(at),
                    None => {
                        // W is durable with the next renewal.
                        self.host.commit(usize::MAX, &mut self.disk);
                        self.deliver(usize::MAX);
                        return;
                    }
                }
            }
        }
        panic!("it never comes to rest");
    }
}
