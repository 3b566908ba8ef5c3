//! From a `kill -9` to the first recovered step, and to the last, with another process started at once in place of the first.

use std::{
    net::{TcpListener, TcpStream},
    ops::ControlFlow,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use miette::{IntoDiagnostic, Report, miette};
use tandem_strategy::{Engine, EngineLimits};
use tandem_switch_link::{GatewayFrame, HostMessage, decode_host_frame, encode_gateway_frame};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::{
    instance,
    steps::{KillOnDrop, read},
    switch::BenchSwitch,
};
use crate::switch_link::ClientOptions;

/// Steps that each session has made when the process is killed (design, section 14).
const STEPS: u32 = 8;

/// One measurement, milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// To the first step of a recovered session.
    pub first_ms: f64,
    /// To a step of each.
    pub all_ms: f64,
    /// The bare loop beside it: reading the sessions' rows, and nothing else.
    pub read_ms: f64,
}

/// So many live sessions, then a kill.
pub fn after_a_kill(folder: &Path, sessions: u32, payload: &str) -> miette::Result<Recovery> {
    let store = folder.join("recovery.db");
    let listener = TcpListener::bind(("127.0.0.1", 0)).into_diagnostic()?;
    let mut switch = BenchSwitch::new(instance::switch(), sessions, payload.to_owned());
    switch.rest_after = STEPS;
    let mut host = start(&store, &listener)?;
    talk(&listener, &mut switch, |switch| switch.rested >= sessions)?;

    let killed = Instant::now();
    host.0.kill().into_diagnostic()?;
    switch.meets_a_new_host();
    let _next = start(&store, &listener)?;
    let mut first = None;
    talk(&listener, &mut switch, |switch| {
        if switch.rested > 0 {
            first.get_or_insert_with(|| killed.elapsed());
        }
        switch.rested >= sessions
    })?;
    let (all, first) = (killed.elapsed(), first.unwrap_or_default());
    Ok(Recovery { first_ms: ms(first), all_ms: ms(all), read_ms: ms(read_all(&store, sessions)?) })
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn start(store: &Path, listener: &TcpListener) -> miette::Result<KillOnDrop> {
    let url = format!("ws://{}", listener.local_addr().into_diagnostic()?);
    let exe = std::env::current_exe().into_diagnostic()?;
    let mut command = Command::new(exe);
    command.arg("bench").arg("--as-host").arg(store).args(["--url", &url]).stdout(Stdio::null());
    let child: Child = command.spawn().into_diagnostic()?;
    Ok(KillOnDrop(child))
}

/// Serves the next host until `enough`.
fn talk(listener: &TcpListener, switch: &mut BenchSwitch, mut enough: impl FnMut(&BenchSwitch) -> bool) -> miette::Result<()> {
    let (stream, _) = listener.accept().into_diagnostic()?;
    stream.set_nodelay(true).into_diagnostic()?;
    let mut socket: WebSocket<TcpStream> =
        tungstenite::accept(stream).map_err(|error| miette!("the host did not speak WebSocket: {error}"))?;
    let mut seq = 0;
    while !enough(switch) {
        let text = read(&mut socket).ok_or_else(|| miette!("the bench's host ended"))?;
        let heard: Vec<HostMessage> = decode_host_frame(&text).map_err(Report::msg)?;
        for some in switch.answer(heard).chunks(5_000) {
            seq += 1;
            let frame = encode_gateway_frame(&GatewayFrame { seq, messages: some.to_vec() }).map_err(Report::msg)?;
            socket.send(Message::text(frame)).into_diagnostic()?;
        }
    }
    Ok(())
}

fn read_all(store: &Path, sessions: u32) -> miette::Result<Duration> {
    let begin = Instant::now();
    let mut reader = tandem_store::open_reader(store).map_err(Report::msg)?;
    let mut read = 0;
    let mut count = |_, _| {
        read += 1;
        ControlFlow::Continue(())
    };
    reader.for_each_live_session(instance::INSTANCE.node, &mut count).map_err(Report::msg)?;
    if read == sessions { Ok(begin.elapsed()) } else { Err(miette!("{read} of {sessions} sessions are in the bench's store")) }
}

/// `tandem bench --as-host`: the other process of [`after_a_kill`].
pub fn host(store: &Path, url: &str) -> miette::Result<()> {
    let engine = Engine::new(EngineLimits::default()).map_err(Report::msg)?;
    let url = url.parse().map_err(Report::msg)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().into_diagnostic()?;
    let _inside = runtime.enter();
    instance::prepare(&engine, store)?.run(ClientOptions { url, ca: None }).map_err(Report::msg)
}
