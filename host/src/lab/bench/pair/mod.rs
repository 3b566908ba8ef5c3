//! A real pair under the bench: two `tandem run` on one store, and the bench as their switch.

mod gateway;
mod site;
mod switch;

use std::time::{Duration, Instant};

use miette::miette;

use gateway::Gateway;
use site::Site;
use switch::Switch;
pub use switch::{Plan, Served};

/// Nothing here takes so long, but on a machine that does nothing else.
const HUNG: Duration = Duration::from_secs(120);

/// How long everything is left alone before anything is done to it: what was written last is read by the backup, too.
const SETTLES: Duration = Duration::from_millis(500);

/// A pair with its switch; dropped, it is gone.
pub struct Pair {
    site: Site,
    gateway: Gateway,
}

impl Pair {
    /// Starts one, in this folder: a leads, b is ready, and the plan's calls have come and rest.
    pub fn start(folder: &std::path::Path, plan: Plan) -> miette::Result<Self> {
        let gateway = Gateway::start(Switch::new(plan))?;
        let mut site = Site::new(folder, gateway.address())?;
        site.start('a')?;
        let mut pair = Pair { site, gateway };
        pair.until("the first primary", Switch::is_led)?;
        pair.site.start('b')?;
        pair.until("the calls", Switch::all_rest)?;
        pair.until("the backup", |_| pair.site.is_covered('a'))?;
        std::thread::sleep(SETTLES);
        Ok(pair)
    }

    /// `kill -9` of the primary; when. From now on the switch takes note of what comes.
    pub fn kill(&mut self) -> miette::Result<Instant> {
        self.with(Switch::begins_anew);
        let killed = Instant::now();
        self.site.kill('a')?;
        Ok(killed)
    }

    /// `tandem switchover`, as the primary hears it; when.
    pub fn hand_over(&self) -> miette::Result<Instant> {
        let asked = Instant::now();
        self.site.hand_over('a')?;
        Ok(asked)
    }

    /// CPU time of the instance that was backup, so far.
    pub fn heirs_cpu(&self) -> miette::Result<Duration> {
        self.site.cpu('b')
    }

    /// The store's file.
    pub fn store(&self) -> std::path::PathBuf {
        self.site.store()
    }

    /// Does something with the switch.
    pub fn with<T>(&self, act: impl FnOnce(&mut Switch) -> T) -> T {
        act(&mut self.gateway.switch())
    }

    /// Waits until the switch has seen this.
    pub fn until(&self, what: &str, seen: impl Fn(&Switch) -> bool) -> miette::Result<()> {
        let began = Instant::now();
        while !seen(&self.gateway.switch()) {
            if began.elapsed() > HUNG {
                return Err(miette!("the bench's pair hangs: {what}\n{}", self.site.logs()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}
