//! Whether what happened is what was expected.

use tandem_words::{EventBody, Prompt, RequestBody};

use super::story::{Entry, What};
use crate::lab::scenario::Expectation;

/// How an expectation is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is the next strict thing that happens.
    Strict,
    /// It happens before the next strict thing.
    Next,
    /// It happened since the last match but one, or happens before the next strict thing.
    Around,
    /// Every session is over, before a strict thing happens.
    End,
    /// No strict thing happens for so long, ms.
    Nothing(u64),
}

pub(super) fn kind(expectation: &Expectation) -> Kind {
    match expectation {
        Expectation::End => Kind::End,
        Expectation::NothingFor(ms) => Kind::Nothing(*ms),
        Expectation::Routed(_) => Kind::Next,
        Expectation::Attach(_) | Expectation::Milestone(_) | Expectation::Timer(_) | Expectation::Message(_) => Kind::Around,
        _ => Kind::Strict,
    }
}

/// Whether this is what was expected.
pub(super) fn is_met(expectation: &Expectation, entry: &Entry) -> bool {
    match (expectation, &entry.what) {
        (Expectation::DefaultRouted, What::DefaultRouted) => true,
        (Expectation::Milestone(wanted), What::Milestone(name)) => wanted == name,
        (Expectation::Routed(wanted), What::Heard(EventBody::RouteDone(routed))) => {
            wanted.as_ref().is_none_or(|wanted| *wanted == routed.target)
        }
        (expectation, What::Asked(body, _)) => is_asked(expectation, body, entry.at),
        _ => false,
    }
}

fn is_asked(expectation: &Expectation, body: &RequestBody, at: u64) -> bool {
    let named = |wanted: &Option<String>, name: &String| wanted.as_ref().is_none_or(|wanted| wanted == name);
    match (expectation, body) {
        (Expectation::Play(wanted), RequestBody::Play { prompts, .. }) => begins(prompts, wanted),
        (Expectation::Collect(wanted), RequestBody::Collect { options, .. }) => begins(&options.prompts, wanted),
        (Expectation::Music(wanted), RequestBody::Music { name, .. }) => named(wanted, name),
        (Expectation::Recording(wanted), RequestBody::StartRecording { name, .. }) => named(wanted, name),
        (Expectation::Route(wanted), RequestBody::Route(route)) => *wanted == route.targets,
        (Expectation::Transfer(wanted), RequestBody::Transfer { to, .. }) => wanted == to,
        (Expectation::Call(wanted), RequestBody::CreateCall(call)) => *wanted == call.to,
        (Expectation::Disconnect, RequestBody::Disconnect { .. }) => true,
        (Expectation::Attach(wanted), RequestBody::Attach { data, .. }) => data.contains(wanted),
        (Expectation::Timer(wanted), RequestBody::After { delay_ms }) => *wanted == u64::from(*delay_ms),
        (Expectation::Timer(wanted), RequestBody::At { time }) => *wanted == time.saturating_sub(at),
        (Expectation::Message(wanted), RequestBody::Send { name, .. }) => wanted == name,
        _ => false,
    }
}

/// Whether what is played begins with what was expected. A scenario says no language, so any will do.
fn begins(played: &[Prompt], wanted: &[Prompt]) -> bool {
    let same = |(played, wanted): (&Prompt, &Prompt)| match (played, wanted) {
        (Prompt::Text(played), Prompt::Text(wanted)) => played.text == wanted.text,
        (played, wanted) => played == wanted,
    };
    played.len() >= wanted.len() && played.iter().zip(wanted).all(same)
}
