//! A core, a switch, and the rule by which their time passes (design, section 9: "the switch owns time").

use tandem_switch_link::{GatewayFrame, HostMessage};
use tandem_words::{SwitchIncarnation, Timestamp};

use super::{ConnectionId, Core, Keepsake, Options, Pace, Tally};
use crate::{
    port::{Report, Switch},
    record::Line,
};

/// What is to be done after an input, in this order: write down `keep`, send the frames, close the connections.
#[derive(Debug, Default)]
pub struct Turn {
    /// Must be durable before a frame leaves.
    pub keep: Option<Keepsake>,
    /// In order for each connection.
    pub frames: Vec<(ConnectionId, GatewayFrame)>,
    /// Refused; the exchange has forgotten them (no [`Exchange::closed`] is needed).
    pub close: Vec<ConnectionId>,
    /// For the record.
    pub lines: Vec<Line>,
}

/// A core on a switch.
///
/// The driver feeds what happens (`connected`, `received`, `malformed`, `closed`), and after that takes a [`Turn`]. When
/// [`Exchange::pace`] says [`Pace::Settled`] or [`Pace::Free`] it passes time (`pass_to`, then another turn). Real time enters
/// by the driver only: how long to wait before passing, that a connection was silent for too long (`closed`), that a
/// primary keeps everybody waiting (`stalled`).
#[derive(Debug)]
pub struct Exchange<S> {
    core: Core,
    switch: S,
    lines: Vec<Line>,
    tally: Tally,
    wait_for_host: bool,
    /// The driver's word: do not wait for who is not idle.
    stalled: bool,
    /// The switch may have something due at this very instant.
    touched: bool,
    /// The gateway is dead; the switch goes on alone.
    dead: bool,
    seed: u64,
}

impl<S: Switch> Exchange<S> {
    /// Begins at switch time `now`. `seed`: what the switch draws from, for the record's first line. `keepsake`: as in
    /// [`Core::new`].
    pub fn new(options: Options, keepsake: Keepsake, switch: S, seed: u64, now: Timestamp) -> Self {
        let (lines, tally, wait_for_host) = (Vec::new(), Tally::default(), options.wait_for_host);
        let core = Core::new(options, keepsake, now);
        let mut exchange = Exchange { core, switch, lines, tally, wait_for_host, stalled: false, touched: true, dead: false, seed };
        exchange.begin();
        exchange
    }

    /// A gateway begins: with a switch that has no calls yet, or that has some.
    fn begin(&mut self) {
        let options = &self.core.options;
        self.lines.push(Line::Begin {
            switch: options.switch.to_string(),
            incarnation: self.core.incarnation(),
            seed: self.seed,
            at: self.core.now(),
            control_deadline_ms: options.longest_control_deadline_ms(),
            control_deadlines_ms: options.control_deadlines_ms(),
        });
        self.core.find(self.switch.survey());
    }

    /// The gateway dies, with its connections and all that it knew; its switch goes on, and nobody hears it. The driver closes
    /// the connections.
    pub fn die(&mut self) {
        self.core.connections().into_iter().for_each(|id| self.core.closed(id));
        self.collect();
        self.dead = true;
    }

    /// It begins again beside the same switch, with what it had kept ([`Keepsake`]). `not_before`: as in
    /// [`Keepsake::next_life`].
    pub fn begin_again(&mut self, not_before: SwitchIncarnation) {
        if !std::mem::take(&mut self.dead) {
            return;
        }
        (self.wait_for_host, self.stalled) = (false, false);
        self.core = self.core.next_life(not_before);
        self.begin();
    }

    /// An instance connected.
    pub fn connected(&mut self, id: ConnectionId) {
        self.core.connected(id);
    }

    /// A frame came.
    pub fn received(&mut self, id: ConnectionId, messages: Vec<HostMessage>) {
        for message in messages {
            self.core.received(id, message);
            self.carry_out();
        }
    }

    /// A frame came that cannot be read, and why.
    pub fn malformed(&mut self, id: ConnectionId, why: String) {
        self.core.malformed(id, why);
    }

    /// The connection is gone, or nothing was heard on it for 3 s of real time.
    pub fn closed(&mut self, id: ConnectionId) {
        self.core.closed(id);
    }

    /// A primary has kept everybody waiting for too long: time runs without it until all are idle again.
    pub fn stalled(&mut self) {
        self.stalled = true;
    }

