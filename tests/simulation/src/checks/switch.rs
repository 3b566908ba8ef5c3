//! The switch's record, life by life: of the switch, and of the gateway, which may die alone and begin again beside it.

use std::collections::BTreeMap;

use tandem_gateway::record::{CallOutcome, Line, Verdict};
use tandem_switch_link::SwitchEvent;
use tandem_words::{Epoch, InteractionId, SwitchIncarnation, Timestamp, Visit};

use super::{Checked, holds};
use crate::plan::{FAULTS_UNTIL_MS, PROBES};

/// The position of what has none: behind all others.
pub(super) const NOWHERE: u64 = u64::MAX;

/// How soon a call must be served that comes when all is well.
const SERVED_WITHIN_MS: u64 = 5_000;

/// Who called in one life of the switch.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub arrived: BTreeMap<InteractionId, Timestamp>,
    pub left: BTreeMap<InteractionId, CallOutcome>,
}

/// One life of the gateway.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub incarnation: SwitchIncarnation,
    /// It began beside the switch of the life before.
    pub goes_on: bool,
    /// By position, from 1.
    pub events: Vec<SwitchEvent>,
    pub lines: Vec<Line>,
    /// It died alone at this time, and before this line.
    pub died: Option<(Timestamp, usize)>,
    /// What nobody heard when it was dead; without positions.
    pub missed: Vec<SwitchEvent>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Switch {
    /// How many events it keeps for a node that is away.
    pub retain: usize,
    pub lives: Vec<Life>,
    pub calls: Vec<Calls>,
    /// A switch begins, and its gateway has said nothing yet.
    is_new: bool,
    pub highest_epoch: Epoch,
    pub leads: u64,
}

impl Switch {
    pub(super) fn new(retain: usize) -> Switch {
        Switch { retain, ..Switch::default() }
    }

    pub(super) fn begins(&mut self) {
        self.calls.push(Calls::default());
        self.is_new = true;
    }

    pub(super) fn gateway_dies(&mut self, at: Timestamp) {
        if let Some(life) = self.lives.last_mut() {
            life.died = Some((at, life.lines.len()));
        }
    }

    pub(super) fn line(&mut self, line: Line) {
        if let Line::Begin { incarnation, .. } = &line {
            let goes_on = !std::mem::take(&mut self.is_new);
            self.lives.push(Life { incarnation: *incarnation, goes_on, ..Life::default() });
        }
        let (Some(life), Some(calls)) = (self.lives.last_mut(), self.calls.last_mut()) else { return };
        match &line {
            Line::Event(event) => life.events.push(event.clone()),
            Line::Missed { at, interaction, answers, body } => {
                let (interaction, body) = (interaction.clone(), body.clone());
                life.missed.push(SwitchEvent { position: NOWHERE, at: *at, interaction, visit: None, answers: *answers, body });
            }
            Line::Led { epoch, .. } => {
                self.highest_epoch = self.highest_epoch.max(*epoch);
                self.leads += 1;
            }
            Line::Arrived { interaction, at, .. } => _ = calls.arrived.insert(interaction.clone(), *at),
            Line::Left { interaction, outcome, .. } => _ = calls.left.insert(interaction.clone(), *outcome),
            _ => {}
        }
        life.lines.push(line);
    }

    /// The lives of the gateway beside the switch that lives now, the last one first.
    fn beside_this(&self) -> impl Iterator<Item = &Life> {
        let begun = self.lives.iter().rposition(|life| !life.goes_on).unwrap_or(0);
        self.lives.iter().skip(begun).rev()
    }

    /// At which visit a call was when this event of the last life came.
    pub(super) fn visit_at(&self, call: &InteractionId, position: u64) -> Option<Visit> {
        let last = self.lives.last()?.incarnation;
        let events = self.beside_this().flat_map(|life| life.events.iter().rev().map(|event| (life.incarnation, event)));
        let before = events.filter(|(incarnation, event)| *incarnation < last || event.position <= position).map(|(_, event)| event);
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
        let Some(calls) = self.calls.last() else { return Vec::new() };
        calls.arrived.keys().filter(|call| !calls.left.contains_key(*call)).cloned().collect()
    }

    /// P8: every call of the last switch ended; those that came when all was well were served at once.
    pub(super) fn check_served(&self) -> Checked {
        let Some(calls) = self.calls.last() else { return Ok(()) };
        let mut probes = 0;
        for (call, at) in &calls.arrived {
            holds("liveness", calls.left.contains_key(call), || format!("call {call} never ended"))?;
            if *at < FAULTS_UNTIL_MS + 20_000 {
                continue;
            }
            probes += 1;
            let served = self.beside_this().flat_map(|life| &life.lines).any(|line| match line {
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
