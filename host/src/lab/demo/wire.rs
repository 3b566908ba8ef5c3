//! The cable between the instances: what one sends to the other's synch port goes through here, so it can be cut.

use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// One direction of it: carries connections until it is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    whole: watch::Sender<bool>,
    carrying: JoinHandle<()>,
}

impl Wire {
    /// Carries what connects to `listener` on to there.
    pub(super) fn new(listener: TcpListener, to: SocketAddr) -> Self {
        let (whole, is_whole) = watch::channel(true);
        Wire { whole, carrying: tokio::spawn(carry(listener, to, is_whole)) }
    }

    /// Every connection breaks, and none comes about.
    pub(super) fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Connections come about again.
    pub(super) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Ends when its wire is dropped, and all that it carries with it.
async fn carry(listener: TcpListener, to: SocketAddr, whole: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // One that cannot be had is tried again by whoever wanted it.
                if let (Ok((from, _)), true) = (accepted, *whole.borrow()) {
                    connections.spawn(connection(from, to, whole.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut from: TcpStream, to: SocketAddr, mut whole: watch::Receiver<bool>) -> io::Result<()> {
    let mut to = TcpStream::connect(to).await?;
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    tokio::select! {
        carried = copy_bidirectional(&mut from, &mut to) => carried.map(|_| ()),
        _ = whole.wait_for(|whole| !whole) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_wire_that_is_cut_breaks_its_connections_and_a_mended_one_carries_new_ones() {
        let ((near, address), (far, to)) = (listener().await, listener().await);
        let wire = Wire::new(near, to);
        let mut here = TcpStream::connect(address).await.unwrap();
        let (mut there, _) = far.accept().await.unwrap();
        let mut heard = [0; 5];
        here.write_all(b"hello").await.unwrap();
        there.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
        wire.cut();
        assert_eq!((here.read(&mut heard).await.unwrap_or(0), there.read(&mut heard).await.unwrap_or(0)), (0, 0), "broken");
        let mut refused = TcpStream::connect(address).await.unwrap();
        assert_eq!(refused.read(&mut heard).await.unwrap_or(0), 0);
        wire.mend();
        let mut again = TcpStream::connect(address).await.unwrap();
        again.write_all(b"again").await.unwrap();
        let (mut there, _) = far.accept().await.unwrap();
        there.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"again");
    }
}
