//! Requests with many options, as builders with defaults that fit most calls.

use std::{fmt, str::FromStr, time::Duration};

use crate::{CollectOptions, Error, HttpRequest, PlayOptions, Prompt, Property, RouteOptions, Speech, Target};

/// Milliseconds of a duration; 49 days where it is longer.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

impl Property {
    /// A key with its value.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Property { key: key.into(), value: value.into() }
    }
}

impl Prompt {
    /// Text to be spoken; an empty language is the switch's own.
    pub fn text(text: impl Into<String>, language: impl Into<String>) -> Self {
        Prompt::Text(Speech { text: text.into(), language: language.into() })
    }
}

/// A name is a sound.
impl From<&str> for Prompt {
    fn from(sound: &str) -> Self {
        Prompt::Sound(sound.to_owned())
    }
}

/// What to play: `"welcome"`, `["thanks", "goodbye"]`, `[Prompt::from("position"), Prompt::Number(3)]`. Digits interrupt it.
#[derive(Debug, Clone, PartialEq)]
pub struct Play {
    pub(crate) prompts: Vec<Prompt>,
    pub(crate) options: PlayOptions,
}

impl Play {
    /// Whether a digit stops it; else it is heard to its end.
    pub fn interruptible(mut self, interruptible: bool) -> Self {
        self.options.interruptible = interruptible;
        self
    }
}

impl<P: Into<Prompt>> From<P> for Play {
    fn from(prompt: P) -> Self {
        [prompt].into()
    }
}

impl<P: Into<Prompt>, const N: usize> From<[P; N]> for Play {
    fn from(prompts: [P; N]) -> Self {
        let prompts = prompts.into_iter().map(Into::into).collect();
        Play { prompts, options: PlayOptions { interruptible: true } }
    }
}

/// Which digits to collect: `Collect::digits(1).prompt("menu")`. Time-outs are the host's until set.
#[derive(Debug, Clone, PartialEq)]
pub struct Collect(pub(crate) CollectOptions);

impl Collect {
    /// Exactly so many digits.
    pub fn digits(count: u8) -> Self {
        Collect(CollectOptions {
            prompts: Vec::new(),
            min_digits: count,
            max_digits: count,
            terminators: String::new(),
            first_digit_timeout_ms: 0,
            inter_digit_timeout_ms: 0,
            flush: false,
            sensitive: false,
        })
    }

    /// As many digits as the caller likes, from 1 to `max`; `#` ends it.
    pub fn up_to(max: u8) -> Self {
        let mut collect = Collect::digits(max).terminators("#");
        collect.0.min_digits = 1;
        collect
    }

    /// Plays this first, after the prompts so far; the first digit stops them all.
    pub fn prompt(mut self, prompt: impl Into<Prompt>) -> Self {
        self.0.prompts.push(prompt.into());
        self
    }

    /// Keys that end it.
    pub fn terminators(mut self, keys: impl Into<String>) -> Self {
        self.0.terminators = keys.into();
        self
    }

    /// How long to wait for the first digit after the prompts.
    pub fn first_digit_timeout(mut self, timeout: Duration) -> Self {
        self.0.first_digit_timeout_ms = millis(timeout);
        self
    }

    /// How long to wait between digits.
    pub fn inter_digit_timeout(mut self, timeout: Duration) -> Self {
        self.0.inter_digit_timeout_ms = millis(timeout);
        self
    }

    /// Forget digits pressed before.
    pub fn flush(mut self) -> Self {
        self.0.flush = true;
        self
    }

    /// Cards, PINs: encrypted in the store, masked wherever people look.
    pub fn sensitive(mut self) -> Self {
        self.0.sensitive = true;
        self
    }
}

