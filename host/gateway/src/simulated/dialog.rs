//! Treatments on the switch: the requests of interface `dialog`, and the keys that callers press.
//!
//! One treatment runs on a call at a time, the others wait for it in order. Music lies beneath: it is heard while none of
//! them runs; another music takes its place, and answers the first with `done`. A key that no running collect takes is
//! told at once as `interaction.digit`, and also kept for the next collect that does not `flush`; one pressed while a target has
//! the call is told only. `#` ends a recording and is neither told nor kept. A sound that is missing is told when it is asked for, not when its turn comes.

use tandem_words::{Digit, ErrorCode, EventBody, Failure, Prompt, RequestBody, RequestKey, StoppedBy};

use super::SimulatedSwitch;
use super::agenda::Timer;
use super::call::{Call, Stage};
use super::collect::{Collect, Progress};
use super::prompt::in_words;
use super::treatment::{Cut, Kind, Music, Treatment, gone};

/// Ends a recording.
const END_OF_RECORDING: char = '#';

impl SimulatedSwitch {
    /// A request of interface `dialog` on a call that can be served.
    pub(super) fn treat(&mut self, call: &mut Call, key: RequestKey, body: RequestBody) {
        let result = match (&call.stage, self.treatment(key, &body)) {
            (Stage::Talking { who, .. }, _) => {
                Err(Failure::new(ErrorCode::Rejected, format!("the call is with `{who}`: treatments are over")))
            }
            (_, Ok(_)) if call.treatments.waiting.len() >= self.options.limits.queued_treatments => {
                let message = "the limit of queued treatments is reached; raise `queued_treatments` or wait for answers";
                Err(Failure::new(ErrorCode::OverLimit, message))
            }
            (_, result) => result,
        };
        let interaction = call.interaction.id.clone();
        match result {
            Err(failure) => self.outlet.answer(key, Some(&interaction), EventBody::Failed(failure)),
            Ok(treatment) => {
                self.outlet.open(key, call.number);
                self.pick_up(call);
                match treatment {
                    Some(treatment) => call.treatments.waiting.push_back(treatment),
                    None => {
                        if let Some(music) = call.treatments.music.replace(Music { key }) {
                            self.outlet.close(music.key, Some(&interaction), EventBody::Done);
                        }
                    }
                }
                self.run_next(call);
            }
        }
    }

    /// What is asked for; none: music.
    fn treatment(&self, key: RequestKey, body: &RequestBody) -> Result<Option<Treatment>, Failure> {
        let options = &self.options;
        let (prompts, kind): (&[Prompt], _) = match body {
            RequestBody::Play { prompts, interruptible, .. } => {
                (prompts, Kind::Play { length_ms: options.prompts_ms(prompts), interruptible: *interruptible })
            }
            RequestBody::Collect { options: asked, .. } => {
                let collect = Collect::new(asked, options.first_digit_timeout_ms, options.inter_digit_timeout_ms)
                    .map_err(|wrong| Failure::new(ErrorCode::Rejected, wrong))?;
                (&asked.prompts, Kind::Collect { prompts_ms: options.prompts_ms(&asked.prompts), flush: asked.flush, collect })
            }
            RequestBody::StartRecording { name, max_length_ms, .. } => {
                let max_length_ms = if *max_length_ms == 0 { options.max_recording_ms } else { u64::from(*max_length_ms) };
                (&[], Kind::Record { name: name.clone(), max_length_ms })
            }
            RequestBody::Music { name, .. } if name.is_empty() => return Ok(None),
            RequestBody::Music { name, .. } => return options.know_sound(name).map(|()| None),
            _ => return Err(Failure::new(ErrorCode::Unsupported, format!("`{}` is no treatment", body.name()))),
        };
        options.know_sounds(prompts)?;
        Ok(Some(Treatment { key, what: in_words(body.name(), prompts), kind }))
    }

    /// Starts the next treatment, if none runs.
    pub(super) fn run_next(&mut self, call: &mut Call) {
        while call.treatments.running.is_none() {
            let Some(mut treatment) = call.treatments.waiting.pop_front() else { return };
            let now = self.now;
            let progress = match &mut treatment.kind {
                Kind::Play { length_ms, interruptible } => {
                    let progress = Progress::Until(now.saturating_add(*length_ms));
                    if *interruptible {
                        self.caller_hears_prompt(call);
                    }
                    progress
                }
                Kind::Record { max_length_ms, .. } => Progress::Until(now.saturating_add(*max_length_ms)),
                Kind::Collect { prompts_ms, flush, collect } => {
                    let type_ahead = &mut call.treatments.type_ahead;
                    if *flush {
                        type_ahead.clear();
                    }
                    let progress = collect.begin(now, *prompts_ms, type_ahead);
                    self.caller_hears_collect(call);
                    progress
                }
            };
            call.treatments.running = Some((treatment, now));
            self.go_on(call, progress);
        }
    }

