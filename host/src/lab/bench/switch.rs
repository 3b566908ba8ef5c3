//! The switch of the benches: one call for each session, and the answer to each request is the next event, so every session
//! makes one step after the other as fast as they become durable.

use tandem_switch_link::{GatewayMessage, Held, HostMessage, PROTOCOL, StepMessage, SwitchEvent};
use tandem_words::{EventBody, Interaction, InteractionId, Property, RequestKey, SwitchName, UserDataChange};

/// When switch time begins here.
const NOW: u64 = 1_783_074_600_000;

/// Events of one millisecond. Reason: a session that goes round at one instant is stopped, and one that idles is passivated.
const EVENTS_PER_MS: u64 = 64;

/// See the module.
pub struct BenchSwitch {
    name: SwitchName,
    calls: u32,
    payload: String,
    position: u64,
    /// Requests answered: steps made.
    pub steps: u64,
    /// No more answers: the sessions come to rest.
    pub paused: bool,
    /// Sessions get no answer even to their first request: they rest behind it.
    pub rests: bool,
}

impl BenchSwitch {
    /// With so many calls, each event carrying `payload` (JSON).
    pub fn new(name: SwitchName, calls: u32, payload: String) -> Self {
        BenchSwitch { name, calls, payload, position: 0, steps: 0, paused: false, rests: false }
    }

    /// Answers what the host says.
    pub fn answer(&mut self, messages: Vec<HostMessage>) -> Vec<GatewayMessage> {
        let mut answers = Vec::new();
        for message in messages {
            match message {
                HostMessage::Hello { .. } => {
                    answers.push(GatewayMessage::Welcome { protocol: PROTOCOL, switch: self.name.clone(), incarnation: 1, now: NOW });
                }
                HostMessage::Lead { epoch, .. } => answers.push(GatewayMessage::Leading { epoch, now: NOW }),
                HostMessage::Reconcile { .. } => {
                    let (interactions, requests) = (Vec::new(), Vec::new());
                    answers.push(GatewayMessage::Reconciled { now: NOW, kept_from: 1, interactions, requests, more: false });
                    for call in 0..self.calls {
                        answers.extend(self.call(call));
                    }
                }
                HostMessage::Step(step) if !self.paused => self.answer_step(&step, &mut answers),
                HostMessage::Step(_) | HostMessage::Acknowledge(_) | HostMessage::Idle { .. } | HostMessage::Heartbeat => {}
            }
        }
        answers
    }

    /// How many there are.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// So many more calls come.
    pub fn more(&mut self, calls: u32) -> Vec<GatewayMessage> {
        let first = self.calls;
        self.calls += calls;
        (first..self.calls).flat_map(|call| self.call(call)).collect()
    }

    fn call(&mut self, number: u32) -> [GatewayMessage; 2] {
        let id = InteractionId::from(format!("c{number}"));
        let interaction = Interaction::arriving(id.clone(), "5550100", "8000", NOW);
        let added = self.event(id.clone(), Some(1), None, EventBody::InteractionAdded(interaction));
        [added, self.data(id, None)]
    }

    fn answer_step(&mut self, step: &StepMessage, answers: &mut Vec<GatewayMessage>) {
        let Some(Held { id: interaction, .. }) = step.interactions.first() else { return };
        for asked in &step.requests {
            self.steps += 1;
            let key = RequestKey { session: step.session, incarnation: step.incarnation, request: asked.request };
            if self.rests {
                continue;
            }
            answers.push(self.data(interaction.clone(), Some(key)));
        }
    }

    fn data(&mut self, interaction: InteractionId, answers: Option<RequestKey>) -> GatewayMessage {
        let changed = vec![Property::new("bench", self.payload.clone())];
        let change = UserDataChange { interaction: interaction.clone(), changed, deleted: Vec::new() };
        self.event(interaction, None, answers, EventBody::UserDataChanged(change))
    }

    fn event(&mut self, interaction: InteractionId, visit: Option<u32>, answers: Option<RequestKey>, body: EventBody) -> GatewayMessage {
        self.position += 1;
        GatewayMessage::Event(SwitchEvent {
            position: self.position,
            at: NOW + self.position / EVENTS_PER_MS,
            interaction: Some(interaction),
            visit,
            answers,
            body,
        })
    }
}
