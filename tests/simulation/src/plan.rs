//! What a seed decides before it begins: the pair's options, who calls, and which faults come.

use tandem_gateway::{
    core,
    simulated::{AgentPlan, Options, RoutingPoint, callers},
};
use tandem_journal::Survival;
use tandem_node::{
    RestartOptions,
    role::Fencing,
    synch::{BufferLimits, KeepLimits},
};
use tandem_session::WorkerOptions;
use tandem_words::VersionId;

use crate::{
    chance::Chance,
    fault::{Fault, Kind, Phase},
    strategies::{Components, POINTS, VERSIONS, may_start_again},
};

/// No fault comes after this (real ms); then everything is healed.
pub const FAULTS_UNTIL_MS: u64 = 105_000;

/// After everything is healed (real ms) all calls must be over, and everything told and committed. The longest of a call after
/// that: patience 40 s, two visits, talk 15 s; then `linger-timeout`.
pub const OVER_WITHIN_MS: u64 = 300_000;

/// Callers who come when all is healed: they must be served as if nothing had ever been.
pub const PROBES: u32 = 3;

/// A seed's plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// What is done with a holder that hangs.
    pub fencing: Fencing,
    /// Which instance is preferred.
    pub preferred: Option<char>,
    /// `lease.timeout`.
    pub lease_timeout_ms: u64,
    /// What becomes of the sessions of desk, quiet, keeper and side when their primary dies.
    pub survivals: [Survival; 4],
    /// The throttle of restarts.
    pub restarts: RestartOptions,
    /// What is kept for the backup; none: the pair has no synch ports.
    pub synch: Option<(BufferLimits, KeepLimits)>,
    /// Rows of one batch.
    pub rows_per_batch: usize,
    /// What strategies run as; none: natively.
    pub components: Option<Components>,
    /// Sessions that share a cell.
    pub sessions_per_instance: usize,
    /// Whether the replay of desk, quiet, keeper and side differs now and then, where they are persisted.
    pub differ: [bool; 4],
    /// A backup follows so many sessions at most, and reads so many rows at once.
    pub most_followed: usize,
    /// See `most_followed`.
    pub rows_followed_at_once: u32,
    /// So many sessions of a worker are read singly while all are read in one pass.
    pub loads_beside: usize,
    /// How sessions are treated.
    pub worker: WorkerOptions,
    /// The switch's core.
    pub core: core::Options,
    /// The switch.
    pub switch: Options,
    /// Who calls, by time.
    pub callers: Vec<callers::CallerPlan>,
    /// What goes wrong, by time.
    pub faults: Vec<Fault>,
    /// How far the two boot clocks stand from real time, ms.
    pub clock_offsets_ms: [i64; 2],
}

/// Of so many seeds one is played with components, too: the engine is a hundred times slower than native guests.
const EACH_WITH_COMPONENTS: u64 = 50;

/// Whether this seed is.
pub fn is_with_components(seed: u64) -> bool {
    seed.is_multiple_of(EACH_WITH_COMPONENTS)
}

