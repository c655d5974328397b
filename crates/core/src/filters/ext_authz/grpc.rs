//! A service that decides by gRPC: `envoy.service.auth.v3.Authorization/Check`.

use prost::Message;

use super::attributes::check_request;
use super::changes::{Changes, ResponseChanges};
use super::question::Question;
use super::service::{tag_verdict, Deciding};
use super::verdict::{Decision, Field, LocalReply, Verdict};
use crate::compile::Result;
use crate::filters::router::client::{Called, GrpcClient};
use crate::headers::HeaderName;
use crate::metadata::values::to_map;
use crate::proto::service::check_response::HttpResponse;
use crate::proto::service::{CheckResponse, HeaderValueOption, OkResponse};
use crate::proto::GrpcServiceClient;

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

pub struct Authorization(GrpcClient);

impl Authorization {
    /// # Errors
    /// The client cannot be.
    pub fn compile(message: &GrpcServiceClient) -> Result<Self> {
        GrpcClient::compile(message).map(Self)
    }

    pub fn ask(&self, question: &Question<'_>) -> Deciding {
        let message = check_request(question).encode_to_vec();
        let calling = self.0.call(question.stream, CHECK, &message);
        Box::pin(async move {
            let Called { message, span } = calling.await;
            let answer = message.ok().and_then(|bytes| CheckResponse::decode(&*bytes).ok());
            if let Some((mut span, answer)) = span.zip(answer.as_ref()) {
                let allowed = answer.status.unwrap_or_default().code == 0;
                tag_verdict(&mut span, allowed);
            }
            answer.map(decision).unwrap_or_default()
        })
    }
}

fn decision(answer: CheckResponse) -> Decision {
    let code = answer.status.unwrap_or_default().code;
    let mut metadata = answer.dynamic_metadata;
    let verdict = match (code, answer.http_response) {
        (0, Some(HttpResponse::OkResponse(mut ok))) => {
            metadata = ok.dynamic_metadata.take().or(metadata);
            Verdict::Allowed(Box::new(changes(ok)))
        }
        (0, _) => Verdict::Allowed(Box::default()),
        (_, Some(HttpResponse::ErrorResponse(reply))) => {
            let (mut fields, appended) = split(reply.headers);
            fields.extend(appended);
            let status = reply.status.unwrap_or_default().code;
            Verdict::Failed(LocalReply::new(status, fields, reply.body.into_bytes()))
        }
        (_, Some(HttpResponse::DeniedResponse(reply))) => {
            let (fields, _) = split(reply.headers);
            let status = reply.status.unwrap_or_default().code;
            Verdict::Denied(LocalReply::new(status, fields, reply.body.into_bytes()))
        }
        (_, of_success) => {
            if let Some(HttpResponse::OkResponse(ok)) = of_success {
                metadata = ok.dynamic_metadata.or(metadata);
            }
            Verdict::Denied(LocalReply::default())
        }
    };
    Decision { verdict, metadata: metadata.map(to_map).unwrap_or_default() }
}

fn field(option: HeaderValueOption) -> Field {
    let header = option.header.unwrap_or_default();
    Field::new(&header.key, header.value.as_bytes())
}

/// Those to set, and those to append. As in Envoy, the older field `append` alone tells which.
fn split(options: Vec<HeaderValueOption>) -> (Vec<Field>, Vec<Field>) {
    let (append, set): (Vec<_>, Vec<_>) =
        options.into_iter().partition(|it| it.append.is_some_and(|append| append.value));
    (set.into_iter().map(field).collect(), append.into_iter().map(field).collect())
}

fn changes(ok: OkResponse) -> Changes {
    let (set, append) = split(ok.headers);
    let (response, unknown_action) = response_changes(ok.response_headers_to_add);
    Changes {
        set,
        append,
        remove: ok.headers_to_remove.iter().map(|name| HeaderName::new(name)).collect(),
        set_query: ok.query_parameters_to_set.into_iter().map(|it| (it.key, it.value)).collect(),
        remove_query: ok.query_parameters_to_remove,
        response,
        unknown_action,
        ..Default::default()
    }
}

