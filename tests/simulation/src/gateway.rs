//! The gateway: the product's core on its simulated switch, in a process of its own that can be restarted; and how its time
//! passes (as `host/src/gateway` does it at speed 1).

use std::collections::BTreeMap;

use tandem_gateway::{
    core::{ConnectionId, Exchange, Keepsake, Pace, Turn},
    record::Line,
    simulated::{Command, SimulatedSwitch},
};
use tandem_words::Timestamp;

use crate::{
    agenda::{Happening, Way},
    env::Env,
    network::Packet,
};

/// An instance that was silent for so long is gone.
const HEARD_WITHIN_US: u64 = 3_000_000;
/// A primary that is not idle for so long is not waited for.
const STALL_US: u64 = 10_000_000;
/// How often silence and stalls are looked after.
const LOOK_EVERY_US: u64 = 250_000;

/// See the module.
pub struct Gateway {
    exchange: Option<Exchange<SimulatedSwitch>>,
    /// It is dead, and its switch lives on.
    dead: bool,
    keepsake: Keepsake,
    /// Counts its lives.
    life: u64,
    /// When each connection was heard last, µs.
    heard: BTreeMap<ConnectionId, u64>,
    waiting_since_us: Option<u64>,
    /// While time passes: this switch time was at this real time.
    moving: Option<(u64, Timestamp)>,
    /// Of the last planned passing of time; others are out of date.
    pass: u64,
    /// When it died, and at which switch time.
    died: (u64, Timestamp),
}

impl Gateway {
    /// Not started yet.
    pub fn new() -> Gateway {
        let keepsake = Keepsake::default();
        Gateway {
            exchange: None,
            dead: false,
            keepsake,
            life: 0,
            heard: BTreeMap::new(),
            waiting_since_us: None,
            moving: None,
            pass: 0,
            died: (0, 0),
        }
    }

    /// It starts: beside its switch, or with one that knows nothing of the one before.
    pub fn start(&mut self, env: &mut Env) {
        if self.exchange.is_some() && !self.dead {
            return;
        }
        self.life += 1;
        self.catch_up(env);
        if let Some(exchange) = self.exchange.as_mut() {
            exchange.begin_again(self.life);
            env.note(|| "the gateway begins again beside its switch".to_owned());
            return self.started(env);
        }
        let (died_us, died_at) = self.died;
        let now = died_at + env.now_us.saturating_sub(died_us) / 1_000;
        let mut options = env.plan.switch.clone();
        options.id_prefix = format!("g{}-c", self.life);
        let callers = env.plan.callers.iter().filter(|caller| caller.arrive_at_ms >= now).cloned().collect();
        let switch = match SimulatedSwitch::new(options, callers, now) {
            Ok(switch) => switch,
            Err(error) => return env.judge.find("plan", error.to_string()),
        };
        let mut core = env.plan.core.clone();
        core.wait_for_host = self.life == 1;
        self.keepsake = std::mem::take(&mut self.keepsake).next_life(self.life);
        env.note(|| format!("the gateway starts, incarnation {}", self.keepsake.incarnation));
        env.judge.switch_begins();
        self.exchange = Some(Exchange::new(core, self.keepsake.clone(), switch, env.plan.seed, now));
        self.started(env);
    }

    fn started(&mut self, env: &mut Env) {
        (self.dead, self.moving, self.waiting_since_us) = (false, None, None);
        env.gateway_up = true;
        env.agenda.plan(env.now_us + LOOK_EVERY_US, Happening::GatewayLook);
        self.turn(env);
    }

    /// It is gone, and its switch with it.
    pub fn crash(&mut self, back_after_ms: u64, env: &mut Env) {
        let Some(exchange) = self.exchange.take() else { return };
        env.note(|| "the gateway is gone, and its switch".to_owned());
        self.dead = false;
        self.died = (env.now_us, exchange.now());
        self.hangs_up(back_after_ms, env);
    }

    /// It is gone alone: its switch goes on.
    pub fn die(&mut self, back_after_ms: u64, env: &mut Env) {
        self.catch_up(env);
        let Some(exchange) = self.exchange.as_mut().filter(|_| !self.dead) else { return };
        env.note(|| "the gateway is gone, and its switch goes on".to_owned());
        exchange.die();
        self.dead = true;
        let at = exchange.now();
        self.turn(env);
        env.judge.gateway_dies(at);
        self.hangs_up(back_after_ms, env);
    }

    fn hangs_up(&mut self, back_after_ms: u64, env: &mut Env) {
        self.heard.clear();
        env.gateway_up = false;
        for id in env.net.gateway_gone() {
            env.net.send(id, Way::Back, Packet::Close, env.now_us, &mut env.chance, &mut env.agenda);
        }
        env.agenda.plan(env.now_us + back_after_ms * 1_000, Happening::GatewayBack);
    }

    /// Its exchange, to look at.
    pub fn exchange(&self) -> Option<&Exchange<SimulatedSwitch>> {
        self.exchange.as_ref()
    }

