//! A pair that is struck: its primary killed, stopped, relieved or cut off, and the other one leads; or what it needs is: its gateway
//! killed, the link between the two cut.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::{DemoError, HUNG, control::Control, process::Process, scene::Scene, schedule::Planned, site::Letter, wire::Wire};
use crate::node::Status;

/// Between two questions to an instance or to the store.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// Before a switchover that was refused is asked for again: the other instance is still coming up.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A gateway that was killed begins again within this, at random. Reason: as a supervisor starts it again; much longer, and calls take
/// their default routes, which is right and shows little.
const GATEWAY_AWAY_MS: std::ops::RangeInclusive<u64> = 20..=400;

/// The synch link stays cut for so long, at random, before it is mended or the primary dies. Reason: events come meanwhile which the
/// backup never gets; much longer, and at full speed the calls are over.
const CUT_MS: std::ops::RangeInclusive<u64> = 2..=40;

/// One killed gateway in so many takes the primary with it.
const PRIMARY_TOO_ONE_IN: u32 = 3;

/// For an instance to answer at its admin port, where nothing hangs on it.
const ANSWERS_WITHIN: Duration = Duration::from_millis(300);

/// What befalls a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Blow {
    /// `kill -9`.
    #[default]
    Kill,
    /// SIGSTOP: it hangs, and the other one has to find out.
    Hang,
    /// `tandem switchover`, as soon as the other one stands by.
    Switchover,
    /// The gateway closes its connection, and lets it in again when the other one leads.
    Sever,
    /// The connection between the two instances breaks; half the time the primary is killed before it comes about again.
    Cut,
    /// The gateway dies with all that it knew, and begins again; the calls go on meanwhile. One time in three the primary is killed
    /// with it.
    Gateway,
}

impl Blow {
    /// Another instance leads behind it.
    pub(super) fn moves_role(self) -> bool {
        !matches!(self, Blow::Cut | Blow::Gateway)
    }
}

/// An instance that was started.
pub(super) struct Host {
    /// Which.
    pub(super) letter: Letter,
    /// Its process.
    pub(super) process: Process,
}

/// How long a switchover took, or until the gateway knew a primary again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Takeover {
    /// Why there was one.
    pub blow: Blow,
    /// It befell an instance that had just taken over itself; or, with the gateway, a primary too.
    pub again: bool,
    /// From the blow to the switch's acknowledgement of the next primary, real time.
    pub ms: f64,
}

impl Takeover {
    /// Another instance led behind it.
    pub(super) fn is_switchover(&self) -> bool {
        self.blow != Blow::Gateway || self.again
    }
}

