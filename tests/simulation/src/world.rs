//! One seed's world: two instances, a gateway with its switch, the network between, one store; and what goes wrong.

mod faults;

use std::collections::BTreeMap;

use tandem_gateway::core::ConnectionId;

use crate::{
    agenda::{Agenda, Happening, Process, Way},
    chance::Chance,
    checks::{Finding, Judge},
    env::Env,
    fault::{Coverage, Phase},
    gateway::Gateway,
    instance::Instance,
    network::{Network, Packet, SynchPacket},
    plan::{FAULTS_UNTIL_MS, OVER_WITHIN_MS, Plan},
    store::Disk,
    strategies::Components,
    trace::Trace,
};
use faults::Undo;

/// A fault waits for its phase so long, and then comes in whichever there is.
const WAITS_FOR_PHASE_MS: u64 = 9_000;

/// How often the world looks whether it is over.
const LOOK_EVERY_US: u64 = 500_000;

/// Happenings of one seed. More is two parts that keep each other busy for ever.
const MOST_HAPPENINGS: u64 = 20_000_000;

/// What became of a seed.
#[derive(Debug)]
pub struct Outcome {
    /// What a checker found, if one did.
    pub finding: Option<Finding>,
    /// Faults that came.
    pub coverage: Coverage,
    /// How long it took, in simulated ms.
    pub simulated_ms: u64,
    /// Calls that arrived.
    pub calls: u64,
    /// How often a primary was acknowledged.
    pub leads: u64,
    /// What happened, if it was asked for.
    pub trace: Trace,
}

/// See the module.
pub struct World {
    env: Env,
    gateway: Gateway,
    instances: [Instance; 2],
    /// Faults that wait for their phase.
    due: Vec<usize>,
    /// What is to be undone when a fault is over.
    undo: BTreeMap<usize, Undo>,
    coverage: Coverage,
    healed: bool,
}

impl World {
    /// Plays a seed. `traced`: whether what happens is noted, and what the journal holds at the end.
    pub fn play(seed: u64, traced: bool) -> Outcome {
        World::play_plan(Plan::new(seed), traced)
    }

    /// The same with strategies that run as components: all else must be the same ([`crate::compare`]).
    pub fn play_with_components(seed: u64, components: &Components) -> Outcome {
        World::play_plan(Plan { components: Some(components.clone()), ..Plan::new(seed) }, true)
    }

    fn play_plan(plan: Plan, traced: bool) -> Outcome {
        let mut world = World::new(plan, traced);
        world.run();
        let World { mut env, coverage, .. } = world;
        if traced && !env.judge.has_found() {
            env.judge.journal().for_each(|line| env.trace.note(env.now_us, || line));
        }
        let simulated_ms = env.now_us / 1_000;
        let (calls, leads) = env.judge.counts();
        let finding = env.judge.verdict();
        Outcome { finding, coverage, simulated_ms, calls, leads, trace: env.trace }
    }

    fn new(plan: Plan, traced: bool) -> World {
        let offsets = plan.clock_offsets_ms;
        let seed = plan.seed;
        let env = Env {
            judge: Judge::new(&plan),
            plan,
            now_us: 0,
            agenda: Agenda::default(),
            chance: Chance::new(seed, 4),
            net: Network::new(Happening::Deliver),
            synch: Network::new(Happening::Synch),
            listening: [None; 2],
            disk: Disk::default(),
            lock: None,
            locked_last: None,
            beat: 0,
            kills: Vec::new(),
            ends: Vec::new(),
            living: [None; 2],
            reaches: [false; 2],
            gateway_up: false,
            switching: None,
            switch_now: 0,
            trace: Trace::new(traced),
        };
        let [a, b] = offsets;
        World {
            env,
            gateway: Gateway::new(),
            instances: [Instance::new(0, a), Instance::new(1, b)],
            due: Vec::new(),
            undo: BTreeMap::new(),
            coverage: Coverage::default(),
            healed: false,
        }
    }