    fn go_on(&mut self, call: &mut Call, progress: Progress) {
        match progress {
            Progress::Until(at) => self.agenda.set(call.number, Timer::Treatment, at),
            Progress::Over(stopped_by) => self.end_treatment(call, stopped_by),
        }
    }

    fn end_treatment(&mut self, call: &mut Call, stopped_by: StoppedBy) {
        self.agenda.clear(call.number, Timer::Treatment);
        if let Some((treatment, began)) = call.treatments.running.take() {
            let (key, body) = treatment.ended(stopped_by, self.now.saturating_sub(began));
            self.outlet.close(key, Some(&call.interaction.id), body);
        }
    }

    /// The running treatment has come to its end.
    pub(super) fn treatment_is_due(&mut self, call: &mut Call) {
        let stopped_by = match &call.treatments.running {
            Some((Treatment { kind: Kind::Collect { collect, .. }, .. }, _)) => collect.timed_out(),
            _ => StoppedBy::End,
        };
        self.end_treatment(call, stopped_by);
        self.run_next(call);
    }

    /// The caller presses a key. Nobody hears it before the call is answered and on its default route.
    pub(super) fn press(&mut self, call: &mut Call, key: char) {
        match call.stage {
            Stage::Connected => {}
            // Treatments are over: nothing will collect it.
            Stage::Talking { .. } => return self.tell_digit(call, key),
            Stage::Calling { .. } | Stage::Ringing | Stage::DefaultRouted | Stage::Over => return,
        }
        let ends = match &mut call.treatments.running {
            Some((Treatment { kind: Kind::Collect { collect, .. }, .. }, _)) => {
                let progress = collect.press(self.now, key);
                self.go_on(call, progress);
                return self.run_next(call);
            }
            Some((Treatment { kind: Kind::Record { .. }, .. }, _)) if key == END_OF_RECORDING => {
                self.end_treatment(call, StoppedBy::Digit);
                return self.run_next(call);
            }
            Some((Treatment { kind: Kind::Play { interruptible, .. }, .. }, _)) => *interruptible,
            _ => false,
        };
        if call.treatments.type_ahead.len() < self.options.limits.type_ahead {
            call.treatments.type_ahead.push(key);
        }
        self.tell_digit(call, key);
        if ends {
            self.end_treatment(call, StoppedBy::Digit);
            self.run_next(call);
        }
    }

    fn tell_digit(&mut self, call: &Call, key: char) {
        let interaction = &call.interaction.id;
        self.outlet.tell(interaction, EventBody::Digit(Digit { interaction: interaction.clone(), key: key.to_string() }));
    }

    /// Stops one treatment; false: this request is none of the call's treatments.
    pub(super) fn cancel_treatment(&mut self, call: &mut Call, key: RequestKey) -> bool {
        let treatments = &mut call.treatments;
        let answer = if treatments.music.as_ref().is_some_and(|music| music.key == key) {
            treatments.music.take().map(|music| music.cut(Cut::Cancelled))
        } else if treatments.running.as_ref().is_some_and(|(running, _)| running.key == key) {
            self.agenda.clear(call.number, Timer::Treatment);
            treatments.running.take().map(|(running, began)| running.cut(Cut::Cancelled, Some(self.now.saturating_sub(began))))
        } else {
            let place = treatments.waiting.iter().position(|waiting| waiting.key == key);
            place.and_then(|place| treatments.waiting.remove(place)).map(|waiting| waiting.cut(Cut::Cancelled, None))
        };
        let Some((key, body)) = answer else { return false };
        self.outlet.close(key, Some(&call.interaction.id), body);
        self.run_next(call);
        true
    }

    /// Stops all of them.
    pub(super) fn cut_treatments(&mut self, call: &mut Call, cut: Cut) {
        self.agenda.clear(call.number, Timer::Treatment);
        for (key, body) in call.treatments.cut_all(cut, self.now) {
            self.outlet.close(key, Some(&call.interaction.id), body);
        }
    }

    /// Answers with `gone`: no such call, or no longer the strategy's.
    pub(super) fn refuse_gone(&mut self, key: RequestKey, body: &RequestBody) {
        self.outlet.answer(key, body.interaction(), gone());
    }
}
