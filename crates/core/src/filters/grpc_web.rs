//! The gRPC-Web filter: browsers, which see no trailers, find them in the body.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_web_filter>,
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>

use super::bodies::{attach, Piece, StreamFilter};
use super::grpc::{frame_header_with, is_grpc_response, MethodStats, FRAME_HEADER};
use super::Head;
use crate::base64;
use crate::formatter::status_of_http;
use crate::headers::{HeaderId, HeaderName, Headers};
use crate::http::local_reply::percent_encode;
use crate::http::stream::{Answer, Stream};

const WEB: &[u8] = b"application/grpc-web";
const WEB_PROTO: &[u8] = b"application/grpc-web+proto";
const TEXT: &[u8] = b"application/grpc-web-text";
const TEXT_PROTO: &[u8] = b"application/grpc-web-text+proto";
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";
/// The flag of the frame that holds the trailers.
const TRAILERS_FRAME: u8 = 0x80;
/// How much of a body that is no gRPC becomes `grpc-message`, unless it came at once.
const MESSAGE_LIMIT: usize = 16 * 1024;

/// The translation of one request and its response.
struct Translation {
    stats: Option<MethodStats>,
    text_request: bool,
    text_response: bool,
    /// Letters that do not make a group of four yet.
    letters: Vec<u8>,
    /// The response is no gRPC: its body becomes `grpc-message`.
    foreign: bool,
    /// Some of such a body was kept.
    kept: bool,
    encoder: FrameEncoder,
}

/// Takes part in requests of gRPC-Web.
pub fn request(place: usize, stream: &mut Stream) {
    let headers = &stream.request;
    let Some(content_type) = headers.get(HeaderId::ContentType) else { return };
    let text = |value: &[u8]| value == TEXT || value == TEXT_PROTO;
    if !text(content_type) && content_type != WEB && content_type != WEB_PROTO {
        return;
    }
    let translation = Translation {
        stats: MethodStats::of_request(stream, "grpc-web"),
        text_request: text(content_type),
        text_response: headers.get(HeaderId::Accept).is_some_and(text),
        letters: Vec::new(),
        foreign: false,
        kept: false,
        encoder: FrameEncoder::default(),
    };
    let headers = &mut stream.request;
    headers.remove(HeaderId::ContentLength);
    headers.set(HeaderId::ContentType, b"application/grpc");
    headers.set(HeaderId::Te, b"trailers");
    let name = HeaderName::new(ACCEPT_ENCODING);
    if !headers.contains(&name) {
        headers.append(&name, b"identity");
    }
    attach(stream, place, translation);
}

fn bad_base64(details: &'static str) -> Box<Answer> {
    Box::new(Answer::new(400, "Bad gRPC-web request, invalid base64 data.", details))
}

/// Whether a response is one of gRPC-Web already, in which nothing is to be changed but its coding.
fn is_web_response(stream: &Stream) -> bool {
    let content_type = stream.response.get(HeaderId::ContentType).unwrap_or_default();
    let media =
        content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii_end();
    stream.info.response_code == 200
        && (media.eq_ignore_ascii_case(WEB) || media.eq_ignore_ascii_case(WEB_PROTO))
}

impl Translation {
    /// Makes `grpc-status` and `grpc-message` of a response that is no gRPC.
    fn translate_foreign(&mut self, stream: &mut Stream, piece: &mut Piece<'_>) {
        if self.kept {
            piece.bytes.truncate(MESSAGE_LIMIT);
        }
        let status = status_of_http(stream.info.response_code).to_string();
        let headers = &mut stream.response;
        headers.set(HeaderId::GrpcMessage, &percent_encode(piece.bytes));
        headers.set(HeaderId::GrpcStatus, status.as_bytes());
        headers.set(HeaderId::ContentLength, b"0");
        piece.bytes.clear();
        self.foreign = false;
    }
}

impl StreamFilter for Translation {
    fn request_body(
        &mut self,
        _stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        if !self.text_request {
            return Ok(());
        }
        self.letters.append(piece.bytes);
        let whole = self.letters.len() / 4 * 4;
        if piece.end && whole != self.letters.len() {
            return Err(bad_base64("grpc_base_64_decode_failed_bad_size"));
        }
        let decoded = base64::decode(&self.letters[..whole], piece.bytes);
        decoded.ok_or_else(|| bad_base64("grpc_base_64_decode_failed"))?;
        self.letters.drain(..whole);
        Ok(())
    }

