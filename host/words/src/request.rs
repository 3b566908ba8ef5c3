//! What a session asks for. Shapes are those of the imports in `wit/strategy.wit`, names those of `docs/wit.md`.

use serde::{Deserialize, Serialize};

use crate::{InteractionId, Property, RequestId, Timestamp};

/// Text to be spoken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Speech {
    pub text: String,
    pub language: String,
}

/// One thing to be heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Prompt {
    Sound(String),
    Text(Speech),
    Digits(String),
    Number(i64),
    Tone(String),
}

/// How digits are collected. Times: 0 means the host's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CollectOptions {
    pub prompts: Vec<Prompt>,
    pub min_digits: u8,
    pub max_digits: u8,
    pub terminators: String,
    pub first_digit_timeout_ms: u32,
    pub inter_digit_timeout_ms: u32,
    pub flush: bool,
    pub sensitive: bool,
}

/// Where an interaction may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Target {
    Number(String),
    Agent(String),
    Group(String),
    RoutingPoint(String),
    DefaultRoute,
}

/// A route: to whichever target is ready first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Route {
    pub interaction: InteractionId,
    pub targets: Vec<Target>,
    pub priority: i32,
    pub credit_ms: u32,
    /// Bounds all of it; 0: no bound but the caller's patience.
    pub timeout_ms: u32,
    pub ring_timeout_ms: u32,
    pub unchecked: bool,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Fetch {
    pub method: String,
    pub url: String,
    pub headers: Vec<Property>,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    pub timeout_ms: u32,
}

/// An outbound call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct CreateCall {
    pub to: String,
    pub calling: String,
    pub ring_timeout_ms: u32,
}

/// Another session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct StartSession {
    pub strategy: String,
    pub parameters: Vec<Property>,
}

/// What a request asks for. Serialized under the dotted name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum RequestBody {
    #[serde(rename = "dialog.playsound")]
    Play { call: InteractionId, prompts: Vec<Prompt>, interruptible: bool },
    #[serde(rename = "dialog.collect")]
    Collect { call: InteractionId, options: CollectOptions },
    #[serde(rename = "dialog.music")]
    Music { call: InteractionId, name: String },
    #[serde(rename = "dialog.recording")]
    StartRecording { call: InteractionId, name: String, max_length_ms: u32 },
    #[serde(rename = "routing.route")]
    Route(Route),
    /// `route` is an open route of the same session.
    #[serde(rename = "routing.set-priority")]
    SetPriority { route: RequestId, priority: i32 },
    #[serde(rename = "routing.query-group")]
    QueryGroup { group: String },
    #[serde(rename = "routing.transfer")]
    Transfer { call: InteractionId, to: Target },
    #[serde(rename = "routing.disconnect")]
    Disconnect { interaction: InteractionId },
    #[serde(rename = "routing.create-call")]
    CreateCall(CreateCall),
    #[serde(rename = "user-data.attach")]
    Attach { interaction: InteractionId, data: Vec<Property> },
    #[serde(rename = "user-data.delete")]
    DeleteUserData { interaction: InteractionId, keys: Vec<String> },
    #[serde(rename = "timer.after")]
    After { delay_ms: u32 },
    #[serde(rename = "timer.at")]
    At { time: Timestamp },
    #[serde(rename = "http.fetch")]
    Fetch(Fetch),
    /// Carries the id of the request it stops, and is not answered itself.
    #[serde(rename = "control.cancel")]
    Cancel,
    #[serde(rename = "control.send")]
    Send { session: String, name: String, json: String },
    #[serde(rename = "control.start-session")]
    StartSession(StartSession),
}

