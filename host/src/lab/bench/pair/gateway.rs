//! The bench's switch on the network: one thread listens, and one serves each connection.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use miette::IntoDiagnostic;
use tandem_switch_link::{GatewayFrame, GatewayMessage, decode_host_frame, encode_gateway_frame};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::Switch;

/// How often a connection looks whether something has happened at the switch.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Messages of one frame, as the gateway has it.
const MESSAGES: usize = tandem_gateway::core::MESSAGES_OF_A_FRAME;

/// See the module. Dropped, it listens no more.
pub struct Gateway {
    address: SocketAddr,
    switch: Arc<Mutex<Switch>>,
    over: Arc<AtomicBool>,
}

impl Gateway {
    /// Listens on a free port.
    pub fn start(switch: Switch) -> miette::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).into_diagnostic()?;
        let address = listener.local_addr().into_diagnostic()?;
        let (switch, over) = (Arc::new(Mutex::new(switch)), Arc::new(AtomicBool::new(false)));
        let (served, ended) = (Arc::clone(&switch), Arc::clone(&over));
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (switch, over) = (Arc::clone(&served), Arc::clone(&ended));
                // It ends with its connection; what went wrong is seen in what does not come.
                std::thread::spawn(move || stream.map(|stream| serve(number, stream, &switch, &over)));
            }
        });
        Ok(Gateway { address, switch, over })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The switch.
    pub fn switch(&self) -> MutexGuard<'_, Switch> {
        lock(&self.switch)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // It looks when somebody comes.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(switch: &Mutex<Switch>) -> MutexGuard<'_, Switch> {
    switch.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(number: usize, stream: TcpStream, switch: &Mutex<Switch>, over: &AtomicBool) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut socket = tungstenite::accept(stream).ok()?;
    socket.get_ref().set_read_timeout(Some(LOOK_EVERY)).ok()?;
    let mut seq = 0;
    while !over.load(Ordering::Relaxed) {
        let answers = match socket.read() {
            Ok(Message::Text(text)) => {
                let (now, heard) = (Instant::now(), decode_host_frame(&text).ok()?);
                lock(switch).hears(number, heard, now)
            }
            Ok(Message::Close(_)) => break,
            Ok(_) => Vec::new(),
            Err(tungstenite::Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Vec::new(),
            Err(_) => break,
        };
        send(&mut socket, &mut seq, answers)?;
        let news = lock(switch).news(number, Instant::now());
        send(&mut socket, &mut seq, news)?;
    }
    lock(switch).gone(number);
    Some(())
}

fn send(socket: &mut WebSocket<TcpStream>, seq: &mut u64, messages: Vec<GatewayMessage>) -> Option<()> {
    for some in messages.chunks(MESSAGES) {
        *seq += 1;
        let frame = encode_gateway_frame(&GatewayFrame { seq: *seq, messages: some.to_vec() }).ok()?;
        socket.send(Message::text(frame)).ok()?;
    }
    Some(())
}
