//! Values as people write them: `"4s"`, `"64KiB"`, `"127.0.0.1:9101"`, `"ws://127.0.0.1:7400"`, `"builtin:welcome"`, `"sqlite:cc1.db"`.
//!
//! Each is read from text by `FromStr` with an error that says how it should look; serde uses the same way.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A value that could not be read. The text ends in an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);

/// Splits `"250ms"` into 250 and `ms`.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

/// Reads `"250ms"`, `"4s"`, `"10m"`, `"2h"` or `"7d"`.
///
/// # Errors
/// Anything else, with an example.
pub fn duration(text: &str) -> Result<Duration, ValueError> {
    let unit_ms = |unit| match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    number_and_unit(text).and_then(|(number, unit)| number.checked_mul(unit_ms(unit)?)).map(Duration::from_millis).ok_or_else(|| {
        ValueError(format!("{text:?} is not a duration; write a whole number and a unit: \"250ms\", \"4s\", \"10m\", \"2h\""))
    })
}

/// Reads `"512B"`, `"64KiB"`, `"16MiB"`, `"4GiB"`, and the decimal `KB`, `MB`, `GB`, into bytes.
///
/// # Errors
/// Anything else, with an example.
pub fn size(text: &str) -> Result<u64, ValueError> {
    let unit_bytes = |unit| match unit {
        "B" => Some(1),
        "KB" => Some(1_000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    number_and_unit(text)
        .and_then(|(number, unit)| number.checked_mul(unit_bytes(unit)?))
        .ok_or_else(|| ValueError(format!("{text:?} is not a size; write a whole number and a unit: \"512B\", \"64KiB\", \"16MiB\"")))
}

/// `250ms` or `4s`: what [`duration`] reads back.
#[must_use]
pub fn show_duration(value: Duration) -> String {
    match value.as_millis() {
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// `64KiB` or `100KB`: what [`size`] reads back.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    for (unit, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1_000, "KB")] {
        if bytes >= unit && bytes.is_multiple_of(unit) {
            return format!("{}{name}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

/// A number in the unit `UNIT`, or text with its own unit. The classic names take bare numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bare {
    Number(u64),
    Text(String),
}

/// For `#[serde(with)]`: a [`Duration`]; a bare number means milliseconds.
pub mod as_duration {
    use super::*;

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        match Bare::deserialize(from)? {
            Bare::Number(ms) => Ok(Duration::from_millis(ms)),
            Bare::Text(text) => duration(&text).map_err(de::Error::custom),
        }
    }

    /// Writes it with its unit.
    pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&show_duration(*value))
    }
}

/// For `#[serde(with)]`: a [`Duration`]; a bare number means seconds.
pub mod as_seconds {
    use super::*;

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        match Bare::deserialize(from)? {
            Bare::Number(seconds) => Ok(Duration::from_secs(seconds)),
            Bare::Text(text) => duration(&text).map_err(de::Error::custom),
        }
    }

    pub use super::as_duration::serialize;
}

/// For `#[serde(with)]`: bytes; a bare number means KB of 1,000 bytes.
pub mod as_size {
    use super::*;

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        match Bare::deserialize(from)? {
            Bare::Number(kilobytes) => Ok(kilobytes.saturating_mul(1_000)),
            Bare::Text(text) => size(&text).map_err(de::Error::custom),
        }
    }

    /// Writes it with its unit.
    pub fn serialize<S: Serializer>(value: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&show_size(*value))
    }
}

/// Where to listen or connect: `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// From 1; 0 lets the system choose (tests).
    pub port: u16,
}

impl Address {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Address {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError(format!("{text:?} is not an address; write host and port: \"127.0.0.1:9101\""));
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let port = port.parse().map_err(|_| wrong())?;
        let named = !host.is_empty() && !host.contains(['/', ' ']) && (bare.is_some() || !host.contains(':'));
        named.then(|| Address { host: host.to_owned(), port }).ok_or_else(wrong)
    }
}

/// Where a gateway speaks the switch link: `ws://HOST:PORT[/PATH]` or `wss://…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchUrl {
    /// `wss`: with TLS.
    pub secure: bool,
    /// The gateway.
    pub address: Address,
    /// Empty, or from its `/` on.
    pub path: String,
}

