//! Listening sockets of a process that this one replaces (hot restart), until listeners ask for them.

use std::io;
use std::os::fd::OwnedFd;

use super::socket::Socket;
use crate::address::Address;

/// Sockets by the address they are bound to; several have the same where workers share a port.
#[derive(Default)]
pub struct Inherited(Vec<(Address, Socket)>);

impl Inherited {
    /// Takes a listening socket in.
    ///
    /// # Errors
    /// It is no socket, or none of a family that listeners have.
    pub fn add(&mut self, descriptor: OwnedFd) -> io::Result<()> {
        let socket = socket2::Socket::from(descriptor);
        let address = bound_address(&socket)?;
        self.0.push((address, Socket::inherited(socket)));
        Ok(())
    }

    /// Hands out the sockets of an address.
    pub fn take(&mut self, address: &Address) -> Vec<Socket> {
        let (found, rest) = std::mem::take(&mut self.0).into_iter().partition(|e| e.0 == *address);
        self.0 = rest;
        found.into_iter().map(|(_, socket): (Address, Socket)| socket).collect()
    }

    /// Closes what no listener wanted.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

fn bound_address(socket: &socket2::Socket) -> io::Result<Address> {
    let address = socket.local_addr()?;
    if let Some(ip) = address.as_socket() {
        return Ok(Address::Ip(ip));
    }
    if let Some(path) = address.as_pathname() {
        return Ok(Address::Pipe(path.to_path_buf().into()));
    }
    let name = address.as_abstract_namespace().ok_or(io::ErrorKind::Unsupported)?;
    let text = format!("@{}", String::from_utf8_lossy(name));
    Ok(Address::Pipe(std::path::PathBuf::from(text).into()))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;
    use crate::listener::socket::{bind, spread};
    use crate::proto;

    fn loopback() -> Address {
        Address::Ip((Ipv4Addr::LOCALHOST, 0).into())
    }

    fn options(reuse_port: bool) -> proto::Listener {
        proto::Listener { reuse_port, backlog: 128, ..Default::default() }
    }

    /// Binds as a process does, and hands the sockets to a pool as its successor does.
    fn handed_over(reuse_port: bool, workers: usize) -> (Address, Inherited) {
        let (address, sets) = bind(&loopback(), &options(reuse_port), workers).unwrap();
        let mut pool = Inherited::default();
        let mut seen = Vec::new();
        for socket in sets.iter().flatten() {
            let cookie = socket.inner.cookie().unwrap();
            if !seen.contains(&cookie) {
                seen.push(cookie);
                pool.add(socket.export().unwrap().unwrap()).unwrap();
            }
        }
        (address, pool)
    }

    fn accepts(sets: Vec<Vec<Socket>>, connections: usize) -> usize {
        let listeners: Vec<TcpListener> =
            sets.into_iter().flatten().map(|socket| socket.inner.into()).collect();
        let mut count = 0;
        for _ in 0..1000 {
            count += listeners.iter().filter(|listener| listener.accept().is_ok()).count();
            if count == connections {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        count
    }

    #[test]
    fn no_socket_is_lost_with_fewer_workers() {
        let (address, mut pool) = handed_over(true, 4);
        let target = address.ip().unwrap();
        let clients: Vec<_> = (0..32).map(|_| TcpStream::connect(target).unwrap()).collect();
        let sets = spread(pool.take(&address), &options(true), 2).unwrap();
        assert_eq!(sets.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(accepts(sets, clients.len()), clients.len());
    }

    #[test]
    fn more_workers_share_the_port_or_the_socket() {
        for (before, after) in [(true, true), (false, true), (true, false), (false, false)] {
            let (address, mut pool) = handed_over(before, 2);
            let sets = spread(pool.take(&address), &options(after), 5).unwrap();
            assert_eq!(sets.iter().map(Vec::len).collect::<Vec<_>>(), [1; 5]);
            let joined = sets.iter().flatten().filter(|socket| socket.export().is_none()).count();
            assert_eq!(joined, if before && after { 3 } else { 0 });
        }
    }

    #[test]
    fn an_address_is_handed_out_once() {
        let (address, mut pool) = handed_over(false, 2);
        assert_eq!(pool.take(&loopback()).len(), 0);
        assert_eq!(pool.take(&address).len(), 1);
        assert_eq!(pool.take(&address).len(), 0);
    }

    #[test]
    fn unix_sockets_have_their_path() {
        let name = format!("@lateen-test-{}", std::process::id());
        let address = Address::Pipe(std::path::PathBuf::from(&name).into());
        let (_, sets) = bind(&address, &options(false), 1).unwrap();
        let mut pool = Inherited::default();
        pool.add(sets[0][0].export().unwrap().unwrap()).unwrap();
        assert_eq!(pool.take(&address).len(), 1);
    }
}
