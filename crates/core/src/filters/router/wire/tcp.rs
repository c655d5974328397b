//! A CONNECT (or POST) that ends here: the body goes to the upstream over TCP, and what comes back is the body of
//! the response. Its head is the proxy's own.

use super::channel::{Carrier, Channel};
use crate::buffer::Buffer;
use crate::headers::{HeaderId, Headers};
use crate::http1::response::ResponseHead;
use crate::http1::{BodyDecoder, BodyLength, Encoding, Reader};
use crate::transport::Transport;
use crate::upstream::{ClosedBy, TcpConnection};

/// What follows once the connection stands.
const HEAD: ResponseHead = ResponseHead {
    status: 200,
    http10: false,
    body: BodyLength::UntilClose,
    keep_alive: false,
    close_notify: false,
    size: 0,
    field_bytes: 0,
};

impl Carrier for TcpConnection {
    fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }
}

pub struct TcpWire {
    pub(super) channel: Channel<TcpConnection>,
}

impl TcpWire {
    pub fn new(connection: TcpConnection) -> Self {
        let mut reader = Reader::of_responses(Buffer::new(), connection.config().buffer_limit());
        reader.decoder = BodyDecoder::new(HEAD.body, 0, 0);
        let mut channel = Channel::new(connection, reader, true);
        channel.writer.encoding = Encoding::Identity;
        Self { channel }
    }

    /// There is a connection, so there is a response.
    pub fn head(response: &mut Headers) -> ResponseHead {
        response.clear();
        response.append(HeaderId::Status, b"200");
        HEAD
    }

    pub fn ended_by(&self) -> ClosedBy {
        match self.channel.reader.at_end {
            true => ClosedBy::Remote,
            false => ClosedBy::Local,
        }
    }

    /// The upstream has ended its side; the request, if `sent`, had ended before.
    pub fn release(&mut self, sent: bool) {
        if let Some(mut connection) = self.channel.carrier.take() {
            connection.closed_by = if sent { ClosedBy::Remote } else { ClosedBy::Local };
            connection.active = !sent;
        }
    }

    pub fn abort(&mut self, by: ClosedBy) {
        if let Some(mut connection) = self.channel.carrier.take() {
            connection.closed_by = by;
        }
    }
}
