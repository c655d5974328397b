//! The service that decides.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::grpc::Authorization;
use super::http::HttpService;
use super::question::Question;
use super::verdict::Decision;
use crate::compile::{At, CompileError, Result};
use crate::matcher::Regexes;
use crate::proto::{self, authz_service::Kind};
use crate::tracing::OwnSpan;

/// A decision to come. Who drops it gives the question up.
pub type Deciding = Pin<Box<dyn Future<Output = Decision>>>;

/// Lets the span of a question tell what was decided.
pub fn tag_verdict(span: &mut OwnSpan, allowed: bool) {
    let told = if allowed { "ext_authz_ok" } else { "ext_authz_unauthorized" };
    span.tag("ext_authz_status", told);
}

pub enum Service {
    Grpc(Authorization),
    Http(Arc<HttpService>),
}

impl Service {
    /// # Errors
    /// No service is named, or a part of it cannot be.
    pub fn compile(message: &proto::AuthzService, regexes: &Regexes) -> Result<Self> {
        Ok(match &message.kind {
            Some(Kind::Grpc(client)) => Self::Grpc(Authorization::compile(client).at("grpc")?),
            Some(Kind::Http(service)) => {
                Self::Http(Arc::new(HttpService::compile(service, regexes).at("http")?))
            }
            None => return Err(CompileError::new("a service is missing")),
        })
    }

    pub fn ask(&self, question: &Question<'_>) -> Deciding {
        match self {
            Self::Grpc(service) => service.ask(question),
            Self::Http(service) => service.ask(question),
        }
    }
}
