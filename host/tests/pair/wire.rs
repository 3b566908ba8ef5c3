//! A cable that can be cut: carries TCP connections to somewhere.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

#[derive(Clone, Default)]
pub struct Wire {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    is_cut: bool,
    carried: Vec<TcpStream>,
}

impl Wire {
    /// Carries what connects to `near` on to `far`, for as long as the process lives.
    pub fn new(near: TcpListener, far: String) -> Self {
        let wire = Wire::default();
        let this = wire.clone();
        thread::spawn(move || near.incoming().flatten().for_each(|stream| this.carry(stream, &far)));
        wire
    }

    fn carry(&self, near: TcpStream, far: &str) {
        let mut state = self.state.lock().unwrap();
        let Ok(far) = TcpStream::connect(far) else { return };
        if state.is_cut {
            return;
        }
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || {
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        state.carried.extend([near, far]);
    }

    /// Every connection breaks, and none comes about.
    pub fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for stream in state.carried.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Connections come about again.
    pub fn mend(&self) {
        self.state.lock().unwrap().is_cut = false;
    }
}
