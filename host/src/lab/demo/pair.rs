//! A pair that is struck: its primary killed, stopped, relieved or cut off, and the other one leads.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::{DemoError, HUNG, control::Control, process::Process, scene::Scene, site::Letter};
use crate::node::Status;

/// One switchover in so many is followed by a kill of the instance that has just taken over (P8).
const AGAIN_ONE_IN: u32 = 8;

/// Between two questions to an instance or to the store.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// Before a switchover that was refused is asked for again: the other instance is still coming up.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// What befalls the primary of a pair.
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
}

/// An instance that was started.
pub(super) struct Host {
    /// Which.
    pub(super) letter: Letter,
    /// Its process.
    pub(super) process: Process,
}

/// How long a switchover took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Takeover {
    /// Why there was one.
    pub blow: Blow,
    /// It befell an instance that had just taken over itself.
    pub again: bool,
    /// From the blow to the switch's acknowledgement of the next primary, real time.
    pub ms: f64,
}

/// What new primaries said of themselves, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Sessions that they found in the store and went on with.
    pub recovered: u64,
    /// Sessions that they started again.
    pub restarted: u64,
}

impl Scene<'_> {
    /// The primary is struck, and perhaps the next one too; back when somebody leads again.
    pub(super) async fn strike(&mut self, blow: Blow, chance: &mut impl Rng) -> Result<Vec<Takeover>, DemoError> {
        let mut takeovers = Vec::new();
        let mut blow = blow;
        loop {
            let again = !takeovers.is_empty();
            if blow == Blow::Switchover {
                self.await_backup().await?;
            }
            let leads = self.control.status().await?.tally.leads;
            let mut began = Instant::now();
            let (name, fallen) = self.land(blow).await?;
            if !again {
                // Time stood still for the first blow only.
                self.let_go().await?;
            }
            if blow == Blow::Switchover {
                began = self.relieve(leads).await?;
            } else {
                self.await_lead(leads).await?;
            }
            takeovers.push(Takeover { blow, again, ms: began.elapsed().as_micros() as f64 / 1_000.0 });
            if blow == Blow::Sever {
                self.control.admit(&name).await?;
            }
            if let Some(mut fallen) = fallen {
                // A primary that hangs is killed by the one that takes over.
                fallen.process.wait(HUNG).await?;
                let process = self.site.start_host(self.plan, fallen.letter)?;
                self.hosts.push(Host { process, ..fallen });
            }
            self.count_what_was_taken().await?;
            if !chance.random_ratio(1, AGAIN_ONE_IN) {
                return Ok(takeovers);
            }
            blow = Blow::Kill;
        }
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
            Blow::Switchover => Ok((name, None)),
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
                    asked.succeed(HUNG).await?;
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

    async fn count_what_was_taken(&mut self) -> Result<(), DemoError> {
        let at = self.primary().await?;
        let Some(admin) = self.hosts.get(at).and_then(|host| self.site.admin(host.letter)) else { return Ok(()) };
        let status: serde_json::Value = Control(admin).answer("/status").await?;
        let count = |name: &str| status.get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
        self.taken.recovered += count("recovered");
        self.taken.restarted += count("restarted");
        Ok(())
    }
}
