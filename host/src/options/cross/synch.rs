//! The synch ports of a pair.

use super::{File, Options, Problem, StoreUrl};

pub(super) fn check(options: &Options, file: &File<'_>, problems: &mut Vec<Problem>) {
    for (index, node) in options.nodes.iter().enumerate() {
        let index = &index.to_string();
        let (Some(a), Some(b)) = (&node.a, &node.b) else { continue };
        let both = [("a", &a.synch), ("b", &b.synch)];
        let without: Vec<_> = both.iter().filter(|(_, synch)| synch.is_none()).map(|(letter, _)| format!("{}/{letter}", node.id)).collect();
        if !without.is_empty() {
            let (names, have) = (without.join(" and "), if without.len() == 1 { "has" } else { "have" });
            let problem = file.problem(&["node", index], format!("{names} {have} no synch port"));
            problems.push(problem.help(NO_PORT).warning());
        }
        for (letter, address) in both {
            let Some(address) = address.as_ref().filter(|address| !address.is_loopback()) else { continue };
            let path = ["node", index, letter, "synch"];
            if let StoreUrl::Sqlite(_) = options.persistence.store() {
                let message = format!("the synch address {address} is on another machine than a SQLite file can be shared with");
                problems.push(file.problem(&path, message).help("a pair on SQLite stands on one machine: write 127.0.0.1:PORT"));
            } else if options.tls.is_none() {
                let message = format!("the synch address {address} can be reached from other machines, and there is no [tls]");
                let problem = file.problem(&path, message);
                problems.push(problem.help("write [tls] with certificate, key and client-ca, or let it listen on 127.0.0.1"));
            }
        }
    }
}

/// What a pair without a synch port is told.
const NO_PORT: &str = "without it sessions that are not persisted are lost with their instance; write synch = \"127.0.0.1:PORT\" for both";
