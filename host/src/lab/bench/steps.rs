//! Durable steps, with the switch in the same process and in one of its own.

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use miette::{IntoDiagnostic, Report, miette};
use rustix::time::{ClockId, clock_gettime};
use tandem_strategy::Engine;
use tandem_switch_link::{GatewayFrame, decode_host_frame, encode_gateway_frame};
use tokio_tungstenite::tungstenite::{self, Message};

use super::{instance, switch::BenchSwitch};
use crate::{
    node::Instance,
    switch_link::{ClientOptions, Outgoing},
};

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    /// Durable steps a second.
    pub per_s: f64,
    /// CPU time of a step, all processes together, microseconds.
    pub cpu_us: f64,
    /// Bytes of the store's files for each step, at the end of the run.
    pub bytes: f64,
}

/// CPU time of this process so far.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// With the switch in this process: `sessions` at once for `time`, after a second of warming up.
pub fn in_process(engine: &Engine, folder: &Path, sessions: u32, payload: &str, time: Duration) -> miette::Result<Steps> {
    let store = folder.join("in-process.db");
    let ready = instance::prepare(engine, &store)?;
    let inbox = ready.inbox();
    let handle = ready.handle.clone();
    let (outgoing, mut unsent) = Outgoing::channel();
    let done = Arc::new(AtomicBool::new(false));
    let steps = Arc::new(AtomicU64::new(0));
    let mut switch = BenchSwitch::new(instance::switch(), sessions, payload.to_owned());
    let switching = {
        let (done, steps) = (Arc::clone(&done), Arc::clone(&steps));
        std::thread::spawn(move || {
            let mut seq = 0;
            inbox.connected(outgoing);
            while let Some(messages) = unsent.blocking_next() {
                switch.paused = done.load(Ordering::Relaxed);
                let messages = switch.answer(messages);
                steps.store(switch.steps, Ordering::Relaxed);
                if !messages.is_empty() {
                    seq += 1;
                    inbox.frame(GatewayFrame { seq, messages });
                }
            }
        })
    };
    let running = std::thread::spawn(move || ready.run_linked());
    let measured = measure(time, || steps.load(Ordering::Relaxed), cpu_time);
    done.store(true, Ordering::Relaxed);
    stop(&handle, running)?;
    switching.join().map_err(|_| miette!("the bench's switch panicked"))?;
    Ok(Steps { bytes: bytes(&store) / (steps.load(Ordering::Relaxed) as f64).max(1.0), ..measured })
}

/// With the switch in a process of its own, over the switch link on loopback.
pub fn over_the_link(engine: &Engine, folder: &Path, sessions: u32, payload: &str, time: Duration) -> miette::Result<Steps> {
    let store = folder.join("link.db");
    let ready = instance::prepare(engine, &store)?;
    let handle = ready.handle.clone();
    let exe = std::env::current_exe().into_diagnostic()?;
    let child = Command::new(exe)
        .args(["bench", "--as-switch", &sessions.to_string(), "--payload", payload])
        .stdout(Stdio::piped())
        .spawn()
        .into_diagnostic()?;
    let mut child = KillOnDrop(child);
    let stdout = child.0.stdout.take().ok_or_else(|| miette!("the bench's switch has no output"))?;
    let mut lines = BufReader::new(stdout).lines();
    let mut next = move || lines.next().and_then(Result::ok).ok_or_else(|| miette!("the bench's switch ended"));
    let url = next()?.parse().map_err(Report::msg)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().into_diagnostic()?;
    let running = {
        let inside = runtime.handle().clone();
        std::thread::spawn(move || {
            let _inside = inside.enter();
            ready.run(ClientOptions { url, ca: None })
        })
    };
    // The switch tells its steps and its CPU time ten times a second.
    let told = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let listening = Arc::clone(&told);
    std::thread::spawn(move || {
        while let Ok(line) = next() {
            let mut numbers = line.split(' ').filter_map(|number| number.parse::<u64>().ok());
            if let (Some(steps), Some(cpu_us)) = (numbers.next(), numbers.next()) {
                listening.0.store(steps, Ordering::Relaxed);
                listening.1.store(cpu_us, Ordering::Relaxed);
            }
        }
    });
    let cpu = || cpu_time() + Duration::from_micros(told.1.load(Ordering::Relaxed));
    let measured = measure(time, || told.0.load(Ordering::Relaxed), cpu);
    stop(&handle, running)?;
    Ok(Steps { bytes: bytes(&store) / (told.0.load(Ordering::Relaxed) as f64).max(1.0), ..measured })
}

/// A process that does not outlive its measurement.
pub struct KillOnDrop(pub Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long the sessions run before anything is counted: starts, first commits, caches.
const WARM_UP: Duration = Duration::from_secs(1);

fn measure(time: Duration, steps: impl Fn() -> u64, cpu: impl Fn() -> Duration) -> Steps {
    std::thread::sleep(WARM_UP);
    let (begin, first, cpu_before) = (Instant::now(), steps(), cpu());
    std::thread::sleep(time);
    let (made, took, used) = (steps() - first, begin.elapsed(), cpu().saturating_sub(cpu_before));
    let made = made as f64;
    Steps { per_s: made / took.as_secs_f64(), cpu_us: used.as_secs_f64() * 1e6 / made.max(1.0), bytes: 0.0 }
}

/// Ends an instance, and waits for it.
pub fn stop(handle: &Instance, running: std::thread::JoinHandle<Result<(), crate::node::InstanceError>>) -> miette::Result<()> {
    handle.stop();
    running.join().map_err(|_| miette!("the bench's instance panicked"))?.map_err(Report::msg)
}

/// Of the store's file and what stands in its write-ahead log.
fn bytes(store: &Path) -> f64 {
    let mut log = store.as_os_str().to_owned();
    log.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let main = size(store);
    // After a clean end the log has been folded into the file; before, both count.
    (main + size(Path::new(&log))) as f64
}

/// `tandem bench --as-switch`: the other process of [`over_the_link`]. Tells its address, then steps and CPU time.
pub fn serve(sessions: u32, payload: &str) -> miette::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).into_diagnostic()?;
    println!("ws://{}", listener.local_addr().into_diagnostic()?);
    let (stream, _) = listener.accept().into_diagnostic()?;
    stream.set_nodelay(true).into_diagnostic()?;
    let mut socket = tungstenite::accept(stream).map_err(|error| miette!("the host did not speak WebSocket: {error}"))?;
    let mut switch = BenchSwitch::new(instance::switch(), sessions, payload.to_owned());
    let (mut seq, mut next_line) = (0, Instant::now());
    while let Some(text) = read(&mut socket) {
        let messages = switch.answer(decode_host_frame(&text).map_err(Report::msg)?);
        if !messages.is_empty() {
            seq += 1;
            let frame = encode_gateway_frame(&GatewayFrame { seq, messages }).map_err(Report::msg)?;
            socket.send(Message::text(frame)).into_diagnostic()?;
        }
        if Instant::now() >= next_line {
            next_line = Instant::now() + Duration::from_millis(100);
            println!("{} {}", switch.steps, cpu_time().as_micros());
        }
    }
    Ok(())
}

/// The next text; none: the peer is gone.
pub fn read(socket: &mut tungstenite::WebSocket<TcpStream>) -> Option<String> {
    loop {
        match socket.read().ok()? {
            Message::Text(text) => return Some(text.to_string()),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}
