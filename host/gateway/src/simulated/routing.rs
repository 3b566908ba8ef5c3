//! Routes and transfers on the switch.
//!
//! A number is always ready, so it rings at once unless a target listed before it is ready too; one that is busy or does
//! not answer is taken out and the others are tried. Agents and groups are waited for by the rules of `tandem_queue`. A
//! number that is a routing point, and the target `routing-point`, move the call there. `default-route` is the routing
//! point's default number and counts as any number: sent there by its own strategy, a call is routed. A transfer is a route
//! that asks nobody whether they are ready; it too is answered when its target answers, and until then the call stays
//! where it is.

use tandem_queue::{Route as StaffRoute, Target as Staff};
use tandem_words::{ErrorCode, EventBody, Failure, PartyState, RequestBody, RequestKey, Route, Target};

use super::SimulatedSwitch;
use super::agenda::Timer;
use super::call::{Call, Stage};
use super::options::NumberAnswers;
use super::route::{OpenRoute, Place, Trying};
use super::treatment::gone;

impl SimulatedSwitch {
    /// `routing.route`.
    pub(super) fn route(&mut self, call: &mut Call, key: RequestKey, asked: Route) {
        let result = match &call.stage {
            Stage::Talking { who, .. } => {
                Err(Failure::new(ErrorCode::Rejected, format!("the call is with `{who}` already: transfer it instead")))
            }
            _ => self.new_route(call, key, &asked.targets),
        };
        let route = result.map(|route| OpenRoute {
            priority: asked.priority,
            credit_ms: asked.credit_ms,
            times_out_at: (asked.timeout_ms > 0).then(|| self.now.saturating_add(asked.timeout_ms.into())),
            ring_timeout_ms: if asked.ring_timeout_ms > 0 { asked.ring_timeout_ms.into() } else { self.options.ring_timeout_ms },
            unchecked: asked.unchecked,
            ..route
        });
        self.open_route(call, key, route);
    }

    /// `routing.transfer`.
    pub(super) fn transfer(&mut self, call: &mut Call, key: RequestKey, to: &Target) {
        let route = self.new_route(call, key, std::slice::from_ref(to));
        self.open_route(call, key, route.map(|route| OpenRoute { is_transfer: true, unchecked: true, ..route }));
    }

    fn new_route(&self, call: &Call, key: RequestKey, targets: &[Target]) -> Result<OpenRoute, Failure> {
        if call.route.is_some() {
            return Err(Failure::new(ErrorCode::Rejected, "the call has an open route: cancel it first, or wait for its answer"));
        }
        if targets.is_empty() {
            return Err(Failure::new(ErrorCode::Rejected, "the route lists no target: name at least one"));
        }
        Ok(OpenRoute {
            key,
            is_transfer: false,
            opened_at: self.now,
            places: targets.iter().map(|target| self.place(call, target)).collect::<Result<_, _>>()?,
            priority: 0,
            credit_ms: 0,
            times_out_at: None,
            ring_timeout_ms: self.options.ring_timeout_ms,
            unchecked: false,
            trying: Trying::Nothing,
        })
    }

    fn place(&self, call: &Call, target: &Target) -> Result<Place, Failure> {
        let points = &self.options.routing_points;
        let not_found = |what: &str, name: &str| {
            let message = format!("the switch has no {what} `{name}`: add it there, or correct the name");
            Failure::new(ErrorCode::NotFound, message)
        };
        let staff = |what, name: &str, staff| {
            if self.staff.knows(&staff) { Ok(Place::Staff(staff)) } else { Err(not_found(what, name)) }
        };
        match target {
            Target::Agent(name) => staff("agent", name, Staff::Agent(name.as_str().into())),
            Target::Group(name) => staff("agent group", name, Staff::Group(name.as_str().into())),
            Target::RoutingPoint(number) | Target::Number(number) if points.contains_key(number) => Ok(Place::RoutingPoint(number.clone())),
            Target::RoutingPoint(number) => Err(not_found("routing point", number)),
            Target::Number(number) => Ok(Place::Number { target: number.clone(), number: number.clone() }),
            Target::DefaultRoute => {
                let here = &call.interaction.routing_point;
                let default_route = points.get(here).and_then(|point| point.default_route.clone());
                let number = default_route.ok_or_else(|| not_found("default route for routing point", here))?;
                Ok(Place::Number { target: "default-route".to_owned(), number })
            }
        }
    }

