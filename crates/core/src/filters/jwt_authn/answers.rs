//! What clients whose requests do not go on are told.

use std::borrow::Cow;

use crate::headers::{HeaderId, Headers};
use crate::http::flags::ResponseFlags;
use crate::http::stream::Answer;
use crate::jwt::Refusal;

/// As much of a path is told to a client that is refused.
const LONGEST_PATH: usize = 256;

/// The answer to a request for `uri` whose tokens do not do; `bare`: it says no more than the status.
pub fn refused(refusal: Refusal, uri: &[u8], bare: bool) -> Answer {
    let status = if refusal == Refusal::AudienceNotAllowed { 403 } else { 401 };
    let answer = denied(status, "", refusal.text(), bare);
    if bare {
        return answer;
    }
    let error: &[u8] = match refusal {
        Refusal::Missing => b"",
        _ => b", error=\"invalid_token\"",
    };
    let value = [b"Bearer realm=\"", uri, b"\"", error].concat();
    answer.header(HeaderId::WwwAuthenticate, value)
}

/// The answer where a route asks for a requirement that is none of `names`.
pub fn no_requirement(wanted: &str, names: &str, bare: bool) -> Answer {
    let reason = format!("Wrong requirement_name: {wanted}. It should be one of [{names}]");
    denied(403, "Failed JWT authentication: ", &reason, bare)
}

fn denied(status: u16, before_reason: &str, reason: &str, bare: bool) -> Answer {
    let mut answer = Answer::new(status, "", "");
    if !bare {
        answer.body = Cow::Owned(format!("{before_reason}{reason}").into_bytes());
    }
    answer.details = format!("jwt_authn_access_denied{{{}}}", reason.replace(' ', "_")).into();
    answer
}

/// The answer to a request that would go on with a header that is none.
pub fn unfit(header: &str) -> Answer {
    let reason = format!("invalid header value for: {header}");
    let details = reason.replace(' ', "_");
    let mut answer = Answer::new(503, "", "").flag(ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR);
    answer.body = Cow::Owned(reason.into_bytes());
    answer.details = format!("filter_removed_required_request_headers{{{details}}}").into();
    answer
}

/// What the client asked for, as far as it is told of it.
pub fn original_uri(request: &Headers) -> Vec<u8> {
    let Some(path) = request.get(HeaderId::Path) else { return Vec::new() };
    let path = request.get(HeaderId::XEnvoyOriginalPath).unwrap_or(path);
    let part = |id| request.get(id).unwrap_or_default();
    let path = &path[..path.len().min(LONGEST_PATH)];
    [part(HeaderId::Scheme), b"://", part(HeaderId::Authority), path].concat()
}