impl fmt::Display for SwitchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "wss" } else { "ws" }, self.address, self.path)
    }
}

impl FromStr for SwitchUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError(format!("{text:?} is not a gateway's address; write \"ws://127.0.0.1:7400\" or \"wss://host:port\""));
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let secure = match scheme {
            "ws" => false,
            "wss" => true,
            _ => return Err(wrong()),
        };
        let (address, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).ok_or_else(wrong)?;
        Ok(SwitchUrl { secure, address: address.parse().map_err(|_| wrong())?, path: path.to_owned() })
    }
}

/// Where a routing point's first deployment comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrategySource {
    /// `builtin:NAME`: embedded in the program.
    BuiltIn(String),
    /// A component's file.
    File(PathBuf),
}

impl fmt::Display for StrategySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StrategySource::BuiltIn(name) => write!(f, "builtin:{name}"),
            StrategySource::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl FromStr for StrategySource {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.strip_prefix("builtin:") {
            Some("") => Err(ValueError("no name behind \"builtin:\"; write \"builtin:welcome\"".into())),
            Some(name) => Ok(StrategySource::BuiltIn(name.to_owned())),
            None if text.is_empty() => Err(ValueError("no strategy; write \"builtin:welcome\" or the path of a component".into())),
            None => Ok(StrategySource::File(text.into())),
        }
    }
}

/// Where sessions live on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`: one file, every step durable.
    Sqlite(PathBuf),
    /// `none`: in memory only.
    None,
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreUrl::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            StoreUrl::None => f.write_str("none"),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(StoreUrl::Sqlite(path.into())),
            None if text == "none" => Ok(StoreUrl::None),
            None if text.starts_with("cassandra:") => {
                Err(ValueError("Cassandra comes with a later release; this one knows \"sqlite:PATH\" and \"none\"".into()))
            }
            _ => Err(ValueError(format!("{text:?} is not a store; write \"sqlite:cc1.db\" or \"none\""))),
        }
    }
}

/// Serde by `Display` and `FromStr`.
macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Address, SwitchUrl, StrategySource, StoreUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_a_whole_number() {
        for (text, ms) in [("250ms", 250), ("4s", 4_000), ("10m", 600_000), ("2 h", 7_200_000), ("1d", 86_400_000), ("0ms", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "4", "s", "1.5s", "-4s", "4 parsecs", "99999999999999999999s", "18446744073709551615d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_binary_or_decimal_by_their_unit() {
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("100KB", 100_000), ("2 MiB", 2 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "64", "64kb", "64 K", "-1B", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for ms in [0, 1, 999, 1_000, 1_001, 90_000] {
            let value = Duration::from_millis(ms);
            assert_eq!(duration(&show_duration(value)), Ok(value));
        }
        for bytes in [0, 1, 1_000, 1_024, 100_000, 65_536, 16 << 20, 3 << 30] {
            assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn addresses_know_loopback() {
        for (text, loopback) in
            [("127.0.0.1:1", true), ("localhost:7400", true), ("[::1]:80", true), ("10.0.0.7:80", false), ("pbx:80", false)]
        {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.is_loopback(), loopback, "{text}");
            assert_eq!(address.to_string(), text);
        }
        for text in ["", "9101", ":9101", "host:", "host:70000", "::1:80", "ws://host:1", "a b:1"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn switch_urls_are_websockets() {
        for text in ["ws://127.0.0.1:7400", "wss://pbx.example:7400/link"] {
            let url: SwitchUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), text);
            assert_eq!(url.secure, text.starts_with("wss"));
        }
        for text in ["http://host:1", "ws://host", "127.0.0.1:7400", "ws:/host:1"] {
            assert!(text.parse::<SwitchUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn stores_of_later_releases_say_so() {
        assert_eq!("sqlite:a/b.db".parse(), Ok(StoreUrl::Sqlite("a/b.db".into())));
        assert_eq!("none".parse(), Ok(StoreUrl::None));
        assert!("cassandra://a,b/ks".parse::<StoreUrl>().unwrap_err().0.contains("later release"));
        for text in ["", "sqlite:", "postgres:x", "None"] {
            assert!(text.parse::<StoreUrl>().is_err(), "{text}");
        }
    }
}
