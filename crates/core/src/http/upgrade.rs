//! Upgrades and CONNECT: requests after which a connection, or a stream, carries bytes of another protocol.
//!
//! Between the two sides of a request they always look as in HTTP/1: `connection: upgrade` and `upgrade`, answered
//! by 101, or the method CONNECT without them, answered by 200. A side that speaks another protocol translates
//! (RFC 8441). Once the upstream has agreed both bodies are open streams: see [`BodyLength::Open`].
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades>
//!
//! [`BodyLength::Open`]: crate::http1::BodyLength::Open

use crate::access_log::Sinks;
use crate::compile::{each, Result};
use crate::filters::Filter;
use crate::headers::{HeaderId, Headers};
use crate::http1::connection::is_upgrade;
use crate::http1::request::RequestHead;
use crate::matcher::Regexes;
use crate::proto;

/// Which upgrades are let through. Types are in lower case.
#[derive(Default)]
pub struct Upgrades(Vec<Upgrade>);

struct Upgrade {
    kind: Box<[u8]>,
    enabled: bool,
    /// In place of the connection manager's; empty: those.
    filters: Vec<Filter>,
}

impl Upgrades {
    /// # Errors
    /// A filter cannot be.
    pub fn compile(
        messages: &[proto::UpgradeConfig],
        sinks: &Sinks,
        regexes: &Regexes,
    ) -> Result<Self> {
        let compile = |message: &proto::UpgradeConfig| {
            let filters = each(&message.http_filters, "http_filters", |filter| {
                Filter::compile(filter, sinks, regexes)
            })?;
            Ok(Upgrade { filters, ..Upgrade::bare(message) })
        };
        each(messages, "upgrades", compile).map(Self)
    }

    /// Those of a route, which has no filters of its own.
    pub fn of_route(messages: &[proto::UpgradeConfig]) -> Self {
        Self(messages.iter().map(Upgrade::bare).collect())
    }

    fn find(&self, kind: &[u8]) -> Option<&Upgrade> {
        self.0.iter().find(|upgrade| kind.eq_ignore_ascii_case(&upgrade.kind))
    }

    /// Whether an upgrade to `kind` is let through; the route, if it says so, has the last word.
    pub fn allow(&self, kind: &[u8], route: Option<&Self>) -> bool {
        let of_route = route.and_then(|upgrades| upgrades.find(kind));
        of_route.or(self.find(kind)).is_some_and(|upgrade| upgrade.enabled)
    }

    /// Where the filters stand that requests of this kind run through in place of the others, if there are such.
    pub fn own_filters(&self, kind: &[u8]) -> Option<usize> {
        let of_kind = |upgrade: &Upgrade| kind.eq_ignore_ascii_case(&upgrade.kind);
        self.0.iter().position(|upgrade| of_kind(upgrade) && !upgrade.filters.is_empty())
    }

    /// The filters that [`Self::own_filters`] found.
    pub fn filters(&self, place: usize) -> Option<&[Filter]> {
        self.0.get(place).map(|upgrade| upgrade.filters.as_slice())
    }

    /// Those of every kind of upgrade that has filters of its own.
    pub fn all_filters(&self) -> impl Iterator<Item = &Filter> {
        self.0.iter().flat_map(|upgrade| &upgrade.filters)
    }
}

impl Upgrade {
    fn bare(message: &proto::UpgradeConfig) -> Self {
        Self {
            kind: message.r#type.as_bytes().into(),
            enabled: message.enabled,
            filters: Vec::new(),
        }
    }
}

/// What a request asks to be switched to: CONNECT without `upgrade` is a kind of its own.
pub fn asked<'a>(head: &RequestHead, request: &'a Headers) -> Option<&'a [u8]> {
    match (head.upgrade, head.is_connect) {
        (true, _) => request.get(HeaderId::Upgrade),
        (false, true) => Some(b"CONNECT"),
        (false, false) => None,
    }
}

/// Whether a request asks for a WebSocket.
pub fn is_websocket(head: &RequestHead, request: &Headers) -> bool {
    let kind = request.get(HeaderId::Upgrade);
    head.upgrade && kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"websocket"))
}

/// How an upstream took a request that is to become a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    Agreed,
    /// An ordinary response, which is passed on.
    Refused,
    /// Of a refused WebSocket handshake nothing but the head of the response is passed on, unless it is an error.
    HeadAlone,
}

/// `status` and `response` are the upstream's, `request` is what was asked.
pub fn handshake(
    head: &RequestHead,
    request: &Headers,
    status: u16,
    response: &Headers,
) -> Handshake {
    if head.is_connect {
        return match (200..300).contains(&status) {
            true => Handshake::Agreed,
            false => Handshake::Refused,
        };
    }
    match status {
        101 if is_upgrade(response) => Handshake::Agreed,
        102..=399 if is_websocket(head, request) => Handshake::HeadAlone,
        _ => Handshake::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::{handshake, Handshake, Upgrades};
    use crate::headers::{HeaderId, Headers};
    use crate::http1::request::{self, RequestHead, RequestLimits};
    use crate::proto::UpgradeConfig;

    fn upgrades(of: &[(&str, bool)]) -> Upgrades {
        let message = |&(kind, enabled): &(&str, bool)| UpgradeConfig {
            r#type: kind.into(),
            enabled,
            http_filters: Vec::new(),
        };
        Upgrades::of_route(&of.iter().map(message).collect::<Vec<_>>())
    }

    fn asked(head: &str) -> (RequestHead, Headers) {
        let mut headers = Headers::new();
        let parsed = request::parse(head.as_bytes(), &RequestLimits::default(), &mut headers);
        (parsed.unwrap().unwrap(), headers)
    }

    #[test]
    fn the_route_has_the_last_word() {
        let manager = upgrades(&[("websocket", true), ("foo", false)]);
        let route = upgrades(&[("websocket", false), ("foo", true)]);
        assert!(manager.allow(b"WebSocket", None));
        assert!(!manager.allow(b"websocket", Some(&route)));
        assert!(manager.allow(b"foo", Some(&route)));
        assert!(!manager.allow(b"foo", None) && !manager.allow(b"bar", Some(&route)));
    }

    #[test]
    fn only_the_right_status_opens_a_tunnel() {
        let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ";
        let mut switch = Headers::new();
        switch.append(HeaderId::Connection, b"upgrade");
        switch.append(HeaderId::Upgrade, b"x");
        let told = |head: &(RequestHead, Headers), status, response: &Headers| {
            handshake(&head.0, &head.1, status, response)
        };
        let websocket = asked(&format!("{ask}WebSocket\r\n\r\n"));
        assert_eq!(told(&websocket, 101, &switch), Handshake::Agreed);
        assert_eq!(told(&websocket, 101, &Headers::new()), Handshake::Refused);
        assert_eq!(told(&websocket, 200, &switch), Handshake::HeadAlone);
        assert_eq!(told(&websocket, 426, &switch), Handshake::Refused);
        let other = asked(&format!("{ask}foo\r\n\r\n"));
        assert_eq!(told(&other, 200, &switch), Handshake::Refused);
        let connect = asked("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
        assert_eq!(told(&connect, 201, &switch), Handshake::Agreed);
        assert_eq!(told(&connect, 302, &switch), Handshake::Refused);
    }
}
