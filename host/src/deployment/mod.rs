//! Deployments: from the names in `tandem.toml` to loaded components with their parameters.
//!
//! Every component that is deployed is kept in the store, for replay needs the very one that ran: sessions that were opened
//! under an earlier deployment get theirs from there, whatever has become of the file.

mod lacking;

use std::{
    collections::BTreeSet,
    fs, io,
    ops::ControlFlow,
    path::PathBuf,
    time::{Duration, Instant},
};

use tandem_journal::{Record, Survival, decode};
use tandem_node::{Deployment, Deployments, RestartOptions};
use tandem_store::{Reader, Store, StoreError};
use tandem_strategy::{Cache, Catalogue, CatalogueFull, Engine, LoadError, Strategy};
use tandem_words::{Manifest, NodeId, Property, VersionId};

use crate::options::{
    Options, RoutingPoint,
    values::{StoreUrl, StrategySource},
};

pub use lacking::Lacking;

/// Why a strategy cannot be deployed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum DeploymentError {
    #[error("routing point {number}: there is no built-in strategy {name:?}; there are {known}")]
    NoBuiltIn { number: String, name: String, known: String },
    #[error("routing point {number}: the component {path} cannot be read: {cause}; build it with `tandem build`, or correct `strategy`")]
    Unreadable { number: String, path: PathBuf, cause: io::Error },
    #[error("routing point {number}: {strategy} cannot be run: {source}")]
    Load { number: String, strategy: String, source: LoadError },
    #[error("routing point {number}: strategy {strategy} has no parameter {parameter:?}; it has {known}")]
    NoParameter { number: String, strategy: String, parameter: String, known: String },
    #[error("routing point {number}: strategy {strategy} needs the parameter {parameter:?} ({description}); set it under `parameters`")]
    Missing { number: String, strategy: String, parameter: String, description: String },
    #[error(
        "routing points run different versions of strategy {strategy}; sessions started by other sessions could get either: \
         deploy one version, or give the other another name in its manifest"
    )]
    TwoVersions { strategy: String },
    #[error(transparent)]
    Full(#[from] CatalogueFull),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sessions that a backup looks at, at once. Reason: their rows are read; whatever runs now is among them.
const NEWEST: usize = 256;

/// Loads what the options deploy and what live sessions still run on.
pub struct Loader<'a> {
    /// Compiles and runs.
    pub engine: &'a Engine,
    /// Compiled components on disk.
    pub cache: Option<&'a Cache>,
    /// Where what is loaded goes.
    pub catalogue: &'a Catalogue,
}