    fn run(&mut self) {
        let env = &mut self.env;
        env.agenda.plan(0, Happening::GatewayBack);
        for instance in [0, 1] {
            let at_us = env.chance.between(1_000, 900_000);
            env.agenda.plan(at_us, Happening::Start(instance, 1));
        }
        for (index, fault) in env.plan.faults.iter().enumerate() {
            env.agenda.plan(fault.at_ms * 1_000, Happening::FaultDue(index));
        }
        env.agenda.plan(FAULTS_UNTIL_MS * 1_000, Happening::Heal);
        env.agenda.plan(LOOK_EVERY_US, Happening::Over);
        for _ in 0..MOST_HAPPENINGS {
            let Some((at_us, what)) = self.env.agenda.next() else { break };
            self.env.now_us = self.env.now_us.max(at_us);
            if self.happen(what) || self.env.judge.has_found() {
                return;
            }
            self.consequences();
        }
        self.env.judge.find("liveness", "the world never comes to rest".to_owned());
    }

    /// True: it is over.
    fn happen(&mut self, what: Happening) -> bool {
        let env = &mut self.env;
        match what {
            Happening::In(process, run, doing) => {
                if let Some(instance) = self.instances.get_mut(process.instance) {
                    instance.happens(process, run, doing, env);
                }
            }
            Happening::Deliver(id, way) => self.deliver(id, way),
            Happening::Synch(id, way) => self.deliver_synch(id, way),
            Happening::Pass(pass) => self.gateway.pass(pass, env),
            Happening::GatewayLook => self.gateway.look(env),
            Happening::GatewayBack => self.gateway.start(env),
            Happening::Start(instance, life) => {
                if let Some(instance) = self.instances.get_mut(instance) {
                    instance.start(life, env);
                }
            }
            Happening::FaultDue(index) => self.due.push(index),
            Happening::FaultOver(index) => self.undo(index),
            Happening::Heal => self.heal(),
            Happening::Over => return self.is_over(),
        }
        false
    }

    fn deliver(&mut self, id: ConnectionId, way: Way) {
        let env = &mut self.env;
        let Some(process) = env.net.get(id).map(|connection| connection.process) else { return };
        let Some(instance) = self.instances.get_mut(process.instance) else { return };
        let there = instance.is_there() && instance.process() == process;
        let sleeps = way == Way::Back && there && instance.is_asleep();
        let Some(packet) = env.net.deliver(id, way, sleeps, env.now_us) else { return };
        match way {
            Way::Forth => self.gateway.packet(id, packet, env),
            Way::Back => {
                let gone = matches!(packet, Packet::Close);
                if there {
                    instance.packet(id, packet, env);
                }
                if gone {
                    env.net.forget(id);
                }
            }
        }
    }

    fn deliver_synch(&mut self, id: ConnectionId, way: Way) {
        let env = &mut self.env;
        let Some(connection) = env.synch.get(id) else { return };
        let reader = if way == Way::Forth { connection.to } else { Some(connection.process) };
        let Some(reader) = reader else { return };
        let Some(instance) = self.instances.get_mut(reader.instance) else { return };
        let there = instance.is_there() && instance.process() == reader;
        let Some(packet) = env.synch.deliver(id, way, there && instance.is_asleep(), env.now_us) else { return };
        let gone = matches!(packet, SynchPacket::Close);
        if there {
            instance.synch_packet(id, packet, env);
        }
        if gone {
            env.synch.forget(id);
        }
    }

    /// What was decided inside of what happened: kills, processes that end themselves, faults whose phase has come.
    fn consequences(&mut self) {
        for process in std::mem::take(&mut self.env.kills) {
            self.may_be_killed(process);
            self.end(process, "killed");
        }
        for process in std::mem::take(&mut self.env.ends) {
            self.end(process, "it ends itself");
        }
        if self.due.is_empty() {
            return;
        }
        let (phase, in_commit) = (self.phase(), self.in_commit());
        let (now_ms, faults) = (self.env.now_us / 1_000, &self.env.plan.faults);
        let ready = self.due.iter().position(|index| {
            faults.get(*index).is_some_and(|fault| {
                let late = now_ms >= fault.at_ms + WAITS_FOR_PHASE_MS;
                late || (fault.phase.is_none_or(|wanted| wanted == phase) && (in_commit || !fault.in_commit))
            })
        });
        if let Some(ready) = ready {
            let index = self.due.remove(ready);
            self.strike(index, phase);
        }
    }