impl Scene<'_> {
    /// The pair is struck, and perhaps the heir too; back when somebody leads again.
    pub(super) async fn strike(&mut self, planned: Planned, chance: &mut impl Rng) -> Result<Vec<Takeover>, DemoError> {
        let Planned { blow, mut again } = planned;
        let mut takeovers = match blow {
            Blow::Gateway => vec![self.kill_gateway(chance).await?],
            Blow::Cut => self.cut(chance).await?,
            blow => vec![self.switch_over(blow, false).await?],
        };
        while again > 0 {
            again -= 1;
            takeovers.push(self.switch_over(Blow::Kill, true).await?);
        }
        Ok(takeovers)
    }

    /// One blow to the primary. `again`: it has just taken over itself, and time does not stand still any more.
    async fn switch_over(&mut self, blow: Blow, again: bool) -> Result<Takeover, DemoError> {
        if blow == Blow::Switchover {
            self.await_backup().await?;
        }
        self.look_at_primaries().await;
        let leads = self.control.status().await?.tally.leads;
        let mut began = Instant::now();
        let (name, fallen) = self.land(blow).await?;
        if !again {
            self.let_go().await?;
        }
        if blow == Blow::Switchover {
            began = self.relieve(leads).await?;
        } else {
            self.await_lead(leads).await?;
        }
        let ms = began.elapsed().as_micros() as f64 / 1_000.0;
        if blow == Blow::Sever {
            self.control.admit(&name).await?;
        }
        self.start_again_in_pair(fallen).await?;
        Ok(Takeover { blow, again, ms })
    }

    /// The gateway is killed, and perhaps the primary with it: whoever leads then has to find the new one.
    async fn kill_gateway(&mut self, chance: &mut impl Rng) -> Result<Takeover, DemoError> {
        self.look_at_primaries().await;
        let leads = self.control.status().await?.tally.leads;
        let began = Instant::now();
        self.control.kill_gateway(chance.random_range(GATEWAY_AWAY_MS)).await?;
        let fallen = if chance.random_ratio(1, PRIMARY_TOO_ONE_IN) { self.land(Blow::Kill).await?.1 } else { None };
        let again = fallen.is_some();
        self.let_go().await?;
        self.await_lead(leads).await?;
        let ms = began.elapsed().as_micros() as f64 / 1_000.0;
        self.start_again_in_pair(fallen).await?;
        Ok(Takeover { blow: Blow::Gateway, again, ms })
    }

    /// An instance that stands still without our doing, on a machine whose disk does, is killed by the other one, or ends itself. That is
    /// what a pair is for; it is started again, and told at the end. Returns how many there were.
    pub(super) fn start_killed_again(&mut self) -> Result<u32, DemoError> {
        let mut killed = 0;
        for host in &mut self.hosts {
            if self.plan.pair.is_some() && host.process.stood_still()? {
                host.process = self.site.start_host(self.plan, host.letter)?;
                killed += 1;
            }
        }
        self.killed_by_the_other += killed;
        Ok(killed)
    }

    async fn start_again_in_pair(&mut self, fallen: Option<Host>) -> Result<(), DemoError> {
        if let Some(mut fallen) = fallen {
            // A primary that hangs is killed by the one that takes over.
            fallen.process.wait(HUNG).await?;
            let process = self.site.start_host(self.plan, fallen.letter)?;
            self.hosts.push(Host { process, ..fallen });
        }
        Ok(())
    }

    /// The link between the two is cut for a while; perhaps the primary dies meanwhile, and what the backup has is uncertain.
    async fn cut(&mut self, chance: &mut impl Rng) -> Result<Vec<Takeover>, DemoError> {
        self.await_backup().await?;
        self.wires.iter().for_each(Wire::cut);
        self.let_go().await?;
        sleep(Duration::from_millis(chance.random_range(CUT_MS))).await;
        let mut takeovers = Vec::new();
        if chance.random() {
            takeovers.push(Takeover { blow: Blow::Cut, ..self.switch_over(Blow::Kill, true).await? });
        }
        self.wires.iter().for_each(Wire::mend);
        Ok(takeovers)
    }

    /// Kills, stops or cuts off the primary; its name, and its process where it is no longer expected to live.
    async fn land(&mut self, blow: Blow) -> Result<(String, Option<Host>), DemoError> {
        let at = self.primary().await?;
        let name = self.hosts.get(at).map_or_else(String::new, |host| format!("101/{}", host.letter));
        match blow {
            Blow::Kill | Blow::Hang => {
                let mut fallen = self.hosts.remove(at);
                if blow == Blow::Kill {
                    fallen.process.kill()?
                } else {
                    fallen.process.stop()
                }
                Ok((name, Some(fallen)))
            }
            Blow::Sever => {
                self.control.sever(&name).await?;
                Ok((name, None))
            }
            Blow::Switchover | Blow::Cut | Blow::Gateway => Ok((name, None)),
        }
    }

    /// Asks for a switchover until the primary agrees, and waits until the other one leads; returns when it was asked.
    async fn relieve(&mut self, leads: u64) -> Result<Instant, DemoError> {
        let first = Instant::now();
        loop {
            let began = Instant::now();
            let (mut asked, control) = (self.site.start_switchover(self.plan)?, self.control);
            let status = tokio::select! {
                led = control.led(leads) => {
                    led?;
                    // Who asked ends a little later: it looks whether the heir serves.
                    let waited = Instant::now();
                    let status = asked.wait(HUNG).await?;
                    let killed = self.start_killed_again()?;
                    if !status.success() && killed == 0 {
                        return Err(asked.ended_by_itself(status));
                    }
                    return Ok(began + waited.elapsed());
                }
                status = asked.wait(HUNG) => status?,
            };
            if status.success() {
                self.await_lead(leads).await?;
                return Ok(began);
            }
            if first.elapsed() > HUNG {
                return Err(asked.ended_by_itself(status));
            }
            sleep(ASK_AGAIN).await;
        }
    }

    /// Waits until the one that is not primary watches it and hears the switch.
    async fn await_backup(&mut self) -> Result<(), DemoError> {
        let began = Instant::now();
        loop {
            let primary = self.primary().await?;
            let backup = self.hosts.iter().enumerate().find(|(at, _)| *at != primary);
            let admin = backup.and_then(|(_, host)| self.site.admin(host.letter));
            if let Some(admin) = admin
                && let Ok(status) = Control(admin).answer::<Status>("/status").await
                && status.role == "backup"
                && status.is_ready()
            {
                return Ok(());
            }
            if began.elapsed() > HUNG {
                return Err(DemoError::Control(format!("no instance stands by as backup after {} s", HUNG.as_secs())));
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Which of the hosts has the lease; waits until one of them has it.
    async fn primary(&mut self) -> Result<usize, DemoError> {
        let began = Instant::now();
        loop {
            let holder = self.site.lease_holder()?;
            if let Some(at) = self.hosts.iter().position(|host| Some(host.process.id()) == holder) {
                return Ok(at);
            }
            if began.elapsed() > HUNG {
                return Err(DemoError::Control(format!("no instance has the lease: its holder is process {holder:?}")));
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Notes how many sessions each primary says it went on with. One that hangs is not waited for.
    pub(super) async fn look_at_primaries(&mut self) {
        for host in &self.hosts {
            let Some(admin) = self.site.admin(host.letter) else { continue };
            if let Ok(Ok(status)) = timeout(ANSWERS_WITHIN, Control(admin).answer::<Status>("/status")).await
                && status.role == "primary"
            {
                let recovered = self.recovered.entry(status.epoch).or_default();
                *recovered = status.recovered.max(*recovered);
            }
        }
    }
}
