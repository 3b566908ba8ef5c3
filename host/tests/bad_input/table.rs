//! A table with guests on it: real components, a simulated switch, virtual time.

use std::sync::{Arc, OnceLock};

use tandem::lab::tabletop::{TableOptions, Tabletop};
use tandem_gateway::{
    record::{CallOutcome, Heard, Line, Verdict},
    simulated::{AgentPlan, Command, RoutingPoint},
};
use tandem_journal::{Claim, Opening, Outcome, Record, Step, StepFailure, Survival};
use tandem_node::{Deployment, Deployments};
use tandem_strategy::{Catalogue, Cells, Engine, EngineLimits, Strategy};
use tandem_words::{InteractionId, Property, RequestBody, SessionId};

/// Switch time at the start: 2026-07-03T10:30:00Z, summer in Berlin.
pub const START: u64 = 1_783_074_600_000;

/// Limits that a loaded machine does not break by itself.
pub fn patient() -> EngineLimits {
    EngineLimits { step_wall_ms: 60_000, ..EngineLimits::default() }
}

/// One for all tests.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(patient()).unwrap())
}

/// The component of `tests/guests/NAME`, or the built-in strategy.
pub fn wasm(name: &str) -> &'static [u8] {
    let guest = tandem_test_guests::guest(name).map(|guest| guest.wasm);
    guest.or_else(|| tandem_strategies::strategy(name).map(|strategy| strategy.wasm)).unwrap_or_else(|| panic!("no guest {name}"))
}

/// What is to be laid.
pub struct Laid {
    pub options: TableOptions,
    engine: Engine,
    catalogue: Catalogue,
}

/// Guests at 8000, 8001 and so on; 8009 has no strategy. The group `agents` has two agents.
pub fn lay(guests: &[&str]) -> Laid {
    lay_with(engine().clone(), guests)
}

/// The same with an engine of its own.
pub fn lay_with(engine: Engine, guests: &[&str]) -> Laid {
    let catalogue = Catalogue::new();
    let mut deployments = Deployments::default();
    let mut options = TableOptions::new(START);
    let point = RoutingPoint { default_route: Some("9000".to_owned()) };
    options.switch.routing_points.insert("8009".to_owned(), point.clone());
    options.switch.agents = ["ann", "ben"].map(|name| AgentPlan::new(name, &["agents"])).into();
    for (at, name) in guests.iter().enumerate() {
        let strategy = Strategy::load(&engine, wasm(name), None).unwrap();
        let manifest = strategy.manifest();
        let default = |parameter: &tandem_words::Parameter| Property::new(parameter.name.clone(), parameter.default.clone().unwrap());
        let parameters = manifest.parameters.iter().map(default).collect();
        let deployment =
            Deployment { strategy: manifest.name.clone(), version: strategy.version(), parameters, survival: Survival::Recovered };
        let number = format!("{}", 8000 + at);
        options.switch.routing_points.insert(number.clone(), point.clone());
        deployments.routing_points.insert(number, deployment.clone());
        deployments.strategies.insert(deployment.strategy.clone(), deployment);
        catalogue.add(strategy).unwrap();
    }
    options.deployments = deployments;
    Laid { options, engine, catalogue }
}

impl Laid {
    /// A parameter of the strategy at a number.
    pub fn with_parameter(mut self, number: &str, key: &str, value: &str) -> Self {
        let deployment = self.options.deployments.routing_points.get_mut(number).unwrap();
        deployment.parameters.iter_mut().find(|parameter| parameter.key == key).unwrap().value = value.to_owned();
        self
    }

    /// Nothing that is deployed can be loaded.
    pub fn without_components(mut self) -> Self {
        self.catalogue = Catalogue::new();
        self
    }

    pub fn start(self) -> Table {
        let Laid { options, engine, catalogue } = self;
        let catalogue = Arc::new(catalogue);
        let guests = move || Cells::new(engine.clone(), Arc::clone(&catalogue), Box::new(|| ()));
        Table { top: Tabletop::lay(options, guests).unwrap(), records: Vec::new(), lines: Vec::new() }
    }
}

/// See the module. Times are milliseconds since its start.
pub struct Table {
    pub top: Tabletop<Cells>,
    records: Vec<Record>,
    lines: Vec<Line>,
}

impl Table {
    fn command(&mut self, command: Command) -> Option<InteractionId> {
        let done = self.top.command(command).unwrap().unwrap();
        self.look();
        done
    }

    pub fn dial(&mut self, number: &str) -> InteractionId {
        let (calling, number) = ("5550100".to_owned(), number.to_owned());
        self.command(Command::Dial { calling, number, user_data: Vec::new(), patience_ms: None }).unwrap()
    }

    pub fn press(&mut self, call: &InteractionId, keys: &str) {
        self.command(Command::Press { interaction: call.clone(), keys: keys.to_owned() });
    }

