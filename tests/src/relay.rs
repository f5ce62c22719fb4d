//! An address on loopback that leads to a server, and can be led to another: as a service's address does whose machine
//! is gone. Connections to the machine before are not ended then, they fall silent.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The address.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    target: watch::Sender<u16>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// An address that leads to this port of loopback.
    ///
    /// # Errors
    /// Where there is none to be had.
    pub async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (target, targets) = watch::channel(port);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, targets.clone()));
            }
        });
        Ok(Self { address, target, accepting })
    }

    /// Leads to another port from now on. What was connected before hears nothing more.
    pub fn lead_to(&self, port: u16) {
        self.target.send_replace(port);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn relay(mut client: TcpStream, mut targets: watch::Receiver<u16>) {
    let port = *targets.borrow_and_update();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        // Kept open, both of them, until the test ends.
        Ok(()) = targets.changed() => std::future::pending().await,
    }
}
