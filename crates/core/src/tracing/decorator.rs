//! How a route calls its requests, and how the two sides of a request tell each other of that.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-decorator-operation>

use std::sync::Arc;

use super::request::{Decoration, Trace};
use crate::headers::{HeaderId, Headers};
use crate::http::stream::Stream;
use crate::proto;

pub struct Decorator {
    operation: Arc<str>,
    /// The other side is told.
    propagate: bool,
}

impl Decorator {
    pub fn compile(message: &proto::Decorator) -> Self {
        Self { operation: message.operation.as_str().into(), propagate: message.propagate }
    }
}

/// Names the span of a request as its route, or else its client, calls it.
pub(super) fn decorate(
    trace: &mut Trace,
    decorator: Option<&Decorator>,
    egress: bool,
    request: &mut Headers,
) {
    if let Some(decorator) = decorator.filter(|it| !it.operation.is_empty()) {
        trace.name(&decorator.operation);
        if decorator.propagate && egress {
            request.set(HeaderId::XEnvoyDecoratorOperation, decorator.operation.as_bytes());
        } else if decorator.propagate && !matches!(trace.decoration, Decoration::Theirs) {
            trace.decoration = Decoration::Told(decorator.operation.clone());
        }
    }
    if egress {
        return;
    }
    if let Some(theirs) = take_operation(request) {
        trace.name(&theirs);
        trace.decoration = Decoration::Theirs;
    }
}

/// Tells the client how its request is called; of an outbound request, hears of that from the upstream.
pub fn tell_operation(stream: &mut Stream) {
    let Some(tracing) = &stream.manager.config.tracing else { return };
    let Some(trace) = stream.info.trace.as_deref_mut() else { return };
    match &trace.decoration {
        Decoration::Off => {}
        _ if tracing.egress => {
            if let Some(theirs) = take_operation(&mut stream.response) {
                trace.name(&theirs);
            }
        }
        Decoration::Told(operation) => {
            stream.response.set(HeaderId::XEnvoyDecoratorOperation, operation.as_bytes());
        }
        Decoration::Untold | Decoration::Theirs => {}
    }
}

/// The name in the header, which goes no further; None where it is empty.
fn take_operation(headers: &mut Headers) -> Option<String> {
    let name = headers.get(HeaderId::XEnvoyDecoratorOperation)?;
    let name = String::from_utf8_lossy(name).into_owned();
    headers.remove(HeaderId::XEnvoyDecoratorOperation);
    Some(name).filter(|name| !name.is_empty())
}
