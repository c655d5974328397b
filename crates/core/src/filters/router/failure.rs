//! Why an attempt gave no response, and what the client is told.

use std::borrow::Cow;

use crate::headers::HeaderId;
use crate::http::flags::ResponseFlags;
use crate::http::stream::Answer;
use crate::http1::CodecError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutKind {
    /// The route's timeout.
    Route,
    PerTry,
    PerTryIdle,
    StreamIdle,
    /// The whole request did not arrive in time.
    Request,
    MaxDuration,
    /// The longest time of a request on a connection to the cluster.
    UpstreamDuration,
}

impl TimeoutKind {
    /// A limit of one attempt, after which another may be made.
    pub fn is_of_one_attempt(self) -> bool {
        matches!(self, Self::PerTry | Self::PerTryIdle)
    }

    /// How the log of attempts tells of it.
    pub fn flag_of_attempt(self) -> ResponseFlags {
        match self {
            Self::PerTry => ResponseFlags::UPSTREAM_REQUEST_TIMEOUT,
            Self::PerTryIdle => ResponseFlags::STREAM_IDLE_TIMEOUT,
            _ => ResponseFlags::empty(),
        }
    }
}

/// Whose fault it is that there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    Timeout,
    Local,
    Remote,
}

#[derive(Debug)]
pub enum Failure {
    NoHost {
        details: Cow<'static, str>,
    },
    /// The cluster turns away a share of its requests (drop_overloads), or all of them.
    Dropped {
        all: bool,
    },
    Overflow,
    /// No connection, with the transport's reason.
    Connect {
        kind: ConnectFailure,
        reason: Cow<'static, str>,
    },
    /// The upstream closed before its response.
    Terminated,
    /// The upstream reset the stream; `refused`: it did nothing with the request.
    Reset {
        refused: bool,
    },
    Protocol,
    Timeout(TimeoutKind),
    ClientGone,
    /// The client's body is malformed.
    ClientBody(CodecError),
    /// A filter that sees bodies answers.
    Answered(Box<Answer>),
}

/// The status of gRPC for a call that took too long.
const DEADLINE_EXCEEDED: u32 = 4;

const PREFIX: &str = "upstream connect error or disconnect/reset before headers. ";

