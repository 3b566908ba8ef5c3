//! One run: the switch, the host, the kills.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    pin::pin,
    time::{Duration, Instant},
};

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{
    Blow, DemoError, HUNG, Plan, Takeover, When,
    control::Control,
    pair::Host,
    process::Process,
    schedule::{Planned, schedule},
    site::Site,
    wire::Wire,
};
use crate::{
    gateway::{Moment, Speed, Status},
    lab::progress::Progress,
};

/// How often children and progress are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Between the switch's word that the moment has come and the kill: at random up to this, so that it meets the host before, within
/// and after its commit.
const KILL_WITHIN_US: u64 = 4_000;

/// One kill in so many meets the host once more while it comes back (P8) …
const AGAIN_ONE_IN: u32 = 8;

/// … so long after its start, at random: before, while and after it reads its journal and leads.
const AGAIN_WITHIN_MS: u64 = 40;

/// For the switch to close its files and end.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A kill of the host, or another blow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kill {
    /// What it was.
    pub blow: Blow,
    /// Switch time, ms.
    pub at: u64,
    /// Calls that lived.
    pub live_calls: usize,
    /// Of these, with their strategy.
    pub at_routing_point: usize,
    /// Treatments that ran.
    pub treatments_running: usize,
    /// Collects that had some of their digits.
    pub collects_half_pressed: usize,
    /// How often it was killed again while it came back; of a pair, how often the one that had taken over was killed in turn.
    pub again: u32,
    /// From the (last) kill to the switch's acknowledgement of the next primary, real time; none: no primary was lost.
    pub recovery_ms: Option<f64>,
}

/// How a run went.
#[derive(Debug, Clone)]
pub struct Played {
    /// In order.
    pub kills: Vec<Kill>,
    /// Of a pair: its switchovers.
    pub takeovers: Vec<Takeover>,
    /// Of a pair: sessions that its new primaries found in the store and went on with.
    pub recovered: u64,
    /// Of a pair: instances that stood still without a blow, and were killed by the other one.
    pub killed_by_the_other: u32,
    /// From the first primary to the last call's end.
    pub took: Duration,
}

/// Plays a run with so many kills, to its end.
pub async fn play(plan: &Plan, site: &Site, kills: u32) -> Result<Played, DemoError> {
    site.write_options(plan, SocketAddr::from(([127, 0, 0, 1], 7400)))?;
    let mut switch = site.start_switch(plan)?;
    let ready = ready(&mut switch, site).await?;
    if kills > 0 {
        ready.notes.iter().for_each(|note| eprintln!("{note}"));
    }
    site.write_options(plan, ready.listens_on)?;
    let control = Control(ready.control_on.ok_or_else(|| DemoError::Control("the switch has not opened it".to_owned()))?);
    let wires = site.wires()?;
    let start = |letter| Ok(Host { letter, process: site.start_host(plan, letter)? });
    let hosts = site.letters().into_iter().map(start).collect::<Result<_, DemoError>>()?;
    let progress = Progress::new(if kills > 0 { "calls" } else { "calls, nobody killed" }, ready.callers);
    let (moved, kills_done, takeovers, recovered) = ((Instant::now(), (0, 0, 0)), Vec::new(), Vec::new(), BTreeMap::new());
    let killed_by_the_other = 0;
    let mut scene =
        Scene { plan, site, switch, hosts, wires, control, progress, moved, kills: kills_done, takeovers, recovered, killed_by_the_other };
    scene.await_lead(0).await?;
    let began = Instant::now();
    let mut chance = ChaCha8Rng::seed_from_u64(plan.seed);
    let moments = moments(&mut chance, kills, ready.callers);
    let blows = schedule(&mut chance, plan.pair.as_deref().unwrap_or_default(), kills);
    for (calls, planned) in moments.into_iter().zip(blows) {
        if !scene.kill(calls, planned, &mut chance).await? {
            break;
        }
    }
    scene.attend(std::future::pending::<Result<(), _>>()).await?;
    let took = began.elapsed();
    scene.look_at_primaries().await;
    for host in &mut scene.hosts {
        host.process.terminate();
    }
    for host in &mut scene.hosts {
        host.process.wait(HUNG).await?;
    }
    let recovered = scene.recovered.values().map(|recovered| *recovered as u64).sum();
    let killed_by_the_other = scene.killed_by_the_other;
    Ok(Played { kills: scene.kills, takeovers: scene.takeovers, recovered, killed_by_the_other, took })
}

