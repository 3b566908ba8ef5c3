//! `tandem switchover`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::mpsc,
    time::{Duration, Instant},
};

use miette::{IntoDiagnostic, Report, bail, miette};
use tandem_words::NodeId;

use super::{LogArguments, Verdict, status::ask};
use crate::{
    api::Switchover,
    node::Status,
    options::{Instance, Options},
};

/// Moves the primary role of a node to its other instance, now, without losing or doubling anything.
///
/// Refused where the other instance is not ready to take over. Exit code 1: refused, or the other instance does not serve
/// within 30 s.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem switchover 101
  tandem switchover 101 --force --config /etc/tandem.toml")]
pub struct Arguments {
    /// The node
    #[arg(value_name = "NODE")]
    node: NodeId,
    /// Also to an instance that is not ready: sessions without persistence may be lost, and calls may wait
    #[arg(long)]
    force: bool,
    /// The options file
    #[arg(long, value_name = "FILE", default_value = "tandem.toml")]
    config: PathBuf,
}

/// How long the heir may take to serve: many times what a recovery takes.
const SERVES_WITHIN: Duration = Duration::from_secs(30);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// How long the primary may take to answer; longer than it waits itself for its threads.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

impl Arguments {
    pub(super) fn run(self, _logs: &LogArguments) -> miette::Result<Verdict> {
        let options = Options::load(&self.config)?.options;
        let node = options.nodes.iter().find(|node| node.id == self.node);
        let node = node.ok_or_else(|| miette!("{} has no node {}", self.config.display(), self.node))?;
        let (Some(a), Some(b)) = (&node.a, &node.b) else {
            bail!(help = "write a and b under [[node]]", "node {} has one instance only, and nobody to hand over to", node.id);
        };
        let began = Instant::now();
        let (from, heir) = match primary(a, b)? {
            Ok('a') => (a, b),
            Ok(_) => (b, a),
            Err(told) => {
                let told: Vec<_> = told.into_iter().map(|(letter, word)| format!("{}/{letter}: {word}", node.id)).collect();
                bail!(
                    help = "look at tandem status; a node without a primary gets one by itself when an instance runs",
                    "node {} has no primary to hand over: {}",
                    node.id,
                    told.join("; ")
                );
            }
        };
        let name = match self.hand_over(from)? {
            Ok(name) => name,
            Err(why) => {
                eprintln!("refused: {why}");
                return Ok(Verdict::Bad);
            }
        };
        while began.elapsed() < SERVES_WITHIN {
            if ask(heir).is_ok_and(|status| status.serves()) {
                println!("{name} is primary and serves, after {} ms", began.elapsed().as_millis());
                return Ok(Verdict::Good);
            }
            std::thread::sleep(ASK_EVERY);
        }
        eprintln!("{name} does not serve after {SERVES_WITHIN:?}; look at tandem status");
        Ok(Verdict::Bad)
    }

    /// The heir's name, or why not.
    fn hand_over(&self, primary: &Instance) -> miette::Result<Result<String, String>> {
        let admin = primary.admin.as_ref().ok_or_else(no_admin)?;
        let asking = ureq::post(format!("http://{admin}/switchover")).config().timeout_global(Some(ANSWER_WITHIN)).http_status_as_error(false);
        let wanted = serde_json::to_string(&Switchover { force: self.force }).into_diagnostic()?;
        let mut response = asking.build().send(wanted).map_err(Report::msg)?;
        let text = response.body_mut().read_to_string().map_err(Report::msg)?.trim().to_owned();
        Ok(if response.status().is_success() { Ok(text) } else { Err(text) })
    }
}

fn no_admin() -> Report {
    miette!(help = "write admin = \"127.0.0.1:9101\"", "it has no admin port in the options file")
}

/// The letter of the primary, as soon as it says so: the other one may hang, and is not waited for. None: what each of them says.
fn primary(a: &Instance, b: &Instance) -> miette::Result<Result<char, BTreeMap<char, String>>> {
    let (answers, told) = mpsc::channel();
    for (letter, addresses) in [('a', a.clone()), ('b', b.clone())] {
        let answers = answers.clone();
        // Once the primary is known, nobody listens to the other one.
        let asking = move || drop(answers.send((letter, ask(&addresses))));
        std::thread::Builder::new().spawn(asking).into_diagnostic()?;
    }
    drop(answers);
    let mut words = BTreeMap::new();
    for (letter, answer) in told {
        let word = match answer {
            Ok(Status { role, .. }) if role == "primary" => return Ok(Ok(letter)),
            Ok(status) => status.role,
            Err(error) => error.to_string(),
        };
        words.insert(letter, word);
    }
    Ok(Err(words))
}
