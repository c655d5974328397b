//! The gRPC HTTP/1.1 bridge: clients that know no trailers find the outcome of a call in its head.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_http1_bridge_filter>

use super::bodies::{attach, request_too_large, Piece, StreamFilter};
use super::grpc::{frame_header, FRAME_HEADER};
use super::{clear_route, Head};
use crate::headers::HeaderId;
use crate::http::stream::{Answer, Stream};
use crate::http::stream_info::Protocol;
use crate::proto;
use crate::route::is_grpc;

pub struct GrpcHttp1Bridge {
    upgrade_protobuf: bool,
    ignore_query: bool,
}

/// One request that is bridged.
struct Bridged {
    /// The client sent a bare message: its frame is put on here, and the response's taken off.
    frames: bool,
    request: Vec<u8>,
    /// Bytes of the response's first frame header that are still to be taken off.
    to_strip: usize,
}

impl GrpcHttp1Bridge {
    pub fn compile(message: &proto::GrpcHttp1BridgeFilter) -> Self {
        Self {
            upgrade_protobuf: message.upgrade_protobuf_to_grpc,
            ignore_query: message.ignore_query_parameters,
        }
    }

    pub fn request(&self, place: usize, stream: &mut Stream) {
        let is_protobuf =
            stream.request.get(HeaderId::ContentType) == Some(b"application/x-protobuf");
        let frames = self.upgrade_protobuf && is_protobuf;
        if frames {
            stream.request.set(HeaderId::ContentType, b"application/grpc");
            stream.request.remove(HeaderId::ContentLength);
            clear_route(stream);
        }
        let is_http1 = matches!(stream.info.protocol, Some(Protocol::Http10 | Protocol::Http11));
        if !is_http1 || !is_grpc(&stream.request) {
            return;
        }
        if self.ignore_query {
            let path = stream.request.get(HeaderId::Path).unwrap_or_default();
            if let Some(query) = path.iter().position(|&byte| byte == b'?') {
                let path = path[..query].to_vec();
                stream.request.set(HeaderId::Path, &path);
            }
        }
        let to_strip = if frames { FRAME_HEADER } else { 0 };
        attach(stream, place, Bridged { frames, request: Vec::new(), to_strip });
    }
}

impl StreamFilter for Bridged {
    fn request_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        if !self.frames {
            return Ok(());
        }
        self.request.append(piece.bytes);
        if self.request.len() > stream.buffer_limit() {
            return Err(Box::new(request_too_large()));
        }
        if piece.end {
            piece.bytes.extend_from_slice(&frame_header(self.request.len()));
            piece.bytes.append(&mut self.request);
        }
        Ok(())
    }

    fn response_head(&mut self, _stream: &mut Stream, end: bool) -> Result<Head, Box<Answer>> {
        Ok(if end { Head::Pass } else { Head::Hold })
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        if self.to_strip > 0 && !piece.end {
            let stripped = piece.bytes.len().min(self.to_strip);
            piece.bytes.drain(..stripped);
            self.to_strip -= stripped;
        }
        if !piece.end {
            return Ok(Head::Hold);
        }
        if !piece.trailers.is_empty() {
            if let Some(status) = piece.trailers.get(HeaderId::GrpcStatus) {
                let number = std::str::from_utf8(status).ok().and_then(|text| text.parse().ok());
                if number != Some(0u64) {
                    stream.set_status(503);
                }
                stream.response.set(HeaderId::GrpcStatus, status);
            }
            if let Some(message) = piece.trailers.get(HeaderId::GrpcMessage) {
                stream.response.set(HeaderId::GrpcMessage, message);
            }
            let length = piece.bytes.len().to_string();
            stream.response.set(HeaderId::ContentLength, length.as_bytes());
        }
        Ok(Head::Pass)
    }
}
