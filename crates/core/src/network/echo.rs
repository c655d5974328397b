//! envoy.filters.network.echo: says what the client says.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/echo_filter>

use std::future::poll_fn;
use std::io;
use std::rc::Rc;

use super::filters::{Closed, Gate};
use crate::http::stream_info::{CloseType, ConnectionInfo, StreamInfo};
use crate::transport::{Transport, Write};

const BUFFER: usize = 16 * 1024;

/// Serves one connection to its end, and notes what became of it.
///
/// # Errors
/// The filter that judges its bytes closes it.
pub async fn serve(
    transport: &mut Transport,
    mut gate: Option<Box<Gate>>,
    connection: &Rc<ConnectionInfo>,
    info: &mut StreamInfo,
) -> Result<(), Closed> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        buffer.clear();
        let read = match poll_fn(|cx| transport.poll_read(cx, || &mut buffer)).await {
            Ok(read) => read,
            Err(error) => {
                note_failure(info, &error);
                return Ok(());
            }
        };
        info.bytes_received += read as u64;
        if let Some(gate) = &mut gate {
            gate.on_data(connection)?;
        }
        if read == 0 {
            let _ = poll_fn(|cx| transport.poll_shutdown(cx)).await;
            return Ok(());
        }
        let mut sent = 0;
        while sent < read {
            let write = Write { bytes: &buffer[sent..], last: false };
            match poll_fn(|cx| transport.poll_write(cx, &write)).await {
                Ok(count) => sent += count,
                Err(error) => {
                    note_failure(info, &error);
                    return Ok(());
                }
            }
        }
        info.bytes_sent += read as u64;
    }
}

fn note_failure(info: &mut StreamInfo, error: &io::Error) {
    if error.kind() == io::ErrorKind::ConnectionReset {
        info.close_type = CloseType::RemoteReset;
    }
}