    /// Whoever has the lock, moves, and only finds no room on the disk must be left alone.
    fn may_be_killed(&mut self, process: Process) {
        let env = &mut self.env;
        let long_us = env.plan.lease_timeout_ms * 2_000;
        let full = env.disk.mood.full_since_us.is_some_and(|since_us| since_us + long_us < env.now_us);
        let moves = self.instances.get(process.instance).is_some_and(|one| one.process() == process && one.is_there() && !one.is_asleep());
        let slow = env.disk.mood.slow_us > 0;
        if full && moves && !slow && env.lock == Some(process) && env.judge.is_undisturbed(process, env.now_us.saturating_sub(long_us)) {
            env.judge.find("lease", format!("{process:?} is killed, and only has no room on the disk"));
        }
    }

    fn end(&mut self, process: Process, why: &str) {
        let restart_ms = self.env.chance.between(100, 1_500);
        if let Some(instance) = self.instances.get_mut(process.instance).filter(|instance| instance.process() == process) {
            instance.crash(restart_ms, why, &mut self.env);
        }
    }

    /// The instance that holds the newest lease, or is about to.
    fn primary(&mut self) -> usize {
        let taking = self.instances.iter().position(Instance::is_taking_over);
        let holder = self.env.disk.lease(101).map_or(0, |row| usize::from(row.holder.instance.letter == 'b'));
        let there = |index: usize| self.instances.get(index).is_some_and(Instance::is_there);
        taking.unwrap_or(if there(holder) || !there(1 - holder) { holder } else { 1 - holder })
    }

    fn in_commit(&mut self) -> bool {
        let primary = self.primary();
        self.instances.get(primary).is_some_and(|instance| self.env.disk.is_writing(instance.process()))
    }

    /// Where the pair is.
    fn phase(&mut self) -> Phase {
        if self.env.switching.is_some() {
            return Phase::SwitchingOver;
        }
        let primary = self.primary();
        let live = self.gateway.exchange().is_some_and(|exchange| exchange.core().live_calls() > 0);
        let instance = self.instances.get(primary);
        if instance.is_some_and(Instance::is_restarting) {
            return Phase::Restarting;
        }
        let filling = instance.is_some_and(Instance::is_filling);
        match instance.and_then(Instance::phase) {
            None | Some((tandem_node::Phase::Away | tandem_node::Phase::Greeting, _)) => Phase::TakingOver,
            Some((tandem_node::Phase::Claiming, _)) => Phase::Leading,
            Some((tandem_node::Phase::TakingStock | tandem_node::Phase::Reconciling, _)) => Phase::Reconciling,
            Some((tandem_node::Phase::Serving, _)) if filling => Phase::Filling,
            Some((tandem_node::Phase::Serving, false)) => Phase::Backlog,
            Some((tandem_node::Phase::Serving, true)) if live => Phase::Serving,
            Some((tandem_node::Phase::Serving, true)) => Phase::Idle,
        }
    }

    fn is_over(&mut self) -> bool {
        let env = &mut self.env;
        env.agenda.plan(env.now_us + LOOK_EVERY_US, Happening::Over);
        if !self.healed {
            return false;
        }
        let quiet = self.gateway.exchange().is_some_and(tandem_gateway::core::Exchange::over);
        if quiet && env.judge.nobody_is_left(&mut env.disk) {
            return true;
        }
        if env.now_us > (FAULTS_UNTIL_MS + OVER_WITHIN_MS) * 1_000 {
            let (live, pace) = self.gateway.exchange().map_or((0, None), |one| (one.core().live_calls(), Some(one.pace())));
            let left = env.judge.left(&mut env.disk);
            env.judge.find("liveness", format!("healed for {OVER_WITHIN_MS} ms, and {live} calls live, pace {pace:?}, {left}"));
            return true;
        }
        false
    }
}