impl Loader<'_> {
    /// Every routing point's strategy, and the components that the store does not have yet: only a primary writes there.
    pub fn deploy(
        &self,
        options: &Options,
        mut store: Option<&mut (dyn Reader + 'static)>,
    ) -> Result<(Deployments, ToKeep), DeploymentError> {
        let (mut deployments, mut to_keep) = (Deployments::default(), ToKeep::default());
        for point in &options.routing_points {
            let bytes = read(point)?;
            let load = |source| DeploymentError::Load { number: point.number.clone(), strategy: point.strategy.to_string(), source };
            let strategy = Strategy::load(self.engine, &bytes, self.cache).map_err(load)?;
            let (version, manifest) = (strategy.version(), strategy.manifest().clone());
            let kept = store.as_deref_mut().map(|store| store.component(version)).transpose()?.flatten();
            if kept.is_none() {
                to_keep.0.push((version, manifest.name.clone(), bytes));
            }
            self.catalogue.add(strategy)?;
            let survival = survival(options, point, &manifest);
            let deployment = Deployment { parameters: parameters(point, &manifest)?, strategy: manifest.name.clone(), version, survival };
            let named = deployments.strategies.entry(manifest.name.clone()).or_insert_with(|| deployment.clone());
            if named.version != version {
                return Err(DeploymentError::TwoVersions { strategy: manifest.name });
            }
            deployments.routing_points.insert(point.number.clone(), deployment);
        }
        Ok((deployments, to_keep))
    }

    /// As [`Loader::load_kept`], for all live sessions of the store.
    pub fn load_live(&self, store: &mut dyn Reader, lacking: &Lacking) -> Result<(), DeploymentError> {
        let mut versions = BTreeSet::new();
        store.sessions(&mut |session| {
            // An opening that cannot be read is told of when its session is to be recovered.
            if let (true, Ok(Record::Opened(opening))) = (session.live, decode(&session.opening)) {
                versions.insert(opening.version);
            }
            ControlFlow::Continue(())
        })?;
        lacking.only(&versions);
        self.load_kept(&versions, store, lacking).map(|_| ())
    }

    /// What a backup does again and again, lest it lacks what its primary has begun to run: as [`Loader::load_kept`] for the newest of
    /// the node's live sessions; and for all of them where something could not be had a while ago.
    pub fn look_again(&self, node: NodeId, store: &mut dyn Reader, lacking: &Lacking, now: Instant) -> Result<(), DeploymentError> {
        if lacking.is_due(now) {
            return self.load_live(store, lacking);
        }
        let mut versions = BTreeSet::new();
        for session in store.live_sessions(node)?.into_iter().rev().take(NEWEST) {
            let Some(rows) = store.session_rows(session)? else { continue };
            // One that cannot be read is told of when it is to be recovered.
            if let Ok(Record::Opened(opening)) = decode(&rows.opening) {
                versions.insert(opening.version);
            }
        }
        versions.retain(|version| !lacking.has(version));
        self.load_kept(&versions, store, lacking).map(|_| ())
    }

    /// The versions that live sessions were opened under. One that cannot be had is told of, stands in `lacking` until it is had, and
    /// costs its own sessions only: they fail by name when their next event comes, and their calls take the default route. Returns
    /// whether one may be had soon: what failed was the machine, not the component.
    pub fn load_kept(&self, versions: &BTreeSet<VersionId>, store: &mut dyn Reader, lacking: &Lacking) -> Result<bool, DeploymentError> {
        let mut soon = false;
        for version in versions.iter().filter(|version| self.catalogue.get(version).is_none()) {
            // Also while it is being compiled.
            lacking.add(*version);
            let Some(component) = store.component(*version)? else {
                tracing::error!(%version, "live sessions run on a version that the store does not have");
                continue;
            };
            match Strategy::load(self.engine, &component.bytes, self.cache) {
                Ok(strategy) => {
                    self.catalogue.add(strategy)?;
                    lacking.remove(version);
                    tracing::info!(%version, strategy = component.name, "what live sessions run on is loaded");
                }
                Err(error) => {
                    soon |= error.may_pass();
                    tracing::error!(%version, strategy = component.name, "live sessions run on a version that cannot be loaded: {error}");
                }
            }
        }
        Ok(soon)
    }
}

/// What a switchover does to the strategy's sessions: the manifest overrides the routing point, which overrides `[orchestration]`.
fn survival(options: &Options, point: &RoutingPoint, manifest: &Manifest) -> Survival {
    if manifest.persist && *options.persistence.store() != StoreUrl::None {
        return Survival::Recovered;
    }
    let point = point.restart_session_on_switchover.unwrap_or(options.orchestration.restart_session_on_switchover);
    if manifest.restart_on_switchover.unwrap_or(point) { Survival::Restarted } else { Survival::Left }
}

/// How many sessions start again at once.
pub fn restarts(options: &Options, deployments: &Deployments) -> RestartOptions {
    let ms = |timeout: Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    let orchestration = &options.orchestration;
    let own = options.routing_points.iter().filter_map(|point| {
        let strategy = deployments.routing_points.get(&point.number)?.strategy.clone();
        Some((strategy, ms(point.session_restart_timeout?)))
    });
    RestartOptions {
        quota: usize::try_from(orchestration.session_restart_quota).unwrap_or(usize::MAX),
        timeout_ms: ms(orchestration.session_restart_timeout),
        timeouts_ms: own.collect(),
    }
}

/// Components that the store does not have yet.
#[derive(Debug, Default)]
pub struct ToKeep(Vec<(VersionId, String, Vec<u8>)>);

impl ToKeep {
    /// Gives them to the store, once.
    pub fn keep(&mut self, store: &mut dyn Store) -> Result<(), StoreError> {
        while let Some((version, name, bytes)) = self.0.last() {
            store.keep_component(*version, name, bytes)?;
            self.0.pop();
        }
        Ok(())
    }
}

fn read(point: &RoutingPoint) -> Result<Vec<u8>, DeploymentError> {
    let number = point.number.clone();
    match &point.strategy {
        StrategySource::BuiltIn(name) => match tandem_strategies::strategy(name) {
            Some(strategy) => Ok(strategy.wasm.to_vec()),
            None => {
                let known: Vec<&str> = tandem_strategies::ALL.iter().map(|strategy| strategy.name).collect();
                Err(DeploymentError::NoBuiltIn { number, name: name.clone(), known: known.join(", ") })
            }
        },
        StrategySource::File(path) => fs::read(path).map_err(|cause| DeploymentError::Unreadable { number, path: path.clone(), cause }),
    }
}

