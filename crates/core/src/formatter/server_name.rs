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

/// The name in TLS, and the host header where that is wanted.
pub struct ServerName {
    host: Option<HostSource>,
    host_first: bool,
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
            "" | "SNI_ONLY" => Ok(Self { host: None, host_first: false }),
            "SNI_FIRST" => Ok(Self { host: Some(source), host_first: false }),
            "HOST_FIRST" => Ok(Self { host: Some(source), host_first: true }),
            other => Err(CompileError::new(format!(
                "invalid REQUESTED_SERVER_NAME option {other:?}, \
                 only SNI_ONLY, SNI_FIRST and HOST_FIRST are allowed"
            ))),
        }
    }

    pub fn render(&self, context: &FormatContext<'_>, out: &mut Vec<u8>) -> Rendered {
        let name = context.info.connection.requested_server_name();
        let name = (!name.is_empty()).then_some(name.as_bytes());
        let found = match self.host_first {
            true => self.host(context).or(name),
            false => name.or_else(|| self.host(context)),
        };
        Rendered::text(found, out)
    }

    fn host<'a>(&self, context: &FormatContext<'a>) -> Option<&'a [u8]> {
        let (source, headers) = (self.host?, context.request?);
        let original = headers.get(HeaderId::XEnvoyOriginalHost);
        match source {
            HostSource::Original => original,
            HostSource::Host => headers.get(HeaderId::Authority),
            HostSource::OriginalOrHost => original.or_else(|| headers.get(HeaderId::Authority)),
        }
    }
}
