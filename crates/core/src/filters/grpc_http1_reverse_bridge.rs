//! The gRPC HTTP/1.1 reverse bridge: gRPC clients in front of an upstream that takes plain requests.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_http1_reverse_bridge_filter>

use std::sync::Arc;

use super::bodies::{attach, Piece, StreamFilter};
use super::grpc::{frame_header, FRAME_HEADER};
use super::{clear_route, Head};
use crate::formatter::status_of_http;
use crate::headers::{HeaderId, HeaderName, Headers};
use crate::http::stream::{Answer, Stream};
use crate::http1::BodyLength;
use crate::proto;
use crate::route::is_grpc;

const UNKNOWN: u32 = 2;
const INTERNAL: u32 = 13;

pub struct GrpcHttp1ReverseBridge {
    settings: Arc<Settings>,
}

struct Settings {
    /// What the upstream takes and gives.
    content_type: Vec<u8>,
    /// The upstream sees messages without their frames.
    bare: bool,
    /// The header by which the upstream tells the size of a message, so that it need not be kept.
    size_header: Option<HeaderName>,
}

struct Bridged {
    settings: Arc<Settings>,
    content_type: Vec<u8>,
    request_begun: bool,
    /// What the size header told.
    announced: Option<u64>,
    received: u64,
    front_sent: bool,
    kept: Vec<u8>,
    status: u32,
}

impl GrpcHttp1ReverseBridge {
    pub fn compile(message: &proto::GrpcHttp1ReverseBridgeFilter) -> Self {
        let size_header = Some(&message.response_size_header).filter(|name| !name.is_empty());
        let settings = Settings {
            content_type: message.content_type.clone().into_bytes(),
            bare: message.withhold_grpc_frames,
            size_header: size_header.map(|name| HeaderName::new(name)),
        };
        Self { settings: Arc::new(settings) }
    }

    pub fn request(&self, place: usize, stream: &mut Stream) {
        if stream.head.body == BodyLength::Empty || !is_grpc(&stream.request) {
            return;
        }
        let headers = &mut stream.request;
        let content_type = headers.get(HeaderId::ContentType).unwrap_or_default().to_vec();
        headers.set(HeaderId::ContentType, &self.settings.content_type);
        headers.set(HeaderId::Accept, &self.settings.content_type);
        if self.settings.bare {
            adjust_length(headers, |length| length.wrapping_sub(FRAME_HEADER as u64));
        }
        clear_route(stream);
        let bridged = Bridged {
            settings: self.settings.clone(),
            content_type,
            request_begun: false,
            announced: None,
            received: 0,
            front_sent: false,
            kept: Vec::new(),
            status: UNKNOWN,
        };
        attach(stream, place, bridged);
    }
}

/// Changes a content-length that is more than 0.
fn adjust_length(headers: &mut Headers, change: impl Fn(u64) -> u64) {
    let length = headers.get_str(HeaderId::ContentLength).and_then(|text| text.parse().ok());
    if let Some(length) = length.filter(|length| *length > 0) {
        headers.set(HeaderId::ContentLength, change(length).to_string().as_bytes());
    }
}

/// An answer with a status of its own for the client, who speaks gRPC.
fn answer(status: u32, message: impl Into<Vec<u8>>, details: &'static str) -> Box<Answer> {
    let mut answer = Answer::new(200, "", details);
    answer.body = message.into().into();
    answer.grpc_status = Some(status);
    Box::new(answer)
}

impl Bridged {
    fn check_content_type(&self, stream: &Stream) -> Result<(), Box<Answer>> {
        let content_type = stream.response.get(HeaderId::ContentType);
        if content_type.unwrap_or_default() == self.settings.content_type {
            return Ok(());
        }
        let which = match content_type {
            Some(value) => {
                format!("unsupported content-type {}", String::from_utf8_lossy(value))
            }
            None => "no content-type header".to_owned(),
        };
        let code = stream.info.response_code;
        let message =
            format!("envoy reverse bridge: upstream responded with {which}, status code {code}");
        Err(answer(UNKNOWN, message, "grpc_bridge_content_type_wrong"))
    }

    /// Sets the length that the response has with its frame.
    fn set_length(&mut self, stream: &mut Stream) -> Result<(), Box<Answer>> {
        let Some(name) = &self.settings.size_header else {
            adjust_length(&mut stream.response, |length| length + FRAME_HEADER as u64);
            return Ok(());
        };
        let value = stream.response.get_str(name);
        let first = value.and_then(|value| value.split(',').next()?.parse::<u64>().ok());
        let Some(length) = first else {
            let message = "envoy reverse bridge: upstream did not set content length";
            return Err(answer(INTERNAL, message, "grpc_bridge_content_length_missing"));
        };
        self.announced = Some(length);
        let whole = length.saturating_add(FRAME_HEADER as u64).to_string();
        stream.response.set(HeaderId::ContentLength, whole.as_bytes());
        Ok(())
    }

    /// The frame of a message whose size is not known before its end.
    fn frame_kept(&mut self, piece: &mut Piece<'_>) {
        self.kept.append(piece.bytes);
        piece.bytes.extend_from_slice(&frame_header(self.kept.len()));
        piece.bytes.append(&mut self.kept);
    }

    fn body(&mut self, stream: &Stream, piece: &mut Piece<'_>) -> Result<(), Box<Answer>> {
        let Some(announced) = self.announced else {
            if piece.end {
                self.frame_kept(piece);
                return Ok(());
            }
            self.kept.append(piece.bytes);
            return match self.kept.len() > stream.buffer_limit() {
                true => Err(Box::new(super::bodies::response_too_large())),
                false => Ok(()),
            };
        };
        if !self.front_sent {
            self.front_sent = true;
            piece.bytes.splice(..0, frame_header(announced as usize));
        }
        if piece.end && piece.trailers.is_empty() && self.received != announced {
            let message = "envoy reverse bridge: upstream set incorrect content length";
            return Err(answer(INTERNAL, message, "grpc_bridge_content_length_wrong"));
        }
        Ok(())
    }
}

impl StreamFilter for Bridged {
    fn request_body(
        &mut self,
        _stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<(), Box<Answer>> {
        if !self.settings.bare || self.request_begun {
            return Ok(());
        }
        self.request_begun = true;
        if piece.bytes.len() < FRAME_HEADER {
            return Err(answer(UNKNOWN, "invalid request body", "grpc_bridge_data_too_small"));
        }
        piece.bytes.drain(..FRAME_HEADER);
        Ok(())
    }

    fn response_head(&mut self, stream: &mut Stream, end: bool) -> Result<Head, Box<Answer>> {
        self.check_content_type(stream)?;
        stream.response.set(HeaderId::ContentType, &self.content_type);
        if self.settings.bare {
            self.set_length(stream)?;
        }
        self.status = match stream.info.response_code {
            200 => 0,
            code => status_of_http(code),
        };
        stream.set_status(200);
        if !(end && self.settings.bare) {
            return Ok(Head::Pass);
        }
        let length = FRAME_HEADER.to_string();
        stream.response.set(HeaderId::ContentLength, length.as_bytes());
        Ok(Head::Hold)
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> Result<Head, Box<Answer>> {
        self.received += piece.bytes.len() as u64;
        if self.settings.bare {
            self.body(stream, piece)?;
        }
        if piece.end {
            piece.trailers.set(HeaderId::GrpcStatus, self.status.to_string().as_bytes());
        }
        Ok(Head::Pass)
    }
}
