//! The life of a client's connection: which protocol it speaks, and its requests one by one.

mod admit;
mod codec_stats;
mod count;
mod exchange;
mod http1;
mod http2;
mod limits;
mod linger;

use std::rc::Rc;

use crate::http::connection_manager::Manager;
use crate::http::stream_info::ConnectionInfo;
use crate::overload::Point;
use crate::proto::http_connection_manager::CodecType;
use crate::proto::HttpStat;
use crate::transport::Transport;
use crate::worker::Worker;

use count::ConnectionCount;

/// An accepted connection and what serves it.
#[derive(Clone)]
pub struct Accepted {
    pub worker: Rc<Worker>,
    pub manager: Rc<Manager>,
    pub connection: Rc<ConnectionInfo>,
}

impl Accepted {
    /// The connection is closed at its first bytes, for resources are short.
    fn sheds_codec(&self) -> bool {
        let shed = self.manager.overload.sheds(Point::HcmOndataCreatingCodec);
        if shed {
            self.manager.block.inc(HttpStat::HttpDownstreamRqOverloadClose);
        }
        shed
    }
}

/// Serves one connection to its end.
pub async fn serve(
    worker: Rc<Worker>,
    manager: Rc<Manager>,
    transport: Transport,
    connection: Rc<ConnectionInfo>,
) {
    let block = manager.block.clone();
    let count = ConnectionCount::new(&manager, &connection);
    let codec = manager.config.codec;
    let accepted = Accepted { worker, manager, connection };
    if codec == CodecType::Http2 {
        http2::serve(accepted, transport, Default::default(), count).await;
    } else if let Some((transport, input)) = http1::serve(&accepted, transport, &count).await {
        // Boxed: few connections are of this kind, and all would have to have room for it.
        Box::pin(http2::serve(accepted, transport, input, count)).await;
    }
    drop(block);
}
