//! What several options together must be, and what one should know about them.

mod synch;

use std::{collections::BTreeMap, ops::Range};

use toml::{Spanned, de::DeTable, de::DeValue};

use super::{
    FencingBy, Options,
    problem::{Problem, Source},
    values::{StoreUrl, StrategySource, show_duration},
};

/// Errors and warnings about options that are each right by themselves.
pub(super) fn cross_check(options: &Options, root: &Spanned<DeTable<'_>>, source: &Source) -> Vec<Problem> {
    let file = File { root: root.get_ref(), source };
    let mut problems = Vec::new();
    persistence(options, &file, &mut problems);
    nodes(options, &file, &mut problems);
    synch::check(options, &file, &mut problems);
    switches(options, &file, &mut problems);
    routing_points(options, &file, &mut problems);
    timing(options, &file, &mut problems);
    problems
}

/// The files that the options name: each must be there. Reads the disk, and so is not part of the other checks.
pub(super) fn check_files(options: &Options, root: &Spanned<DeTable<'_>>, source: &Source) -> Vec<Problem> {
    let file = File { root: root.get_ref(), source };
    let mut problems = Vec::new();
    for (index, point) in options.routing_points.iter().enumerate() {
        if let StrategySource::File(path) = &point.strategy
            && !path.is_file()
        {
            let problem =
                file.problem(&["routing-point", &index.to_string(), "strategy"], format!("there is no component {}", path.display()));
            problems.push(
                problem.help("`tandem build` in the strategy's project makes it and prints its path; paths start at tandem.toml's folder"),
            );
        }
    }
    for (name, switch) in &options.switches {
        for (key, path) in [("token-file", &switch.token_file), ("ca", &switch.ca)] {
            if let Some(path) = path.as_ref().filter(|path| !path.is_file()) {
                problems.push(file.problem(&["switch", name, key], format!("there is no file {}", path.display())));
            }
        }
    }
    if let Some(tls) = &options.tls {
        for (key, path) in [("certificate", &tls.certificate), ("key", &tls.key), ("client-ca", &tls.client_ca)] {
            if !path.is_file() {
                problems.push(file.problem(&["tls", key], format!("there is no file {}", path.display())));
            }
        }
    }
    if let StoreUrl::Sqlite(path) = options.persistence.store()
        && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        let problem = file.problem(&["persistence", "store"], format!("there is no folder {}", folder.display()));
        problems.push(problem.help(format!("make it: mkdir -p {}; Tandem makes the file in it", folder.display())));
    }
    problems
}

struct File<'a> {
    root: &'a DeTable<'a>,
    source: &'a Source,
}

