//! What is told of a connection to a host, whatever carries it.

use std::rc::Rc;
use std::time::Instant;

use super::{Carrier, Connection, Multiplexed, TcpConnection};
use crate::address::Address;
use crate::tls::TlsInfo;

pub struct ConnectionFacts {
    /// Unique in the process.
    pub id: u64,
    /// The address on this side; none for a unix socket.
    pub local: Option<Address>,
    /// None: plain TCP.
    pub tls: Option<Rc<TlsInfo>>,
    pub connect_start: Instant,
    pub connect_end: Instant,
}

impl From<&Connection> for ConnectionFacts {
    fn from(it: &Connection) -> Self {
        let tls = it.transport.tls().cloned();
        let (connect_start, connect_end) = (it.connect_start, it.connect_end);
        Self { id: it.id, local: it.local.clone(), tls, connect_start, connect_end }
    }
}

impl From<&Multiplexed> for ConnectionFacts {
    fn from(it: &Multiplexed) -> Self {
        let (connect_start, connect_end) = (it.connect_start, it.connect_end);
        Self { id: it.id, local: it.local.clone(), tls: it.tls.clone(), connect_start, connect_end }
    }
}

impl From<&TcpConnection> for ConnectionFacts {
    fn from(it: &TcpConnection) -> Self {
        let tls = it.transport.tls().cloned();
        let (connect_start, connect_end) = (it.connect_start, it.connect_end);
        Self { id: it.id, local: it.local.clone(), tls, connect_start, connect_end }
    }
}

impl From<&Carrier> for ConnectionFacts {
    fn from(carrier: &Carrier) -> Self {
        match carrier {
            Carrier::Http1(pooled) => Self::from(&**pooled),
            Carrier::Http2(pooled) => Self::from(&*pooled.connection),
        }
    }
}
