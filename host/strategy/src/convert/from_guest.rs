//! What a guest says: requests, its manifest, how a step ends.

use tandem_journal::LogLevel;
use tandem_session::Next;
use tandem_words as words;

use crate::bindings::exports::tandem::strategy::strategy as exported;
use crate::bindings::tandem::strategy::{control, dialog, http, routing, types};

pub(crate) fn next(next: exported::Next) -> Next {
    match next {
        exported::Next::Wait => Next::Wait,
        exported::Next::Checkpoint => Next::Checkpoint,
        exported::Next::Finish => Next::Finish,
    }
}

pub(crate) fn level(level: control::Level) -> LogLevel {
    match level {
        control::Level::Debug => LogLevel::Debug,
        control::Level::Info => LogLevel::Info,
        control::Level::Warn => LogLevel::Warn,
        control::Level::Error => LogLevel::Error,
    }
}

pub(crate) fn manifest(from: exported::Manifest) -> words::Manifest {
    words::Manifest {
        name: from.name,
        version: from.version,
        media: from.media.into_iter().map(media).collect(),
        persist: from.persist,
        send_session_recovered: from.send_session_recovered,
        restart_on_switchover: from.restart_on_switchover,
        state_version: from.state_version,
        on_swap: match from.on_swap {
            exported::OnSwap::Finish => words::OnSwap::Finish,
            exported::OnSwap::Migrate => words::OnSwap::Migrate,
            exported::OnSwap::Restart => words::OnSwap::Restart,
        },
        isolation: match from.isolation {
            exported::Isolation::Shared => words::Isolation::Shared,
            exported::Isolation::OwnInstance => words::Isolation::OwnInstance,
        },
        parameters: from
            .parameters
            .into_iter()
            .map(|parameter| words::Parameter { name: parameter.name, description: parameter.description, default: parameter.default })
            .collect(),
        http_origins: from.http_origins,
    }
}

pub(crate) fn properties(list: Vec<types::Property>) -> Vec<words::Property> {
    list.into_iter().map(|property| words::Property { key: property.key, value: property.value }).collect()
}

pub(crate) fn prompts(list: Vec<dialog::Prompt>) -> Vec<words::Prompt> {
    let prompt = |prompt| match prompt {
        dialog::Prompt::Sound(name) => words::Prompt::Sound(name),
        dialog::Prompt::Text(speech) => words::Prompt::Text(words::Speech { text: speech.text, language: speech.language }),
        dialog::Prompt::Digits(digits) => words::Prompt::Digits(digits),
        dialog::Prompt::Number(number) => words::Prompt::Number(number),
        dialog::Prompt::Tone(name) => words::Prompt::Tone(name),
    };
    list.into_iter().map(prompt).collect()
}

pub(crate) fn collect_options(from: dialog::CollectOptions) -> words::CollectOptions {
    words::CollectOptions {
        prompts: prompts(from.prompts),
        min_digits: from.min_digits,
        max_digits: from.max_digits,
        terminators: from.terminators,
        first_digit_timeout_ms: from.first_digit_timeout_ms,
        inter_digit_timeout_ms: from.inter_digit_timeout_ms,
        flush: from.flush,
        sensitive: from.sensitive,
    }
}

pub(crate) fn route(interaction: String, targets: Vec<routing::Target>, options: routing::RouteOptions) -> words::Route {
    words::Route {
        interaction: interaction.into(),
        targets: targets.into_iter().map(target).collect(),
        priority: options.priority,
        credit_ms: options.credit_ms,
        timeout_ms: options.timeout_ms,
        ring_timeout_ms: options.ring_timeout_ms,
        unchecked: options.unchecked,
    }
}

pub(crate) fn target(target: routing::Target) -> words::Target {
    match target {
        routing::Target::Number(name) => words::Target::Number(name),
        routing::Target::Agent(name) => words::Target::Agent(name),
        routing::Target::Group(name) => words::Target::Group(name),
        routing::Target::RoutingPoint(name) => words::Target::RoutingPoint(name),
        routing::Target::DefaultRoute => words::Target::DefaultRoute,
    }
}

pub(crate) fn fetch(from: http::Request) -> words::Fetch {
    words::Fetch { method: from.method, url: from.url, headers: properties(from.headers), body: from.body, timeout_ms: from.timeout_ms }
}

fn media(media: types::Media) -> words::Media {
    match media {
        types::Media::Voice => words::Media::Voice,
        types::Media::Chat => words::Media::Chat,
        types::Media::Email => words::Media::Email,
        types::Media::Task => words::Media::Task,
    }
}
