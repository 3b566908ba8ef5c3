//! What a strategy says of itself, and what it is told at its start.

use crate::{
    CallEnd, Context, ErrorCode, Event, EventBody, Interaction, Isolation, Manifest, Media, OnSwap, Parameter, RequestId, StoppedBy,
};

/// Built step by step: `Manifest::new("bank", "1.2.0").parameter("language", "Of the prompts", "en")`. The fields are public
/// too.
impl Manifest {
    /// For voice, persisted, in cells, finishing on its own version when swapped; nothing else set.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Manifest {
            name: name.into(),
            version: version.into(),
            media: vec![Media::Voice],
            persist: true,
            send_session_recovered: false,
            restart_on_switchover: None,
            state_version: 1,
            on_swap: OnSwap::Finish,
            isolation: Isolation::Shared,
            parameters: Vec::new(),
            http_origins: Vec::new(),
        }
    }

    /// What it can handle, instead of voice.
    pub fn media(mut self, media: impl IntoIterator<Item = Media>) -> Self {
        self.media = media.into_iter().collect();
        self
    }

    /// Whether to keep a journal and recover sessions.
    pub fn persist(mut self, persist: bool) -> Self {
        self.persist = persist;
        self
    }

    /// Asks for `session-recovered`.
    pub fn send_session_recovered(mut self) -> Self {
        self.send_session_recovered = true;
        self
    }

    /// Version of the saved state; count it up when old states cannot be read any more.
    pub fn state_version(mut self, version: u32) -> Self {
        self.state_version = version;
        self
    }

    /// What a swap does to running sessions.
    pub fn on_swap(mut self, on_swap: OnSwap) -> Self {
        self.on_swap = on_swap;
        self
    }

    /// A parameter with a default.
    pub fn parameter(self, name: impl Into<String>, description: impl Into<String>, default: impl Into<String>) -> Self {
        self.with(name.into(), description.into(), Some(default.into()))
    }

    /// A parameter that the deployment has to give.
    pub fn required(self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.with(name.into(), description.into(), None)
    }

    /// A web service that it needs, such as `https://crm.example.com`.
    pub fn http_origin(mut self, origin: impl Into<String>) -> Self {
        self.http_origins.push(origin.into());
        self
    }

    fn with(mut self, name: String, description: String, default: Option<String>) -> Self {
        self.parameters.push(Parameter { name, description, default });
        self
    }

    /// Gives a context the defaults of the parameters that nobody set.
    pub(crate) fn complete(&self, context: &mut Context) {
        for parameter in &self.parameters {
            if let (None, Some(default)) = (context.parameter(&parameter.name), &parameter.default) {
                context.parameters.push(crate::Property::new(&parameter.name, default));
            }
        }
    }
}

impl Context {
    /// A parameter: as set by deployment or starter, else the manifest's default.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        value(&self.parameters, name)
    }
}

impl Interaction {
    /// User data it came with; [`Host::get`](crate::Host::get) has the values of now.
    pub fn data(&self, key: &str) -> Option<&str> {
        value(&self.user_data, key)
    }
}

impl Event {
    /// Whether it answers this request.
    pub fn answers(&self, request: RequestId) -> bool {
        self.request == Some(request)
    }

    /// Whether it is an answer that says that the call is gone. How it ended, another event tells in a moment: wait for that.
    pub fn says_gone(&self) -> bool {
        match &self.body {
            EventBody::PlayDone(stopped_by) => *stopped_by == StoppedBy::HangUp,
            EventBody::CollectDone(digits) => digits.stopped_by == StoppedBy::HangUp,
            EventBody::Failed(failure) => failure.code == ErrorCode::Gone,
            _ => false,
        }
    }

    /// Whether it takes this interaction away from the session, and how.
    pub fn ends(&self, interaction: &str) -> Option<CallEnd> {
        match &self.body {
            EventBody::InteractionDeleted(deletion) if deletion.interaction == interaction => Some(CallEnd::Deleted(deletion.cause)),
            EventBody::InteractionNotControlled(id) if id == interaction => Some(CallEnd::NotControlled),
            EventBody::InteractionDefaultRouted(id) if id == interaction => Some(CallEnd::DefaultRouted),
            _ => None,
        }
    }
}

fn value<'a>(properties: &'a [crate::Property], key: &str) -> Option<&'a str> {
    properties.iter().rev().find(|p| p.key == key).map(|p| p.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, Property};

    #[test]
    fn a_default_fills_only_what_is_unset_and_the_last_value_wins() {
        let manifest = Manifest::new("m", "1").parameter("a", "", "1").parameter("b", "", "2").required("c", "");
        let parameters = vec![Property::new("b", "3"), Property::new("b", "4")];
        let mut context = Context { session_id: "1-1-1".into(), incarnation: 1, origin: Origin::Interaction, started_at: 0, parameters };
        manifest.complete(&mut context);
        assert_eq!(["a", "b", "c"].map(|name| context.parameter(name)), [Some("1"), Some("4"), None]);
    }
}
