//! `tandem run`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use miette::{Context, IntoDiagnostic, Report, bail, miette};
use tandem_node::Deployments;
use tandem_session::{StepLimits, WorkerOptions};
use tandem_strategy::{Cache, Catalogue, Cells, Compiler, Engine, EngineLimits};
use tandem_words::InstanceName;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use super::{LogArguments, Verdict};
use crate::{
    api::Admin,
    deployment::{self, Loader},
    node::{self, Home, Instance, InstanceOptions},
    options::{Loaded, Options, values::StoreUrl},
    switch_link::ClientOptions,
};

/// Runs one instance: takes the node's lease, recovers its sessions, serves its switch.
///
/// Ends on SIGTERM or ctrl-c: commits what is under way, gives the lease back, and leaves the calls to the next instance.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem run --instance 101/a
  tandem run --instance 101/a --config /etc/tandem.toml --log-format json")]
pub struct Arguments {
    /// Which instance this is, as the options file names it
    #[arg(long, value_name = "NODE/LETTER")]
    instance: InstanceName,
    /// The options file, the same for every instance
    #[arg(long, value_name = "FILE", default_value = "tandem.toml")]
    config: PathBuf,
}

impl Arguments {
    pub(super) fn run(self, logs: &LogArguments) -> miette::Result<Verdict> {
        let Loaded { options, warnings } = Options::load(&self.config)?;
        logs.start(Some(&options.log))?;
        for warning in warnings {
            tracing::warn!("{}: {warning}", self.config.display());
        }
        let addresses = options.instance(self.instance).cloned().ok_or_else(|| {
            miette!(
                help = "name one that the file has under [[node]], or add it there",
                "{} names no instance {}",
                self.config.display(),
                self.instance
            )
        })?;
        let mut home = match options.persistence.store() {
            StoreUrl::Sqlite(path) => Home::sqlite(path, self.instance).map_err(Report::msg)?,
            StoreUrl::None => Home::memory(self.instance),
        };
        let engine = Engine::new(engine_limits(&options)).map_err(Report::msg)?;
        let cache = open_cache(home.path())?;
        let catalogue = Arc::new(Catalogue::new());
        let loader = Loader { engine: &engine, cache: cache.as_ref(), catalogue: &catalogue };
        let deployments = loader.deploy(&options, home.store.as_mut()).map_err(Report::msg)?;

        let (instance_options, link) = instance_options(self.instance, &options, deployments)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().into_diagnostic()?;
        let _inside = runtime.enter();
        let admin = match &addresses.admin {
            Some(admin) => Some(runtime.block_on(Admin::bind(&admin.host, admin.port)).map_err(Report::msg)?),
            None => None,
        };
        let signals = signals();
        let guests = {
            let (engine, catalogue) = (engine.clone(), Arc::clone(&catalogue));
            move |_| Cells::new(engine.clone(), Arc::clone(&catalogue), Box::new(|| ()))
        };
        let mut ready = node::prepare(&instance_options, home, guests).map_err(Report::msg)?;
        let (versions, reader) = ready.found();
        loader.load_kept(versions, reader).map_err(Report::msg)?;
        let (shutdown, ended) = watch::channel(false);
        if let Some(admin) = admin {
            tracing::info!(address = ?admin.address(), "admin port open");
            runtime.spawn(admin.run(ready.handle.clone(), ended));
        }
        if let Some(signals) = signals {
            runtime.spawn(stop_on_signal(ready.handle.clone(), signals));
        }
        let ran = ready.run(link);
        let _ = shutdown.send(true);
        runtime.shutdown_timeout(Duration::from_secs(1));
        ran.map_err(Report::msg)?;
        tracing::info!(instance = %self.instance, "ended: every commit is through, the lease is given back");
        Ok(Verdict::Good)
    }
}

/// Compiled components lie beside the store: they are this installation's, and can be deleted at any time.
fn open_cache(store: Option<&Path>) -> miette::Result<Option<Cache>> {
    let Some(store) = store else { return Ok(None) };
    let mut folder = store.as_os_str().to_owned();
    folder.push(".compiled");
    let exe = std::env::current_exe().into_diagnostic().wrap_err("the program cannot find its own file")?;
    let compiler = Compiler::Subprocess { exe, args: vec![super::compile::NAME.to_owned()] };
    Ok(Some(Cache::open(Path::new(&folder), compiler).map_err(Report::msg)?))
}

fn instance_options(
    instance: InstanceName,
    options: &Options,
    deployments: Deployments,
) -> miette::Result<(InstanceOptions, ClientOptions)> {
    let Some((name, switch)) = options.switches.iter().next() else {
        bail!(help = "add [switch.main] with its url", "the options file names no switch to serve");
    };
    let token = match &switch.token_file {
        Some(path) => {
            let read = std::fs::read_to_string(path).into_diagnostic();
            let text = read.wrap_err_with(|| format!("the token file {} of switch {name} cannot be read", path.display()))?;
            Some(text.trim().to_owned())
        }
        None => None,
    };
    let instance = InstanceOptions {
        cluster: options.cluster.name.clone(),
        instance,
        switch: name.as_str().into(),
        token,
        workers: options.sessions.processing_threads(),
        sessions: worker_options(options),
        lease_timeout: options.lease.timeout,
        lease_renewal: options.lease.renewal(),
        restarts: deployment::restarts(options, &deployments),
        deployments,
    };
    Ok((instance, ClientOptions { url: switch.url.clone(), ca: switch.ca.clone() }))
}

fn worker_options(options: &Options) -> WorkerOptions {
    let default = WorkerOptions::default();
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    WorkerOptions {
        step: StepLimits {
            requests_per_step: options.limits.requests_per_step,
            payload_bytes: bytes(options.limits.payload),
            ..default.step
        },
        state_bytes: bytes(options.limits.state),
        max_journal_steps: options.limits.max_journal_steps,
        snapshot_every: options.sessions.snapshot_every,
        passivate_after_ms: millis(options.sessions.passivate_after),
        linger_timeout_ms: millis(options.sessions.linger_timeout),
        ..default
    }
}

fn engine_limits(options: &Options) -> EngineLimits {
    let ms = |duration| u32::try_from(millis(duration)).unwrap_or(u32::MAX);
    EngineLimits {
        step_cpu_ms: ms(options.limits.step_cpu),
        step_wall_ms: ms(options.limits.step_wall),
        cell_memory_bytes: usize::try_from(options.limits.cell_memory).unwrap_or(usize::MAX),
        ..EngineLimits::default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// SIGTERM and ctrl-c. Listened to before the instance is primary, so that one that comes while it starts ends it well, too.
type Signals = (Signal, Signal);

fn signals() -> Option<Signals> {
    let signals = signal(SignalKind::terminate()).and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    signals.inspect_err(|error| tracing::warn!("signals cannot be heard ({error}); this instance can only be killed")).ok()
}

async fn stop_on_signal(instance: Instance, (mut terminate, mut interrupt): Signals) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no more events, then the last commits; a second signal ends at once");
    instance.stop();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // As good as a kill, and that loses nothing.
    tracing::warn!("ended at once: what was not committed is done again by the next instance");
    std::process::exit(3);
}
