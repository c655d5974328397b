//! A service that decides by the status of an HTTP response.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::changes::{Changes, ResponseChanges};
use super::question::{Names, Question, PARTIAL_BODY};
use super::service::{tag_verdict, Deciding};
use super::verdict::{Decision, Field, LocalReply, Verdict};
use crate::compile::{At, Result};
use crate::filters::router::client::{Client, Request, Response};
use crate::headers::{HeaderId, HeaderName, Headers, Key, Side};
use crate::http::mutation::HeaderChanges;
use crate::http1::encode::reason;
use crate::matcher::Regexes;
use crate::proto;
use crate::tracing::OwnSpan;

/// Names headers that are to be removed from the request.
const TO_REMOVE: &[u8] = b"x-envoy-auth-headers-to-remove";

pub struct HttpService {
    client: Client,
    path_prefix: String,
    /// In place of the request's path; empty: that.
    path_override: String,
    added: HeaderChanges,
    upstream: Option<Names>,
    upstream_to_append: Option<Names>,
    /// None: all.
    client_on_denial: Option<Names>,
    client_on_success: Option<Names>,
    metadata: Option<Names>,
}

impl HttpService {
    /// # Errors
    /// A part that cannot be taken, with its path.
    pub fn compile(message: &proto::HttpAuthzService, regexes: &Regexes) -> Result<Self> {
        let names = |list: &Option<_>, field| Names::compile(list.as_ref(), field, regexes);
        let client = message.client.clone().unwrap_or_default();
        Ok(Self {
            client: Client::compile(&client).at("client")?,
            path_prefix: message.path_prefix.clone(),
            path_override: message.path_override.clone(),
            added: HeaderChanges::compile(&message.headers_to_add, &[], "headers_to_add")?,
            upstream: names(&message.upstream_headers, "upstream_headers")?,
            upstream_to_append: names(
                &message.upstream_headers_to_append,
                "upstream_headers_to_append",
            )?,
            client_on_denial: names(&message.client_headers, "client_headers")?,
            client_on_success: names(
                &message.client_headers_on_success,
                "client_headers_on_success",
            )?,
            metadata: names(&message.metadata_headers, "metadata_headers")?,
        })
    }

    pub fn ask(self: &Arc<Self>, question: &Question<'_>) -> Deciding {
        let request = self.request(question);
        let whole = [HeaderId::Method, HeaderId::Path, HeaderId::Authority];
        if !whole.iter().all(|id| request.headers.contains(*id)) {
            return Box::pin(std::future::ready(Decision::default()));
        }
        let responding = self.client.send(&question.stream.worker, request);
        let service = self.clone();
        Box::pin(async move {
            responding.await.map_or_else(|_| Decision::default(), |it| service.decision(it))
        })
    }

    fn request(&self, question: &Question<'_>) -> Request {
        let mut headers = Headers::new();
        let body = question.body.map_or(&[][..], |body| body.bytes).to_vec();
        let (pseudo, fields): (Vec<_>, Vec<_>) =
            question.headers().partition(|(name, _)| name.starts_with(b":"));
        for (name, value) in pseudo {
            match HeaderId::classify(name) {
                HeaderId::Path => headers.append(HeaderId::Path, &self.path(value)),
                id => headers.append(id, value),
            }
        }
        headers.append(HeaderId::ContentLength, body.len().to_string().as_bytes());
        for (name, value) in fields {
            match HeaderId::classify(name) {
                HeaderId::ContentLength => {}
                HeaderId::Other => self.tell(question, &mut headers, Key::Other(name), value),
                id => self.tell(question, &mut headers, Key::Known(id), value),
            }
        }
        if let Some(body) = question.body {
            headers.append_raw(PARTIAL_BODY, body.is_part().as_bytes());
        }
        let stream = question.stream;
        self.added.apply(&mut headers, Side::Request, |formatter, _, out| {
            stream.format(formatter, Side::Request, &stream.request, out);
        });
        let name = format!("async {} egress", self.client.cluster());
        let span = OwnSpan::begin(stream, &name, question.unsampled.then_some(false));
        Request { headers, body, span }
    }

    /// Adds a header; one that is repeated is joined unless headers are told as they are.
    fn tell(&self, question: &Question<'_>, headers: &mut Headers, key: Key<'_>, value: &[u8]) {
        match headers.get(key).filter(|_| !question.told.raw_headers) {
            None => headers.append(key, value),
            Some(before) => {
                let joined = [before, b",", value].concat();
                headers.set(key, &joined);
            }
        }
    }

    fn path(&self, path: &[u8]) -> Vec<u8> {
        match self.path_override.as_str() {
            "" => [self.path_prefix.as_bytes(), path].concat(),
            other => other.into(),
        }
    }

    fn decision(&self, mut response: Response) -> Decision {
        if let Some(mut span) = response.span.take() {
            span.tag("ext_authz_http_status", reason(response.status));
            tag_verdict(&mut span, response.status == 200);
        }
        if response.status >= 500 {
            return Decision::default();
        }
        let remove = to_remove(&response.headers);
        response.headers.remove(Key::Other(TO_REMOVE));
        let mut metadata = Map::new();
        for field in fields(&response.headers, self.metadata.as_ref()) {
            let [name, value] = [field.name.as_bytes(), &field.value].map(String::from_utf8_lossy);
            metadata.insert(name.into_owned(), Value::from(value.into_owned()));
        }
        let verdict = match response.status {
            200 => Verdict::Allowed(Box::new(Changes {
                set: fields(&response.headers, self.upstream.as_ref()),
                add: fields(&response.headers, self.upstream_to_append.as_ref()),
                remove,
                response: ResponseChanges {
                    add: fields(&response.headers, self.client_on_success.as_ref()),
                    ..Default::default()
                },
                ..Default::default()
            })),
            status => Verdict::Denied(LocalReply::new(
                status.into(),
                match &self.client_on_denial {
                    None => all(&response.headers),
                    names => fields(&response.headers, names.as_ref()),
                },
                response.body,
            )),
        };
        Decision { verdict, metadata }
    }
}

/// The headers of a response, but for its status.
fn all(headers: &Headers) -> Vec<Field> {
    let all = headers.iter().filter(|(id, _, _)| !id.is_pseudo());
    all.map(|(_, name, value)| Field::new(&String::from_utf8_lossy(name), value)).collect()
}

fn fields(headers: &Headers, names: Option<&Names>) -> Vec<Field> {
    let Some(names) = names else { return Vec::new() };
    let mut fields = all(headers);
    fields.retain(|field| names.contain(field.name.as_bytes()));
    fields
}

fn to_remove(headers: &Headers) -> Vec<HeaderName> {
    let values = headers.get_all(Key::Other(TO_REMOVE));
    let names = values.flat_map(|value| value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii));
    let names = names.filter(|name| !name.is_empty());
    names.map(|name| HeaderName::new(&String::from_utf8_lossy(name))).collect()
}