impl Plan {
    /// The plan of a seed, with native strategies.
    pub fn new(seed: u64) -> Plan {
        let mut chance = Chance::new(seed, 1);
        let rush_at_ms = rush_at_ms(&mut Chance::new(seed, 8));
        let mut followed = Chance::new(seed, 9);
        let differ = differ(&mut Chance::new(seed, 10));
        // Slowly, so that the next primary dies now and then while a session hears its call again.
        let rows_per_batch = chance.pick(&[1, 3, 4_096]).filter(|_| differ == [false; 4]).unwrap_or(1);
        let fencing = if chance.percent(35) { Fencing::EpochOnly } else { Fencing::Kill };
        let worker = WorkerOptions {
            snapshot_every: chance.pick(&[2, 5, 50]).unwrap_or(50),
            passivate_after_ms: chance.pick(&[1_500, 6_000, 600_000]).unwrap_or(600_000),
            max_steps_ahead: chance.pick(&[2, 64, 64]).unwrap_or(64),
            linger_timeout_ms: 8_000,
            restart_diverged: seed.is_multiple_of(2),
            // With the small one a session that waits for its restart lacks some of what came meanwhile.
            max_held: Chance::new(seed, 11).pick(&[1_000, 1_000, 1, 2]).unwrap_or(1_000),
            ..WorkerOptions::default()
        };
        // A jump back by an hour leaves a clock above 0.
        let offset = |chance: &mut Chance| i64::try_from(chance.between(4_000_000, 9_000_000)).unwrap_or(0);
        Plan {
            seed,
            fencing,
            preferred: chance.pick(&[None, None, Some('a'), Some('b')]).flatten(),
            lease_timeout_ms: chance.pick(&[1_000, 1_000, 2_000]).unwrap_or(1_000),
            survivals: survivals(&mut Chance::new(seed, 5)),
            restarts: restarts(&mut Chance::new(seed, 6)),
            synch: synch(&mut Chance::new(seed, 7)),
            rows_per_batch,
            components: None,
            // Which of several cells with room takes the next session, the engine may decide otherwise than native guests do.
            sessions_per_instance: chance.pick(if is_with_components(seed) { &[1, 1_024, 1_024] } else { &[1, 3, 1_024] }).unwrap_or(3),
            differ,
            most_followed: followed.pick(&[500_000, 500_000, 500_000, 4]).unwrap_or(500_000),
            rows_followed_at_once: followed.pick(&[2_048, 2_048, 3]).unwrap_or(2_048),
            loads_beside: followed.pick(&[32, 1, 0]).unwrap_or(32),
            worker,
            // With the small one events are lost while nobody is primary: then a gap must be told.
            core: core::Options {
                retain: chance.pick(&[core::RETAIN, core::RETAIN, core::RETAIN, 30]).unwrap_or(core::RETAIN),
                ..core::Options::new("main", "9000")
            },
            switch: switch(),
            callers: callers(&mut Chance::new(seed, 2), rush_at_ms),
            faults: faults(&mut Chance::new(seed, 3), rush_at_ms, differ != [false; 4]),
            clock_offsets_ms: [offset(&mut chance), offset(&mut chance)],
        }
    }

    /// Whether the replay of a version's sessions may differ.
    pub fn replay_differs(&self, version: VersionId) -> bool {
        let of = VERSIONS.iter().zip(self.differ).zip(self.survivals);
        of.into_iter().any(|((of, differs), survival)| *of == version && differs && survival == Survival::Recovered)
    }

    /// Whether they start again then.
    pub fn starts_again(&self, version: VersionId) -> bool {
        may_start_again(version).unwrap_or(self.worker.restart_diverged)
    }
}

/// In one seed of three.
fn differ(chance: &mut Chance) -> [bool; 4] {
    let some = chance.percent(33);
    [(); 4].map(|()| some && chance.percent(70))
}

/// In two seeds of five all sessions are persisted.
fn survivals(chance: &mut Chance) -> [Survival; 4] {
    use Survival::{Left, Recovered, Restarted};
    if chance.percent(40) {
        return [Recovered; 4];
    }
    let mut of = |choices: &[Survival]| chance.pick(choices).unwrap_or(Recovered);
    let called = [Recovered, Recovered, Restarted, Restarted, Restarted, Left];
    [of(&called), of(&called), of(&called), of(&[Recovered, Recovered, Recovered, Restarted, Left])]
}

/// The defaults in most; in the others sessions wait for long.
fn restarts(chance: &mut Chance) -> RestartOptions {
    let defaults = RestartOptions::default();
    let (quota, timeout_ms) =
        chance.pick(&[(8, 50), (8, 50), (1, 50), (2, 200), (1, 1_000)]).unwrap_or((defaults.quota, defaults.timeout_ms));
    let own = chance.percent(25).then(|| ("keeper".to_owned(), 120));
    RestartOptions { quota, timeout_ms, timeouts_ms: own.into_iter().collect() }
}

/// With the small ones a backup that was away needs the full state again, and sessions lack events.
fn synch(chance: &mut Chance) -> Option<(BufferLimits, KeepLimits)> {
    let bytes = chance.pick(&[100, 3_000, 100_000, 100_000]).unwrap_or(100_000);
    let age_ms = chance.pick(&[2_000, 600_000, 600_000]).unwrap_or(600_000);
    let events = chance.pick(&[3, 1_000, 1_000, 1_000]).unwrap_or(1_000);
    chance.percent(85).then_some((BufferLimits { bytes, age_ms }, KeepLimits { events, ..KeepLimits::default() }))
}

fn switch() -> Options {
    let agents = [("ann", "sales"), ("ben", "sales"), ("cy", "support"), ("dee", "support")];
    let point = |number: &&str| ((*number).to_owned(), RoutingPoint { default_route: Some("9000".to_owned()) });
    Options {
        routing_points: POINTS.iter().map(point).collect(),
        agents: agents.iter().map(|(name, group)| AgentPlan::new(*name, &[*group])).collect(),
        default_sound_ms: 1_500,
        default_route_ms: 4_000,
        ..Options::default()
    }
}