/// After how many arrivals the host is to die, in order: anywhere in the run, but for its first and last calls.
fn moments(chance: &mut impl Rng, kills: u32, callers: u64) -> Vec<u64> {
    let (first, last) = (callers / 50 + 1, callers - callers / 20);
    let mut moments: Vec<_> = (0..kills).map(|_| chance.random_range(first.min(last)..=last)).collect();
    moments.sort_unstable();
    moments
}

/// Of `tandem simswitch --ready-file`.
#[derive(Debug, Deserialize)]
struct Ready {
    listens_on: SocketAddr,
    control_on: Option<SocketAddr>,
    callers: u64,
    /// What the switch left out of a trace, and why.
    #[serde(default)]
    notes: Vec<String>,
}

async fn ready(switch: &mut Process, site: &Site) -> Result<Ready, DemoError> {
    let path = site.file("ready.json");
    let began = Instant::now();
    while !path.exists() {
        switch.must_live()?;
        if began.elapsed() > HUNG {
            return Err(switch.hung("its first word", HUNG));
        }
        sleep(Duration::from_millis(5)).await;
    }
    let text = std::fs::read(&path).map_err(DemoError::io(&path))?;
    serde_json::from_slice(&text).map_err(|error| DemoError::Control(format!("{}: {error}", path.display())))
}

pub(super) struct Scene<'a> {
    pub(super) plan: &'a Plan,
    pub(super) site: &'a Site,
    switch: Process,
    /// Those that are expected to live.
    pub(super) hosts: Vec<Host>,
    /// Between the two, one for each direction.
    pub(super) wires: Vec<Wire>,
    pub(super) control: Control,
    progress: Progress,
    /// When something moved last, and how it stood then.
    moved: (Instant, (u64, u64, u64)),
    kills: Vec<Kill>,
    takeovers: Vec<Takeover>,
    /// What each epoch's primary said last: sessions that it found in the store.
    pub(super) recovered: BTreeMap<u64, usize>,
    pub(super) killed_by_the_other: u32,
}

