//! Whether the x-envoy-* headers of a request say something that can be followed.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/router/v3/router.proto>

use crate::headers::{HeaderId, HeaderName, Headers};
use crate::http::flags::ResponseFlags;
use crate::http::stream::Answer;
use crate::route::RetryPolicy;

/// The answer to a request of which one of the `checked` headers makes no sense.
pub fn check(request: &Headers, checked: &[HeaderName]) -> Option<Answer> {
    checked.iter().find_map(|name| {
        let value = request.get(name)?;
        (!is_valid(name, value)).then(|| refuse(name, value))
    })
}

fn is_valid(name: &HeaderName, value: &[u8]) -> bool {
    let Ok(value) = std::str::from_utf8(value) else { return false };
    match HeaderId::classify(name.as_bytes()) {
        HeaderId::XEnvoyRetryOn => RetryPolicy::knows_conditions(value),
        HeaderId::XEnvoyRetryGrpcOn => RetryPolicy::knows_grpc_conditions(value),
        _ => value.trim().parse::<u64>().is_ok(),
    }
}

fn refuse(name: &HeaderName, value: &[u8]) -> Answer {
    let name = String::from_utf8_lossy(name.as_bytes());
    let mut answer = Answer::new(400, "", "");
    let value = String::from_utf8_lossy(value);
    answer.body = format!("invalid header '{name}' with value '{value}'").into_bytes().into();
    answer.details = format!("request_headers_failed_strict_check{{{name}}}").into();
    answer.flag(ResponseFlags::INVALID_ENVOY_REQUEST_HEADERS)
}
