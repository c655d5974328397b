//! TLS of accepted connections.

use std::rc::Rc;

use super::{Chain, Listener};
use crate::clock;
use crate::overload::TimerKind;
use crate::proto::SslStat;
use crate::tls::{Context, Limit, TlsStream};
use crate::transport::Transport;
use crate::worker::Worker;

/// The transport as the filters of `chain` see it; the first read or write drives the handshake.
pub fn secure(
    worker: &Worker,
    listener: &Listener,
    chain: &Rc<Chain>,
    transport: Transport,
) -> Transport {
    let Some(socket) = &chain.config.tls else { return transport };
    let block = chain.ssl_block(worker, socket).clone();
    let current = socket.context.load();
    let Context::Server(context) = &*current else {
        block.inc(SslStat::SslDownstreamContextSecretsNotReady);
        return Transport::Tls(Box::new(TlsStream::not_ready(transport, block)));
    };
    let limit = chain.config.handshake_timeout.map(|timeout| Limit {
        timer: worker.timers.timer(),
        deadline: clock::now()
            + worker
                .overload(listener.settings.message.bypass_overload_manager)
                .timeout(TimerKind::TransportSocketConnect, timeout),
        block: listener.block.clone(),
    });
    Transport::Tls(Box::new(TlsStream::server(transport, context.clone(), block, limit)))
}