impl Scene<'_> {
    /// Strikes the host when so many calls have come and all else is as planned, and starts it again; false: the run was over before.
    async fn kill(&mut self, calls: u64, planned: Planned, chance: &mut impl Rng) -> Result<bool, DemoError> {
        let When { live_calls, treatment, half_collect } = self.plan.when;
        let moment = Moment {
            calls,
            live_calls: live_calls.max(1),
            at_routing_point: 1,
            treatments_running: usize::from(treatment),
            collects_half_pressed: usize::from(half_collect),
        };
        let control = self.control;
        let Some(status) = self.attend(control.hold(&moment)).await? else { return Ok(false) };
        sleep(Duration::from_micros(chance.random_range(0..=KILL_WITHIN_US))).await;
        let (blow, again, recovery_ms) = match self.plan.pair {
            None => {
                let (again, recovery_ms) = self.kill_alone(status.tally.leads, chance).await?;
                (Blow::Kill, again, Some(recovery_ms))
            }
            Some(_) => {
                let takeovers = self.strike(planned, chance).await?;
                let last = takeovers.last().map(|takeover| takeover.ms);
                self.takeovers.extend(takeovers);
                (planned.blow, planned.again, last)
            }
        };
        self.kills.push(Kill {
            blow,
            at: status.now,
            live_calls: status.live_calls,
            at_routing_point: status.at_routing_point,
            treatments_running: status.treatments_running,
            collects_half_pressed: status.collects_half_pressed,
            again,
            recovery_ms,
        });
        Ok(true)
    }

    /// Kills the only instance and starts it again: how often once more while it came back, and how long it was away, ms.
    async fn kill_alone(&mut self, mut leads: u64, chance: &mut impl Rng) -> Result<(u32, f64), DemoError> {
        let (mut killed, mut again) = (Instant::now(), 0);
        let Some(Host { letter, process }) = self.hosts.first_mut() else { return Ok((0, 0.0)) };
        let letter = *letter;
        process.kill()?;
        self.let_go().await?;
        self.start_again(letter).await?;
        while chance.random_ratio(1, AGAIN_ONE_IN) {
            sleep(Duration::from_millis(chance.random_range(0..=AGAIN_WITHIN_MS))).await;
            killed = Instant::now();
            for host in &mut self.hosts {
                host.process.kill()?;
                host.process.wait(HUNG).await?;
            }
            leads = self.await_loss().await?;
            self.start_again(letter).await?;
            again += 1;
        }
        self.await_lead(leads).await?;
        Ok((again, killed.elapsed().as_micros() as f64 / 1_000.0))
    }

    /// The only instance is dead, or about to be.
    async fn start_again(&mut self, letter: char) -> Result<(), DemoError> {
        for mut host in self.hosts.drain(..) {
            host.process.wait(HUNG).await?;
        }
        self.hosts.push(Host { letter, process: self.site.start_host(self.plan, letter)? });
        Ok(())
    }

    /// Lets switch time pass again.
    pub(super) async fn let_go(&mut self) -> Result<(), DemoError> {
        match timeout(HUNG, self.control.let_go()).await {
            Ok(done) => done,
            Err(_) => Err(self.switch.hung("an answer at its control port", HUNG)),
        }
    }

    /// The error that the hosts, one of them to blame, hang.
    fn host_hung(&self, what: &'static str, within: Duration) -> DemoError {
        match self.hosts.first() {
            Some(host) => host.process.hung(what, within),
            None => DemoError::Control(format!("no host lives, and {what} did not happen")),
        }
    }

    /// Waits until the switch knows that nobody leads; returns how often somebody did.
    async fn await_loss(&mut self) -> Result<u64, DemoError> {
        let began = Instant::now();
        loop {
            if let Ok(status) = timeout(HUNG, self.control.status()).await
                && let status = status?
                && !status.led
            {
                return Ok(status.tally.leads);
            }
            if began.elapsed() > HUNG {
                return Err(self.switch.hung("its notice of the host's death", HUNG));
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits for the switch's acknowledgement of a primary.
    pub(super) async fn await_lead(&mut self, more_than: u64) -> Result<(), DemoError> {
        let control = self.control;
        match timeout(HUNG, self.attend(control.led(more_than))).await {
            Ok(Ok(Some(_))) => Ok(()),
            Ok(Ok(None)) => Err(DemoError::Control("the run was over before the host came back".to_owned())),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(self.host_hung("its first lead", HUNG)),
        }
    }

    /// Waits, and looks after children and progress meanwhile; none: the switch's run is over.
    async fn attend<T>(&mut self, wanted: impl Future<Output = Result<T, DemoError>>) -> Result<Option<T>, DemoError> {
        let mut wanted = pin!(wanted);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                answer = &mut wanted => return match answer {
                    Ok(answer) => Ok(Some(answer)),
                    // The switch closes its ports when the run is over.
                    Err(error) => match timeout(ENDS_WITHIN, self.switch.wait(HUNG)).await {
                        Ok(Ok(status)) if status.success() => Ok(None),
                        Ok(Ok(status)) => Err(self.switch.ended_by_itself(status)),
                        _ => Err(error),
                    },
                },
                _ = look.tick() => {
                    match self.switch.ended().map_err(|error| DemoError::Control(error.to_string()))? {
                        Some(status) if status.success() => return Ok(None),
                        Some(status) => return Err(self.switch.ended_by_itself(status)),
                        None => {}
                    }
                    self.start_killed_again()?;
                    for host in &mut self.hosts {
                        host.process.must_live()?;
                    }
                    self.look_at_primaries().await;
                    match timeout(HUNG, self.control.status()).await {
                        Ok(Ok(status)) => self.look_at(&status),
                        // It is about to end: the next look tells.
                        Ok(Err(_)) => {}
                        Err(_) => return Err(self.switch.hung("an answer at its control port", HUNG)),
                    }
                    if self.moved.0.elapsed() > self.patience() {
                        return Err(self.host_hung("progress of the calls", self.patience()));
                    }
                }
            }
        }
    }

    fn look_at(&mut self, status: &Status) {
        let now = (status.now, status.tally.events, status.tally.leads);
        if self.moved.1 != now {
            self.moved = (Instant::now(), now);
        }
        let over = status.tally.calls.saturating_sub(status.live_calls as u64);
        let killed = self.kills.len();
        self.progress.at(over, format!("{} live, struck {killed} times", status.live_calls));
    }

    /// Slow time may stand for a while: nobody calls at night.
    fn patience(&self) -> Duration {
        match self.plan.speed {
            Speed::Max => HUNG,
            Speed::Times(times) => HUNG + Duration::from_secs(3_600) / times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_spread_over_the_run_and_the_same_for_a_seed() {
        let drawn = |kills, callers| moments(&mut ChaCha8Rng::seed_from_u64(7), kills, callers);
        let moments = drawn(200, 1_000);
        assert_eq!(moments, drawn(200, 1_000));
        assert!(moments.is_sorted() && moments.iter().all(|calls| (21..=950).contains(calls)));
        assert!(moments[50] < 400 && moments[150] > 600, "{moments:?}");
        assert_eq!(drawn(2, 1), [1, 1], "a single caller is enough");
    }
}
