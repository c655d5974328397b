//! Answers of the proxy's own: what `local_reply_config` makes of them, and the form gRPC clients need.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply>

use super::body_format::BodyFormat;
use super::mutation::HeaderChanges;
use super::stream_info::StreamInfo;
use crate::access_log::LogFilter;
use crate::compile::{each, At, CompileError, Result};
use crate::formatter::{status_of_http, FormatContext, LogType};
use crate::headers::{HeaderId, Headers, Side};
use crate::proto;
use crate::random::Random;
use crate::runtime::Runtime;

/// The rewriting rules of one connection manager.
#[derive(Default)]
pub struct LocalReplies {
    mappers: Vec<Mapper>,
    format: Option<BodyFormat>,
}

/// Changes the first reply that its filter lets pass.
struct Mapper {
    filter: LogFilter,
    status: Option<u16>,
    body: Option<Vec<u8>>,
    format: Option<BodyFormat>,
    headers: HeaderChanges,
}

/// The stream that is answered.
pub struct ReplyTo<'a> {
    /// The client speaks gRPC.
    pub grpc: bool,
    /// Its status, where that does not follow from the reply's.
    pub grpc_status: Option<u32>,
    pub info: &'a mut StreamInfo,
    pub request: &'a Headers,
    /// What the reply carries already, e.g. `location`; all else is added here.
    pub response: &'a mut Headers,
    pub runtime: &'a Runtime,
    pub random: &'a Random,
}

impl ReplyTo<'_> {
    fn context<'c>(&'c self, body: &'c [u8]) -> FormatContext<'c> {
        FormatContext {
            info: self.info,
            request: Some(self.request),
            response: Some(self.response),
            trailers: None,
            local_reply_body: body,
            log_type: LogType::NotSet,
        }
    }

    fn set_status(&mut self, status: u16) {
        self.info.response_code = status;
        let mut digits = itoa::Buffer::new();
        self.response.set(HeaderId::Status, digits.format(status).as_bytes());
    }
}

impl LocalReplies {
    /// # Errors
    /// A filter, a header or a format that cannot be compiled.
    pub fn compile(message: &proto::LocalReplyConfig) -> Result<Self> {
        Ok(Self {
            mappers: each(&message.mappers, "mappers", Mapper::compile)?,
            format: message.body_format.as_ref().map(BodyFormat::compile).transpose()?,
        })
    }

    /// Sets the status and the content headers of a reply and returns the body to send. A content type that the
    /// reply has already stays unless a format changes the body.
    ///
    /// A gRPC request gets status 200 and the reason in `grpc-status` and `grpc-message`.
    pub fn apply(&self, status: u16, body: Vec<u8>, to: &mut ReplyTo<'_>) -> Vec<u8> {
        to.set_status(status);
        let given = to.response.get(HeaderId::ContentType).map(<[u8]>::to_vec);
        let mapper = self
            .mappers
            .iter()
            .find(|mapper| mapper.filter.passes(&to.context(b""), to.runtime, to.random));
        let body = match mapper {
            Some(mapper) => mapper.apply(body, to),
            None => body,
        };
        let format = mapper.and_then(|mapper| mapper.format.as_ref()).or(self.format.as_ref());
        let (body, content_type) = match format {
            Some(format) => {
                let formatted = format.format(&to.context(&body));
                let of_route = given.as_deref() == to.response.get(HeaderId::ContentType);
                if formatted != body && of_route {
                    to.response.remove(HeaderId::ContentType);
                }
                (formatted, format.content_type())
            }
            None => (body, &b"text/plain"[..]),
        };
        if to.grpc {
            finish_grpc(&body, to);
            return Vec::new();
        }
        finish(&body, content_type, to.response);
        body
    }
}

impl Mapper {
    fn compile(message: &proto::ResponseMapper) -> Result<Self> {
        let filter = message.filter.clone().unwrap_or_default();
        let status = message
            .status_code
            .map(|code| {
                u16::try_from(code)
                    .map_err(|_| CompileError::new(format!("{code} is not a status code")))
            })
            .transpose()?;
        Ok(Self {
            filter: LogFilter::compile(&filter).at("filter")?,
            status,
            body: message.body.as_ref().map(|body| body.clone().into_bytes()),
            format: message.body_format.as_ref().map(BodyFormat::compile).transpose()?,
            headers: HeaderChanges::compile(&message.headers_to_add, &[], "headers_to_add")?,
        })
    }

