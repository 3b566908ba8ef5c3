//! Every option of `tandem.toml` once: name, default, range, meaning. Checks, suggestions and `docs/options.md` come from here.

use Given::{Always, Default, Unset};
use Kind::{AddressOf, Count, Duration, Flag, Free, OneOf, Size, StoreOf, StrategyOf, Text, True, UrlOf};
use Pair::{Equal, Own};

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Section and key; `NAME` stands for a key that the user chooses. `[[node]]` and `[[routing-point]]` may stand several times.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What counts when it is not written.
    pub given: Given,
    /// Whether both instances of a node must have the same value.
    pub pair: Pair,
    /// What it does, and why the default is what it is.
    pub meaning: &'static str,
}

/// What an option may be; ranges include both ends.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text that is not empty.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// `true`; old files have it.
    True,
    /// A whole number.
    Count(u64, u64),
    /// A duration, in ms; a bare number is taken in the unit of so many ms (0: refused, a unit is needed).
    Duration(u64, u64, u64),
    /// A size, in bytes; a bare number is taken in the unit of so many bytes (0: refused).
    Size(u64, u64, u64),
    /// `HOST:PORT`.
    AddressOf,
    /// `ws://` or `wss://`.
    UrlOf,
    /// `builtin:NAME` or a path.
    StrategyOf,
    /// `sqlite:PATH` or `none`.
    StoreOf,
    /// A table with keys that the user chooses; values are text, numbers or flags.
    Free,
}

