//! Formatting of values for header changes and rewrites.

use crate::formatter::{FormatContext, Formatter, LogType};
use crate::headers::Headers;
use crate::http::stream_info::StreamInfo;

/// Formats values for one request.
#[derive(Clone, Copy)]
pub(super) struct Format<'a> {
    pub(super) info: &'a StreamInfo,
}

impl Format<'_> {
    /// Appends the value as it is before the request is sent.
    pub(super) fn request(&self, formatter: &Formatter, request: &Headers, out: &mut Vec<u8>) {
        self.append(formatter, Some(request), None, out);
    }

    /// Appends the value as it is before the response is sent.
    pub(super) fn response(
        &self,
        formatter: &Formatter,
        request: &Headers,
        response: &Headers,
        out: &mut Vec<u8>,
    ) {
        self.append(formatter, Some(request), Some(response), out);
    }

    fn append(
        &self,
        formatter: &Formatter,
        request: Option<&Headers>,
        response: Option<&Headers>,
        out: &mut Vec<u8>,
    ) {
        let context = FormatContext {
            info: self.info,
            request,
            response,
            trailers: None,
            local_reply_body: b"",
            log_type: LogType::NotSet,
        };
        formatter.format(&context, out);
    }
}
