//! The body of a request.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::fingerprint::{case, fingerprint, number};
use super::ids::Timestamp;

/// Where a route may go, as far as it means agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Group(String),
    Agent(String),
    DefaultRoute,
    Other,
}

/// A route or a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) targets: Vec<Target>,
    pub(crate) priority: i64,
    pub(crate) credit_ms: u64,
}

/// What the rules need to know of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asks {
    /// To stop another one, under that one's number.
    Cancel,
    /// `timer.after`.
    After {
        delay_ms: u64,
    },
    /// `timer.at`.
    At {
        time: Timestamp,
    },
    /// Fetch, send, start a session: the host serves it.
    OfHost,
    /// Of the route with this number.
    SetPriority {
        route: u32,
    },
    Route(Route),
    /// Anything else is for the switch.
    OfSwitch,
}

/// A request's body.
#[derive(Debug, Clone)]
pub(crate) struct RequestBody {
    /// The dotted name.
    pub(crate) name: Box<str>,
    pub(crate) fingerprint: u64,
    /// The interaction it acts on.
    pub(crate) interaction: Option<Box<str>>,
    /// What it collects may be masked in the journal.
    pub(crate) sensitive: bool,
    pub(crate) asks: Asks,
}

impl RequestBody {
    /// The switch serves it, and receives it once.
    pub(crate) fn is_for_switch(&self) -> bool {
        matches!(self.asks, Asks::SetPriority { .. } | Asks::Route(_) | Asks::OfSwitch)
    }

    fn read(body: Value) -> Result<Self, String> {
        let whole = fingerprint(&body);
        let (name, held) = case(body)?;
        let asks = match &*name {
            "control.cancel" => Asks::Cancel,
            "timer.after" => Asks::After { delay_ms: number(&name, &held, "delay_ms")? },
            "timer.at" => Asks::At { time: number(&name, &held, "time")? },
            "http.fetch" | "control.send" | "control.start-session" => Asks::OfHost,
            "routing.set-priority" => {
                let route = u32::try_from(number(&name, &held, "route")?).map_err(|error| format!("`{name}`: route: {error}"))?;
                Asks::SetPriority { route }
            }
            "routing.route" => {
                let targets = held.get("targets").and_then(Value::as_array).ok_or("`routing.route` has no list `targets`")?;
                let priority = held.get("priority").and_then(Value::as_i64).ok_or("`routing.route` has no number `priority`")?;
                let targets = targets.iter().map(target).collect();
                Asks::Route(Route { targets, priority, credit_ms: number(&name, &held, "credit_ms")? })
            }
            "routing.transfer" => {
                let to = held.get("to").ok_or("`routing.transfer` has no `to`")?;
                Asks::Route(Route { targets: vec![target(to)], priority: 0, credit_ms: 0 })
            }
            _ => Asks::OfSwitch,
        };
        let interaction = ["call", "interaction"].iter().find_map(|field| held.get(field)?.as_str().map(Box::from));
        let sensitive = held.pointer("/options/sensitive").and_then(Value::as_bool).unwrap_or(false);
        Ok(RequestBody { name, fingerprint: whole, interaction, sensitive, asks })
    }
}

fn target(value: &Value) -> Target {
    let named = |kind: &str| value.get(kind).and_then(Value::as_str).map(str::to_owned);
    if value.as_str() == Some("default-route") {
        return Target::DefaultRoute;
    }
    named("group").map(Target::Group).or_else(|| named("agent").map(Target::Agent)).unwrap_or(Target::Other)
}

impl<'de> Deserialize<'de> for RequestBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RequestBody::read(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_says_on_what_it_acts_and_who_serves_it() {
        let check = |body: Value, interaction: Option<&str>, for_switch| {
            let read = RequestBody::read(body.clone()).unwrap();
            assert_eq!((read.interaction.as_deref(), read.is_for_switch()), (interaction, for_switch), "{body}");
        };
        check(json!({"dialog.playsound": {"call": "c1", "prompts": []}}), Some("c1"), true);
        check(json!({"user-data.attach": {"interaction": "c1", "data": []}}), Some("c1"), true);
        check(json!({"routing.query-group": {"group": "sales"}}), None, true);
        check(json!({"timer.after": {"delay_ms": 5}}), None, false);
        check(json!("control.cancel"), None, false);
        check(json!({"control.send": {"session": "101-1-1", "name": "n", "json": ""}}), None, false);
    }

    #[test]
    fn a_route_names_its_people() {
        let body = json!({"routing.route": {"interaction": "c1", "priority": -1, "credit_ms": 5,
            "targets": [{"group": "sales"}, {"agent": "ann"}, {"number": "9"}, "default-route"]}});
        let targets = vec![Target::Group("sales".into()), Target::Agent("ann".into()), Target::Other, Target::DefaultRoute];
        assert_eq!(RequestBody::read(body).unwrap().asks, Asks::Route(Route { targets, priority: -1, credit_ms: 5 }));
    }
}
