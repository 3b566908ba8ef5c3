//! The options as typed values, section by section. What each means, and why its default is what it is: [`super::table`].

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tandem_words::{InstanceName, NodeId};

use super::values::{Address, StoreUrl, StrategySource, SwitchUrl, as_duration, as_seconds, as_size};

/// A whole `tandem.toml`, checked. Paths are as seen from the working directory, not from the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// `[cluster]`
    pub cluster: Cluster,
    /// `[persistence]`
    pub persistence: Persistence,
    /// `[[node]]`; one in this release.
    #[serde(rename = "node", default)]
    pub nodes: Vec<Node>,
    /// `[switch.NAME]`; one in this release.
    #[serde(rename = "switch", default)]
    pub switches: BTreeMap<String, Switch>,
    /// `[[routing-point]]`
    #[serde(rename = "routing-point", default)]
    pub routing_points: Vec<RoutingPoint>,
    /// `[lease]`
    #[serde(default)]
    pub lease: Lease,
    /// `[sessions]`
    #[serde(default)]
    pub sessions: Sessions,
    /// `[scxml]`: the classic section of one name.
    #[serde(default, skip_serializing)]
    scxml: Scxml,
    /// `[limits]`
    #[serde(default)]
    pub limits: Limits,
    /// `[orchestration]`
    #[serde(default)]
    pub orchestration: Orchestration,
    /// `[tls]`
    pub tls: Option<Tls>,
    /// `[log]`
    #[serde(default)]
    pub log: Log,
}

impl Options {
    /// The addresses of an instance; none: the file does not name it.
    #[must_use]
    pub fn instance(&self, name: InstanceName) -> Option<&Instance> {
        let node = self.nodes.iter().find(|node| node.id == name.node)?;
        if name.letter == 'a' { node.a.as_ref() } else { node.b.as_ref() }
    }

    /// Moves the classic names to where they count now, and lets paths start at `folder`, the file's.
    pub(super) fn settle(&mut self, folder: &Path) {
        self.persistence.store = match (self.persistence.store.take(), self.persistence.cassandra_nodes.take()) {
            (Some(StoreUrl::Sqlite(path)), _) => Some(StoreUrl::Sqlite(folder.join(path))),
            (store, classic) => store.or(classic.map(|_| StoreUrl::None)),
        };
        self.sessions.processing_threads = self.sessions.processing_threads.or(self.scxml.session_processing_threads.take());
        for switch in self.switches.values_mut() {
            for file in [&mut switch.token_file, &mut switch.ca].into_iter().flatten() {
                *file = folder.join(&*file);
            }
        }
        if let Some(Tls { certificate, key, client_ca }) = &mut self.tls {
            for file in [certificate, key, client_ca] {
                *file = folder.join(&*file);
            }
        }
        for point in &mut self.routing_points {
            if let StrategySource::File(path) = &mut point.strategy {
                *path = folder.join(&*path);
            }
        }
    }
}

/// `[cluster]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Cluster {
    pub name: String,
}

/// `[persistence]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Persistence {
    store: Option<StoreUrl>,
    cassandra_nodes: Option<String>,
}

impl Persistence {
    /// Where sessions live on.
    #[must_use]
    pub fn store(&self) -> &StoreUrl {
        self.store.as_ref().unwrap_or(&StoreUrl::None)
    }

    pub(super) fn set_store(&mut self, store: StoreUrl) {
        self.store = Some(store);
    }
}

/// `[[node]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Node {
    pub id: NodeId,
    pub data_centre: Option<String>,
    /// `a` or `b`.
    pub preferred: Option<char>,
    pub a: Option<Instance>,
    pub b: Option<Instance>,
}

/// Where one instance listens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Instance {
    pub synch: Option<Address>,
    pub api: Option<Address>,
    pub admin: Option<Address>,
}

/// `[switch.NAME]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Switch {
    /// The gateway.
    pub url: SwitchUrl,
    /// Events it keeps.
    #[serde(default = "default_retain")]
    pub retain: u64,
    /// The token's file.
    pub token_file: Option<PathBuf>,
    /// The authority's file (PEM).
    pub ca: Option<PathBuf>,
}

fn default_retain() -> u64 {
    100_000
}

/// `[[routing-point]]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)]
pub struct RoutingPoint {
    pub number: String,
    /// Name of a `[switch.NAME]`.
    pub switch: String,
    pub strategy: StrategySource,
    pub default_route: String,
    /// Switch time.
    #[serde(default = "default_control_deadline", with = "as_duration")]
    pub control_deadline: Duration,
    /// Switch time.
    #[serde(default = "default_answer_deadline", with = "as_duration")]
    pub answer_deadline: Duration,
    /// What the deployment sets for the manifest's parameters.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    pub restart_session_on_switchover: Option<bool>,
    #[serde(default, with = "optional_duration")]
    pub session_restart_timeout: Option<Duration>,
}