    fn open_route(&mut self, call: &mut Call, key: RequestKey, route: Result<OpenRoute, Failure>) {
        match route {
            Err(failure) => self.outlet.answer(key, Some(&call.interaction.id), EventBody::Failed(failure)),
            Ok(route) => {
                self.outlet.open(key, call.number);
                self.pick_up(call);
                self.caller_is_routed(call);
                call.route = Some(route);
                self.try_next(call, None);
            }
        }
    }

    /// Tries the target that is ready first; `failure`: what became of the one before, the route's answer if it was the last.
    pub(super) fn try_next(&mut self, call: &mut Call, failure: Option<Failure>) {
        let (number, now) = (call.number, self.now);
        let Some(route) = &mut call.route else { return };
        route.trying = Trying::Nothing;
        let ready = |place: &&Place| match place {
            Place::Staff(staff) => route.unchecked || self.staff.is_ready(now, staff),
            Place::Number { .. } | Place::RoutingPoint(_) => true,
        };
        // Where all targets are people, the rules of agent groups find out themselves who is ready.
        let mixed = route.places.iter().any(|place| !matches!(place, Place::Staff(_)));
        let first = if mixed || route.unchecked { route.places.iter().find(ready).cloned() } else { None };
        match first {
            _ if route.places.is_empty() => {
                let failure = failure.unwrap_or_else(|| Failure::new(ErrorCode::NoAnswer, "no target answered"));
                self.end_route(call, EventBody::Failed(failure));
            }
            Some(Place::RoutingPoint(to)) => self.move_to(call, to),
            Some(Place::Number { target, number: to }) => {
                let answers = self.options.numbers.get(&to).copied();
                let answers = answers.unwrap_or(NumberAnswers::After(self.options.number_answers_after_ms));
                let after_ms = match answers {
                    NumberAnswers::Busy => return self.place_failed(call, &Place::Number { target, number: to }, ErrorCode::Busy),
                    NumberAnswers::After(after_ms) => Some(after_ms).filter(|after_ms| *after_ms < route.ring_timeout_ms),
                    NumberAnswers::Never => None,
                };
                let rings_ms = after_ms.unwrap_or(route.ring_timeout_ms);
                route.trying = Trying::Number { target, number: to.clone(), answers: after_ms.is_some() };
                self.agenda.set(number, Timer::Ring, now.saturating_add(rings_ms));
                self.watch_time(call);
                self.tell_rung(call, &to, PartyState::Ringing);
            }
            Some(Place::Staff(Staff::Agent(agent))) if route.unchecked => self.seize(call, &agent),
            Some(Place::Staff(_)) | None => self.enqueue(call),
        }
    }

    /// This target is busy or did not answer. (An agent and a number may have the same name.)
    pub(super) fn place_failed(&mut self, call: &mut Call, failed: &Place, code: ErrorCode) {
        if let Some(route) = &mut call.route {
            route.places.retain(|place| place != failed);
        }
        let target = failed.target();
        let what = if code == ErrorCode::Busy { "is in use" } else { "did not answer" };
        self.agenda.clear(call.number, Timer::Route);
        self.try_next(call, Some(Failure::new(code, format!("`{target}` {what}"))));
    }

    fn enqueue(&mut self, call: &mut Call) {
        let staff_key = call.next_leg();
        let Some(route) = &mut call.route else { return };
        let targets = route.places.iter().filter_map(|place| match place {
            Place::Staff(staff) => Some(staff.clone()),
            _ => None,
        });
        let waiting = StaffRoute {
            key: staff_key,
            targets: targets.collect(),
            priority: route.priority,
            credit_ms: route.credit_ms,
            timeout_ms: route.times_out_at.map(|at| at.saturating_sub(self.now)),
        };
        let group = waiting.targets.iter().find_map(|target| match target {
            Staff::Group(name) => Some(name.to_string()),
            Staff::Agent(_) => None,
        });
        route.trying = Trying::Staff { staff_key, ringing: None };
        match self.staff.enqueue(self.now, waiting) {
            Ok(()) => {
                if let Some(group) = group {
                    call.queued = Some((group, self.now));
                }
                self.caller_waits(call);
            }
            Err(error) => self.end_route(call, EventBody::Failed(Failure::new(ErrorCode::OverLimit, error.to_string()))),
        }
    }

