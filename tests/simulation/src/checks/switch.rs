//! The switch's record, life by life.

use std::collections::BTreeMap;

use tandem_gateway::record::{CallOutcome, Line, Verdict};
use tandem_switch_link::SwitchEvent;
use tandem_words::{Epoch, InteractionId, SwitchIncarnation, Timestamp, Visit};

use super::{Checked, holds};
use crate::plan::{FAULTS_UNTIL_MS, PROBES};

/// How soon a call must be served that comes when all is well.
const SERVED_WITHIN_MS: u64 = 5_000;

/// One life of the switch.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub incarnation: SwitchIncarnation,
    /// By position, from 1.
    pub events: Vec<SwitchEvent>,
    pub lines: Vec<Line>,
    pub arrived: BTreeMap<InteractionId, Timestamp>,
    pub left: BTreeMap<InteractionId, CallOutcome>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Switch {
    /// How many events it keeps for a node that is away.
    pub retain: usize,
    pub lives: Vec<Life>,
    pub highest_epoch: Epoch,
    pub leads: u64,
}

impl Switch {
    pub(super) fn new(retain: usize) -> Switch {
        Switch { retain, ..Switch::default() }
    }

    pub(super) fn begins(&mut self, incarnation: SwitchIncarnation) {
        self.lives.push(Life { incarnation, ..Life::default() });
    }

    pub(super) fn line(&mut self, line: Line) {
        let Some(life) = self.lives.last_mut() else { return };
        match &line {
            Line::Event(event) => life.events.push(event.clone()),
            Line::Led { epoch, .. } => {
                self.highest_epoch = self.highest_epoch.max(*epoch);
                self.leads += 1;
            }
            Line::Arrived { interaction, at, .. } => _ = life.arrived.insert(interaction.clone(), *at),
            Line::Left { interaction, outcome, .. } => _ = life.left.insert(interaction.clone(), *outcome),
            _ => {}
        }
        life.lines.push(line);
    }

    /// At which visit a call was when this event came, in the last life.
    pub(super) fn visit_at(&self, call: &InteractionId, position: u64) -> Option<Visit> {
        let before = self.lives.last()?.events.iter().rev().skip_while(|event| event.position > position);
        let mut of_call = before.filter(|event| event.interaction.as_ref() == Some(call));
        of_call.find_map(|event| event.visit)
    }

    /// Which visit began for a call at this time, in the last life.
    pub(super) fn visit_added(&self, call: &InteractionId, at: Option<Timestamp>) -> Option<Visit> {
        let mut of_call = self.lives.last()?.events.iter().rev().filter(|event| event.interaction.as_ref() == Some(call));
        of_call.find_map(|event| event.visit.filter(|_| Some(event.at) == at))
    }

    /// Calls that live.
    pub(super) fn live_calls(&self) -> Vec<InteractionId> {
        let Some(life) = self.lives.last() else { return Vec::new() };
        life.arrived.keys().filter(|call| !life.left.contains_key(*call)).cloned().collect()
    }

    /// P8: every call of the last life ended; those that came when all was well were served at once.
    pub(super) fn check_served(&self) -> Checked {
        let Some(life) = self.lives.last() else { return Ok(()) };
        let mut probes = 0;
        for (call, at) in &life.arrived {
            holds("liveness", life.left.contains_key(call), || format!("call {call} never ended"))?;
            if *at < FAULTS_UNTIL_MS + 20_000 {
                continue;
            }
            probes += 1;
            let served = life.lines.iter().any(|line| match line {
                Line::Request { at: asked, body, verdict: Verdict::Applied, .. } => {
                    body.interaction() == Some(call) && *asked <= at + SERVED_WITHIN_MS
                }
                Line::Left { at: left, interaction, .. } => interaction == call && *left <= at + SERVED_WITHIN_MS,
                _ => false,
            });
            holds("liveness", served, || format!("call {call} came at {at}, when all was well, and nobody served it"))?;
        }
        holds("liveness", probes == PROBES, || format!("{probes} of {PROBES} late callers arrived"))
    }
}
