//! What a caller does on the phone, as their plan says and as far as the switch lets them.

use std::collections::VecDeque;

use tandem_words::{Property, Timestamp};

use super::SimulatedSwitch;
use super::agenda::Timer;
use super::call::{Call, Stage};
use super::callers::{CallerPlan, Digits};

/// A caller in a call. Hangs on nothing but the plan and what is heard.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) number: u32,
    /// How much longer they would wait for a person; none: for ever.
    patience_left_ms: Option<u64>,
    /// Since when they do.
    waits_since: Option<Timestamp>,
    /// How long they talk; none: until somebody is told to hang up.
    service_ms: Option<u64>,
    digits: Digits,
    /// How many collects they have heard.
    collects: u32,
    /// Keys in mind, and when they will be pressed.
    in_mind: VecDeque<(Timestamp, char)>,
}

impl Caller {
    /// Does nothing but what a script says, and hangs up when the patience is used up.
    pub(super) fn scripted(number: u32, patience_ms: Option<u64>) -> Self {
        Caller {
            number,
            patience_left_ms: patience_ms,
            waits_since: None,
            service_ms: None,
            digits: Digits::silence(),
            collects: 0,
            in_mind: VecDeque::new(),
        }
    }
}

impl SimulatedSwitch {
    /// The next caller calls.
    pub(super) fn call_as_planned(&mut self, plan: CallerPlan) {
        let caller =
            Caller { service_ms: Some(plan.service_ms), digits: plan.digits, ..Caller::scripted(plan.number, Some(plan.patience_ms)) };
        let said = [
            ("service-type", plan.service_type),
            ("priority", if plan.priority == 0 { String::new() } else { plan.priority.to_string() }),
            ("credit-ms", if plan.credit_ms == 0 { String::new() } else { plan.credit_ms.to_string() }),
        ];
        let user_data = said.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| Property::new(key, value));
        let arrived = self.arrive(caller, plan.calling, plan.dials, user_data.collect());
        if let (Some(_), Some(after_ms)) = (arrived, plan.hangs_up_at_ms) {
            self.agenda.set(plan.number.into(), Timer::HangUp, self.now.saturating_add(after_ms));
        }
    }

    /// An announcement that a key interrupts begins.
    pub(super) fn caller_hears_prompt(&mut self, call: &mut Call) {
        if call.caller.as_ref().is_some_and(|caller| caller.digits.at_prompts) {
            self.caller_hears_collect(call);
        }
    }

    /// A collect begins: what is pressed at it. Keys that the caller still had in mind for the one before are forgotten.
    pub(super) fn caller_hears_collect(&mut self, call: &mut Call) {
        let Some(caller) = &mut call.caller else { return };
        caller.collects = caller.collects.saturating_add(1);
        caller.in_mind.clear();
        if let Some(answer) = caller.digits.at_collect(caller.collects) {
            let mut at = self.now.saturating_add(answer.delay_ms);
            for key in answer.keys.chars() {
                caller.in_mind.push_back((at, key));
                at = at.saturating_add(answer.between_ms);
            }
        }
        self.think_of_next_key(call);
    }

    fn think_of_next_key(&mut self, call: &Call) {
        match call.caller.as_ref().and_then(|caller| caller.in_mind.front()) {
            Some((at, _)) => self.agenda.set(call.number, Timer::Press, *at),
            None => self.agenda.clear(call.number, Timer::Press),
        }
    }

    pub(super) fn next_press_is_due(&mut self, call: &mut Call) {
        let Some((_, key)) = call.caller.as_mut().and_then(|caller| caller.in_mind.pop_front()) else { return };
        self.think_of_next_key(call);
        self.press(call, key);
    }

    /// A route is opened: whoever meant to hang up in the menu stays.
    pub(super) fn caller_is_routed(&mut self, call: &Call) {
        self.agenda.clear(call.number, Timer::HangUp);
    }

    /// The caller waits for a person from now on, if they have none.
    pub(super) fn caller_waits(&mut self, call: &mut Call) {
        let Some(caller) = call.caller.as_mut().filter(|_| call.stage == Stage::Connected) else { return };
        if let (Some(left_ms), None) = (caller.patience_left_ms, caller.waits_since) {
            caller.waits_since = Some(self.now);
            self.agenda.set(call.number, Timer::Patience, self.now.saturating_add(left_ms));
        }
    }

    /// The wait is over for now; what it took of the patience does not come back.
    pub(super) fn caller_waits_no_more(&mut self, call: &mut Call) {
        let Some(caller) = &mut call.caller else { return };
        self.agenda.clear(call.number, Timer::Patience);
        if let Some(since) = caller.waits_since.take() {
            let waited_ms = self.now.saturating_sub(since);
            caller.patience_left_ms = caller.patience_left_ms.map(|left_ms| left_ms.saturating_sub(waited_ms));
        }
    }

    /// A target has answered: the caller talks, and presses no more keys.
    pub(super) fn caller_talks(&mut self, call: &mut Call) {
        self.agenda.clear(call.number, Timer::Press);
        let service_ms = match &mut call.caller {
            Some(caller) => {
                caller.in_mind.clear();
                caller.service_ms
            }
            None => {
                self.agenda.clear(call.number, Timer::Patience);
                Some(self.options.called_talks_ms)
            }
        };
        match service_ms {
            Some(service_ms) => self.agenda.set(call.number, Timer::Talk, self.now.saturating_add(service_ms)),
            None => self.agenda.clear(call.number, Timer::Talk),
        }
    }
}