/// `group:sales`, `number:+49301234`, `agent:kim`, `routing-point:8001`, `default-route`. Without a kind, digits are a number
/// and anything else is a group; that makes targets easy to write in parameters.
impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (kind, name) = text.split_once(':').unwrap_or(("", text));
        let (kind, name) = (kind.trim(), name.trim());
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "+*#".contains(c));
        match (kind, name) {
            ("", "default-route") => Ok(Target::DefaultRoute),
            (_, "") => Err(Error::new(format!("{text:?} names no target; write for instance group:sales or number:5551234"))),
            ("number", _) => Ok(Target::Number(name.to_owned())),
            ("agent", _) => Ok(Target::Agent(name.to_owned())),
            ("group", _) => Ok(Target::Group(name.to_owned())),
            ("routing-point", _) => Ok(Target::RoutingPoint(name.to_owned())),
            ("", _) if digits(name) => Ok(Target::Number(name.to_owned())),
            ("", _) => Ok(Target::Group(name.to_owned())),
            _ => Err(Error::new(format!("{text:?}: {kind:?} is no kind of target; use number, agent, group or routing-point"))),
        }
    }
}

/// As it is read.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Number(name) => write!(f, "number:{name}"),
            Target::Agent(name) => write!(f, "agent:{name}"),
            Target::Group(name) => write!(f, "group:{name}"),
            Target::RoutingPoint(name) => write!(f, "routing-point:{name}"),
            Target::DefaultRoute => f.write_str("default-route"),
        }
    }
}

/// Where to route: `Route::group("sales").priority(5)`. A bare [`Target`] will do where no option is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub(crate) targets: Vec<Target>,
    pub(crate) options: RouteOptions,
}

impl Route {
    /// To whichever of these is ready first.
    pub fn to(targets: impl IntoIterator<Item = Target>) -> Self {
        let options = RouteOptions { priority: 0, credit_ms: 0, timeout_ms: 0, ring_timeout_ms: 0, unchecked: false };
        Route { targets: targets.into_iter().collect(), options }
    }

    /// To a group of agents.
    pub fn group(name: impl Into<String>) -> Self {
        Target::Group(name.into()).into()
    }

    /// To any number.
    pub fn number(number: impl Into<String>) -> Self {
        Target::Number(number.into()).into()
    }

    /// Higher goes first.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = priority;
        self
    }

    /// Counted as waited already.
    pub fn credit(mut self, credit: Duration) -> Self {
        self.options.credit_ms = millis(credit);
        self
    }

    /// Bounds all of it; then it fails with `timed-out`. Without it, it waits as long as the caller.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout_ms = millis(timeout);
        self
    }

    /// How long one target may ring.
    pub fn ring_timeout(mut self, timeout: Duration) -> Self {
        self.options.ring_timeout_ms = millis(timeout);
        self
    }

    /// Do not look whether the target is ready.
    pub fn unchecked(mut self) -> Self {
        self.options.unchecked = true;
        self
    }
}

impl From<Target> for Route {
    fn from(target: Target) -> Self {
        Route::to([target])
    }
}

/// What to ask a web service: `Fetch::get("https://crm.example.com/customers/7")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetch(pub(crate) HttpRequest);

impl Fetch {
    /// `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Fetch::new("GET", url, Vec::new())
    }

    /// `POST` of a body.
    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Fetch::new("POST", url, body)
    }

    /// Any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Fetch(HttpRequest { method: method.into(), url: url.into(), headers: Vec::new(), body: body.into(), timeout_ms: 0 })
    }

    /// Adds a header; the host fills in a value `secret:NAME`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.headers.push(Property::new(name, value));
        self
    }

    /// Until the last byte.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout_ms = millis(timeout);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_as_people_write_it() {
        let cases = [
            ("agents", Some(Target::Group("agents".into()))),
            ("group: sales", Some(Target::Group("sales".into()))),
            ("+49 30", Some(Target::Group("+49 30".into()))),
            ("5551234", Some(Target::Number("5551234".into()))),
            ("agent:kim", Some(Target::Agent("kim".into()))),
            ("routing-point:8001", Some(Target::RoutingPoint("8001".into()))),
            ("default-route", Some(Target::DefaultRoute)),
            ("team:x", None),
            ("group:", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Target>().ok(), expected, "{text}");
            assert_eq!(expected.as_ref().and_then(|target| target.to_string().parse().ok()), expected, "{text}");
        }
    }

    #[test]
    fn a_duration_beyond_the_contract_is_clamped() {
        assert_eq!(millis(Duration::from_secs(u64::MAX)), u32::MAX);
        assert_eq!(Collect::digits(4).first_digit_timeout(Duration::from_millis(1500)).0.first_digit_timeout_ms, 1500);
    }
}