    /// The headers see the reply as it was before this mapper.
    fn apply(&self, body: Vec<u8>, to: &mut ReplyTo<'_>) -> Vec<u8> {
        let (info, request) = (&*to.info, to.request);
        self.headers.apply(to.response, Side::Response, |formatter, response, out| {
            let context = FormatContext {
                info,
                request: Some(request),
                response: Some(response),
                trailers: None,
                local_reply_body: b"",
                log_type: LogType::NotSet,
            };
            formatter.format(&context, out);
        });
        if let Some(status) = self.status {
            to.set_status(status);
        }
        self.body.clone().unwrap_or(body)
    }
}

/// A content type that a header rule gave stays.
fn finish(body: &[u8], content_type: &[u8], response: &mut Headers) {
    if body.is_empty() {
        response.remove(HeaderId::ContentLength);
        response.remove(HeaderId::ContentType);
        return;
    }
    let mut digits = itoa::Buffer::new();
    response.set(HeaderId::ContentLength, digits.format(body.len()).as_bytes());
    if !response.contains(HeaderId::ContentType) {
        response.append(HeaderId::ContentType, content_type);
    }
}

fn finish_grpc(body: &[u8], to: &mut ReplyTo<'_>) {
    let mut digits = itoa::Buffer::new();
    let status = to.grpc_status.unwrap_or_else(|| status_of_http(to.info.response_code));
    let status = digits.format(status).as_bytes();
    to.set_status(200);
    to.response.remove(HeaderId::ContentLength);
    to.response.set(HeaderId::ContentType, b"application/grpc");
    if !to.response.contains(HeaderId::GrpcStatus) {
        to.response.append(HeaderId::GrpcStatus, status);
    }
    let message = body.trim_ascii_end();
    if !message.is_empty() && to.request.get(HeaderId::Method) != Some(b"HEAD") {
        to.response.set(HeaderId::GrpcMessage, &percent_encode(message));
    }
}

