//! An instance for the benches: the product's own threads on a store of its own.

use std::{path::Path, sync::Arc, time::Duration};

use miette::Report;
use tandem_journal::Survival;
use tandem_node::{Deployment, Deployments};
use tandem_session::WorkerOptions;
use tandem_strategy::{Catalogue, Cells, Engine, Strategy};
use tandem_words::{InstanceName, SwitchName};

use crate::node::{self, Home, InstanceOptions, Ready};

/// The switch's name in the benches.
pub fn switch() -> SwitchName {
    "bench".into()
}

/// The instance of the benches.
pub const INSTANCE: InstanceName = InstanceName { node: 101, letter: 'a' };

/// An instance that runs the bench guest at 8000 on this store.
pub fn prepare(engine: &Engine, store: &Path) -> miette::Result<Ready> {
    let catalogue = Arc::new(Catalogue::new());
    let guest = tandem_strategies::BENCH_GUEST;
    let strategy = Strategy::load(engine, guest, None).map_err(Report::msg)?;
    let deployment =
        Deployment { strategy: "bench".to_owned(), version: strategy.version(), parameters: Vec::new(), survival: Survival::Recovered };
    let mut home = Home::sqlite(store, INSTANCE).map_err(Report::msg)?;
    home.store.keep_component(strategy.version(), "bench", guest).map_err(Report::msg)?;
    catalogue.add(strategy).map_err(Report::msg)?;
    let mut deployments = Deployments::default();
    deployments.routing_points.insert("8000".to_owned(), deployment);
    let options = InstanceOptions {
        cluster: "bench".to_owned(),
        instance: INSTANCE,
        switch: switch(),
        token: None,
        workers: std::thread::available_parallelism().map_or(1, usize::from),
        sessions: WorkerOptions::default(),
        lease_timeout: Duration::from_secs(10),
        lease_renewal: Duration::from_millis(250),
        deployments,
        restarts: Default::default(),
        pair: None,
    };
    let engine = engine.clone();
    let guests = move |_| Cells::new(engine.clone(), Arc::clone(&catalogue), Box::new(|| ()));
    node::prepare(&options, home, guests).map_err(Report::msg)
}
