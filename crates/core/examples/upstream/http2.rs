//! The same answers over HTTP/2, and `/grpc`: a message of 16 bytes in a unary call.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use lateen_http2::{Config, Connection, Event, FieldRef, HeadersKind, StreamKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How a connection begins that speaks HTTP/2.
pub const PREFACE: &[u8] = b"PRI * HTTP/2";

const GRPC: &[u8] = b"/grpc";
/// Length-prefixed, as gRPC has messages: not compressed, 16 bytes.
const MESSAGE: &[u8] = b"\0\0\0\0\x100123456789abcdef";

/// The bodies that are answered with, by path.
pub type Bodies = Vec<(&'static [u8], Vec<u8>)>;

fn engine_error(error: impl std::fmt::Debug) -> io::Error {
    io::Error::other(format!("{error:?}"))
}

/// Serves a connection of which `input` was read.
pub async fn serve(mut stream: TcpStream, mut input: Vec<u8>, bodies: &Bodies) -> io::Result<()> {
    let mut engine = Connection::server(&Arc::new(Config::default()));
    let mut asked: HashMap<StreamKey, Vec<u8>> = HashMap::new();
    loop {
        let mut start = 0;
        loop {
            let (used, event) = engine.receive(&input[start..]).map_err(engine_error)?;
            match event {
                Some(Event::Headers { stream, kind: HeadersKind::Request, end_stream, .. }) => {
                    let path = engine.fields().get(b":path").unwrap_or_default().to_vec();
                    match end_stream {
                        true => answer(&mut engine, stream, &path, bodies)?,
                        false => drop(asked.insert(stream, path)),
                    }
                }
                Some(Event::Data { stream, bytes, end_stream, .. }) => {
                    engine.release(stream, bytes.len());
                    if let Some(path) = asked.remove(&stream).filter(|_| end_stream) {
                        answer(&mut engine, stream, &path, bodies)?;
                    }
                }
                _ => {}
            }
            start += used;
            if used == 0 {
                break;
            }
        }
        input.drain(..start);
        let written = engine.output().len();
        stream.write_all(engine.output()).await?;
        engine.consume_output(written);
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}

fn answer(
    engine: &mut Connection,
    stream: StreamKey,
    path: &[u8],
    bodies: &Bodies,
) -> io::Result<()> {
    let found = bodies.iter().find(|(known, _)| *known == path).map(|(_, body)| &body[..]);
    let (status, kind, body): (&[u8], &[u8], &[u8]) = match found {
        _ if path == GRPC => (b"200", b"application/grpc", MESSAGE),
        Some(body) => (b"200", b"text/plain", body),
        None => (b"404", b"text/plain", b""),
    };
    let head = [(&b":status"[..], status), (b"content-type", kind)];
    engine.send_headers(stream, head.iter().map(|(n, v)| FieldRef::new(n, v)), false);
    let last = path != GRPC;
    if engine.send_data(stream, body, last) < body.len() {
        return Err(io::Error::other("the window of the proxy is smaller than an answer"));
    }
    if !last {
        let trailers = [FieldRef::new(b"grpc-status", b"0")];
        engine.send_headers(stream, trailers.into_iter(), true);
    }
    Ok(())
}