fn default_control_deadline() -> Duration {
    Duration::from_secs(4)
}

fn default_answer_deadline() -> Duration {
    Duration::from_secs(20)
}

/// A parameter's value. A strategy gets it as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum Parameter {
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

impl std::fmt::Display for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Parameter::Flag(flag) => flag.fmt(f),
            Parameter::Whole(number) => number.fmt(f),
            Parameter::Number(number) => number.fmt(f),
            Parameter::Text(text) => text.fmt(f),
        }
    }
}

/// `[lease]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Lease {
    /// Unchanged for so long: expired.
    #[serde(with = "as_duration")]
    pub timeout: Duration,
    #[serde(with = "optional_duration")]
    renewal: Option<Duration>,
    /// What is done with a holder that hangs.
    pub fencing: FencingBy,
}

impl Default for Lease {
    fn default() -> Self {
        Lease { timeout: Duration::from_secs(2), renewal: None, fencing: FencingBy::Kill }
    }
}

impl Lease {
    /// How often the holder renews.
    #[must_use]
    pub fn renewal(&self) -> Duration {
        self.renewal.unwrap_or(self.timeout / 4)
    }
}

/// `lease.fencing`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FencingBy {
    /// A holder that hangs is killed.
    Kill,
    /// For tests: the epoch alone fences.
    Epoch,
}

/// `[sessions]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Sessions {
    processing_threads: Option<usize>,
    /// Switch time.
    #[serde(with = "as_duration")]
    pub linger_timeout: Duration,
    pub snapshot_every: u32,
    /// Switch time.
    #[serde(with = "as_duration")]
    pub passivate_after: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            processing_threads: None,
            linger_timeout: Duration::from_secs(60),
            snapshot_every: 50,
            passivate_after: Duration::from_secs(600),
        }
    }
}

impl Sessions {
    /// How many workers: as written, or the machine's cores, at most 64.
    #[must_use]
    pub fn processing_threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(64);
        self.processing_threads.unwrap_or_else(cores)
    }
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Scxml {
    session_processing_threads: Option<usize>,
}

/// `[limits]`; sizes in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Limits {
    #[serde(with = "as_duration")]
    pub step_cpu: Duration,
    #[serde(with = "as_duration")]
    pub step_wall: Duration,
    #[serde(with = "as_size")]
    pub cell_memory: u64,
    pub requests_per_step: usize,
    #[serde(with = "as_size")]
    pub state: u64,
    #[serde(with = "as_size")]
    pub payload: u64,
    #[serde(with = "as_size")]
    pub user_data: u64,
    pub max_journal_steps: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            step_cpu: Duration::from_millis(100),
            step_wall: Duration::from_secs(2),
            cell_memory: 64 << 20,
            requests_per_step: 256,
            state: 256 << 10,
            payload: 64 << 10,
            user_data: 256 << 10,
            max_journal_steps: 10_000,
        }
    }
}

/// `[orchestration]`: the classic names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Orchestration {
    /// Switch time.
    #[serde(with = "as_duration")]
    pub call_watching_timeout: Duration,
    pub restart_session_on_switchover: bool,
    #[serde(with = "as_duration")]
    pub session_restart_timeout: Duration,
    pub session_restart_quota: u32,
    pub new_session_on_reroute: bool,
    pub same_node_for_cons_prim_calls: bool,
    sessionid_with_nodeid: bool,
    /// Bytes.
    #[serde(with = "as_size")]
    pub backup_synch_max_buffer: u64,
    #[serde(with = "as_seconds")]
    pub backup_synch_max_age: Duration,
}

impl Default for Orchestration {
    fn default() -> Self {
        Orchestration {
            call_watching_timeout: Duration::from_millis(5_000),
            restart_session_on_switchover: false,
            session_restart_timeout: Duration::from_millis(50),
            session_restart_quota: 8,
            new_session_on_reroute: true,
            same_node_for_cons_prim_calls: true,
            sessionid_with_nodeid: true,
            backup_synch_max_buffer: 100_000,
            backup_synch_max_age: Duration::from_secs(600),
        }
    }
}

/// `[tls]`: PEM files for the synch link between machines. Each instance shows its certificate, and asks for the other's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tls {
    /// This instance's certificate chain, its own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority that signed both instances' certificates.
    pub client_ca: PathBuf,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[allow(missing_docs)]
pub struct Log {
    pub format: LogFormat,
    /// A level or directives of `tracing-subscriber`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Text, level: "info".into() }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// For `#[serde(with)]`: a duration that may be absent.
mod optional_duration {
    use super::*;

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        as_duration::deserialize(from).map(Some)
    }

    pub fn serialize<S: serde::Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => as_duration::serialize(value, to),
            None => to.serialize_none(),
        }
    }
}
