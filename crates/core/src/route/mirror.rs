//! Copies of requests that go to other clusters: `request_mirror_policies`.
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction-requestmirrorpolicy>

use std::sync::Arc;

use super::domains::port_start;
use super::entry::Route;
use super::format::Format;
use super::RouteContext;
use crate::compile::{each, At, CompileError, Result};
use crate::headers::{HeaderId, HeaderName, Headers, Side};
use crate::http::mutation_list::MutationList;
use crate::http::stream_info::StreamInfo;
use crate::matcher::Regexes;
use crate::proto::{self, mirror::Specifier};
use crate::runtime::Fraction;

/// Those of a route, or of the level above it that has some.
pub type Mirrors = Arc<[Mirror]>;

enum Target {
    Cluster(Arc<str>),
    Header(HeaderName),
}

pub struct Mirror {
    target: Target,
    /// None: of every request.
    share: Option<Fraction>,
    keeps_host: bool,
    host: Option<Box<[u8]>>,
    changes: MutationList,
    /// Its span is reported; None: as that of the request.
    pub sampled: Option<bool>,
    /// What the copy is under: no retries, no limit but that of the request itself.
    pub route: Arc<Route>,
}

impl Mirror {
    /// The policies of one level; without any, those of the level above.
    pub(super) fn compile_all(
        messages: &[proto::Mirror],
        above: Option<&Mirrors>,
        regexes: &Regexes,
    ) -> Result<Mirrors> {
        match (messages, above) {
            ([], Some(above)) => Ok(above.clone()),
            _ => Ok(each(messages, "mirrors", |one| Self::compile(one, regexes))?.into()),
        }
    }

    fn compile(message: &proto::Mirror, regexes: &Regexes) -> Result<Self> {
        let target = match &message.specifier {
            Some(Specifier::Cluster(name)) => Target::Cluster(name.as_str().into()),
            Some(Specifier::ClusterHeader(name)) => Target::Header(HeaderName::new(name)),
            None => return Err(CompileError::new("a mirror needs a cluster")),
        };
        let host = &message.host_rewrite_literal;
        Ok(Self {
            target,
            share: message.fraction.as_ref().map(Fraction::compile),
            keeps_host: message.keeps_host,
            host: (!host.is_empty()).then(|| host.as_bytes().into()),
            changes: MutationList::compile(&message.mutations, regexes).at("mutations")?,
            sampled: message.sampled,
            route: Arc::new(Route::of_own_requests(None)?),
        })
    }

    /// Whether this request is one of those that are copied.
    pub fn concerns(&self, context: &RouteContext<'_>) -> bool {
        self.share.as_ref().is_none_or(|share| share.contains(context.runtime, context.random))
    }

    /// The cluster that the copy goes to; None where the header that names it is absent.
    pub fn cluster(&self, request: &Headers) -> Option<Arc<str>> {
        match &self.target {
            Target::Cluster(name) => Some(name.clone()),
            Target::Header(name) => {
                let value = std::str::from_utf8(request.get(name)?).ok()?;
                (!value.is_empty()).then(|| value.into())
            }
        }
    }

    /// Makes the copy of a request what its cluster is to see.
    pub fn change(&self, copy: &mut Headers, info: &StreamInfo) {
        let format = Format { info };
        self.changes.apply(copy, Side::Request, |formatter, headers, out| {
            format.request(formatter, headers, out);
        });
        if let Some(host) = &self.host {
            copy.set(HeaderId::Authority, host);
        } else if !self.keeps_host {
            let host = copy.get(HeaderId::Authority).unwrap_or_default();
            let (name, port) = host.split_at(port_start(host).unwrap_or(host.len()));
            let marked = [name, b"-shadow", port].concat();
            copy.set(HeaderId::Authority, &marked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mirror, Mirrors};
    use crate::headers::{HeaderId, Headers};
    use crate::http::stream_info::StreamInfo;
    use crate::matcher::Regexes;
    use crate::proto::{self, mirror::Specifier};
    use crate::route::test_support::stream_info;

    fn to(cluster: &str) -> proto::Mirror {
        let specifier = Some(Specifier::Cluster(cluster.into()));
        proto::Mirror { specifier, ..Default::default() }
    }

    fn compiled(messages: &[proto::Mirror], above: Option<&Mirrors>) -> Mirrors {
        let mirrors = Mirror::compile_all(messages, above, &Regexes::default());
        mirrors.unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn host_of_copy(message: proto::Mirror, host: &str, info: &StreamInfo) -> String {
        let mut copy = Headers::new();
        copy.append(HeaderId::Authority, host.as_bytes());
        compiled(&[message], None)[0].change(&mut copy, info);
        copy.get_str(HeaderId::Authority).unwrap_or_default().to_owned()
    }

    #[test]
    fn the_host_of_a_copy_is_marked() {
        let info = stream_info();
        assert_eq!(host_of_copy(to("c"), "a.b", &info), "a.b-shadow");
        assert_eq!(host_of_copy(to("c"), "a.b:80", &info), "a.b-shadow:80");
        assert_eq!(host_of_copy(to("c"), "[::1]:80", &info), "[::1]-shadow:80");
        let kept = proto::Mirror { keeps_host: true, ..to("c") };
        assert_eq!(host_of_copy(kept, "a.b", &info), "a.b");
        let literal = proto::Mirror { host_rewrite_literal: "x".into(), ..to("c") };
        assert_eq!(host_of_copy(literal, "a.b", &info), "x");
    }

    #[test]
    fn a_level_without_policies_has_those_above() {
        let above = compiled(&[to("above")], None);
        let request = Headers::new();
        let first = |mirrors: &Mirrors| mirrors[0].cluster(&request);
        assert_eq!(first(&compiled(&[], Some(&above))).as_deref(), Some("above"));
        assert_eq!(first(&compiled(&[to("own")], Some(&above))).as_deref(), Some("own"));
        assert!(compiled(&[], None).is_empty());
    }
}