impl Failure {
    /// The reason as Envoy names it in bodies and `%RESPONSE_CODE_DETAILS%`.
    pub fn reset_reason(&self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::Connect { kind: ConnectFailure::Timeout, .. } => "connection timeout",
            Self::Connect { kind: ConnectFailure::Local, .. } => "local connection failure",
            Self::Connect { kind: ConnectFailure::Remote, .. } => "remote connection failure",
            Self::Protocol => "protocol error",
            Self::Reset { refused: true } => "remote refused stream reset",
            Self::Reset { refused: false } => "remote reset",
            _ => "connection termination",
        }
    }

    pub fn flag(&self) -> ResponseFlags {
        match self {
            Self::NoHost { .. } => ResponseFlags::NO_HEALTHY_UPSTREAM,
            Self::Dropped { all: true } => ResponseFlags::UNCONDITIONAL_DROP_OVERLOAD,
            Self::Dropped { all: false } => ResponseFlags::DROP_OVERLOAD,
            Self::Overflow => ResponseFlags::UPSTREAM_OVERFLOW,
            Self::Connect { .. } => ResponseFlags::UPSTREAM_CONNECTION_FAILURE,
            Self::Terminated => ResponseFlags::UPSTREAM_CONNECTION_TERMINATION,
            Self::Protocol => ResponseFlags::UPSTREAM_PROTOCOL_ERROR,
            Self::Reset { .. } => ResponseFlags::UPSTREAM_REMOTE_RESET,
            Self::Timeout(TimeoutKind::StreamIdle) => ResponseFlags::STREAM_IDLE_TIMEOUT,
            Self::Timeout(TimeoutKind::MaxDuration | TimeoutKind::Request) => {
                ResponseFlags::empty()
            }
            Self::Timeout(TimeoutKind::UpstreamDuration) => {
                ResponseFlags::UPSTREAM_MAX_STREAM_DURATION_REACHED
            }
            Self::Timeout(_) => ResponseFlags::UPSTREAM_REQUEST_TIMEOUT,
            Self::ClientGone => ResponseFlags::DOWNSTREAM_CONNECTION_TERMINATION,
            Self::ClientBody(_) => ResponseFlags::DOWNSTREAM_PROTOCOL_ERROR,
            Self::Answered(answer) => answer.flags,
        }
    }

    /// The upstream or the way to it is at fault, or an attempt took too long: what retry policies are about.
    pub fn is_of_upstream(&self) -> bool {
        match self {
            Self::NoHost { .. }
            | Self::Dropped { .. }
            | Self::ClientGone
            | Self::ClientBody(_)
            | Self::Answered(_) => false,
            Self::Timeout(kind) => matches!(
                kind,
                TimeoutKind::PerTry | TimeoutKind::PerTryIdle | TimeoutKind::UpstreamDuration
            ),
            Self::Overflow
            | Self::Connect { .. }
            | Self::Terminated
            | Self::Reset { .. }
            | Self::Protocol => true,
        }
    }

    /// The answer stands for that of the upstream, and counts as one.
    pub fn answers_for_upstream(&self) -> bool {
        match self {
            Self::ClientBody(_) | Self::Answered(_) => false,
            Self::Timeout(_) => self.is_of_attempts(),
            _ => true,
        }
    }

    /// A timeout of the whole response or of one attempt at it.
    pub fn is_of_attempts(&self) -> bool {
        matches!(
            self,
            Self::Timeout(TimeoutKind::Route | TimeoutKind::PerTry | TimeoutKind::PerTryIdle)
        )
    }

    /// The status that stands for the response that there is not.
    pub fn status(&self) -> u16 {
        match self {
            Self::Timeout(_) => 504,
            Self::Protocol => 502,
            _ => 503,
        }
    }

    /// What the client is told. `retried`: earlier attempts were made; `started`: it has an interim response;
    /// `request_done`: the client has
    /// sent all of its request; `transport`: the failure reason of the transport.
    pub fn answer(
        &self,
        retried: bool,
        started: bool,
        request_done: bool,
        transport: &str,
    ) -> Answer {
        let late = if request_done { 504 } else { 408 };
        match self {
            Self::NoHost { details } => {
                let mut answer = Answer::new(503, "no healthy upstream", "");
                answer.details = details.clone();
                answer
            }
            Self::Dropped { all: true } => {
                Answer::new(503, "unconditional drop overload", "unconditional_drop_overload")
                    .header(HeaderId::XEnvoyUnconditionalDropOverload, "true")
            }
            Self::Dropped { all: false } => Answer::new(503, "drop overload", "drop_overload")
                .header(HeaderId::XEnvoyDropOverload, "true"),
            Self::Timeout(TimeoutKind::Route) => {
                Answer::new(504, "upstream request timeout", "response_timeout")
            }
            Self::Timeout(TimeoutKind::PerTry) => {
                Answer::new(504, "upstream request timeout", "upstream_per_try_timeout")
            }
            Self::Timeout(TimeoutKind::PerTryIdle) => {
                Answer::new(504, "upstream request timeout", "upstream_per_try_idle_timeout")
            }
            Self::Timeout(TimeoutKind::StreamIdle) => {
                Answer::new(late, "stream timeout", "stream_idle_timeout")
            }
            Self::Timeout(TimeoutKind::Request) => {
                Answer::new(408, "request timeout", "request_overall_timeout")
            }
            Self::Timeout(TimeoutKind::MaxDuration) => {
                let mut answer =
                    Answer::new(late, "downstream duration timeout", "max_duration_timeout");
                answer.grpc_status = Some(DEADLINE_EXCEEDED);
                answer
            }
            Self::Timeout(TimeoutKind::UpstreamDuration) => Answer::new(
                late,
                "upstream max stream duration reached",
                "upstream_max_stream_duration_reached",
            ),
            Self::ClientBody(error) => Answer::new(error.status(), error.body(), error.details()),
            Self::Answered(answer) => Answer::clone(answer),
            Self::ClientGone => Answer::new(0, "", "downstream_remote_disconnect"),
            _ => self.reset_answer(retried, started, transport),
        }
    }

    fn reset_answer(&self, retried: bool, started: bool, transport: &str) -> Answer {
        let reason = self.reset_reason();
        let mut answer = Answer::new(self.status(), "", "");
        let middle =
            if retried { "retried and the latest reset reason: " } else { "reset reason: " };
        answer.body = format!("{PREFIX}{middle}{reason}").into_bytes().into();
        let when = if started { "after" } else { "before" };
        let mut details =
            format!("upstream_reset_{when}_response_started{{{}}}", reason.replace(' ', "_"));
        if !transport.is_empty() {
            details.insert_str(details.len() - 1, &format!("|{}", transport.replace(' ', "_")));
        }
        answer.details = details.into();
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectFailure, Failure, TimeoutKind};

    #[test]
    fn bodies_tell_the_reason_and_whether_it_was_retried() {
        let refused = Failure::Connect { kind: ConnectFailure::Remote, reason: "".into() };
        let answer = refused.answer(false, false, true, "");
        assert_eq!(answer.status, 503);
        assert_eq!(
            &answer.body[..],
            b"upstream connect error or disconnect/reset before headers. \
              reset reason: remote connection failure"
        );
        let answer = Failure::Terminated.answer(true, false, true, "");
        assert!(answer
            .body
            .ends_with(b"retried and the latest reset reason: connection termination"));
        assert_eq!(
            answer.details,
            "upstream_reset_before_response_started{connection_termination}"
        );
    }

    #[test]
    fn an_unfinished_request_is_blamed_on_the_client() {
        let idle = Failure::Timeout(TimeoutKind::StreamIdle);
        assert_eq!(idle.answer(false, false, false, "").status, 408);
        assert_eq!(idle.answer(false, false, true, "").status, 504);
    }
}