    pub fn hang_up(&mut self, call: &InteractionId) {
        self.command(Command::HangUp { interaction: call.clone() });
    }

    /// Everything up to this moment happens.
    pub fn pass_to(&mut self, ms: u64) {
        while self.top.now() < START + ms {
            self.top.pass(START + ms).unwrap();
        }
        self.look();
    }

    /// The host dies, and starts again so much later.
    pub fn host_dies(&mut self, after_ms: u64) {
        self.top.host_dies(after_ms).unwrap();
        self.look();
    }

    fn look(&mut self) {
        self.records.extend(self.top.records().unwrap());
        self.lines.extend(self.top.lines());
    }

    fn openings(&self) -> impl Iterator<Item = &Opening> {
        self.records.iter().filter_map(|record| match record {
            Record::Opened(opening) => Some(opening),
            _ => None,
        })
    }

    /// The sessions of a call, one for each visit.
    pub fn sessions(&self, call: &InteractionId) -> Vec<SessionId> {
        let of_call = |opening: &&Opening| matches!(&opening.claim, Some(Claim::Visit { interaction, .. }) if *interaction == **call);
        self.openings().filter(of_call).filter(|opening| opening.incarnation == 1).map(|opening| opening.session).collect()
    }

    /// The only session of a call.
    pub fn session(&self, call: &InteractionId) -> SessionId {
        let sessions = self.sessions(call);
        assert_eq!(sessions.len(), 1, "{call}: {sessions:?}");
        sessions[0]
    }

    /// The only session that this one has started.
    pub fn started_by(&self, session: SessionId) -> SessionId {
        let by = |opening: &&Opening| matches!(&opening.claim, Some(Claim::Request(key)) if key.session == session);
        let sessions: Vec<_> = self.openings().filter(by).map(|opening| opening.session).collect();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        sessions[0]
    }

    /// What the journal has of a session, in order.
    pub fn steps(&self, session: SessionId) -> Vec<&Step> {
        let steps = self.records.iter().filter_map(|record| match record {
            Record::Step(step) => Some(step),
            _ => None,
        });
        steps.filter(|step| step.session == session).collect()
    }

    /// How a call's session failed: by its last step that counts, which asks for nothing.
    pub fn failure(&self, call: &InteractionId) -> &StepFailure {
        let steps = self.steps(self.session(call));
        let step = steps.iter().rfind(|step| step.outcome != Outcome::Late).unwrap();
        assert_eq!(step.requests, [], "a failed step asks for nothing");
        match &step.outcome {
            Outcome::Failed(failure) => failure,
            outcome => panic!("{call}: {outcome:?}"),
        }
    }

    /// Whether no step of the call's session failed.
    pub fn is_well(&self, call: &InteractionId) -> bool {
        self.steps(self.session(call)).iter().all(|step| !matches!(step.outcome, Outcome::Failed(_)))
    }

    /// What a caller heard, and from when on.
    pub fn heard(&self, call: &InteractionId) -> Vec<(u64, String)> {
        let heard = |line: &Line| match line {
            Line::Hears { at, interaction, heard } if interaction == call => Some((
                at - START,
                match heard {
                    Heard::Treatment { what, .. } => what.clone(),
                    Heard::Person { who } => who.clone(),
                    other => format!("{other:?}"),
                },
            )),
            _ => None,
        };
        self.lines.iter().filter_map(heard).collect()
    }

    /// When, and to what, a call came to an end.
    pub fn end(&self, call: &InteractionId) -> Option<(u64, CallOutcome)> {
        self.lines.iter().find_map(|line| match line {
            Line::Left { at, interaction, outcome, .. } if interaction == call => Some((at - START, *outcome)),
            _ => None,
        })
    }

    /// Since when a call is on its default route.
    pub fn default_routed(&self, call: &InteractionId) -> Option<u64> {
        self.heard(call).into_iter().find(|(_, what)| what == "DefaultRoute").map(|(at, _)| at)
    }

    /// Requests that the switch carried out for this call, in order.
    pub fn applied(&self, call: &InteractionId) -> Vec<&RequestBody> {
        let of_call = |line| match line {
            &Line::Request { ref body, verdict: Verdict::Applied, .. } if body.interaction() == Some(call) => Some(body),
            _ => None,
        };
        self.lines.iter().filter_map(of_call).collect()
    }

    /// What was attached to this call under this key, in order.
    pub fn attached(&self, call: &InteractionId, key: &str) -> Vec<String> {
        let values = self.applied(call).into_iter().filter_map(|body| match body {
            RequestBody::Attach { data, .. } => Some(data),
            _ => None,
        });
        values.flatten().filter(|property| property.key == key).map(|property| property.value.clone()).collect()
    }

    /// Requests that came twice, from whatever host.
    pub fn duplicates(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line, Line::Request { verdict: Verdict::Duplicate, .. })).count()
    }
}