    fn seize(&mut self, call: &mut Call, agent: &tandem_queue::Name) {
        let staff_key = call.next_leg();
        match self.staff.seize(self.now, agent, staff_key) {
            Ok(()) => {
                if let Some(route) = &mut call.route {
                    route.trying = Trying::Staff { staff_key, ringing: None };
                }
                self.ring_agent(call, agent, agent);
                self.watch_time(call);
                self.caller_waits(call);
            }
            Err(_) => self.place_failed(call, &Place::Staff(Staff::Agent(agent.clone())), ErrorCode::Busy),
        }
    }

    /// The open route of the call, if it has one, is over; whatever rings for it falls silent.
    pub(super) fn end_route(&mut self, call: &mut Call, answer: EventBody) {
        let Some(route) = call.route.take() else { return };
        if let Trying::Staff { staff_key, .. } = route.trying {
            self.staff.cancel(self.now, staff_key);
        }
        if let Some(rings) = route.trying.rings() {
            self.tell_rung(call, rings, PartyState::Left);
        }
        self.agenda.clear(call.number, Timer::Ring);
        self.agenda.clear(call.number, Timer::Route);
        self.caller_waits_no_more(call);
        self.outlet.close(route.key, Some(&call.interaction.id), answer);
    }

    /// For a route that stands in no line; the rules of agent groups watch the time of the others.
    fn watch_time(&mut self, call: &Call) {
        if let Some(at) = call.route.as_ref().and_then(|route| route.times_out_at) {
            self.agenda.set(call.number, Timer::Route, at);
        }
    }

    /// Its time is up.
    pub(super) fn route_times_out(&mut self, call: &mut Call) {
        self.end_route(call, timed_out());
    }

    /// `routing.set-priority`: `route` is the request that it means.
    pub(super) fn set_priority(&mut self, key: RequestKey, route: Option<RequestKey>, priority: i32) {
        let call = route.and_then(|route| self.outlet.open_on(&route)).and_then(|number| self.calls.get_mut(&number));
        let Some(call) = call else { return self.outlet.answer(key, None, gone()) };
        let answer = match &mut call.route {
            Some(open) if Some(open.key) == route => {
                open.priority = priority;
                if let Trying::Staff { staff_key, .. } = open.trying {
                    // A seized agent's route has no place in a line; that it is refused there does not matter.
                    self.staff.tell(|groups, out| groups.set_priority(self.now, &staff_key, priority, out)).ok();
                }
                EventBody::Done
            }
            _ => gone(),
        };
        self.outlet.answer(key, Some(&call.interaction.id), answer);
    }

    /// `routing.query-group`.
    pub(super) fn query_group(&mut self, key: RequestKey, group: &str) {
        let body = match self.staff.status(self.now, group) {
            Ok(status) => EventBody::GroupStatus(tandem_words::GroupStatus {
                group: status.group.to_string(),
                logged_in: status.logged_in,
                ready: status.ready,
                waiting: status.waiting,
                longest_wait_ms: status.longest_wait_ms,
                expected_wait_ms: status.expected_wait_ms,
            }),
            Err(error) => EventBody::Failed(Failure::new(ErrorCode::NotFound, error.to_string())),
        };
        self.outlet.answer(key, None, body);
    }

    /// Asks for nothing that the switch knows.
    pub(super) fn refuse_unsupported(&mut self, key: RequestKey, body: &RequestBody) {
        let message = format!("the switch does not serve `{}`", body.name());
        let failure = Failure::new(ErrorCode::Unsupported, message);
        self.outlet.answer(key, body.interaction(), EventBody::Failed(failure));
    }
}

pub(super) fn timed_out() -> EventBody {
    EventBody::Failed(Failure::new(ErrorCode::TimedOut, "no target answered in the route's time"))
}