/// True: an action is none that there is, and left out.
fn response_changes(options: Vec<HeaderValueOption>) -> (ResponseChanges, bool) {
    let mut changes = ResponseChanges::default();
    let mut unknown = false;
    for option in options {
        let list = match (option.append.map(|append| append.value), option.append_action) {
            (Some(true), _) | (None, 0) => &mut changes.add,
            (Some(false), _) | (None, 2) => &mut changes.set,
            (None, 1) => &mut changes.add_if_absent,
            (None, 3) => &mut changes.overwrite_if_exists,
            (None, _) => {
                unknown = true;
                continue;
            }
        };
        list.push(field(option));
    }
    (changes, unknown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metadata::values::to_struct;
    use crate::proto::service::{BoolValue, HeaderValue, LocalResponse, Status};

    fn option(name: &str, append: Option<bool>, append_action: i32) -> HeaderValueOption {
        let header = HeaderValue { key: name.into(), value: "v".into(), ..Default::default() };
        let append = append.map(|value| BoolValue { value });
        HeaderValueOption { header: Some(header), append, append_action }
    }

    fn names(fields: &[Field]) -> Vec<&str> {
        fields.iter().map(|field| std::str::from_utf8(field.name.as_bytes()).unwrap()).collect()
    }

    fn answer(code: i32, http_response: Option<HttpResponse>) -> Verdict {
        let status = Some(Status { code });
        decision(CheckResponse { status, http_response, ..Default::default() }).verdict
    }

    #[test]
    fn the_code_decides_whatever_comes_with_it() {
        let reply = || LocalResponse { body: "no".into(), ..Default::default() };
        let denied = || Some(HttpResponse::DeniedResponse(reply()));
        assert!(matches!(answer(0, None), Verdict::Allowed(_)));
        assert!(matches!(answer(0, denied()), Verdict::Allowed(_)));
        assert!(matches!(answer(7, denied()), Verdict::Denied(reply) if reply.body == b"no"));
        assert!(matches!(answer(7, None), Verdict::Denied(reply) if reply.status.is_none()));
        let ok = Some(HttpResponse::OkResponse(OkResponse::default()));
        assert!(matches!(answer(7, ok), Verdict::Denied(_)));
        let error = Some(HttpResponse::ErrorResponse(reply()));
        assert!(matches!(answer(7, error), Verdict::Failed(reply) if reply.body == b"no"));
    }

    #[test]
    fn headers_are_changed_by_the_older_field_and_those_of_responses_by_action() {
        let ok = OkResponse {
            headers: vec![option("a", None, 3), option("b", Some(true), 2), option("c", None, 9)],
            response_headers_to_add: vec![
                option("a", None, 0),
                option("b", Some(true), 2),
                option("c", Some(false), 0),
                option("d", None, 2),
                option("e", None, 1),
                option("f", None, 3),
                option("g", None, 9),
            ],
            ..Default::default()
        };
        let changes = changes(ok);
        assert_eq!((names(&changes.set), names(&changes.append)), (vec!["a", "c"], vec!["b"]));
        let response = &changes.response;
        assert_eq!((names(&response.add), names(&response.set)), (vec!["a", "b"], vec!["c", "d"]));
        assert_eq!(names(&response.add_if_absent), ["e"]);
        assert_eq!(names(&response.overwrite_if_exists), ["f"]);
        assert!(changes.unknown_action);
    }

    #[test]
    fn metadata_of_a_success_comes_first() {
        let one = |value: &str| to_struct(&json!({"from": value}));
        let ok = OkResponse { dynamic_metadata: one("ok"), ..Default::default() };
        let answer = CheckResponse {
            http_response: Some(HttpResponse::OkResponse(ok)),
            dynamic_metadata: one("answer"),
            ..Default::default()
        };
        assert_eq!(decision(answer).metadata["from"], "ok");
    }
}
