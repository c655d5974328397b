//! What a route shares with its virtual host and its route table.

use std::sync::Arc;

use super::format::Format;
use super::mirror::{Mirror, Mirrors};
use super::overrides::Overrides;
use crate::compile::{At, Result};
use crate::headers::{Headers, Side};
use crate::http::mutation::HeaderChanges;
use crate::matcher::Regexes;
use crate::proto;

/// Header changes of one level.
#[derive(Default)]
pub(super) struct HeaderLevel {
    request: HeaderChanges,
    response: HeaderChanges,
}

impl HeaderLevel {
    /// Fails when the format of a value does.
    pub(super) fn compile(message: Option<&proto::HeaderMutations>) -> Result<Self> {
        let Some(message) = message else { return Ok(Self::default()) };
        let request =
            HeaderChanges::compile(&message.request_add, &message.request_remove, "request_add");
        let response =
            HeaderChanges::compile(&message.response_add, &message.response_remove, "response_add");
        Ok(Self { request: request.at("mutations")?, response: response.at("mutations")? })
    }

    pub(super) fn request(&self, request: &mut Headers, format: &Format<'_>) {
        if !self.request.is_empty() {
            self.request.apply(request, Side::Request, |formatter, headers, out| {
                format.request(formatter, headers, out);
            });
        }
    }

    pub(super) fn response(&self, response: &mut Headers, request: &Headers, format: &Format<'_>) {
        if !self.response.is_empty() {
            self.response.apply(response, Side::Response, |formatter, headers, out| {
                format.response(formatter, request, headers, out);
            });
        }
    }
}

/// What a route table says of all its routes.
#[derive(Default)]
pub(super) struct TableLevel {
    pub(super) headers: HeaderLevel,
    pub(super) overrides: Overrides,
    pub(super) most_specific_wins: bool,
    pub(super) mirrors: Mirrors,
}

impl TableLevel {
    pub(super) fn compile(message: &proto::RouteTable, regexes: &Regexes) -> Result<Self> {
        Ok(Self {
            headers: HeaderLevel::compile(message.mutations.as_ref())?,
            overrides: Overrides::compile(&message.overrides, regexes)?,
            most_specific_wins: message.most_specific_header_mutations_wins,
            mirrors: Mirror::compile_all(&message.mirrors, None, regexes)?,
        })
    }
}

/// What a virtual host says of all its routes.
#[derive(Default)]
pub(super) struct HostLevel {
    pub(super) table: Arc<TableLevel>,
    pub(super) headers: HeaderLevel,
    pub(super) overrides: Overrides,
}

impl HostLevel {
    pub(super) fn compile(
        message: &proto::VirtualHost,
        table: &Arc<TableLevel>,
        regexes: &Regexes,
    ) -> Result<Self> {
        Ok(Self {
            table: table.clone(),
            headers: HeaderLevel::compile(message.mutations.as_ref())?,
            overrides: Overrides::compile(&message.overrides, regexes)?,
        })
    }
}