fn parameters(point: &RoutingPoint, manifest: &tandem_words::Manifest) -> Result<Vec<Property>, DeploymentError> {
    let known = || manifest.parameters.iter().map(|parameter| parameter.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = point.parameters.keys().find(|name| manifest.parameters.iter().all(|parameter| parameter.name != **name)) {
        return Err(DeploymentError::NoParameter {
            number: point.number.clone(),
            strategy: manifest.name.clone(),
            parameter: unknown.clone(),
            known: known(),
        });
    }
    let value = |parameter: &tandem_words::Parameter| {
        let given = point.parameters.get(&parameter.name).map(ToString::to_string);
        let value = given.or_else(|| parameter.default.clone()).ok_or_else(|| DeploymentError::Missing {
            number: point.number.clone(),
            strategy: manifest.name.clone(),
            parameter: parameter.name.clone(),
            description: parameter.description.clone(),
        })?;
        Ok(Property::new(parameter.name.clone(), value))
    };
    manifest.parameters.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};
    use tandem_journal::{Batch, Lease, Opening, encode};
    use tandem_store::{Holder, Memory};
    use tandem_strategy::{Compiler, EngineLimits};
    use tandem_words::{InstanceName, Origin, SessionId};

    use super::*;

    /// A session lives on the component.
    fn store(wasm: &[u8]) -> (Memory, VersionId) {
        let version = VersionId(Sha256::digest(wasm).into());
        let mut store = Memory::default();
        let instance = InstanceName { node: 101, letter: 'a' };
        let lease = store.take_lease(101, &Holder { instance, pid: 1, process_start: 1, boot_id: String::new() }).unwrap();
        store.keep_component(version, "welcome", wasm).unwrap();
        let opened = Record::Opened(Opening {
            session: SessionId { node: 101, epoch: 1, number: 1 },
            incarnation: 1,
            epoch: 1,
            claim: None,
            origin: Origin::Api,
            strategy: "welcome".to_owned(),
            version,
            parameters: Vec::new(),
            switch: "main".into(),
            started_at: 1,
            survival: Survival::Recovered,
        });
        let lease = Lease { counter: 1, ..lease };
        let rows = vec![encode(&opened).unwrap()];
        store.commit(&Batch { lease, watermarks: Vec::new(), rows, solo: false }).unwrap();
        (store, version)
    }

    fn cache(folder: &tempfile::TempDir, compiler: Compiler) -> Cache {
        Cache::open(&folder.path().join("compiled"), compiler).unwrap()
    }

    #[test]
    fn what_could_not_be_compiled_is_tried_again_and_lacked_until_then() {
        let (store, version) = store(tandem_strategies::strategy("welcome").unwrap().wasm);
        let (mut reader, folder) = (store.reader().unwrap(), tempfile::tempdir().unwrap());
        let dies = Compiler::Subprocess { exe: "/bin/sh".into(), args: ["-c", "kill -9 $$"].map(str::to_owned).into() };
        let (dies, works) = (cache(&folder, dies), cache(&folder, Compiler::InProcess));
        let (engine, catalogue, lacking) = (Engine::new(EngineLimits::default()).unwrap(), Catalogue::new(), Lacking::default());
        let loader = |cache| Loader { engine: &engine, cache: Some(cache), catalogue: &catalogue };
        let now = Instant::now();
        loader(&dies).look_again(101, reader.as_mut(), &lacking, now).unwrap();
        assert!(lacking.has(&version) && lacking.len() == 1 && catalogue.get(&version).is_none());
        assert!(loader(&dies).load_kept(&[version].into(), reader.as_mut(), &lacking).unwrap(), "it may pass");
        loader(&works).look_again(101, reader.as_mut(), &lacking, now).unwrap();
        assert!(catalogue.get(&version).is_none(), "a compiler that dies is not started again at once");
        loader(&works).look_again(101, reader.as_mut(), &lacking, now + Duration::from_secs(60)).unwrap();
        assert!(catalogue.get(&version).is_some() && lacking.is_empty());
        lacking.add(version);
        lacking.only(&BTreeSet::new());
        assert!(lacking.is_empty(), "its sessions are over");
    }
}
