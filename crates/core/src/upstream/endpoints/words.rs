//! What Envoy's resolver library says of answers without an address, as `%RESPONSE_CODE_DETAILS%` shows it.

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::ProtoErrorKind;
use hickory_resolver::ResolveError;

pub const NO_NAME: &str = "Domain name not found";
pub const NO_DATA: &str = "DNS server returned answer with no data";
pub const MISFORMATTED: &str = "Misformatted domain name";
const FAILURE: &str = "DNS server returned general failure";
const REFUSED: &str = "DNS server refused query";
const BAD_QUERY: &str = "DNS server claims query was misformatted";
const TIMEOUT: &str = "Timeout while contacting DNS servers";
const NO_SERVER: &str = "Could not contact DNS servers";

/// Whether DNS can be asked for it.
pub fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/*".contains(&byte);
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    host.len() <= 253 && host.split('.').all(label)
}

pub fn of(error: &ResolveError) -> &'static str {
    let Some(error) = error.proto() else { return FAILURE };
    match error.kind() {
        ProtoErrorKind::NoRecordsFound { response_code, .. } => match response_code {
            ResponseCode::NoError => NO_DATA,
            ResponseCode::NXDomain => NO_NAME,
            ResponseCode::Refused => REFUSED,
            ResponseCode::FormErr => BAD_QUERY,
            _ => FAILURE,
        },
        ProtoErrorKind::Timeout => TIMEOUT,
        ProtoErrorKind::Io(_) | ProtoErrorKind::NoConnections => NO_SERVER,
        _ => FAILURE,
    }
}
