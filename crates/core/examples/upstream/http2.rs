//! The same answers over HTTP/2, and unary calls of gRPC: `/grpc` with a message of 16 bytes, and the services that
//! proxies ask, which let everything pass.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use lateen_http2::{Config, Connection, Event, FieldRef, HeadersKind, StreamKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How a connection begins that speaks HTTP/2.
pub const PREFACE: &[u8] = b"PRI * HTTP/2";

/// Methods of gRPC and what they answer, length-prefixed and not compressed: 16 bytes; a CheckResponse without a
/// status, which is OK; a RateLimitResponse whose `overall_code` is OK; an ExportTraceServiceResponse that has taken all.
const METHODS: [(&[u8], &[u8]); 4] = [
    (b"/grpc", b"\0\0\0\0\x100123456789abcdef"),
    (b"/envoy.service.auth.v3.Authorization/Check", b"\0\0\0\0\0"),
    (b"/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit", b"\0\0\0\0\x02\x08\x01"),
    (b"/opentelemetry.proto.collector.trace.v1.TraceService/Export", b"\0\0\0\0\0"),
];

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
                    if let Some(path) = end_stream.then(|| asked.remove(&stream)).flatten() {
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
    let method = METHODS.iter().find(|(known, _)| *known == path);
    let found = bodies.iter().find(|(known, _)| *known == path).map(|(_, body)| &body[..]);
    let (status, kind, body): (&[u8], &[u8], &[u8]) = match (method, found) {
        (Some((_, message)), _) => (b"200", b"application/grpc", message),
        (None, Some(body)) => (b"200", b"text/plain", body),
        (None, None) => (b"404", b"text/plain", b""),
    };
    let head = [(&b":status"[..], status), (b"content-type", kind)];
    engine.send_headers(stream, head.iter().map(|(n, v)| FieldRef::new(n, v)), false);
    if engine.send_data(stream, body, method.is_none()) < body.len() {
        return Err(io::Error::other("the window of the proxy is smaller than an answer"));
    }
    if method.is_some() {
        let trailers = [FieldRef::new(b"grpc-status", b"0")];
        engine.send_headers(stream, trailers.into_iter(), true);
    }
    Ok(())
}
