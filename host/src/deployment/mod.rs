//! Deployments: from the names in `tandem.toml` to loaded components with their parameters.
//!
//! Every component that is deployed is kept in the store, for replay needs the very one that ran: sessions that were opened
//! under an earlier deployment get theirs from there, whatever has become of the file.

use std::{collections::BTreeSet, fs, io, ops::ControlFlow, path::PathBuf, time::Duration};

use tandem_journal::{Record, Survival, decode};
use tandem_node::{Deployment, Deployments, RestartOptions};
use tandem_store::{Reader, Store, StoreError};
use tandem_strategy::{Cache, Catalogue, CatalogueFull, Engine, LoadError, Strategy};
use tandem_words::{Manifest, NodeId, Property, VersionId};

use crate::options::{
    Options, RoutingPoint,
    values::{StoreUrl, StrategySource},
};

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
    pub fn load_live(&self, store: &mut dyn Reader) -> Result<(), DeploymentError> {
        let mut versions = BTreeSet::new();
        store.sessions(&mut |session| {
            // An opening that cannot be read is told of when its session is to be recovered.
            if let (true, Ok(Record::Opened(opening))) = (session.live, decode(&session.opening)) {
                versions.insert(opening.version);
            }
            ControlFlow::Continue(())
        })?;
        self.load_kept(&versions, store)
    }

    /// As [`Loader::load_live`], for the newest of the node's live sessions: what a backup looks at again and again, lest it lacks what its
    /// primary has begun to run. `tried`: what has been had from the store before, loaded or not.
    pub fn load_newest(&self, node: NodeId, store: &mut dyn Reader, tried: &mut BTreeSet<VersionId>) -> Result<(), DeploymentError> {
        for session in store.live_sessions(node)?.into_iter().rev().take(NEWEST) {
            let Some(rows) = store.session_rows(session)? else { continue };
            // One that cannot be read is told of when it is to be recovered.
            let Ok(Record::Opened(opening)) = decode(&rows.opening) else { continue };
            let version = opening.version;
            if self.catalogue.get(&version).is_none() && !tried.contains(&version) && store.component(version)?.is_some() {
                tried.insert(version);
                self.load_kept(&[version].into(), store)?;
                tracing::info!(%version, strategy = opening.strategy, "what the primary's sessions run on is loaded here, too");
            }
        }
        Ok(())
    }

    /// The versions that live sessions were opened under. One that cannot be had is told of and costs its own sessions only: they
    /// fail by name when their next event comes, and their calls take the default route.
    pub fn load_kept(&self, versions: &BTreeSet<VersionId>, store: &mut dyn Reader) -> Result<(), DeploymentError> {
        for version in versions.iter().filter(|version| self.catalogue.get(version).is_none()) {
            let Some(component) = store.component(*version)? else {
                tracing::error!(%version, "live sessions run on a version that the store does not have");
                continue;
            };
            match Strategy::load(self.engine, &component.bytes, self.cache) {
                Ok(strategy) => self.catalogue.add(strategy)?,
                Err(error) => {
                    tracing::error!(%version, strategy = component.name, "live sessions run on a version that cannot be loaded: {error}")
                }
            }
        }
        Ok(())
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
