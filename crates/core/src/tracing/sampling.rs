//! Which requests are traced, and why: what a request id says, then the shares of the configuration.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-request-id>

use super::config::Tracing;
use crate::headers::{HeaderId, Headers};
use crate::http::request_id::stable_random;
use crate::proto;
use crate::random::Random;
use crate::runtime::{Fraction, Runtime};

/// Shares are of this many.
const ALL: u64 = 10_000;

/// Where a request id tells why its request is traced; its length.
const PLACE: usize = 14;
const LENGTH: usize = 36;

/// Why a request is traced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    #[default]
    NotTraceable,
    Sampled,
    /// By x-envoy-force-trace.
    Forced,
    /// By x-client-trace-id.
    Client,
}

/// Each reason but the first, and how a request id tells of it.
const TOLD: [(u8, Reason); 3] =
    [(b'9', Reason::Sampled), (b'a', Reason::Forced), (b'b', Reason::Client)];
const NOT_TOLD: u8 = b'4';

impl Reason {
    pub fn is_traced(self) -> bool {
        self != Self::NotTraceable
    }

    fn of_id(id: &[u8]) -> Self {
        let digit = id.get(PLACE).filter(|_| id.len() == LENGTH);
        let told = TOLD.iter().find(|(told, _)| Some(told) == digit);
        told.map_or(Self::NotTraceable, |(_, reason)| *reason)
    }

    /// Writes it into a request id, which is none where it has another length.
    pub fn write(self, headers: &mut Headers) {
        let Some(id) = headers.get(HeaderId::XRequestId) else { return };
        if id.len() != LENGTH {
            return;
        }
        let told = TOLD.iter().find(|(_, reason)| *reason == self);
        let mut id = id.to_vec();
        id[PLACE] = told.map_or(NOT_TOLD, |(digit, _)| *digit);
        headers.set(HeaderId::XRequestId, &id);
    }
}

/// The shares of requests that are traced.
pub struct Sampling {
    client: Fraction,
    random: Fraction,
    overall: Fraction,
}

impl Sampling {
    pub fn compile(message: &proto::TraceSampling) -> Self {
        let share = |share: &Option<_>| Fraction::compile(&share.clone().unwrap_or_default());
        Self {
            client: share(&message.client),
            random: share(&message.random),
            overall: share(&message.overall),
        }
    }
}

/// Decides about a request, and notes it in its id.
pub fn decide(
    tracing: &Tracing,
    of_route: Option<&Sampling>,
    headers: &mut Headers,
    runtime: &Runtime,
    random: &Random,
) -> Reason {
    if tracing.ignores_request_id {
        return Reason::Sampled;
    }
    let Some(id) = headers.get(HeaderId::XRequestId) else { return Reason::NotTraceable };
    let Some(number) = stable_random(id) else { return Reason::NotTraceable };
    let number = number % ALL;
    let told = Reason::of_id(id);
    let shares = of_route.unwrap_or(&tracing.sampling);
    let mut reason = told;
    if !told.is_traced() {
        let by_client = headers.contains(HeaderId::XClientTraceId);
        if by_client && shares.client.hit(runtime, random) {
            reason = Reason::Client;
        } else if headers.contains(HeaderId::XEnvoyForceTrace) {
            reason = Reason::Forced;
        } else if shares.random.contains(runtime, number) {
            reason = Reason::Sampled;
        }
    }
    if reason.is_traced() && !shares.overall.contains(runtime, number) {
        reason = Reason::NotTraceable;
    }
    if reason != told && tracing.packs_reason {
        reason.write(headers);
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use crate::headers::{HeaderId, Headers};

    fn written(reason: Reason, id: &str) -> String {
        let mut headers = Headers::new();
        headers.append(HeaderId::XRequestId, id.as_bytes());
        reason.write(&mut headers);
        headers.get_str(HeaderId::XRequestId).unwrap_or_default().to_owned()
    }

    #[test]
    fn an_id_tells_the_reason() {
        let id = "12345678-1234-4234-9234-123456789012";
        for reason in [Reason::NotTraceable, Reason::Sampled, Reason::Forced, Reason::Client] {
            let told = written(reason, id);
            assert_eq!(Reason::of_id(told.as_bytes()), reason);
            assert_eq!(written(Reason::NotTraceable, &told), id);
        }
        assert_eq!(written(Reason::Forced, "short"), "short");
        assert_eq!(Reason::of_id(b"12345678-1234-9"), Reason::NotTraceable);
        assert!(!Reason::NotTraceable.is_traced() && Reason::Client.is_traced());
    }
}
