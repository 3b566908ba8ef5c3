//! `tandem run`.

mod notify;
mod reload;
mod settings;
mod signals;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::RecvTimeoutError;
use miette::{Context, IntoDiagnostic, Report, bail, miette};
use tandem_node::role::Fencing;
use tandem_store::InstanceLock;
use tandem_strategy::{Cache, Catalogue, Cells, Compiler, Engine};
use tandem_words::InstanceName;
use tandem_synch_link::Standing;
use tokio::{runtime, sync::watch};

use super::{LogArguments, Verdict};
use crate::{
    api::Admin,
    deployment::{DeploymentError, Lacking, Loader, ToKeep},
    node::{self, CandidateService, Home, InstanceError, InstanceOptions, NodeLock, Running, Ticks},
    options::{FencingBy, Loaded, Options, values::StoreUrl},
    session::worker_name,
    switch_link::{ClientOptions, SwitchLinkClient},
    synch::{BackupNews, BackupService},
};

/// Runs one instance: waits for the node's lease, recovers its sessions, serves its switch.
///
/// The other instance of the node takes over when this one dies or hangs; this one is then its backup. Ends on SIGTERM or
/// ctrl-c: commits what is under way, gives the lease back, and leaves the calls to the other instance. On SIGHUP it reads the
/// options file again, and logs what counts from when.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  tandem run --instance 101/a
  tandem run --instance 101/b --config /etc/tandem.toml --log-format json")]
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
        let logging = logs.start(Some(&options.log))?;
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
        let path = match options.persistence.store() {
            StoreUrl::Sqlite(path) => Some(path.as_path()),
            StoreUrl::None => None,
        };
        let mut home = path.is_none().then(|| Home::memory(self.instance));
        let mut reader = match (path, &home) {
            (Some(path), _) => Some(node::open_store(path).map_err(Report::msg)?),
            (None, home) => home.as_ref().map(|home| home.store.reader()).transpose().map_err(Report::msg)?,
        };
        // Locks follow the path: one store at two of them (a link) is one store. It is there now.
        let path = path.map(canonical).transpose()?;
        let path = path.as_deref();
        let name = path.map(|path| alone_and_able(path, self.instance, &options)).transpose()?;
        let engine = Engine::new(settings::engine_limits(&options)).map_err(Report::msg)?;
        let cache = open_cache(path)?;
        let catalogue = Arc::new(Catalogue::new());
        let loader = Loader { engine: &engine, cache: cache.as_ref(), catalogue: &catalogue };
        let (deployments, to_keep) = loader.deploy(&options, reader.as_deref_mut()).map_err(Report::msg)?;
        // A store in memory has no backup: nobody else reaches it.
        let store_id = path.and(reader.as_mut()).map(|reader| reader.store_id()).transpose().map_err(Report::msg)?;
        drop(reader);

        let (instance, link) = settings::instance_options(self.instance, &options, deployments, store_id)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().into_diagnostic()?;
        let _inside = runtime.enter();
        let admin = match &addresses.admin {
            Some(admin) => Some(runtime.block_on(Admin::bind(&admin.host, admin.port)).map_err(Report::msg)?),
            None => None,
        };
        let running = Running::default();
        let (shutdown, ended) = watch::channel(false);
        if let Some(signals) = signals::signals() {
            runtime.spawn(signals::stop_on_signal(running.clone(), signals));
        }
        if let Some(hangups) = signals::hangups() {
            let reload = reload::Reload { path: self.config.clone(), options: options.clone(), logging };
            runtime.spawn(reload.at(hangups));
        }
        let manager = notify::Manager::from_environment();
        let _following = manager.map(|manager| manager.follow(running.clone())).transpose().into_diagnostic()?;
        if let Some(admin) = admin {
            tracing::info!(address = ?admin.address(), "admin port open");
            runtime.spawn(admin.run(running.clone(), ended));
        }
        let store = path.map(Path::to_owned).unwrap_or_default();
        let lacking = Lacking::default();
        let mut roles = Roles { store, instance, link, loader, lacking, to_keep, engine: &engine, catalogue: &catalogue, running };
        let ran = match (path.zip(name), home.take()) {
            (Some((path, name)), _) => roles.play(path, name, &options),
            (None, Some(home)) => roles.primary(home).map(|_| ()),
            (None, None) => Ok(()),
        };
        let _ = shutdown.send(true);
        runtime.shutdown_timeout(Duration::from_secs(1));
        ran?;
        tracing::info!(instance = %self.instance, "ended: every commit is through, and no lease is held");
        Ok(Verdict::Good)
    }
}