/// What counts when an option is not written.
#[derive(Debug, Clone, Copy)]
pub enum Given {
    /// This value, as one would write it.
    Default(&'static str),
    /// No value; the words say what happens then.
    Unset(&'static str),
    /// It must be written.
    Always,
}

/// Whether both instances of a node must agree (compared from the release that runs pairs).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// They must.
    Equal,
    /// Each its own.
    Own,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;

const fn entry(name: &'static str, kind: Kind, given: Given, pair: Pair, meaning: &'static str) -> Entry {
    Entry { name, kind, given, pair, meaning }
}

/// All of them, in the order of the document.
#[rustfmt::skip] // a table
pub const OPTIONS: &[Entry] = &[
    entry("cluster.name", Text, Always, Equal, "Tells clusters apart at the gateways and in the cluster store."),
    entry("persistence.store", StoreOf, Unset("must be written, or `cassandra-nodes`"), Equal,
        "Where every step is kept: `sqlite:PATH`, or `none`: in memory only, no session survives the process."),
    entry("persistence.cassandra-nodes", OneOf(&["unknown"]), Unset("not used"), Equal, "The classic way to write `store = \"none\"`."),
    entry("node.id", Count(1, 65_535), Always, Equal, "The node's id. Session ids begin with it."),
    entry("node.data-centre", Text, Unset("all in one"), Equal, "Where the node stands. *No effect before several nodes can run.*"),
    entry("node.preferred", OneOf(&["a", "b"]), Unset("neither"), Equal, "Which instance is primary when both start: the other one waits for one `lease.timeout`. A role that was taken over is kept."),
    entry("node.a.synch", AddressOf, Unset("no port"), Own, "Where the instance listens for its backup, while it is primary; in the other one's file: where it is found. Off this machine `[tls]` is needed, and a store that both reach."),
    entry("node.a.api", AddressOf, Unset("no port"), Equal, "Where the HTTP API will listen. *No effect before it exists.*"),
    entry("node.a.admin", AddressOf, Unset("no port"), Equal,
        "Where `tandem status`, `tandem sessions` and `tandem switchover` ask a running instance. Loopback only: it has no tokens."),
    entry("node.b.synch", AddressOf, Unset("no port"), Own, "As for `a`."),
    entry("node.b.api", AddressOf, Unset("no port"), Equal, "As for `a`."),
    entry("node.b.admin", AddressOf, Unset("no port"), Equal, "As for `a`."),
    entry("switch.NAME.url", UrlOf, Always, Equal, "The gateway's address. `ws://` on loopback only; elsewhere `wss://` and a token."),
    entry("switch.NAME.retain", Count(1_000, 10_000_000), Default("100000"), Equal,
        "Events that the gateway keeps for a node that is away; past them the session hears `gap`. A busy hour of 10,000 calls makes fewer."),
    entry("switch.NAME.token-file", Text, Unset("no token"), Own, "File whose first line is the token for the gateway."),
    entry("switch.NAME.ca", Text, Unset("the system's roots"), Own, "File (PEM) with the authority that signed the gateway's certificate."),
    entry("routing-point.number", Text, Always, Equal, "The number on the switch."),
    entry("routing-point.switch", Text, Always, Equal, "The NAME of a `[switch.NAME]`."),
    entry("routing-point.strategy", StrategyOf, Always, Equal, "The first deployment: `builtin:NAME` or the path of a component."),
    entry("routing-point.default-route", Text, Always, Equal, "Where a call goes when no strategy decides (P9)."),
    entry("routing-point.control-deadline", Duration(100, 4_900, 0), Default("4s"), Equal,
        "How long a connected call may hear nothing before it takes the default route, in switch time. Below the 5 s at which a call counts as silent."),
    entry("routing-point.answer-deadline", Duration(SECOND, 10 * MINUTE, 0), Default("20s"), Equal,
        "How long a call may wait for a session to take it. More than the ranks × `call-watching-timeout`, or a reserved node comes too late."),
    entry("routing-point.parameters", Free, Unset("the manifest's defaults"), Equal, "What the strategy's parameters are set to here."),
    entry("routing-point.restart-session-on-switchover", Flag, Unset("as in `[orchestration]`"), Equal,
        "The option of `[orchestration]` for this strategy's sessions without persistence."),
    entry("routing-point.session-restart-timeout", Duration(10, MINUTE, 1), Unset("as in `[orchestration]`"), Equal,
        "The option of `[orchestration]` for this strategy."),
    entry("lease.timeout", Duration(SECOND, MINUTE, 0), Default("2s"), Equal,
        "A lease that nobody renewed for so long has expired. Far above a commit on SQLite (which waits for another writer for an eighth of it, at most 500 ms), also on a disk that others keep busy (docs/adr/0005-the-pair.md), far below a caller's patience."),
    entry("lease.renewal", Duration(10, 15 * SECOND, 0), Unset("a quarter of `timeout`"), Equal, "How often a holder that has nothing to commit renews. At most a quarter of `timeout`: it renews then in any case."),
    entry("lease.fencing", OneOf(&["kill", "epoch"]), Default("kill"), Equal,
        "What a backup does with a primary that hangs: `kill` it and take over. `epoch`: take over beside it; *for tests only*, with a warning."),
    entry("sessions.processing-threads", Count(1, 64), Unset("the machine's cores"), Own, "Workers. `scxml.session-processing-threads` is accepted."),
    entry("scxml.session-processing-threads", Count(1, 64), Unset("not used"), Own, "The classic name of `sessions.processing-threads`."),
    entry("sessions.linger-timeout", Duration(100, DAY, 0), Default("60s"), Equal,
        "How long a session lives behind its last interaction, in switch time: enough to write a record of the call."),
    entry("sessions.snapshot-every", Count(1, 10_000), Default("50"), Own,
        "Steps between snapshots. Recovery replays at most so many, at some µs each; a snapshot costs about ten steps."),
    entry("sessions.passivate-after", Duration(SECOND, 7 * DAY, 0), Default("10m"), Own,
        "Idle time after which a session leaves memory, in switch time. Longer than most waits in a queue."),
    entry("limits.step-cpu", Duration(10, 10 * SECOND, 0), Default("100ms"), Equal,
        "CPU time of one step, measured in ticks of 10 ms. A step takes microseconds; a thousand times more is a loop, and others wait behind it."),
    entry("limits.step-wall", Duration(10, MINUTE, 0), Default("2s"), Equal,
        "Wall time of one step: the bound that holds on a machine with too much to do. At least `step-cpu`."),
    entry("limits.cell-memory", Size(2 * MIB, 4_096 * MIB, 0), Default("64MiB"), Equal,
        "Memory of one cell, up to 1,024 sessions: 1.4 MB of them in Rust, 7.5 MB in Python."),
    entry("limits.requests-per-step", Count(1, 10_000), Default("256"), Equal,
        "Requests of one step. A flow asks for a handful at once; hundreds are a loop gone wrong."),
    entry("limits.state", Size(KIB, 16 * MIB, 0), Default("256KiB"), Equal, "One session's snapshot. It is written again and again."),
    entry("limits.payload", Size(KIB, MIB, 0), Default("64KiB"), Equal, "One request. Switch link and journal carry it."),
    entry("limits.user-data", Size(KIB, 16 * MIB, 0), Default("256KiB"), Equal,
        "User data of one interaction, keys and values; an attach that would make it more fails with `over-limit`. Each snapshot of its session has all of it."),
    entry("limits.max-journal-steps", Count(100, 1_000_000), Default("10000"), Equal,
        "Steps of a session without snapshots; its recovery replays all of them."),
    entry("orchestration.call-watching-timeout", Duration(1, 300 * SECOND, 1), Default("5000"), Equal,
        "How long backup and reserved nodes wait for the assigned node (ms). Below 1000: for tests, with a warning. *Today it only bounds `answer-deadline`.*"),
    entry("orchestration.restart-session-on-switchover", Flag, Default("false"), Equal,
        "Start sessions without persistence again after a switchover, and persisted ones whose replay differs from their journal, if their strategy does not say otherwise. The former for sessions created from then on; off, because a caller may hear an announcement twice."),
    entry("orchestration.session-restart-timeout", Duration(10, MINUTE, 1), Default("50"), Equal,
        "Between two cycles of restarts (ms), in real time. With the quota 160 sessions a second, beside which new calls go on."),
    entry("orchestration.session-restart-quota", Count(1, 1_000), Default("8"), Equal, "Restarts of one cycle: load that a new primary has beside its calls."),
    entry("orchestration.new-session-on-reroute", Flag, Default("true"), Equal,
        "Whether a visit to another routing point is a new session, or an event of the running one. *Today it is always a new one; `false` warns.*"),
    entry("orchestration.same-node-for-cons-prim-calls", Flag, Default("true"), Equal,
        "Consultation calls follow their primary call. *No effect before several nodes can run.*"),
    entry("orchestration.sessionid-with-nodeid", True, Default("true"), Equal, "Only `true`; accepted for old files."),
    entry("orchestration.backup-synch-max-buffer", Size(100_000, 4_096 * MIB, 1_000), Default("100KB"), Own,
        "What may wait for an absent backup (a bare number: KB)."),
    entry("orchestration.backup-synch-max-age", Duration(10 * SECOND, DAY, 1_000), Default("600"), Own,
        "How old it may get (a bare number: s)."),
    entry("tls.certificate", Text, Always, Own,
        "File (PEM) with this instance's certificate chain, its own first. The section is needed where a `synch` address is not on this machine."),
    entry("tls.key", Text, Always, Own, "File (PEM) with the certificate's private key."),
    entry("tls.client-ca", Text, Always, Own,
        "File (PEM) with the authority that signed both instances' certificates: each shows its own, and asks for the other's."),
    entry("log.format", OneOf(&["text", "json"]), Default("text"), Own, "Lines for people, or one JSON object a line. `--log-format` wins."),
    entry("log.level", Text, Default("info"), Own, "Level, or directives such as `info,tandem::session=debug`. `--log` wins."),
];

/// Sections that a later release brings, and with what.
pub const LATER: &[(&str, &str)] = &[
    ("multimedia", "chat, e-mail and tasks"),
    ("retention", "the retention of ended sessions"),
    ("api", "the HTTP API"),
    ("cluster.store", "several nodes"),
];
