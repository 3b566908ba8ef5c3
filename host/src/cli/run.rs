//! `tandem run`.

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use miette::{Context, IntoDiagnostic, Report, bail, miette};
use tandem_journal::{Record, decode};
use tandem_node::Deployments;
use tandem_session::{StepLimits, WorkerOptions};
use tandem_store::{LockError, Memory, PrimaryLock, Sqlite, Store};
use tandem_strategy::{Cache, Catalogue, Cells, Compiler, Engine, EngineLimits};
use tandem_words::InstanceName;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::{LogArguments, Verdict};
use crate::{
    api::Admin,
    deployment::Loader,
    node::{self, Instance, InstanceOptions},
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
        let (mut store, store_path, _lock) = open_store(options.persistence.store(), self.instance)?;
        let engine = Engine::new(engine_limits(&options)).map_err(Report::msg)?;
        let cache = open_cache(store_path.as_deref())?;
        let catalogue = Arc::new(Catalogue::new());
        let loader = Loader { engine: &engine, cache: cache.as_ref(), catalogue: &catalogue };
        let deployments = loader.deploy(&options, store.as_mut()).map_err(Report::msg)?;
        loader.load_kept(&live_versions(store.as_ref(), self.instance)?, store.as_ref()).map_err(Report::msg)?;

        let (instance_options, link) = instance_options(self.instance, &options, deployments)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().into_diagnostic()?;
        let _inside = runtime.enter();
        let guests = move |_| Cells::new(engine.clone(), Arc::clone(&catalogue), Box::new(|| ()));
        let ready = node::prepare(&instance_options, store, store_path, guests).map_err(Report::msg)?;
        let (shutdown, ended) = watch::channel(false);
        if let Some(admin) = addresses.admin {
            let admin = runtime.block_on(Admin::bind(&admin.host, admin.port, ready.handle.clone())).map_err(Report::msg)?;
            tracing::info!(address = ?admin.address(), "admin port open");
            runtime.spawn(admin.run(ended));
        }
        runtime.spawn(stop_on_signal(ready.handle.clone()));
        let ran = ready.run(link);
        let _ = shutdown.send(true);
        runtime.shutdown_timeout(Duration::from_secs(1));
        ran.map_err(Report::msg)?;
        tracing::info!(instance = %self.instance, "ended: every commit is through, the lease is given back");
        Ok(Verdict::Good)
    }
}

type OpenStore = (Box<dyn Store>, Option<PathBuf>, Option<PrimaryLock>);

fn open_store(url: &StoreUrl, instance: InstanceName) -> miette::Result<OpenStore> {
    match url {
        StoreUrl::Sqlite(path) => {
            let store = Sqlite::open(path).map_err(Report::msg)?;
            let lock = take_lock(path, instance)?;
            Ok((Box::new(store), Some(path.clone()), Some(lock)))
        }
        StoreUrl::None => Ok((Box::new(Memory::default()), None, None)),
    }
}

/// How long a process that was killed may take to be gone: the kernel frees its memory before its locks.
const LAST_HOLDER_GOES: Duration = Duration::from_secs(2);

fn take_lock(store: &Path, instance: InstanceName) -> miette::Result<PrimaryLock> {
    let deadline = Instant::now() + LAST_HOLDER_GOES;
    loop {
        match PrimaryLock::try_take(store, instance.node) {
            Err(LockError::Held { .. }) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            taken => return taken.map_err(Report::msg),
        }
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

fn live_versions(store: &dyn Store, instance: InstanceName) -> miette::Result<BTreeSet<tandem_words::VersionId>> {
    let mut versions = BTreeSet::new();
    let mut reader = store.reader().map_err(Report::msg)?;
    reader
        .sessions(&mut |session| {
            if session.live
                && session.session.node == instance.node
                && let Ok(Record::Opened(opening)) = decode(&session.opening)
            {
                versions.insert(opening.version);
            }
            ControlFlow::Continue(())
        })
        .map_err(Report::msg)?;
    Ok(versions)
}

fn instance_options(instance: InstanceName, options: &Options, deployments: Deployments) -> miette::Result<(InstanceOptions, ClientOptions)> {
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
        deployments,
    };
    Ok((instance, ClientOptions { url: switch.url.clone(), ca: switch.ca.clone() }))
}

fn worker_options(options: &Options) -> WorkerOptions {
    let default = WorkerOptions::default();
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    WorkerOptions {
        step: StepLimits { requests_per_step: options.limits.requests_per_step, payload_bytes: bytes(options.limits.payload), ..default.step },
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

async fn stop_on_signal(instance: Instance) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::warn!("signals cannot be heard; this instance can only be killed");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no more events, then the last commits");
    instance.stop();
}