/// `grpc-message` carries printable ASCII; all else, and the percent sign, is escaped.
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses>
pub fn percent_encode(text: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(byte),
            _ => out.extend_from_slice(&[
                b'%',
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{LocalReplies, ReplyTo};
    use crate::formatter::is_grpc;
    use crate::formatter::tests::{format, Sample};
    use crate::headers::{HeaderId, Headers};
    use crate::http::flags::ResponseFlags;
    use crate::proto;
    use crate::proto::access_log_filter::{comparison::Op, Comparison, Kind};
    use crate::random::Random;
    use crate::runtime::Runtime;

    /// (status, `name: value` lines in order, body)
    fn reply(
        config: &proto::LocalReplyConfig,
        sample: &mut Sample,
        status: u16,
        body: &str,
    ) -> (u16, String, String) {
        let replies = LocalReplies::compile(config).unwrap();
        let mut response = Headers::new();
        let mut to = ReplyTo {
            grpc: is_grpc(&sample.request),
            grpc_status: None,
            info: &mut sample.info,
            request: &sample.request,
            response: &mut response,
            runtime: &Runtime::default(),
            random: &Random::seeded(1),
        };
        let body = replies.apply(status, body.as_bytes().to_vec(), &mut to);
        let lines: Vec<String> = response
            .iter()
            .filter(|(id, _, _)| !id.is_pseudo())
            .map(|(_, name, value)| {
                format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
            })
            .collect();
        assert_eq!(
            response.get_str(HeaderId::Status),
            Some(sample.info.response_code.to_string().as_str())
        );
        (sample.info.response_code, lines.join("\n"), String::from_utf8(body).unwrap())
    }

    fn status_is(status: u32) -> Option<proto::AccessLogFilter> {
        let value = proto::RuntimeUint32 { runtime_key: String::new(), default_value: status };
        let comparison = Comparison { op: Op::Eq.into(), value: Some(value) };
        Some(proto::AccessLogFilter { kind: Some(Kind::StatusCode(comparison)) })
    }

    fn header(name: &str, value: &str) -> proto::HeaderValueOption {
        proto::HeaderValueOption {
            name: name.into(),
            value: Some(format(value)),
            ..Default::default()
        }
    }

    fn json_format() -> Option<proto::BodyFormat> {
        let member = |name: &str, text: &str| proto::JsonMember {
            name: name.into(),
            value: Some(proto::JsonFormat {
                kind: Some(proto::json_format::Kind::Format(format(text))),
            }),
        };
        let members = vec![member("b", "%LOCAL_REPLY_BODY%"), member("c", "%RESPONSE_CODE%")];
        let object = proto::json_format::Kind::Object(proto::JsonObject { members });
        let kind = proto::body_format::Kind::Json(proto::JsonFormat { kind: Some(object) });
        Some(proto::BodyFormat { kind: Some(kind), content_type: String::new() })
    }

    /// The configuration whose answers were taken from Envoy.
    fn config() -> proto::LocalReplyConfig {
        let teapot = proto::ResponseMapper {
            filter: status_is(418),
            status_code: Some(299),
            body: Some("short %RESPONSE_CODE%".into()),
            headers_to_add: vec![
                header("x-a", "%RESPONSE_CODE%|%LOCAL_REPLY_BODY%|%RESP(:status)%"),
                header("content-type", "x/y"),
            ],
            ..Default::default()
        };
        let html = format("<h1>%LOCAL_REPLY_BODY%|%RESPONSE_CODE%|%RESP(content-type)%</h1>");
        let missing = proto::ResponseMapper {
            filter: status_is(404),
            body_format: Some(proto::BodyFormat {
                kind: Some(proto::body_format::Kind::Text(html)),
                content_type: "text/html; charset=UTF-8".into(),
            }),
            ..Default::default()
        };
        proto::LocalReplyConfig { mappers: vec![teapot, missing], body_format: json_format() }
    }

    fn grpc_sample() -> Sample {
        let mut sample = Sample::new();
        sample.request.append_raw(b"content-type", b"application/grpc");
        sample
    }

    #[test]
    fn a_plain_reply_is_text() {
        let plain = proto::LocalReplyConfig::default();
        let (status, headers, body) = reply(&plain, &mut Sample::new(), 418, "teapot");
        assert_eq!((status, body.as_str()), (418, "teapot"));
        assert_eq!(headers, "content-length: 6\ncontent-type: text/plain");
        let (status, headers, body) = reply(&plain, &mut Sample::new(), 404, "");
        assert_eq!((status, headers.as_str(), body.as_str()), (404, "", ""));
    }

    #[test]
    fn the_first_mapper_that_matches_rewrites() {
        let (status, headers, body) = reply(&config(), &mut Sample::new(), 418, "teapot");
        assert_eq!(status, 299);
        assert_eq!(headers, "x-a: 418||418\ncontent-type: x/y\ncontent-length: 38");
        assert_eq!(body, "{\"b\":\"short %RESPONSE_CODE%\",\"c\":299}\n");
        let (status, headers, body) = reply(&config(), &mut Sample::new(), 404, "");
        assert_eq!((status, body.as_str()), (404, "<h1>|404|-</h1>"));
        assert_eq!(headers, "content-length: 15\ncontent-type: text/html; charset=UTF-8");
        let (_, headers, body) = reply(&config(), &mut Sample::new(), 400, "Bad Request");
        assert_eq!(body, "{\"b\":\"Bad Request\",\"c\":400}\n");
        assert_eq!(headers, "content-length: 28\ncontent-type: application/json");
    }

    #[test]
    fn grpc_requests_get_the_reason_in_headers() {
        let plain = proto::LocalReplyConfig::default();
        let (status, headers, body) = reply(&plain, &mut grpc_sample(), 503, "no é%\n");
        assert_eq!((status, body.as_str()), (200, ""));
        assert_eq!(
            headers,
            "content-type: application/grpc\ngrpc-status: 14\ngrpc-message: no %C3%A9%25"
        );
        let (_, headers, _) = reply(&plain, &mut grpc_sample(), 404, "");
        assert_eq!(headers, "content-type: application/grpc\ngrpc-status: 12");
        let (status, headers, _) = reply(&config(), &mut grpc_sample(), 418, "teapot");
        assert_eq!(status, 200);
        assert_eq!(
            headers,
            "x-a: 418||418\ncontent-type: application/grpc\ngrpc-status: 2\n\
             grpc-message: {\"b\":\"short %25RESPONSE_CODE%25\",\"c\":299}"
        );
    }

    #[test]
    fn filters_see_the_flags_of_the_stream() {
        let flags = proto::access_log_filter::ResponseFlags { flags: vec!["UF".into()] };
        let mapper = proto::ResponseMapper {
            filter: Some(proto::AccessLogFilter { kind: Some(Kind::ResponseFlags(flags)) }),
            body: Some("away".into()),
            ..Default::default()
        };
        let config = proto::LocalReplyConfig { mappers: vec![mapper], body_format: None };
        let mut sample = Sample::new();
        assert_eq!(reply(&config, &mut sample, 503, "x").2, "x");
        sample.info.flags = ResponseFlags::UPSTREAM_CONNECTION_FAILURE;
        assert_eq!(reply(&config, &mut sample, 503, "x").2, "away");
    }
}
