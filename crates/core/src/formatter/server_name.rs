//! REQUESTED_SERVER_NAME(SNI_ONLY|SNI_FIRST|HOST_FIRST:ORIG|HOST|ORIG_OR_HOST).

use super::{FormatContext, Rendered};
use crate::compile::{CompileError, Result};
use crate::headers::HeaderId;

#[derive(Clone, Copy, PartialEq, Eq)]
enum HostSource {
    Original,
    Host,
    OriginalOrHost,
}

/// Without TLS there is no server name, so only the host header can answer.
pub struct ServerName {
    host: Option<HostSource>,
}

impl ServerName {
    pub fn compile(argument: &str) -> Result<Self> {
        let (first, source) = argument.split_once(':').unwrap_or((argument, ""));
        let source = match source {
            "" | "ORIG_OR_HOST" => HostSource::OriginalOrHost,
            "ORIG" => HostSource::Original,
            "HOST" => HostSource::Host,
            other => {
                return Err(CompileError::new(format!(
                    "invalid REQUESTED_SERVER_NAME option {other:?}, \
                     only ORIG, HOST and ORIG_OR_HOST are allowed"
                )))
            }
        };
        match first {
            "" | "SNI_ONLY" => Ok(Self { host: None }),
            "SNI_FIRST" | "HOST_FIRST" => Ok(Self { host: Some(source) }),
            other => Err(CompileError::new(format!(
                "invalid REQUESTED_SERVER_NAME option {other:?}, \
                 only SNI_ONLY, SNI_FIRST and HOST_FIRST are allowed"
            ))),
        }
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let (Some(source), Some(headers)) = (self.host, context.request) else {
            return Rendered::Absent;
        };
        let original = headers.get(HeaderId::XEnvoyOriginalHost);
        let host = match source {
            HostSource::Original => original,
            HostSource::Host => headers.get(HeaderId::Authority),
            HostSource::OriginalOrHost => original.or_else(|| headers.get(HeaderId::Authority)),
        };
        Rendered::text(host, out)
    }
}
