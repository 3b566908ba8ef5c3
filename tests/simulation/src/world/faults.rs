//! Faults come, and are undone when they are over.

use super::World;
use crate::{
    agenda::{Happening, Thread},
    fault::{Kind, Phase},
    instance::Instance,
    network::{Path, SynchPacket},
};

/// What is to be undone when a fault is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Undo {
    Wake(usize),
    Path(usize),
    Paths,
    Delay,
    Synch,
    DelaySynch,
    Mood,
}

impl World {
    /// A fault comes.
    pub(super) fn strike(&mut self, index: usize, phase: Phase) {
        let Some(fault) = self.env.plan.faults.get(index).copied() else { return };
        let primary = self.primary();
        let of_backup = matches!(fault.kind, Kind::CrashBackup | Kind::PauseBackup | Kind::BackupAway);
        let target = if of_backup { 1 - primary } else { primary };
        let needs_process = !matches!(
            fault.kind,
            Kind::CutPrimary
                | Kind::CutOneWay
                | Kind::CutBoth
                | Kind::Delay
                | Kind::SlowCommits
                | Kind::BusyStore
                | Kind::GatewayRestart
                | Kind::GatewayAlone
                | Kind::LockRemoved
                | Kind::CutSynch
                | Kind::CutSynchOneWay
                | Kind::DelaySynch
                | Kind::HangUps
                | Kind::FullDisk
        );
        if needs_process && !self.instances.get(target).is_some_and(Instance::is_there) {
            return;
        }
        self.coverage.count(fault.kind, phase);
        let env = &mut self.env;
        env.judge.struck(fault.kind, fault.lasts_ms, env.now_us);
        env.note(|| format!("FAULT {:?} in {phase:?} at instance {target} for {} ms", fault.kind, fault.lasts_ms));
        let [a, b] = &mut self.instances;
        let instance = if target == 0 { a } else { b };
        let undo = match fault.kind {
            Kind::CrashPrimary | Kind::CrashBackup | Kind::BackupAway => {
                instance.crash(fault.lasts_ms, "it crashed", env);
                None
            }
            Kind::PausePrimary | Kind::PauseBackup => {
                instance.fall_asleep(env);
                Some(Undo::Wake(target))
            }
            Kind::StuckThread => {
                let threads = [Thread::Node, Thread::Worker(0), Thread::Worker(1), Thread::Committer, Thread::Reader];
                let thread = env.chance.pick(&threads).unwrap_or(Thread::Node);
                env.note(|| format!("{thread:?} is stuck"));
                instance.get_stuck(thread);
                None
            }
            Kind::CutPrimary | Kind::CutOneWay => self.cut(target, fault.kind == Kind::CutOneWay),
            Kind::CutBoth => {
                self.cut(0, false);
                self.cut(1, false);
                Some(Undo::Paths)
            }
            Kind::Delay => {
                env.net.slow_us = env.chance.between(5_000, 400_000);
                Some(Undo::Delay)
            }
            Kind::ClockJump => {
                let jump_ms = env.chance.pick(&[3_600_000, -3_600_000, 1_500, -1_500, 400, -400]).unwrap_or(0);
                // It counts from the machine's start, and never stands at 0.
                let offset_ms = (instance.clock_offset_ms() + jump_ms).max(0);
                instance.set_clock(offset_ms, env);
                None
            }
            Kind::DelaySynch => {
                env.synch.slow_us = env.chance.between(5_000, 400_000);
                Some(Undo::DelaySynch)
            }
            Kind::CutSynch => {
                let told = env.chance.percent(60);
                env.synch.paths = [Path { cut: true, still: [!told; 2] }; 2];
                if told {
                    for process in env.living.into_iter().flatten() {
                        env.synch.of_process(process).into_iter().for_each(|(id, way)| env.say_to_peer(id, way, SynchPacket::Close));
                    }
                }
                Some(Undo::Synch)
            }
            Kind::CutSynchOneWay => {
                // What instance `silent` says: forth where it has connected, back where it was connected to.
                let silent = usize::from(env.chance.percent(50));
                for (index, path) in env.synch.paths.iter_mut().enumerate() {
                    path.still = [index == silent, index != silent];
                }
                Some(Undo::Synch)
            }
            Kind::HangUps => {
                self.gateway.hang_ups(env);
                None
            }
            Kind::FullDisk => {
                env.disk.mood.full_since_us = Some(env.now_us);
                Some(Undo::Mood)
            }
            Kind::SlowCommits => {
                env.disk.mood.slow_us = env.chance.between(50_000, 900_000);
                Some(Undo::Mood)
            }
            Kind::BusyStore => {
                env.disk.mood.busy_percent = env.chance.between(40, 100);
                Some(Undo::Mood)
            }
            Kind::UnknownCommits => {
                env.disk.mood.unknown_percent = env.chance.between(20, 70);
                Some(Undo::Mood)
            }
            Kind::FailingCommit => {
                env.disk.mood.fails_next = true;
                None
            }
            Kind::GatewayRestart => {
                self.gateway.crash(fault.lasts_ms, env);
                None
            }
            Kind::GatewayAlone => {
                self.gateway.die(fault.lasts_ms, env);
                None
            }
            Kind::LockRemoved => {
                env.lock_removed();
                None
            }
            Kind::Switchover => {
                instance.switch_over(env);
                None
            }
        };
        if let Some(undo) = undo {
            self.undo.insert(index, undo);
            self.env.agenda.plan(self.env.now_us + fault.lasts_ms * 1_000, Happening::FaultOver(index));
        }
    }

