//! What strategies ask for, in the words of the language: what is shown can be written into a scenario after `expect`.

use tandem_words::{EventBody, Prompt, RequestBody, Target};

/// A request.
pub fn request(body: &RequestBody) -> String {
    match body {
        RequestBody::Play { prompts: list, .. } => format!("play {}", prompts(list)),
        RequestBody::Collect { options, .. } if options.prompts.is_empty() => "collect".to_owned(),
        RequestBody::Collect { options, .. } => format!("collect prompt {}", prompts(&options.prompts)),
        RequestBody::Music { name, .. } => format!("music {name:?}"),
        RequestBody::StartRecording { name, .. } => format!("recording {name:?}"),
        RequestBody::Route(route) => format!("route {}", route.targets.iter().map(target).collect::<Vec<_>>().join(" ")),
        RequestBody::Transfer { to, .. } => format!("transfer {}", target(to)),
        RequestBody::Disconnect { .. } => "disconnect".to_owned(),
        RequestBody::CreateCall(call) => format!("call {:?}", call.to),
        RequestBody::Attach { data, .. } => {
            let one = |property: &tandem_words::Property| format!("attach {} = {:?}", property.key, property.value);
            data.iter().map(one).collect::<Vec<_>>().join(", ")
        }
        RequestBody::After { delay_ms } => format!("timer {}", time(u64::from(*delay_ms))),
        RequestBody::Send { name, .. } => format!("message {name}"),
        other => other.name().to_owned(),
    }
}

fn prompts(list: &[Prompt]) -> String {
    let one = |prompt: &Prompt| match prompt {
        Prompt::Sound(name) => format!("{name:?}"),
        Prompt::Text(speech) => format!("text {:?}", speech.text),
        Prompt::Digits(digits) => format!("digits {digits:?}"),
        Prompt::Number(number) => format!("number {number}"),
        Prompt::Tone(name) => format!("tone {name:?}"),
    };
    list.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn target(target: &Target) -> String {
    match target {
        Target::Group(name) => format!("group {name:?}"),
        Target::Number(name) => format!("number {name:?}"),
        Target::Agent(name) => format!("agent {name:?}"),
        Target::RoutingPoint(name) => format!("routing-point {name:?}"),
        Target::DefaultRoute => "default".to_owned(),
    }
}

/// A time as the language writes it.
pub fn time(ms: u64) -> String {
    if ms.is_multiple_of(1_000) { format!("{}s", ms / 1_000) } else { format!("{ms}ms") }
}

/// What a session is told.
pub fn event(body: &EventBody) -> String {
    match body {
        EventBody::InteractionDeleted(over) => format!("{}: {:?}", body.name(), over.cause),
        EventBody::PlayDone(by) => format!("{}: {by:?}", body.name()),
        EventBody::CollectDone(digits) => format!("{}: {:?}, {:?}", body.name(), digits.keys, digits.stopped_by),
        EventBody::Digit(digit) => format!("{}: {}", body.name(), digit.key),
        EventBody::RouteDone(routed) => format!("routed to {:?}: {} answers", routed.target, routed.answered_by),
        EventBody::Failed(failure) => format!("{}: {:?}, {}", body.name(), failure.code, failure.message),
        EventBody::PartyChanged(party) => format!("{}: {} {:?}", body.name(), party.address, party.state),
        EventBody::Message(message) => format!("{}: {}", body.name(), message.name),
        EventBody::Custom(custom) => format!("{}: {custom:?}", body.name()),
        other => other.name().to_owned(),
    }
}