/// When many call at once, in one seed of four.
fn rush_at_ms(chance: &mut Chance) -> Option<u64> {
    chance.percent(25).then(|| chance.between(8_000, FAULTS_UNTIL_MS - 40_000))
}

/// In bursts, with quiet between: some faults wait for a moment without calls.
fn callers(chance: &mut Chance, rush_at_ms: Option<u64>) -> Vec<callers::CallerPlan> {
    let mut callers = Vec::new();
    let mut count = u32::try_from(chance.between(30, 45)).unwrap_or(30);
    let mut at_ms = chance.between(500, 5_000);
    let mut burst = 0;
    for number in 1..=count {
        if burst == 0 {
            burst = chance.between(3, 12);
            at_ms += chance.between(0, 9_000);
        }
        burst -= 1;
        at_ms += chance.between(0, 1_500);
        callers.push(caller(chance, number, at_ms.min(FAULTS_UNTIL_MS - 5_000)));
    }
    // More calls at once than start again in one cycle; then their primary dies.
    if let Some(at_ms) = rush_at_ms {
        let dials = chance.pick(&POINTS).unwrap_or("8000").to_owned();
        let rush = chance.between(12, 30);
        for more in 1..=rush {
            count += 1;
            callers.push(callers::CallerPlan { dials: dials.clone(), ..caller(chance, count, at_ms + more * 40) });
        }
        callers.sort_by_key(|caller| caller.arrive_at_ms);
    }
    for probe in 1..=PROBES {
        let at_ms = FAULTS_UNTIL_MS + 25_000 + u64::from(probe) * 500;
        callers.push(callers::CallerPlan { hangs_up_at_ms: None, ..caller(chance, count + probe, at_ms) });
    }
    callers
}

fn caller(chance: &mut Chance, number: u32, arrive_at_ms: u64) -> callers::CallerPlan {
    let keys = ["1", "1#", "2", "3", "3", "4", "5", "6", "7#", "9", ""];
    let answers = (0..4).map(|_| callers::Answer::new(chance.pick(&keys).unwrap_or_default(), chance.between(200, 2_500))).collect();
    callers::CallerPlan {
        number,
        arrive_at_ms,
        calling: format!("05{number:04}"),
        dials: chance.pick(&POINTS).unwrap_or("8000").to_owned(),
        patience_ms: chance.between(8_000, 30_000),
        hangs_up_at_ms: chance.percent(20).then(|| chance.between(500, 20_000)),
        digits: callers::Digits { answers, after: callers::After::Repeat, at_prompts: chance.percent(20) },
        service_ms: chance.between(2_000, 12_000),
        priority: 0,
        credit_ms: 0,
        service_type: String::new(),
        seed: chance.draw(),
    }
}

/// At least five. A fault that wants a moment which only a takeover brings gets one to begin with.
/// `twice`: primaries die that have just taken over.
fn faults(chance: &mut Chance, rush_at_ms: Option<u64>, twice: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    let crash = |at_ms| Fault { at_ms, phase: None, kind: Kind::CrashPrimary, lasts_ms: 500, in_commit: false };
    faults.extend(rush_at_ms.map(|at_ms| crash(at_ms + 2_000)));
    for _ in 0..if twice { 3 } else { 0 } {
        let at_ms = chance.between(8_000, FAULTS_UNTIL_MS - 22_000);
        faults.extend([crash(at_ms), crash(at_ms + chance.between(5, 90))]);
    }
    let count = chance.between(5, 9);
    for _ in 0..count {
        let at_ms = chance.between(4_000, FAULTS_UNTIL_MS - 22_000);
        let phase = chance.pick(&Phase::ALL).unwrap_or(Phase::Serving);
        let kind = chance.pick(&Kind::ALL).unwrap_or(Kind::CrashPrimary);
        let lasts_ms = kind.lasts_ms(chance);
        let in_commit = chance.percent(35);
        if let Some(brings) = phase.brought_by(chance) {
            faults.push(Fault { at_ms, phase: None, kind: brings, lasts_ms: brings.lasts_ms(chance).min(3_000), in_commit });
        }
        faults.push(Fault { at_ms, phase: Some(phase), kind, lasts_ms, in_commit: in_commit && chance.percent(50) });
    }
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}
