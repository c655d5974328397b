//! Header fields between the engine and the proxy.

use lateen_http2::FieldBlock;

use crate::headers::{HeaderId, Headers, Key};

/// What the engine is to note of a name that is not in HPACK's static table: its number here.
pub fn classify(name: &[u8]) -> u16 {
    HeaderId::classify(name) as u16
}

/// Adds the fields of a block to `headers`.
pub fn append(fields: &FieldBlock, headers: &mut Headers) {
    for field in fields.iter() {
        let id = match field.static_index {
            0 => HeaderId::from_number(field.class.into()).unwrap_or(HeaderId::Other),
            index => STATIC[usize::from(index)],
        };
        match id {
            HeaderId::Other => headers.append(Key::Other(field.name), field.value),
            known => headers.append(known, field.value),
        }
    }
}

/// The fields of a block.
pub fn headers(fields: &FieldBlock) -> Headers {
    let mut headers = Headers::with_capacity(fields.byte_size(), fields.len());
    append(fields, &mut headers);
    headers
}

/// The number here of each name of HPACK's static table (RFC 7541 appendix A).
const STATIC: [HeaderId; 62] = [
    HeaderId::Other,
    HeaderId::Authority,
    HeaderId::Method,
    HeaderId::Method,
    HeaderId::Path,
    HeaderId::Path,
    HeaderId::Scheme,
    HeaderId::Scheme,
    HeaderId::Status,
    HeaderId::Status,
    HeaderId::Status,
    HeaderId::Status,
    HeaderId::Status,
    HeaderId::Status,
    HeaderId::Status,
    HeaderId::Other,
    HeaderId::AcceptEncoding,
    HeaderId::AcceptLanguage,
    HeaderId::Other,
    HeaderId::Accept,
    HeaderId::AccessControlAllowOrigin,
    HeaderId::Age,
    HeaderId::Other,
    HeaderId::Authorization,
    HeaderId::CacheControl,
    HeaderId::Other,
    HeaderId::ContentEncoding,
    HeaderId::Other,
    HeaderId::ContentLength,
    HeaderId::Other,
    HeaderId::Other,
    HeaderId::ContentType,
    HeaderId::Cookie,
    HeaderId::Date,
    HeaderId::Etag,
    HeaderId::Expect,
    HeaderId::Expires,
    HeaderId::Other,
    HeaderId::Host,
    HeaderId::IfMatch,
    HeaderId::IfModifiedSince,
    HeaderId::IfNoneMatch,
    HeaderId::Other,
    HeaderId::Other,
    HeaderId::LastModified,
    HeaderId::Other,
    HeaderId::Location,
    HeaderId::Other,
    HeaderId::ProxyAuthenticate,
    HeaderId::Other,
    HeaderId::Range,
    HeaderId::Referer,
    HeaderId::Other,
    HeaderId::Other,
    HeaderId::Server,
    HeaderId::SetCookie,
    HeaderId::Other,
    HeaderId::TransferEncoding,
    HeaderId::UserAgent,
    HeaderId::Vary,
    HeaderId::Via,
    HeaderId::WwwAuthenticate,
];