impl RequestBody {
    /// The dotted name of `docs/wit.md`.
    pub fn name(&self) -> &'static str {
        match self {
            RequestBody::Play { .. } => "dialog.playsound",
            RequestBody::Collect { .. } => "dialog.collect",
            RequestBody::Music { .. } => "dialog.music",
            RequestBody::StartRecording { .. } => "dialog.recording",
            RequestBody::Route(_) => "routing.route",
            RequestBody::SetPriority { .. } => "routing.set-priority",
            RequestBody::QueryGroup { .. } => "routing.query-group",
            RequestBody::Transfer { .. } => "routing.transfer",
            RequestBody::Disconnect { .. } => "routing.disconnect",
            RequestBody::CreateCall(_) => "routing.create-call",
            RequestBody::Attach { .. } => "user-data.attach",
            RequestBody::DeleteUserData { .. } => "user-data.delete",
            RequestBody::After { .. } => "timer.after",
            RequestBody::At { .. } => "timer.at",
            RequestBody::Fetch(_) => "http.fetch",
            RequestBody::Cancel => "control.cancel",
            RequestBody::Send { .. } => "control.send",
            RequestBody::StartSession(_) => "control.start-session",
        }
    }

    /// The interaction the request acts on, where it acts on one.
    pub fn interaction(&self) -> Option<&InteractionId> {
        match self {
            RequestBody::Play { call, .. }
            | RequestBody::Collect { call, .. }
            | RequestBody::Music { call, .. }
            | RequestBody::StartRecording { call, .. }
            | RequestBody::Transfer { call, .. } => Some(call),
            RequestBody::Route(route) => Some(&route.interaction),
            RequestBody::Disconnect { interaction }
            | RequestBody::Attach { interaction, .. }
            | RequestBody::DeleteUserData { interaction, .. } => Some(interaction),
            _ => None,
        }
    }
}

/// What a prompt, a target, a key or a property counts beside its text, so that a list of empty ones is not for nothing.
const ELEMENT_BYTES: usize = 8;

impl RequestBody {
    /// Roughly how much it carries, in bytes; what `limits.payload` bounds.
    pub fn payload_bytes(&self) -> usize {
        let properties =
            |list: &[Property]| list.iter().map(|property| property.key.len() + property.value.len() + ELEMENT_BYTES).sum::<usize>();
        let prompts = |list: &[Prompt]| list.iter().map(Prompt::payload_bytes).sum::<usize>();
        match self {
            RequestBody::Play { call, prompts: list, .. } => call.len() + prompts(list),
            RequestBody::Collect { call, options } => call.len() + prompts(&options.prompts) + options.terminators.len(),
            RequestBody::Music { call, name } | RequestBody::StartRecording { call, name, .. } => call.len() + name.len(),
            RequestBody::Route(route) => {
                route.interaction.len() + route.targets.iter().map(|target| target.name().len() + ELEMENT_BYTES).sum::<usize>()
            }
            RequestBody::QueryGroup { group } => group.len(),
            RequestBody::Transfer { call, to } => call.len() + to.name().len(),
            RequestBody::Disconnect { interaction } => interaction.len(),
            RequestBody::CreateCall(call) => call.to.len() + call.calling.len(),
            RequestBody::Attach { interaction, data } => interaction.len() + properties(data),
            RequestBody::DeleteUserData { interaction, keys } => {
                interaction.len() + keys.iter().map(|key| key.len() + ELEMENT_BYTES).sum::<usize>()
            }
            RequestBody::Fetch(fetch) => fetch.method.len() + fetch.url.len() + properties(&fetch.headers) + fetch.body.len(),
            RequestBody::Send { session, name, json } => session.len() + name.len() + json.len(),
            RequestBody::StartSession(start) => start.strategy.len() + properties(&start.parameters),
            RequestBody::SetPriority { .. } | RequestBody::After { .. } | RequestBody::At { .. } | RequestBody::Cancel => 0,
        }
    }
}

impl Prompt {
    fn payload_bytes(&self) -> usize {
        match self {
            Prompt::Sound(name) | Prompt::Digits(name) | Prompt::Tone(name) => name.len() + ELEMENT_BYTES,
            Prompt::Text(speech) => speech.text.len() + speech.language.len() + ELEMENT_BYTES,
            Prompt::Number(_) => ELEMENT_BYTES,
        }
    }
}

impl Target {
    /// The number's, agent's, group's or routing point's name; empty for the default route.
    pub fn name(&self) -> &str {
        match self {
            Target::Number(name) | Target::Agent(name) | Target::Group(name) | Target::RoutingPoint(name) => name,
            Target::DefaultRoute => "",
        }
    }
}
