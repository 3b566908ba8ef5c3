//! The imports of the contract: thin wrappers of [`tandem_session::Draft`].

use tandem_words::{CreateCall, RequestBody, RequestId, StartSession, Timestamp};
use wasmtime::Result;

use crate::{
    bindings::tandem::strategy::{control, dialog, http, routing, timers, types, user_data},
    convert,
    host_side::HostSide,
    zones,
};

impl types::Host for HostSide {}

impl dialog::Host for HostSide {
    fn play(&mut self, call: String, prompts: Vec<dialog::Prompt>, options: dialog::PlayOptions) -> Result<RequestId> {
        let prompts = convert::prompts(prompts);
        self.request(RequestBody::Play { call: call.into(), prompts, interruptible: options.interruptible })
    }

    fn collect(&mut self, call: String, options: dialog::CollectOptions) -> Result<RequestId> {
        self.request(RequestBody::Collect { call: call.into(), options: convert::collect_options(options) })
    }

    fn music(&mut self, call: String, name: String) -> Result<RequestId> {
        self.request(RequestBody::Music { call: call.into(), name })
    }

    fn start_recording(&mut self, call: String, name: String, max_length_ms: u32) -> Result<RequestId> {
        self.request(RequestBody::StartRecording { call: call.into(), name, max_length_ms })
    }
}

impl routing::Host for HostSide {
    fn route(&mut self, interaction: String, targets: Vec<routing::Target>, options: routing::RouteOptions) -> Result<RequestId> {
        self.request(RequestBody::Route(convert::route(interaction, targets, options)))
    }

    fn set_priority(&mut self, route: RequestId, priority: i32) -> Result<RequestId> {
        self.request(RequestBody::SetPriority { route, priority })
    }

    fn query_group(&mut self, group: String) -> Result<RequestId> {
        self.request(RequestBody::QueryGroup { group })
    }

    fn transfer(&mut self, call: String, to: routing::Target) -> Result<RequestId> {
        self.request(RequestBody::Transfer { call: call.into(), to: convert::target(to) })
    }

    fn disconnect(&mut self, interaction: String) -> Result<RequestId> {
        self.request(RequestBody::Disconnect { interaction: interaction.into() })
    }

    fn create_call(&mut self, to: String, calling: String, ring_timeout_ms: u32) -> Result<RequestId> {
        self.request(RequestBody::CreateCall(CreateCall { to, calling, ring_timeout_ms }))
    }
}

impl user_data::Host for HostSide {
    fn get(&mut self, interaction: String, key: String) -> Result<Option<String>> {
        Ok(self.draft("user-data.get")?.user_data(&interaction, &key))
    }

    fn attach(&mut self, interaction: String, data: Vec<types::Property>) -> Result<RequestId> {
        self.request(RequestBody::Attach { interaction: interaction.into(), data: convert::properties(data) })
    }

    fn delete(&mut self, interaction: String, keys: Vec<String>) -> Result<RequestId> {
        self.request(RequestBody::DeleteUserData { interaction: interaction.into(), keys })
    }
}

impl timers::Host for HostSide {
    fn after(&mut self, delay_ms: u32) -> Result<RequestId> {
        self.request(RequestBody::After { delay_ms })
    }

    fn at(&mut self, time: Timestamp) -> Result<RequestId> {
        self.request(RequestBody::At { time })
    }

    fn local(&mut self, at: Timestamp, zone: String) -> Result<Result<timers::LocalTime, String>> {
        let answer = self.draft("timers.local")?.local(at, &zone, zones::local);
        Ok(answer.map(convert::local_time))
    }
}

impl http::Host for HostSide {
    fn fetch(&mut self, request: http::Request) -> Result<RequestId> {
        self.request(RequestBody::Fetch(convert::fetch(request)))
    }
}

impl control::Host for HostSide {
    fn cancel(&mut self, request: RequestId) -> Result<()> {
        Ok(self.draft("control.cancel")?.cancel(request)?)
    }

    fn send(&mut self, session: String, name: String, json: String) -> Result<RequestId> {
        self.request(RequestBody::Send { session, name, json })
    }

    fn start_session(&mut self, strategy: String, parameters: Vec<types::Property>) -> Result<RequestId> {
        self.request(RequestBody::StartSession(StartSession { strategy, parameters: convert::properties(parameters) }))
    }

    fn log(&mut self, level: control::Level, text: String) -> Result<()> {
        self.write_log(convert::level(level), text);
        Ok(())
    }

    fn milestone(&mut self, name: String) -> Result<()> {
        self.draft("control.milestone")?.milestone(name);
        Ok(())
    }
}
