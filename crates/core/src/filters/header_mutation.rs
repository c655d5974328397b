//! The header mutation filter.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/header_mutation_filter>

use std::sync::Arc;

use super::bodies::{attach, Piece, StreamFilter};
use super::Head;
use crate::compile::Result;
use crate::formatter::{FormatContext, LogType};
use crate::headers::{HeaderId, Headers, Side};
use crate::http::mutation_list::{HeaderMutationRules, MutationList};
use crate::http::stream::{Answer, Stream};
use crate::matcher::Regexes;
use crate::proto;
use crate::route::FilterConfig;

/// Changes to the headers, queries and trailers of requests and responses, of the filter and of routes.
pub struct HeaderMutation {
    rules: Arc<HeaderMutationRules>,
}

impl HeaderMutation {
    pub fn compile(message: &proto::HeaderMutationFilter, regexes: &Regexes) -> Result<Self> {
        Ok(Self { rules: Arc::new(HeaderMutationRules::compile(message, regexes)?) })
    }

    pub fn request(&self, place: usize, name: &str, stream: &mut Stream) {
        let mut headers = std::mem::take(&mut stream.request);
        let mut has_trailers = false;
        each(&self.rules, name, stream, |rules| {
            apply(&rules.request, &mut headers, Side::Request, stream);
            change_query(rules, &mut headers, stream);
            has_trailers |= rules.has_trailers();
        });
        stream.request = headers;
        if has_trailers {
            attach(stream, place, Trailers { rules: self.rules.clone(), name: name.to_owned() });
        }
    }

    pub fn response(&self, name: &str, stream: &mut Stream) {
        let mut headers = std::mem::take(&mut stream.response);
        let changed = &mut headers;
        each(&self.rules, name, stream, |rules| {
            apply(&rules.response, changed, Side::Response, stream);
        });
        stream.response = headers;
    }
}

/// The filter's own rules, then those of route table, virtual host, route and weighted cluster; the other way
/// round unless the most specific ones are to win.
fn each(
    own: &HeaderMutationRules,
    name: &str,
    stream: &Stream,
    mut apply: impl FnMut(&HeaderMutationRules),
) {
    apply(own);
    let Some(route) = &stream.route else { return };
    let levels =
        route.filter_configs(name, stream.choice.as_ref()).filter_map(|config| match config {
            FilterConfig::HeaderMutation(rules) => Some(rules),
            _ => None,
        });
    match own.most_specific_wins {
        true => levels.for_each(apply),
        false => levels.rev().for_each(apply),
    }
}

fn apply(list: &MutationList, headers: &mut Headers, side: Side, stream: &Stream) {
    list.apply(headers, side, |formatter, headers, out| {
        stream.format(formatter, side, headers, out);
    });
}

fn change_query(rules: &HeaderMutationRules, headers: &mut Headers, stream: &Stream) {
    let target = headers.get(HeaderId::Path).filter(|_| !rules.query.is_empty());
    let Some(target) = target else { return };
    let changed = rules.query.apply(target, |formatter, out| {
        stream.format(formatter, Side::Request, headers, out);
    });
    headers.set(HeaderId::Path, &changed);
}

/// Changes the trailers of one request and its response.
struct Trailers {
    rules: Arc<HeaderMutationRules>,
    name: String,
}

impl StreamFilter for Trailers {
    fn request_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> std::result::Result<(), Box<Answer>> {
        if piece.end && !piece.trailers.is_empty() {
            each(&self.rules, &self.name, stream, |rules| {
                rules.request_trailers.apply(piece.trailers, Side::Request, |formatter, _, out| {
                    formatter.format(&stream.context(LogType::NotSet), out);
                });
            });
        }
        Ok(())
    }

    fn response_body(
        &mut self,
        stream: &mut Stream,
        piece: &mut Piece<'_>,
    ) -> std::result::Result<Head, Box<Answer>> {
        if piece.end && !piece.trailers.is_empty() {
            each(&self.rules, &self.name, stream, |rules| {
                let list = &rules.response_trailers;
                list.apply(piece.trailers, Side::Response, |formatter, trailers, out| {
                    let context = stream.context(LogType::NotSet);
                    let context = FormatContext { trailers: Some(trailers), ..context };
                    formatter.format(&context, out);
                });
            });
        }
        Ok(Head::Pass)
    }
}