/// How long the other instance may take to start or to end, before it counts as one that cannot be killed.
const SETTLES_WITHIN: Duration = Duration::from_secs(2);

/// The store's file behind all links.
fn canonical(store: &Path) -> miette::Result<PathBuf> {
    store.canonicalize().into_diagnostic().wrap_err_with(|| format!("the store {} cannot be found", store.display()))
}

/// Nobody else has the instance's name, and the other instance, where it runs, is one that this one could kill.
fn alone_and_able(store: &Path, instance: InstanceName, options: &Options) -> miette::Result<InstanceLock> {
    let name = InstanceLock::try_take(store, &node::this_process(instance)).map_err(Report::msg)?;
    let kills = options.lease.fencing == FencingBy::Kill;
    let Some(other) = settings::other(instance, options).filter(|_| kills) else { return Ok(name) };
    let until = Instant::now() + SETTLES_WITHIN;
    loop {
        match InstanceLock::owner(store, other).as_ref().map_or(Ok(()), node::may_kill) {
            Ok(()) => return Ok(name),
            // One that is just starting or ending cannot be seen for a moment.
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            Err(error) => return Err(Report::msg(error)),
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

/// How often a backup looks whether it lacks a component. Reason: compiling one takes seconds, and nobody is harmed meanwhile.
const LOOKS_AGAIN_EACH: Duration = Duration::from_secs(5);

/// How long a new primary tries to load what its sessions run on, and how soon again, before it goes on without: a compiler that was
/// killed, or found no room. All calls wait meanwhile, so it ends before the control deadline's default of 4 s does.
const LOADS_WITHIN: Duration = Duration::from_secs(3);
/// See [`LOADS_WITHIN`].
const LOADS_AGAIN_EACH: Duration = Duration::from_millis(500);

/// What stays over all roles: engine, catalogue, cache, what is compiled.
struct Roles<'a> {
    store: PathBuf,
    instance: InstanceOptions,
    link: ClientOptions,
    loader: Loader<'a>,
    lacking: Lacking,
    to_keep: ToKeep,
    engine: &'a Engine,
    catalogue: &'a Arc<Catalogue>,
    running: Running,
}

impl Roles<'_> {
    /// Candidate, primary, candidate, until it is told to end, or cannot go on.
    fn play(&mut self, store: &Path, name: InstanceLock, options: &Options) -> miette::Result<()> {
        let candidate = settings::candidate(&self.instance, options);
        if candidate.fencing == Fencing::EpochOnly {
            tracing::warn!("lease.fencing = \"epoch\": nobody is killed; this is for tests");
        }
        let lock = NodeLock::named(store, node::this_process(self.instance.instance), name);
        self.load_live(store)?;
        let mut first = true;
        while !self.running.is_stopping() {
            let service = CandidateService::new(candidate, self.instance.clone(), store, lock.clone(), first);
            first = false;
            let Some(home) = self.candidate(service)? else { return Ok(()) };
            if !self.primary(home)? {
                return Ok(());
            }
            tracing::info!(instance = %self.instance.instance, "backup: the role is given up");
        }
        Ok(())
    }

    fn candidate(&mut self, service: CandidateService) -> miette::Result<Option<Home>> {
        let (mut service, (shutdown, ended)) = (service, watch::channel(false));
        let synch = self.instance.pair.as_ref().and_then(|pair| pair.synch.clone());
        let mirroring = synch.map(|synch| {
            let (backup, primary) = BackupService::new(synch.link, Standing::default(), tell);
            let catalogue = Arc::clone(self.catalogue);
            service.tells(primary, Box::new(move || catalogue.iter().map(|strategy| strategy.version()).collect()));
            tokio::spawn(backup.run(ended.clone()))
        });
        if self.instance.pair.is_some() {
            service.follows(|worker, ticks| self.guests(worker, ticks));
        }
        // A lone instance is about to lead, and nobody asks whether its backup sees the switch.
        let listener = self.instance.pair.as_ref().map(|_| SwitchLinkClient::new(self.link.clone(), service.inbox()));
        let listening = listener.map(|listener| tokio::spawn(listener.run(ended)));
        let lacking = self.lacking.clone();
        service.lacks(Box::new(move || lacking.len()));
        self.running.plays(service.handle());
        let looking = self.instance.pair.as_ref().and_then(|_| self.looks_again());
        let ran = service.run(&mut |store| self.to_keep.keep(store));
        drop(looking);
        let _ = shutdown.send(true);
        listening.iter().for_each(tokio::task::JoinHandle::abort);
        let mut home = ran.map_err(Report::msg)?;
        if let (Some(home), Some(mirroring)) = (&mut home, mirroring) {
            let mirror = runtime::Handle::current().block_on(mirroring);
            home.mirror = mirror.inspect_err(|error| tracing::error!("the copy of the primary's sessions is lost: {error}")).ok();
        }
        Ok(home)
    }

    /// What a worker runs sessions on. Busy is not stuck: a step ticks for its worker every 10 ms.
    fn guests(&self, worker: usize, ticks: &Ticks) -> Cells {
        let (ticks, name) = (ticks.clone(), worker_name(worker));
        let tick = Box::new(move || ticks.beat(&name).iter().for_each(node::Beat::tick));
        Cells::new(self.engine.clone(), Arc::clone(self.catalogue), tick)
    }

    /// Returns whether it is to go on as a candidate.
    fn primary(&mut self, home: Home) -> miette::Result<bool> {
        let mut home = home;
        self.to_keep.keep(home.store.as_mut()).map_err(Report::msg)?;
        let ticks = home.ticks.clone();
        let mut ready = node::prepare(&self.instance, home, |worker| self.guests(worker, &ticks)).map_err(Report::msg)?;
        let (versions, reader) = ready.found();
        let until = Instant::now() + LOADS_WITHIN;
        while self.loader.load_kept(versions, reader, &self.lacking).map_err(Report::msg)? && Instant::now() < until {
            std::thread::sleep(LOADS_AGAIN_EACH);
        }
        // Sessions whose next event comes late enough live on.
        let _looking = (!self.lacking.is_empty()).then(|| self.looks_again());
        self.running.plays(ready.handle.clone());
        match ready.run(self.link.clone()) {
            Ok(()) => Ok(!self.running.is_stopping()),
            Err(InstanceError::Fatal(fatal)) if fatal.role_is_lost() && !self.running.is_stopping() => {
                tracing::error!("{fatal}");
                Ok(true)
            }
            Err(error) => bail!(error),
        }
    }

    /// A backup loads what its primary begins to run while it watches, and whoever lacks something tries again. It ends when the result is
    /// dropped; nobody waits for a compiler then, and a primary loads what it lacks.
    fn looks_again(&self) -> Option<crossbeam_channel::Sender<()>> {
        let (over, ended) = crossbeam_channel::bounded::<()>(0);
        let (engine, catalogue) = (self.engine.clone(), Arc::clone(self.catalogue));
        let (cache, store, node) = (self.loader.cache.cloned(), self.store.clone(), self.instance.instance.node);
        let lacking = self.lacking.clone();
        let looking = move || {
            while ended.recv_timeout(LOOKS_AGAIN_EACH) == Err(RecvTimeoutError::Timeout) {
                let loader = Loader { engine: &engine, cache: cache.as_ref(), catalogue: &catalogue };
                let opened = node::open_store(&store).map_err(DeploymentError::from);
                if let Err(error) = opened.and_then(|mut reader| loader.look_again(node, reader.as_mut(), &lacking, Instant::now())) {
                    tracing::warn!("what the primary's sessions run on could not be looked at: {error}; trying again");
                }
            }
        };
        // Without the thread it is as ready as it was at its start.
        std::thread::Builder::new().name("look-again".to_owned()).spawn(looking).ok().map(|_| over)
    }

    /// What the node's live sessions run on is loaded before it is needed.
    fn load_live(&self, store: &Path) -> miette::Result<()> {
        let mut reader = node::open_store(store).map_err(Report::msg)?;
        self.loader.load_live(reader.as_mut(), &self.lacking).map_err(Report::msg)
    }
}

fn tell(news: BackupNews) {
    match news {
        BackupNews::Full => tracing::info!("this backup has all that its primary keeps"),
        BackupNews::HandOver => tracing::info!("the primary hands over"),
        // The service has said so.
        BackupNews::Connected(_) => {}
        BackupNews::Gone => tracing::info!("the primary is gone from the synch link"),
    }
}
