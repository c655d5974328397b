//! The header mutation filter.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/header_mutation_filter>

use crate::compile::Result;
use crate::headers::{Headers, Side};
use crate::http::mutation_list::{HeaderMutationRules, MutationList};
use crate::http::stream::Stream;
use crate::matcher::Regexes;
use crate::proto;
use crate::route::FilterConfig;

/// Changes to the headers of requests and responses, of the filter and of routes.
pub struct HeaderMutation {
    rules: HeaderMutationRules,
}

impl HeaderMutation {
    pub fn compile(message: &proto::HeaderMutationFilter, regexes: &Regexes) -> Result<Self> {
        Ok(Self { rules: HeaderMutationRules::compile(message, regexes)? })
    }

    pub fn request(&self, name: &str, stream: &mut Stream) {
        let mut headers = std::mem::take(&mut stream.request);
        self.each(name, stream, |rules| apply(&rules.request, &mut headers, Side::Request, stream));
        stream.request = headers;
    }

    pub fn response(&self, name: &str, stream: &mut Stream) {
        let mut headers = std::mem::take(&mut stream.response);
        let changed = &mut headers;
        self.each(name, stream, |rules| apply(&rules.response, changed, Side::Response, stream));
        stream.response = headers;
    }

    /// The filter's own rules, then those of route table, virtual host, route and weighted cluster; the
    /// other way round unless the most specific ones are to win.
    fn each(&self, name: &str, stream: &Stream, mut apply: impl FnMut(&HeaderMutationRules)) {
        apply(&self.rules);
        let Some(route) = &stream.route else { return };
        let levels =
            route.filter_configs(name, stream.choice.as_ref()).filter_map(|config| match config {
                FilterConfig::HeaderMutation(rules) => Some(rules),
                _ => None,
            });
        match self.rules.most_specific_wins {
            true => levels.for_each(apply),
            false => levels.rev().for_each(apply),
        }
    }
}

fn apply(list: &MutationList, headers: &mut Headers, side: Side, stream: &Stream) {
    list.apply(headers, side, |formatter, headers, out| {
        stream.format(formatter, side, headers, out);
    });
}