    /// Cuts an instance's way to the gateway: told to both ends, told to nobody, or in one direction only.
    fn cut(&mut self, instance: usize, one_way: bool) -> Option<Undo> {
        let env = &mut self.env;
        let choice = env.chance.between(0, 2);
        let path = env.net.paths.get_mut(instance)?;
        match (one_way, choice) {
            (true, choice) => {
                path.still = [choice != 0, choice == 0];
            }
            (false, 0) => (path.cut, path.still) = (true, [true, true]),
            (false, _) => {
                path.cut = true;
                self.gateway.reset(instance, env);
            }
        }
        Some(Undo::Path(instance))
    }

    fn mend(&mut self, instance: usize) {
        let env = &mut self.env;
        if let Some(path) = env.net.paths.get_mut(instance) {
            *path = Default::default();
        }
        env.net.release(instance, env.now_us, &mut env.agenda);
    }

    pub(super) fn undo(&mut self, index: usize) {
        let Some(undo) = self.undo.remove(&index) else { return };
        self.env.note(|| format!("fault {index} is over"));
        match undo {
            Undo::Wake(instance) => {
                if let Some(instance) = self.instances.get_mut(instance) {
                    instance.wake_up(&mut self.env);
                }
            }
            Undo::Path(instance) => self.mend(instance),
            Undo::Paths => [0, 1].into_iter().for_each(|instance| self.mend(instance)),
            Undo::Delay => self.env.net.slow_us = 0,
            Undo::DelaySynch => self.env.synch.slow_us = 0,
            Undo::Synch => {
                let env = &mut self.env;
                env.synch.paths = Default::default();
                [0, 1].into_iter().for_each(|instance| env.synch.release(instance, env.now_us, &mut env.agenda));
            }
            Undo::Mood => self.env.disk.mood = Default::default(),
        }
    }

    /// No fault any more: from now on everything must come to a good end.
    pub(super) fn heal(&mut self) {
        self.env.note(|| "everything is healed".to_owned());
        self.due.clear();
        let under_way: Vec<usize> = self.undo.keys().copied().collect();
        under_way.into_iter().for_each(|index| self.undo(index));
        self.env.disk.mood = Default::default();
        let offsets = self.env.plan.clock_offsets_ms;
        for (instance, offset) in self.instances.iter_mut().zip(offsets) {
            instance.set_clock(offset, &mut self.env);
        }
        self.healed = true;
    }
}