    fn response_head(&mut self, stream: &mut Stream, end: bool) -> Result<Head, Box<Answer>> {
        if let Some(stats) = &self.stats {
            stats.charge_status(&stream.response);
        }
        let foreign = !is_grpc_response(stream, end) && !is_web_response(stream);
        let headers = &mut stream.response;
        headers.remove(HeaderId::ContentLength);
        let content_type = if self.text_response { TEXT_PROTO } else { WEB_PROTO };
        headers.set(HeaderId::ContentType, content_type);
        self.foreign = foreign && !end;
        Ok(if self.foreign { Head::Hold } else { Head::Pass })
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        if piece.end && !piece.trailers.is_empty() {
            if let Some(stats) = &self.stats {
                stats.charge_status(piece.trailers);
            }
        }
        if self.foreign {
            if !piece.end {
                piece.bytes.truncate(MESSAGE_LIMIT);
                self.kept |= !piece.bytes.is_empty();
                return Ok(Head::Hold);
            }
            self.translate_foreign(stream, piece);
            return Ok(Head::Pass);
        }
        if self.text_response {
            let bytes = std::mem::take(piece.bytes);
            self.encoder.encode(&bytes, piece.bytes);
        }
        if piece.end && !piece.trailers.is_empty() {
            let frame = trailers_frame(piece.trailers);
            piece.trailers.clear();
            match self.text_response {
                true => base64::encode(&frame, piece.bytes),
                false => piece.bytes.extend_from_slice(&frame),
            }
        }
        Ok(Head::Pass)
    }
}

fn trailers_frame(trailers: &Headers) -> Vec<u8> {
    let mut lines = Vec::new();
    for (_, name, value) in trailers.iter() {
        for part in [name, b":", value, b"\r\n"] {
            lines.extend_from_slice(part);
        }
    }
    let mut frame = frame_header_with(TRAILERS_FRAME, lines.len()).to_vec();
    frame.append(&mut lines);
    frame
}

/// Writes each message of a body in base64 of its own, as it comes.
#[derive(Default)]
struct FrameEncoder {
    /// The front of the present message, as far as it has come.
    front: Vec<u8>,
    /// Bytes of the present message that are still to come.
    left: usize,
    /// Fewer than three bytes, which make no letters yet.
    spare: Vec<u8>,
}

impl FrameEncoder {
    fn encode(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.front.len() < FRAME_HEADER {
                let taken = bytes.len().min(FRAME_HEADER - self.front.len());
                self.front.extend_from_slice(&bytes[..taken]);
                bytes = &bytes[taken..];
                let &[_, a, b, c, d] = self.front.as_slice() else { return };
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.spare.extend_from_slice(&self.front);
            }
            let taken = bytes.len().min(self.left);
            self.spare.extend_from_slice(&bytes[..taken]);
            self.left -= taken;
            bytes = &bytes[taken..];
            let ready = match self.left {
                0 => self.spare.len(),
                _ => self.spare.len() / 3 * 3,
            };
            base64::encode(&self.spare[..ready], out);
            self.spare.drain(..ready);
            if self.left == 0 {
                self.front.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{trailers_frame, FrameEncoder};
    use crate::base64;
    use crate::filters::grpc::frame_header;
    use crate::headers::Headers;

    #[test]
    fn each_message_is_coded_by_itself_however_it_is_cut() {
        let mut body = Vec::new();
        let mut expected = Vec::new();
        for length in [0usize, 4, 100] {
            let mut message = frame_header(length).to_vec();
            message.extend(0..length as u8);
            base64::encode(&message, &mut expected);
            body.append(&mut message);
        }
        for size in [1, 2, 5, 6, 1000] {
            let mut encoder = FrameEncoder::default();
            let mut out = Vec::new();
            body.chunks(size).for_each(|piece| encoder.encode(piece, &mut out));
            assert_eq!(out, expected, "pieces of {size}");
        }
    }

    #[test]
    fn trailers_make_a_frame_of_lines() {
        let mut trailers = Headers::new();
        trailers.append_raw(b"grpc-status", b"0");
        trailers.append_raw(b"x", b"y");
        assert_eq!(trailers_frame(&trailers), b"\x80\0\0\0\x14grpc-status:0\r\nx:y\r\n");
    }
}
