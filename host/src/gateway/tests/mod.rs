//! The service over real sockets, with a host by hand. (`ca.pem`, `server.pem` and `server.key` are for these tests only.)

mod bad_input;
mod host;
mod runs;
mod safety;

use std::collections::BTreeMap;

use tandem_gateway::{
    core,
    simulated::{
        self, SimulatedSwitch,
        callers::{CallerPlan, Digits},
    },
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Error, Handle, Options, Service, Summary};

/// Somebody who calls 8000 at that time and bears anything.
fn caller(number: u32, arrive_at_ms: u64) -> CallerPlan {
    CallerPlan {
        number,
        arrive_at_ms,
        calling: format!("555{number}"),
        dials: "8000".into(),
        patience_ms: 600_000,
        hangs_up_at_ms: None,
        digits: Digits::silence(),
        service_ms: 10_000,
        priority: 0,
        credit_ms: 0,
        service_type: String::new(),
        seed: u64::from(number),
    }
}

/// A switch with routing point 8000, whose default route is 9000, and these callers.
fn options(callers: Vec<CallerPlan>) -> Options {
    let points = BTreeMap::from([("8000".into(), simulated::RoutingPoint { default_route: Some("9000".into()) })]);
    let switch = SimulatedSwitch::new(simulated::Options { routing_points: points, ..Default::default() }, callers, 0).unwrap();
    let core = core::Options {
        routing_points: BTreeMap::from([("8000".into(), core::RoutingPoint::new("9000"))]),
        ..core::Options::new("main", "9000")
    };
    Options::new(core, switch)
}

/// A running service; it ends with this.
struct Running {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<Summary, Error>>,
}

impl Running {
    async fn start(options: Options) -> Self {
        let service = Service::bind(options).await.unwrap();
        let handle = service.handle();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(service.run(async { drop(stopped.await) }));
        Running { handle, stop: Some(stop), task }
    }

    fn url(&self) -> String {
        format!("ws://{}/", self.handle.listens_on())
    }

    async fn end(self) -> Summary {
        self.task.await.unwrap().unwrap()
    }

    async fn stop(mut self) -> Summary {
        drop(self.stop.take());
        self.end().await
    }
}