    /// Does what can be done at this instant, and hands out what is to be sent.
    pub fn turn(&mut self) -> Turn {
        self.carry_out();
        loop {
            if self.dead {
                if !self.advance() {
                    break;
                }
                self.carry_out();
                continue;
            }
            // Once something waits to be sent to a primary, the instant is not settled: it may answer.
            let may_act = match self.pace() {
                Pace::Settled | Pace::Free => true,
                Pace::Frozen | Pace::Waiting => false,
            };
            if !may_act || !(self.core.has_buffered() && self.core.act() || self.advance() || self.core.act()) {
                break;
            }
            self.carry_out();
        }
        let (frames, close) = self.core.take_frames();
        Turn { keep: self.core.take_keepsake(), frames, close, lines: std::mem::take(&mut self.lines) }
    }

    /// What time may do now.
    pub fn pace(&self) -> Pace {
        if self.wait_for_host && !self.core.has_been_led() {
            Pace::Frozen
        } else if !self.core.is_led() {
            Pace::Free
        } else if self.core.settled() {
            Pace::Settled
        } else if self.stalled {
            Pace::Free
        } else {
            Pace::Waiting
        }
    }

    /// The next instant at which something is due, later than now; none: nothing ever, unless somebody speaks.
    pub fn next_instant(&self) -> Option<Timestamp> {
        let now = self.core.now();
        // What was due until now is done by a turn.
        let of_core = self.core.next_due().filter(|_| !self.dead);
        self.switch.next_due().into_iter().chain(of_core).min().map(|at| at.max(now + 1))
    }

    /// Passes time to `to`, but never past the next instant. To be called when the pace is settled or free, after a turn.
    pub fn pass_to(&mut self, to: Timestamp) {
        let now = self.next_instant().map_or(to, |next| next.min(to));
        self.core.pass_to(now);
        self.touched = true;
        if self.core.settled() {
            self.stalled = false;
        }
        self.advance();
        self.carry_out();
    }

    /// The run is over: no call lives, none will come, and every primary is idle and wants no time.
    pub fn over(&self) -> bool {
        self.switch.is_over() && self.pace() == Pace::Settled && !self.core.is_awaited() && !self.core.has_buffered()
    }

    /// The record's last line.
    pub fn end(&self) -> Line {
        Line::End { at: self.core.now(), calls: self.tally.calls }
    }

    /// Switch time.
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Counted so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The core, to look at.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The switch.
    pub fn switch(&self) -> &S {
        &self.switch
    }

    /// The switch, for what only its owner may do (a script's commands, no more arrivals). A turn is to follow.
    pub fn switch_mut(&mut self) -> &mut S {
        self.touched = true;
        &mut self.switch
    }

    /// What is due at the switch at this instant happens.
    fn advance(&mut self) -> bool {
        let now = self.core.now();
        let due = std::mem::take(&mut self.touched) && self.switch.next_due().is_some_and(|at| at <= now);
        if due {
            self.switch.advance(now);
        }
        due
    }

    /// Hands the core's orders to the switch, and the switch's reports to the core, until both are quiet.
    fn carry_out(&mut self) {
        loop {
            self.collect();
            let reports = self.switch.drain_reports();
            if self.dead {
                self.miss(reports);
                break;
            }
            let orders = if reports.is_empty() { self.core.take_orders() } else { Vec::new() };
            if reports.is_empty() && orders.is_empty() {
                break;
            }
            self.core.reported(reports);
            for order in orders {
                self.touched = true;
                self.switch.order(self.core.now(), order);
                self.collect();
                let reports = self.switch.drain_reports();
                self.core.reported(reports);
            }
        }
    }

    /// Nobody hears these; the record has them.
    fn miss(&mut self, reports: Vec<Report>) {
        let at = self.core.now();
        let missed = |report| match report {
            Report::Event { interaction, answers, body, .. } => Some(Line::Missed { at, interaction, answers, body }),
            Report::Condition { .. } => None,
        };
        self.lines.extend(reports.into_iter().filter_map(missed));
    }

    /// Lines of the core, then of the switch: in the order in which things happened.
    fn collect(&mut self) {
        let lines = self.core.take_lines().into_iter().chain(self.switch.drain_lines());
        let before = self.lines.len();
        self.lines.extend(lines);
        self.lines.iter().skip(before).for_each(|line| self.tally.count(line));
    }
}
