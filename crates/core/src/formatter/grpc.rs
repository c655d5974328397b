//! gRPC status codes: GRPC_STATUS and GRPC_STATUS_NUMBER.
//! <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>

use super::{FormatContext, Rendered};
use crate::compile::{CompileError, Result};
use crate::headers::{HeaderId, Headers};

/// (camel case, snake case) by number.
const NAMES: [(&str, &str); 17] = [
    ("OK", "OK"),
    ("Canceled", "CANCELLED"),
    ("Unknown", "UNKNOWN"),
    ("InvalidArgument", "INVALID_ARGUMENT"),
    ("DeadlineExceeded", "DEADLINE_EXCEEDED"),
    ("NotFound", "NOT_FOUND"),
    ("AlreadyExists", "ALREADY_EXISTS"),
    ("PermissionDenied", "PERMISSION_DENIED"),
    ("ResourceExhausted", "RESOURCE_EXHAUSTED"),
    ("FailedPrecondition", "FAILED_PRECONDITION"),
    ("Aborted", "ABORTED"),
    ("OutOfRange", "OUT_OF_RANGE"),
    ("Unimplemented", "UNIMPLEMENTED"),
    ("Internal", "INTERNAL"),
    ("Unavailable", "UNAVAILABLE"),
    ("DataLoss", "DATA_LOSS"),
    ("Unauthenticated", "UNAUTHENTICATED"),
];

const INVALID: i64 = -1;

/// True for a request whose content-type is application/grpc or application/grpc+anything.
pub(crate) fn is_grpc(headers: &Headers) -> bool {
    headers
        .get(HeaderId::ContentType)
        .and_then(|value| value.strip_prefix(b"application/grpc"))
        .is_some_and(|rest| rest.first().is_none_or(|&byte| byte == b'+'))
}

/// The gRPC status for an HTTP status.
/// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>
pub(crate) fn status_of_http(status: u16) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// The HTTP status that stands for a gRPC status.
/// <https://cloud.google.com/apis/design/errors#generating_errors>
pub(crate) fn http_of_status(status: i64) -> u16 {
    match status {
        0 => 200,
        1 => 499,
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    }
}

/// The status that headers or trailers carry, [`INVALID`] where it is no number.
pub(crate) fn header_status(headers: Option<&Headers>) -> Option<i64> {
    let value = headers?.get(HeaderId::GrpcStatus)?;
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u32>().ok());
    Some(number.map_or(INVALID, i64::from))
}

/// The status that a response carries: in its trailers, its headers, or derived from the HTTP status.
pub(crate) fn status_of_response(context: &FormatContext<'_>) -> Option<i64> {
    header_status(context.trailers).or_else(|| header_status(context.response)).or_else(|| {
        let code = context.info.response_code;
        (code != 0).then(|| status_of_http(code).into())
    })
}

/// The same for a log filter, for which a number that gRPC does not define is no status.
pub(crate) fn status_for_filters(context: &FormatContext<'_>) -> i64 {
    const UNKNOWN: i64 = 2;
    match status_of_response(context) {
        Some(status) if (0..NAMES.len() as i64).contains(&status) => status,
        Some(_) => INVALID,
        None => UNKNOWN,
    }
}

/// How the status is written.
pub enum GrpcStatus {
    Camel,
    Snake,
    Number,
}

impl GrpcStatus {
    pub fn compile(argument: &str) -> Result<Self> {
        match argument {
            "" | "CAMEL_STRING" => Ok(Self::Camel),
            "SNAKE_STRING" => Ok(Self::Snake),
            "NUMBER" => Ok(Self::Number),
            other => Err(CompileError::new(format!(
                "invalid GRPC_STATUS option {other:?}, \
                 only CAMEL_STRING, SNAKE_STRING and NUMBER are allowed"
            ))),
        }
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        if !context.request.is_some_and(is_grpc) {
            return Rendered::Absent;
        }
        let Some(status) = status_of_response(context) else { return Rendered::Absent };
        let names = usize::try_from(status).ok().and_then(|number| NAMES.get(number));
        match (self, names) {
            (Self::Number, _) => Rendered::number(status, out),
            (Self::Camel, Some((camel, _))) => Rendered::text(Some(camel.as_bytes()), out),
            (Self::Snake, Some((_, snake))) => Rendered::text(Some(snake.as_bytes()), out),
            (_, None) => {
                Rendered::number(status, out);
                Rendered::Text
            }
        }
    }
}