    /// A packet came from an instance.
    pub fn packet(&mut self, id: ConnectionId, packet: Packet, env: &mut Env) {
        self.catch_up(env);
        let Some(exchange) = self.exchange.as_mut().filter(|_| !self.dead) else { return };
        match packet {
            Packet::Open => {
                self.heard.insert(id, env.now_us);
                exchange.connected(id);
                env.net.send(id, Way::Back, Packet::Open, env.now_us, &mut env.chance, &mut env.agenda);
            }
            Packet::Host(messages) => {
                // What it closed does not speak any more.
                if let Some(heard) = self.heard.get_mut(&id) {
                    *heard = env.now_us;
                    env.trace.note(env.now_us, || format!("gateway hears {}: {messages:?}", id.0));
                    exchange.received(id, messages);
                }
            }
            Packet::Close => {
                self.heard.remove(&id);
                exchange.closed(id);
                env.net.forget(id);
            }
            Packet::Gateway(_) => {}
        }
        self.turn(env);
    }

    fn close(&mut self, id: ConnectionId, env: &mut Env) {
        self.heard.remove(&id);
        env.net.send(id, Way::Back, Packet::Close, env.now_us, &mut env.chance, &mut env.agenda);
    }

    /// Does what can be done at this instant, and plans the next.
    fn turn(&mut self, env: &mut Env) {
        let Some(exchange) = self.exchange.as_mut() else { return };
        let Turn { keep, frames, close, lines } = exchange.turn();
        let (pace, now) = (exchange.pace(), exchange.now());
        env.switch_now = now;
        self.keepsake = keep.unwrap_or(std::mem::take(&mut self.keepsake));
        for line in lines {
            env.trace.note(env.now_us, || format!("{line:?}"));
            self.show(line, env);
        }
        for (id, frame) in frames {
            env.trace.note(env.now_us, || format!("gateway tells {}: {frame:?}", id.0));
            env.net.send(id, Way::Back, Packet::Gateway(frame), env.now_us, &mut env.chance, &mut env.agenda);
        }
        for id in close {
            self.close(id, env);
        }
        let waiting = pace == Pace::Waiting;
        self.waiting_since_us = waiting.then(|| self.waiting_since_us.unwrap_or(env.now_us));
        self.plan_passing(pace, now, env);
    }

    fn show(&mut self, line: Line, env: &mut Env) {
        if let Line::Led { epoch, .. } = line {
            env.note(|| format!("epoch {epoch} leads"));
            env.switching = None;
            env.judge.led(epoch, env.now_us);
        }
        env.judge.line(line);
    }

    fn plan_passing(&mut self, pace: Pace, now: Timestamp, env: &mut Env) {
        self.pass += 1;
        if matches!(pace, Pace::Frozen | Pace::Waiting) {
            self.moving = None;
            return;
        }
        let (real_us, switch) = *self.moving.get_or_insert((env.now_us, now));
        if let Some(next) = self.exchange.as_ref().and_then(Exchange::next_instant) {
            let at_us = real_us + next.saturating_sub(switch) * 1_000;
            env.agenda.plan(at_us.max(env.now_us), Happening::Pass(self.pass));
        }
    }

    /// Time passes to the next instant, if nothing was said since that was planned.
    pub fn pass(&mut self, pass: u64, env: &mut Env) {
        if pass == self.pass && self.exchange.is_some() {
            self.catch_up(env);
            self.turn(env);
        }
    }

    /// It is as late as the clock says, and what was due until now comes first.
    fn catch_up(&mut self, env: &mut Env) {
        while let (Some(exchange), Some((real_us, switch))) = (self.exchange.as_mut(), self.moving) {
            let to = switch + env.now_us.saturating_sub(real_us) / 1_000;
            if to <= exchange.now() || !matches!(exchange.pace(), Pace::Settled | Pace::Free) {
                return;
            }
            exchange.pass_to(to);
            self.turn(env);
        }
    }

    /// Looks after silence and stalls.
    pub fn look(&mut self, env: &mut Env) {
        if self.exchange.is_none() || self.dead {
            return;
        }
        env.agenda.plan(env.now_us + LOOK_EVERY_US, Happening::GatewayLook);
        let silent = self.heard.iter().filter(|(_, heard)| env.now_us.saturating_sub(**heard) > HEARD_WITHIN_US);
        let silent: Vec<_> = silent.map(|(id, _)| *id).collect();
        for id in silent {
            env.note(|| format!("the gateway heard nothing of connection {}", id.0));
            self.close(id, env);
            if let Some(exchange) = self.exchange.as_mut() {
                exchange.closed(id);
            }
        }
        if self.waiting_since_us.is_some_and(|since| env.now_us.saturating_sub(since) > STALL_US) {
            env.note(|| "a primary stalls".to_owned());
            self.waiting_since_us = None;
            if let Some(exchange) = self.exchange.as_mut() {
                exchange.stalled();
            }
        }
        self.catch_up(env);
        self.turn(env);
    }

    /// Many of those who call hang up now.
    pub fn hang_ups(&mut self, env: &mut Env) {
        self.catch_up(env);
        let Some(exchange) = self.exchange.as_mut() else { return };
        let now = exchange.now();
        for interaction in env.judge.live_calls() {
            if env.chance.percent(40) {
                // Who has hung up at this very moment is gone.
                let _ = exchange.switch_mut().command(now, Command::HangUp { interaction });
            }
        }
        self.turn(env);
    }

    /// Closes an instance's connections: both ends hear it.
    pub fn reset(&mut self, instance: usize, env: &mut Env) {
        for id in env.net.of_instance(instance) {
            if self.heard.contains_key(&id) {
                self.close(id, env);
                if let Some(exchange) = self.exchange.as_mut() {
                    exchange.closed(id);
                }
            }
        }
        self.turn(env);
    }
}
