//! The floor of `make bench`: copies bytes between a client and one upstream, parsing nothing.
//!
//! `relay LISTEN UPSTREAM` (both `ADDRESS:PORT`). One thread; each client connection has an
//! upstream connection of its own, opened when the client arrives and closed with it.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{spawn_local, LocalSet};

/// Bytes of each direction's copy buffer: a small answer is one read, a body takes few.
const BUFFER: usize = 32 * 1024;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let listen = address(arguments.next())?;
    let upstream = address(arguments.next())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(listen, upstream))
}

fn address(argument: Option<String>) -> io::Result<SocketAddr> {
    let text = argument.ok_or_else(|| io::Error::other("usage: relay LISTEN UPSTREAM"))?;
    text.parse().map_err(|error| io::Error::other(format!("{text}: {error}")))
}

async fn serve(listen: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (client, _) = listener.accept().await?;
        spawn_local(async move {
            // A connection that fails is the load generator's to report; the relay goes on.
            let _ = relay(client, upstream).await;
        });
    }
}

async fn relay(mut client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await?;
    Ok(())
}