impl File<'_> {
    fn problem(&self, path: &[&str], message: impl Into<String>) -> Problem {
        Problem::new(self.source, self.span(path), message)
    }

    /// Where the value stands that these keys (or indices) lead to.
    fn span(&self, path: &[&str]) -> Option<Range<usize>> {
        let (first, rest) = path.split_first()?;
        let mut value = self.root.get(*first)?;
        for key in rest {
            value = match value.get_ref() {
                DeValue::Table(table) => table.get(*key)?,
                DeValue::Array(items) => items.get(key.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value.span())
    }
}

fn persistence(options: &Options, file: &File<'_>, problems: &mut Vec<Problem>) {
    let written = |key| file.span(&["persistence", key]).is_some();
    match (written("store"), written("cassandra-nodes")) {
        (true, true) => problems.push(
            file.problem(&["persistence", "cassandra-nodes"], "`store` and its classic name `cassandra-nodes` are both given")
                .help("keep `store`"),
        ),
        (false, false) => problems.push(
            file.problem(&["persistence"], "`store` is missing in [persistence]")
                .help("write store = \"sqlite:cc1.db\" (or \"none\" to try things out)"),
        ),
        _ if *options.persistence.store() == StoreUrl::None => problems.push(
            file.problem(&["persistence", "store"], "without a store no session survives the end of the process")
                .help("good for trying things out; for calls of real people write store = \"sqlite:PATH\"")
                .warning(),
        ),
        _ => {}
    }
}

fn nodes(options: &Options, file: &File<'_>, problems: &mut Vec<Problem>) {
    if options.nodes.is_empty() {
        problems.push(
            file.problem(&["node"], "there is no [[node]]").help("write [[node]] with id = 101 and a = { admin = \"127.0.0.1:9101\" }"),
        );
    }
    let mut seen = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for (index, node) in options.nodes.iter().enumerate() {
        let index = &index.to_string();
        if seen.insert(node.id, ()).is_some() {
            problems.push(
                file.problem(&["node", index, "id"], format!("node id {} is given twice", node.id)).help("each node has an id of its own"),
            );
        }
        if node.a.is_none() && node.b.is_none() {
            let problem = file.problem(&["node", index], format!("node {} has no instance", node.id));
            problems.push(problem.help("write a = { admin = \"127.0.0.1:9101\" }; a = {} will do"));
        }
        if node.b.is_some() && node.a.is_some() && *options.persistence.store() == StoreUrl::None {
            let message =
                format!("a pair needs a store, where its lease stands; without one {0}/a and {0}/b would both be primary", node.id);
            problems.push(file.problem(&["node", index, "b"], message).help("write store = \"sqlite:PATH\", or leave b out"));
        }
        for (letter, instance) in [("a", &node.a), ("b", &node.b)] {
            let Some(instance) = instance else { continue };
            for (key, address) in [("synch", &instance.synch), ("api", &instance.api), ("admin", &instance.admin)] {
                let Some(address) = address else { continue };
                let path = ["node", index, letter, key];
                if key == "admin" && !address.is_loopback() {
                    let problem =
                        file.problem(&path, format!("the admin port {address} can be reached from other machines, and asks for no token"));
                    problems.push(problem.help("let it listen on 127.0.0.1"));
                }
                if address.port != 0 && addresses.insert(address.to_string(), ()).is_some() {
                    problems.push(file.problem(&path, format!("{address} is given twice")).help("each port listens for one thing"));
                }
            }
        }
    }
    if seen.len() > 1 {
        let problem = file.problem(&["node", "1"], "this release runs one node; several nodes come with a later one");
        problems.push(problem.help("keep one [[node]]"));
    }
}

fn switches(options: &Options, file: &File<'_>, problems: &mut Vec<Problem>) {
    if options.switches.is_empty() {
        problems
            .push(file.problem(&["switch"], "there is no [switch.NAME]").help("write [switch.main] with url = \"ws://127.0.0.1:7400\""));
    }
    if options.switches.len() > 1 {
        let names: Vec<_> = options.switches.keys().map(String::as_str).collect();
        let problem = file.problem(&["switch"], format!("one switch only in this release, and there are {}", names.join(", ")));
        problems.push(problem.help("keep one [switch.NAME]"));
    }
    for (name, switch) in &options.switches {
        let path = ["switch", name, "url"];
        if !switch.url.secure && !switch.url.address.is_loopback() {
            let problem = file.problem(&path, format!("{} leaves this machine unprotected", switch.url));
            problems.push(problem.help(format!("use wss:// and token-file, or a gateway on this machine: wss://{}", switch.url.address)));
        }
        if switch.url.secure && switch.token_file.is_none() {
            let problem = file.problem(&path, format!("the gateway at {} will ask who is there, and there is no token", switch.url));
            problems.push(problem.help("write token-file = \"PATH\"; the file's first line is the token that the gateway was given"));
        }
    }
}

fn routing_points(options: &Options, file: &File<'_>, problems: &mut Vec<Problem>) {
    if options.routing_points.is_empty() {
        let problem = file.problem(&[], "there is no [[routing-point]]: no call will be served");
        problems.push(problem.help("write [[routing-point]] with number, switch, strategy and default-route").warning());
    }
    let mut seen = BTreeMap::new();
    for (index, point) in options.routing_points.iter().enumerate() {
        let index = &index.to_string();
        if !options.switches.contains_key(&point.switch) {
            let known: Vec<_> = options.switches.keys().map(String::as_str).collect();
            let problem = file.problem(&["routing-point", index, "switch"], format!("there is no switch {:?}", point.switch));
            problems.push(problem.help(format!("known: {}", known.join(", "))));
        }
        if let StrategySource::BuiltIn(name) = &point.strategy
            && tandem_strategies::strategy(name).is_none()
        {
            let known: Vec<_> = tandem_strategies::ALL.iter().map(|strategy| strategy.name).collect();
            let problem = file.problem(&["routing-point", index, "strategy"], format!("there is no built-in strategy {name:?}"));
            problems.push(problem.help(format!("known: {}; or write the path of a component", known.join(", "))));
        }
        if seen.insert((&point.switch, &point.number), ()).is_some() {
            let message = format!("routing point {} is given twice for switch {}", point.number, point.switch);
            problems.push(file.problem(&["routing-point", index, "number"], message).help("one strategy for each number"));
        }
        if point.default_route == point.number {
            let problem =
                file.problem(&["routing-point", index, "default-route"], format!("the default route of {0} is {0} itself", point.number));
            problems.push(problem.help("a call that no strategy serves must leave the routing point: name another number"));
        }
        let ranks = u32::try_from(options.nodes.len()).unwrap_or(u32::MAX);
        let watching = options.orchestration.call_watching_timeout.saturating_mul(ranks);
        if point.answer_deadline <= watching {
            let shown = (show_duration(point.answer_deadline), show_duration(watching));
            let message = format!(
                "answer-deadline of {} ({}) is not more than the ranks × call-watching-timeout ({})",
                point.number, shown.0, shown.1
            );
            let problem = file.problem(&["routing-point", index], message);
            problems.push(problem.help("calls take the default route before another node can come to help").warning());
        }
    }
}

fn timing(options: &Options, file: &File<'_>, problems: &mut Vec<Problem>) {
    let lease = &options.lease;
    if lease.renewal() > lease.timeout / 4 {
        let (renewal, quarter) = (show_duration(lease.renewal()), show_duration(lease.timeout / 4));
        let problem =
            file.problem(&["lease", "renewal"], format!("lease.renewal ({renewal}) is more than a quarter of lease.timeout ({quarter})"));
        problems.push(problem.help("one late renewal must not cost the lease: leave it out, and it is a quarter"));
    }
    if lease.fencing == FencingBy::Epoch {
        let problem = file.problem(&["lease", "fencing"], "lease.fencing = \"epoch\" is for tests");
        problems.push(problem.help("a primary that hangs inside a transaction keeps the backup from leading; write \"kill\"").warning());
    }
    if options.limits.step_wall < options.limits.step_cpu {
        let problem = file.problem(&["limits"], "limits.step-wall is less than limits.step-cpu");
        problems.push(problem.help("a step cannot use more CPU time than wall time: raise step-wall"));
    }
    let path = ["orchestration", "call-watching-timeout"];
    if options.orchestration.call_watching_timeout.as_millis() < 1_000 {
        let problem = file.problem(&path, "call-watching-timeout below 1000 ms is for tests");
        problems.push(problem.help("a busy node would look like a dead one").warning());
    }
    if !options.orchestration.new_session_on_reroute {
        let problem =
            file.problem(&["orchestration", "new-session-on-reroute"], "new-session-on-reroute = false has no effect in this release");
        problems.push(problem.help("every visit to a routing point is a session of its own").warning());
    }
    if file.span(&["scxml", "session-processing-threads"]).is_some() && file.span(&["sessions", "processing-threads"]).is_some() {
        let problem = file.problem(&["scxml", "session-processing-threads"], "given twice: also as sessions.processing-threads");
        problems.push(problem.help("keep sessions.processing-threads"));
    }
}
